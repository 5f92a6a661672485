// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's layout where the kernel's code looks.
 *
 * Subsystems and the bpf() syscall reach a struct_ops map by functions that no
 * table leads to: bpf_struct_ops_get() and _put(), the lookup by syscall, map
 * info, the program's own map. They do arithmetic on the kernel's private
 * struct bpf_struct_ops_map and read a few of its members. So a map of ours
 * starts out with that very struct, offsets taken from the kernel's BTF, and
 * those functions are right for it as they are: nothing has to be redirected
 * that others could cut off, or that maps of the kernel's would pay for.
 *
 *	start                         kvalue                       end
 *	| struct bpf_map | private ... | refcnt, state | subsystem's | our part
 *	                                                 struct
 *
 * What is right there: the value and its state, user space's form of it, the
 * type and its BTF, and on kernels that offer them to subsystems the programs.
 * What stays empty: symbols, images, and links that the kernel would put. It
 * all belongs together, so that even a body of the kernel's that should never
 * get to run on a map of ours, its free included, does no harm.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mutex.h>
#include "kernel.h"
#include "layout.h"
#include "names.h"

struct sops_layout sops_layout __ro_after_init;

struct sops_layout_member {
	const char *name;
	u32 *at;
	u32 size;
};

/* Every member that any kernel's has; without a place: zero is right. */
static const struct sops_layout_member sops_layout_members[] __initconst = {
	{ "map" },
	{ "rcu" },
	/* one of these two: 6.9 (4c5763ed996a) split a descriptor off */
	{ "st_ops", &sops_layout.desc, sizeof(void *) },
	{ "st_ops_desc", &sops_layout.desc, sizeof(void *) },
	{ "lock", &sops_layout.lock, sizeof(struct mutex) },
	{ "links", &sops_layout.links, sizeof(void *) },
	{ "ksyms", &sops_layout.ksyms, 0 },
	{ "funcs_cnt", &sops_layout.nr_links, sizeof(u32) },
	{ "image" },
	{ "image_pages_cnt" },
	{ "image_pages" },
	{ "btf", &sops_layout.btf, sizeof(void *) },
	{ "uvalue", &sops_layout.uvalue, sizeof(void *) },
	{ "kvalue", &sops_layout.kvalue, 0 },
};

static int __init sops_layout_learn(const struct btf *btf, const struct btf_type *t,
				    const struct btf_member *member)
{
	const char *name = borrowed(btf_name_by_offset)(btf, member->name_off);
	u32 at = __btf_member_bit_offset(t, member) / 8, size;
	int i;

	for (i = 0; i < ARRAY_SIZE(sops_layout_members); i++) {
		const struct sops_layout_member *known = &sops_layout_members[i];

		if (strcmp(known->name, name))
			continue;
		if (!known->at)
			return 0;
		if (known->size &&
		    (IS_ERR(borrowed(btf_resolve_size)(btf, btf_type_by_id(btf, member->type),
						       &size)) || size != known->size))
			break;
		*known->at = at;
		return 0;
	}
	pr_err("this kernel's struct_ops maps have a member %s at %u, which is not known here: it needs a newer struct_ops.ko\n",
	       name, at);
	return -EOPNOTSUPP;
}

/**
 * sops_layout_init() - find out what a struct_ops map of this kernel looks like
 *
 * A member that is not known here may be followed by code that is not known
 * either: then there is a line that names it.
 * Context: process, at insmod, after sops_kernel_bind().
 *
 * Return: 0, or -EOPNOTSUPP.
 */
int __init sops_layout_init(void)
{
	struct btf *btf = borrowed(bpf_get_btf_vmlinux)();
	const struct btf_type *t;
	int ret = 0, err;
	s32 id;
	u32 i;

	if (IS_ERR_OR_NULL(btf)) {
		pr_err("this kernel has no BTF: it needs a kernel with CONFIG_DEBUG_INFO_BTF\n");
		return -EOPNOTSUPP;
	}
	id = sops_names_find(btf, "bpf_struct_ops_map", BTF_KIND_STRUCT);
	if (id < 0) {
		pr_err("this kernel's BTF has no struct bpf_struct_ops_map: it needs a kernel with CONFIG_BPF_JIT\n");
		return -EOPNOTSUPP;
	}
	sops_layout.map_btf_id = id;
	t = btf_type_by_id(btf, id);
	for (i = 0; i < btf_type_vlen(t); i++) {
		err = sops_layout_learn(btf, t, &btf_type_member(t)[i]);
		if (err)
			ret = err;
	}
	if (ret)
		return ret;
	if ((IS_ENABLED(HAVE_STRUCT_OPS_FOR_EACH_PROG) &&
	     (!sops_layout.links || !sops_layout.nr_links)) ||
	    !sops_layout.desc || !sops_layout.lock || !sops_layout.uvalue ||
	    sops_layout.kvalue < sizeof(struct bpf_map) ||
	    !IS_ALIGNED(sops_layout.kvalue, __alignof__(struct sops_value))) {
		pr_err("this kernel's struct_ops maps do not look like any that is known here: it needs a newer struct_ops.ko\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * sops_layout_check_ops() - has the kernel an operation that we have not?
 * @table: name of the kernel's table of a map's or a link's operations
 * @ours: our own
 * @from: where in it those are that are called with a map or a link
 * @size: of both
 *
 * The kernel calls its operations through our table, and those that all types
 * have it calls without looking first. There is a line for each that is not
 * there. Without CONFIG_KALLSYMS_ALL the kernel's table is not to be found, and
 * nothing is compared.
 * Context: process, at insmod, after sops_kernel_bind().
 *
 * Return: 0, or -EOPNOTSUPP.
 */
int __init sops_layout_check_ops(const char *table, const void *ours, size_t from, size_t size)
{
	void * const *kernels = (void *)sops_kernel_find(table);
	void * const *own = ours;
	int ret = 0;
	size_t i;

	for (i = from / sizeof(*own); kernels && i < size / sizeof(*own); i++) {
		if (!kernels[i] || own[i])
			continue;
		pr_err("this kernel's %s has %ps, which is not known here: it needs a newer struct_ops.ko\n",
		       table, kernels[i]);
		ret = -EOPNOTSUPP;
	}
	return ret;
}

/**
 * sops_layout_fill() - what the kernel's code may find in a new map
 * @map: zeroed, of sops_layout_size() bytes or more
 * @desc: what the kernel lists the type as
 * @btf: where the type is from
 * @uvalue: of the map; if the kernel's free gets to it, it frees that as well
 *
 * The state says that the map is on its way out: until it is served by our
 * own operations nothing is to be done to it.
 */
void sops_layout_fill(struct bpf_map *map, const void *desc, struct btf *btf,
		      struct sops_value *uvalue)
{
	*(const void **)((void *)map + sops_layout.desc) = desc;
	mutex_init((struct mutex *)((void *)map + sops_layout.lock));
	if (sops_layout.btf)
		*(struct btf **)((void *)map + sops_layout.btf) = btf;
	*(struct sops_value **)((void *)map + sops_layout.uvalue) = uvalue;
	sops_layout_value(map)->state = SOPS_STATE_TOBEFREE;
}

/**
 * sops_layout_show_progs() - let bpf_struct_ops_for_each_prog() find them
 * @map: of ours, not registered yet; or not any more
 * @links: pointers to what has a program where a struct bpf_link has it
 * @nr: how many
 */
void sops_layout_show_progs(struct bpf_map *map, struct bpf_link **links, u32 nr)
{
	if (!IS_ENABLED(HAVE_STRUCT_OPS_FOR_EACH_PROG))
		return;
	*(struct bpf_link ***)((void *)map + sops_layout.links) = links;
	*(u32 *)((void *)map + sops_layout.nr_links) = nr;
}
