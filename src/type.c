// SPDX-License-Identifier: GPL-2.0-only
/*
 * A struct_ops type, resolved from BTF into a table of members.
 *
 * The walk through BTF is done here, once for a type; whoever updates a map
 * finds offsets, sizes and function models ready. A type that cannot be
 * served is refused with a line that names it, and takes no other down.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/slab.h>
#include "kernel.h"
#include "names.h"
#include "type.h"
#include "value.h"

#define SOPS_VALUE_PREFIX	"bpf_struct_ops_"

/* Protects the list and the step from no reference to one. */
static DEFINE_MUTEX(sops_types_lock);
static LIST_HEAD(sops_types);

#define sops_type_warn(name, fmt, ...) \
	pr_warn_ratelimited("type %s is not served: " fmt "\n", name, ##__VA_ARGS__)

/*
 * Types that call their members in softirq, or with a spinlock held, and do
 * not have their check_member refuse programs that may sleep. Other types in
 * the tree do that themselves, member by member.
 */
static const char * const sops_atomic_types[] = {
	"tcp_congestion_ops", "Qdisc_ops",
};

static bool sops_is_module_ptr(const struct btf *btf, u32 type_id)
{
	const struct btf_type *t;

	t = borrowed(btf_type_resolve_ptr)(btf, type_id, NULL);
	if (!t)
		return false;
	/* A module may know of it by name only. */
	if (BTF_INFO_KIND(t->info) != BTF_KIND_STRUCT &&
	    BTF_INFO_KIND(t->info) != BTF_KIND_FWD)
		return false;
	return !strcmp(borrowed(btf_name_by_offset)(btf, t->name_off), "module");
}

static int sops_resolve_func(struct sops_type *type, u32 i,
			     const struct btf_type *proto)
{
	struct sops_member *m = &type->members[i];
	int arg, err;

	m->kind = SOPS_MEMBER_FUNC;
	/* No program gets past the verifier for it: its prototype is no matter. */
	if (type->ops && !sops_supported(type->ops, m->offset))
		return 0;

	m->symbol = kasprintf(GFP_KERNEL | __GFP_NOWARN, "bpf__%s_%s", type->name, m->name);
	if (!m->symbol)
		return -ENOMEM;
	m->symbol_len = min_t(u32, strlen(m->symbol), KSYM_NAME_LEN - SOPS_SYMBOL_ID_MAX);

	err = borrowed(btf_distill_func_proto)(NULL, type->btf, proto, m->name,
					       &m->model);
	if (err) {
		sops_type_warn(type->name, "the prototype of member %s cannot be distilled (%d)",
			       m->name, err);
		return err;
	}

	/* The trampoline hands one register back. */
	if (m->model.ret_size > sizeof(u64)) {
		sops_type_warn(type->name, "member %s returns %u bytes, 8 is the limit",
			       m->name, m->model.ret_size);
		return -EOPNOTSUPP;
	}

	/* What the kernel itself learnt from the stub's argument names. */
	for (arg = 0; type->ops && arg < ARRAY_SIZE(m->model.arg_flags); arg++)
		m->model.arg_flags[arg] |= sops_arg_flags(type->ops, i, arg);
	return 0;
}

static int sops_resolve_member(struct sops_type *type, u32 i)
{
	const struct btf_member *btf_member = &btf_type_member(type->t)[i];
	const struct btf_type *t = btf_type_by_id(type->btf, btf_member->type);
	struct sops_member *m = &type->members[i];
	const struct btf_type *proto;

	m->btf = btf_member;
	m->offset = __btf_member_bit_offset(type->t, btf_member) / 8;
	m->name = borrowed(btf_name_by_offset)(type->btf, btf_member->name_off);
	if (!*m->name) {
		sops_type_warn(type->name, "member %u has no name", i);
		return -EOPNOTSUPP;
	}
	if (__btf_member_bitfield_size(type->t, btf_member)) {
		sops_type_warn(type->name, "member %s is a bit field", m->name);
		return -EOPNOTSUPP;
	}
	if (IS_ERR(borrowed(btf_resolve_size)(type->btf, t, &m->size))) {
		sops_type_warn(type->name, "member %s has no size", m->name);
		return -EINVAL;
	}

	proto = borrowed(btf_type_resolve_func_ptr)(type->btf, btf_member->type,
						    NULL);
	if (proto)
		return sops_resolve_func(type, i, proto);
	m->kind = sops_is_module_ptr(type->btf, btf_member->type) ?
		SOPS_MEMBER_OWNER : SOPS_MEMBER_DATA;
	return 0;
}

/*
 * Note the bytes from @end on that come before @start, and return where the
 * next hole can start. Members are in order of their offsets.
 */
static u32 sops_note_hole(struct sops_type *type, u32 end, u32 start, u32 size)
{
	if (start > end) {
		type->holes[type->nr_holes].offset = end;
		type->holes[type->nr_holes].size = start - end;
		type->nr_holes++;
	}
	return start + size;
}

/* Holes of the value around the head and the struct, then of the struct. */
static int sops_resolve_holes(struct sops_type *type)
{
	const u32 data = offsetof(struct sops_value, data);
	u32 end, i;

	/* Before and after each member, around the head, and after the struct. */
	type->holes = kcalloc(type->nr_members + 3, sizeof(*type->holes),
			      GFP_KERNEL | __GFP_NOWARN);
	if (!type->holes)
		return -ENOMEM;

	sops_note_hole(type, offsetofend(struct sops_value, state), data, 0);
	sops_note_hole(type, data + type->t->size, type->value_size, 0);
	end = data;
	for (i = 0; i < type->nr_members; i++)
		end = sops_note_hole(type, end, data + type->members[i].offset,
				     type->members[i].size);
	sops_note_hole(type, end, data + type->t->size, 0);
	return 0;
}

/*
 * The last member of the value type must be the struct, where our own struct
 * sops_value has it. What comes before is the head, in one member or two.
 */
static bool sops_value_type_fits(const struct sops_type *type,
				 const struct btf_type *vt)
{
	u32 last = btf_type_vlen(vt) - 1;
	const struct btf_member *member = &btf_type_member(vt)[last];

	return btf_type_vlen(vt) >= 2 && member->type == type->type_id &&
	       __btf_member_bit_offset(vt, member) / 8 == offsetof(struct sops_value, data) &&
	       vt->size >= offsetof(struct sops_value, data) + type->t->size;
}

/* The ids of the struct and of its value type, or a line that says why not. */
static int sops_find_types(struct btf *btf, const char *name,
			   s32 *type_id, s32 *value_id)
{
	char value_name[sizeof(SOPS_VALUE_PREFIX) - 1 + SOPS_TYPE_NAME_MAX];
	u32 vlen;

	if (strlen(name) >= SOPS_TYPE_NAME_MAX) {
		sops_type_warn(name, "its name is too long");
		return -EINVAL;
	}
	snprintf(value_name, sizeof(value_name), SOPS_VALUE_PREFIX "%s", name);

	*value_id = sops_names_find(btf, value_name, BTF_KIND_STRUCT);
	if (*value_id < 0) {
		sops_type_warn(name, "there is no struct %s in BTF", value_name);
		return -EINVAL;
	}
	*type_id = sops_names_find(btf, name, BTF_KIND_STRUCT);
	if (*type_id < 0) {
		sops_type_warn(name, "there is no such struct in BTF");
		return -EINVAL;
	}
	vlen = btf_type_vlen(btf_type_by_id(btf, *type_id));
	if (vlen > BPF_STRUCT_OPS_MAX_NR_MEMBERS) {
		sops_type_warn(name, "it has %u members, %u is the limit",
			       vlen, BPF_STRUCT_OPS_MAX_NR_MEMBERS);
		return -EINVAL;
	}
	return 0;
}

/**
 * sops_type_resolve() - make the table of a type
 * @btf: where the type is from
 * @name: of the subsystem's struct
 *
 * Stands for what the kernel does when it learns of a type, except for the
 * type's init(): that is to be called once, and was, by the kernel. A type
 * whose init() failed is one that the kernel does not list.
 *
 * Prints one line that names type and member when it refuses.
 * Context: process.
 *
 * Return: the type, to be freed with sops_type_free(), or an ERR_PTR:
 * -EINVAL, -EOPNOTSUPP, -ENOTSUPP, -ENOMEM, or what a function prototype was
 * refused for.
 */
struct sops_type *sops_type_resolve(struct btf *btf, const char *name)
{
	const struct btf_type *t, *vt;
	struct sops_type *type;
	s32 type_id, value_id;
	int err;
	u32 i;

	err = sops_find_types(btf, name, &type_id, &value_id);
	if (err)
		return ERR_PTR(err);
	t = btf_type_by_id(btf, type_id);
	vt = btf_type_by_id(btf, value_id);

	type = kzalloc(struct_size(type, members, btf_type_vlen(t)),
		       GFP_KERNEL | __GFP_NOWARN);
	if (!type)
		return ERR_PTR(-ENOMEM);
	kref_init(&type->refs);
	mutex_init(&type->lock);
	if (sops_desc_find(&type->desc, btf, type_id))
		type->ops = sops_desc_ops(&type->desc);
	type->btf = btf;
	strscpy(type->name, name, sizeof(type->name));
	type->atomic = match_string(sops_atomic_types,
				    ARRAY_SIZE(sops_atomic_types), name) >= 0;
	type->t = t;
	type->type_id = type_id;
	type->value_id = value_id;
	type->value_size = vt->size;
	type->nr_members = btf_type_vlen(t);

	if (!sops_value_type_fits(type, vt)) {
		sops_type_warn(name, "struct " SOPS_VALUE_PREFIX "%s is no value type", name);
		err = -EINVAL;
	}
	for (i = 0; !err && i < type->nr_members; i++)
		err = sops_resolve_member(type, i);
	if (!err && !type->ops) {
		sops_type_warn(name, "the kernel does not list it: its init failed, or nobody registered it");
		err = -ENOTSUPP;
	}
	if (!err)
		err = sops_resolve_holes(type);
	if (err) {
		sops_type_free(type);
		return ERR_PTR(err);
	}
	return type;
}

/**
 * sops_type_free() - free a type that nobody looks at any more
 * @type: from sops_type_resolve()
 */
void sops_type_free(struct sops_type *type)
{
	u32 i;

	for (i = 0; i < type->nr_members; i++)
		kfree(type->members[i].symbol);
	kfree(type->holes);
	/* The list of maps may be reading its name. */
	kfree_rcu(type, rcu);
}

/*
 * The struct's name, out of a value type's id; NULL for what is no value type
 * at all: the kernel has other structs whose names start that way.
 */
static const char *sops_type_name(struct btf *btf, u32 value_id)
{
	const struct btf_type *vt = btf_type_by_id(btf, value_id), *t;
	const char *name, *data;

	if (!vt || BTF_INFO_KIND(vt->info) != BTF_KIND_STRUCT || !btf_type_vlen(vt))
		return NULL;
	name = borrowed(btf_name_by_offset)(btf, vt->name_off);
	if (strncmp(name, SOPS_VALUE_PREFIX, strlen(SOPS_VALUE_PREFIX)))
		return NULL;
	name += strlen(SOPS_VALUE_PREFIX);

	t = btf_type_by_id(btf, btf_type_member(vt)[btf_type_vlen(vt) - 1].type);
	data = borrowed(btf_name_by_offset)(btf, t->name_off);
	return strcmp(name, data) ? NULL : name;
}

/**
 * sops_type_get() - the type that a map is to be created with
 * @btf: where the type is from; the caller sees to it that it stays
 * @value_id: id of the value type
 *
 * Context: process.
 *
 * Return: the type, to be put with sops_type_put(), or an ERR_PTR: -ENOTSUPP
 * when it is no value type or cannot be served, -ENOMEM.
 */
struct sops_type *sops_type_get(struct btf *btf, u32 value_id)
{
	struct sops_type *type;
	const char *name;

	mutex_lock(&sops_types_lock);
	list_for_each_entry(type, &sops_types, list) {
		if (type->btf == btf && type->value_id == value_id) {
			kref_get(&type->refs);
			goto unlock;
		}
	}

	name = sops_type_name(btf, value_id);
	type = name ? sops_type_resolve(btf, name) : ERR_PTR(-ENOTSUPP);
	/* BTF with two value types of one name: the other one counts. */
	if (!IS_ERR(type) && type->value_id != value_id) {
		sops_type_free(type);
		type = ERR_PTR(-ENOTSUPP);
	}
	if (!IS_ERR(type))
		list_add(&type->list, &sops_types);
	else if (PTR_ERR(type) != -ENOMEM)
		type = ERR_PTR(-ENOTSUPP);
unlock:
	mutex_unlock(&sops_types_lock);
	return type;
}

static void sops_type_release(struct kref *refs)
{
	struct sops_type *type = container_of(refs, struct sops_type, refs);

	list_del(&type->list);
	mutex_unlock(&sops_types_lock);
	sops_type_free(type);
}

/**
 * sops_type_put() - give back a type of sops_type_get()
 * @type: the type
 *
 * Context: process.
 */
void sops_type_put(struct sops_type *type)
{
	kref_put_mutex(&type->refs, sops_type_release, &sops_types_lock);
}

/** sops_type_is_known() - has a type of that name been resolved? */
bool __init sops_type_is_known(const char *name)
{
	struct sops_type *type;
	bool found = false;

	mutex_lock(&sops_types_lock);
	list_for_each_entry(type, &sops_types, list)
		found |= !strcmp(type->name, name);
	mutex_unlock(&sops_types_lock);
	return found;
}

/**
 * sops_types_init() - resolve what vmlinux has
 *
 * So that a type that cannot be served is told of at insmod. Types of modules
 * are resolved when the first map of them is made.
 *
 * Return: the number of types that are served, or -ENOMEM.
 */
int __init sops_types_init(void)
{
	struct btf *btf = borrowed(bpf_get_btf_vmlinux)();
	struct sops_type *type;
	u32 id = 0;
	int nr = 0;

	while ((id = sops_names_like(SOPS_VALUE_PREFIX, id))) {
		if (!sops_type_name(btf, id))
			continue;
		type = sops_type_get(btf, id);
		if (!IS_ERR(type)) {
			nr++;
		} else if (PTR_ERR(type) == -ENOMEM) {
			sops_types_exit();
			return -ENOMEM;
		}
	}
	return nr;
}

/** sops_types_exit() - forget the types of vmlinux; no map is left */
void sops_types_exit(void)
{
	struct sops_type *type, *next;

	list_for_each_entry_safe(type, next, &sops_types, list)
		sops_type_put(type);
}
