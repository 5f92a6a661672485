// SPDX-License-Identifier: GPL-2.0-only
/*
 * The value of a struct_ops map: from what user space wrote to what the
 * subsystem gets.
 *
 * Both have the layout of the subsystem's struct. In user space's, a function
 * member holds the fd of a program before the update, and its id after; in
 * the kernel's, the address of a trampoline.
 */
#include "emit.h"
#include "kernel.h"
#include "map.h"
#include "refused.h"

/**
 * sops_value_check() - what can be said against a value by itself
 * @smap: the map
 * @value: from user space, already copied
 *
 * Return: 0, or -EINVAL: not zero in a hole, or in state or refcnt, which
 * only we write.
 */
int sops_value_check(const struct sops_map *smap, const struct sops_value *value)
{
	const struct sops_type *type = smap->type;
	u32 i;

	for (i = 0; i < type->nr_holes; i++)
		if (memchr_inv((void *)value + type->holes[i].offset, 0,
			       type->holes[i].size))
			return sops_refused("update", smap, NULL, 0, -EINVAL,
					    "a hole between members is not zero");
	if (value->state || refcount_read(&value->refcnt))
		return sops_refused("update", smap, NULL, 0, -EINVAL,
				    "state and refcnt of the value must be zero");
	return 0;
}

/*
 * The program that @fd stands for, if it was loaded for this very member. Ids
 * of two BTF objects can be equal by chance, so the object counts as well:
 * the verifier checked the program against the types in that one. It lets in
 * programs that may sleep for members where nothing may, if the type does not
 * say so: this is the last place to tell.
 */
static struct bpf_prog *sops_value_prog(const struct sops_map *smap, u32 i,
					unsigned long fd)
{
	const struct sops_type *type = smap->type;
	const char *reason;
	struct bpf_prog *prog;
	u32 id = 0;
	int err = -EINVAL;

	/* The kernel takes the low half, for none if that is zero. */
	if (fd > INT_MAX && (int)fd >= 0) {
		reason = "what is there is too big for the fd of a program";
		goto refuse;
	}
	prog = bpf_prog_get_type_dev(fd, BPF_PROG_TYPE_STRUCT_OPS, false);
	if (IS_ERR(prog)) {
		err = PTR_ERR(prog);
		reason = err == -EBADF ? "no file is open at the fd that is there" :
			 "the fd is of no BPF program, or of one of another kind than struct_ops";
		goto refuse;
	}
	id = prog->aux->id;
	if (prog->aux->attach_btf != type->btf)
		reason = "the program was loaded against another BTF object";
	else if (prog->aux->attach_btf_id != type->type_id)
		reason = "the program was loaded for another type";
	else if (prog->expected_attach_type != i)
		reason = "the program was loaded for another member";
	else if (type->atomic && sops_prog_sleepable(prog))
		reason = "the program may sleep, and this type is called where nothing may";
	else
		return prog;
	bpf_prog_put(prog);
refuse:
	return ERR_PTR(sops_refused("update", smap, type->members[i].name, id, err, reason));
}

/* Asked once for a member: types answer by it, if not the same to all. */
static bool sops_value_meta(const struct sops_struct_ops *ops, struct sops_member *m,
			    const struct bpf_prog *prog)
{
	if (!READ_ONCE(m->meta))
		WRITE_ONCE(m->meta, sops_emit_has_meta(ops, prog) ?
			   SOPS_META_OFFERED : SOPS_META_NONE);
	return READ_ONCE(m->meta) == SOPS_META_OFFERED;
}

static int sops_value_fill_func(struct sops_map *smap, u32 i)
{
	struct sops_type *type = smap->type;
	struct sops_member *m = &type->members[i];
	unsigned long *slot = (void *)smap->uvalue->data + m->offset;
	struct bpf_prog *prog;
	int err;

	if (!*slot)
		return 0;
	prog = sops_value_prog(smap, i, *slot);
	if (IS_ERR(prog))
		return PTR_ERR(prog);

	err = sops_image_add(&smap->image, (void **)(smap->kvalue->data + m->offset), prog,
			     &m->model, sops_stub(type->ops, m->offset),
			     sops_value_meta(type->ops, m, prog));
	if (err) {
		sops_refused("update", smap, m->name, prog->aux->id, err,
			     sops_refused_memory(err, "no trampoline can be made for it"));
		bpf_prog_put(prog);
		return err;
	}
	*slot = prog->aux->id;
	return 0;
}

static int sops_value_fill_member(struct sops_map *smap, u32 i)
{
	const struct sops_type *type = smap->type;
	const struct sops_member *m = &type->members[i];
	void *udata = smap->uvalue->data + m->offset;
	int ret;

	/*
	 * The owner is us, and not for user space to say. The kernel itself
	 * returns what the member before left in its error, even success.
	 */
	if (m->kind == SOPS_MEMBER_OWNER) {
		if (memchr_inv(udata, 0, m->size))
			return sops_refused("update", smap, m->name, 0, -EINVAL,
					    "the owner must be zero: it is set by us");
		*(void **)(smap->kvalue->data + m->offset) = BPF_MODULE_OWNER;
		return 0;
	}

	/* Below zero: refused; above: done; zero: left to us. */
	ret = type->ops->init_member(type->t, m->btf, smap->kvalue->data,
				     smap->uvalue->data);
	if (ret < 0)
		return sops_refused("update", smap, m->name, 0, ret,
				    "the type's init_member refuses what is there");
	if (ret)
		return 0;
	if (m->kind == SOPS_MEMBER_FUNC)
		return sops_value_fill_func(smap, i);
	if (memchr_inv(udata, 0, m->size))
		return sops_refused("update", smap, m->name, 0, -EINVAL,
				    "data that the type does not take: it must be zero");
	return 0;
}

/* How many programs there are. */
static u32 sops_value_nr_funcs(const struct sops_type *type, const struct sops_value *value)
{
	u32 nr = 0, i;

	for (i = 0; i < type->nr_members; i++)
		if (type->members[i].kind == SOPS_MEMBER_FUNC &&
		    *(unsigned long *)(value->data + type->members[i].offset))
			nr++;
	return nr;
}

/*
 * bpf__TYPE_MEMBER_ID, or bpf__TYPE_ID where they share one: the id keeps apart
 * two maps of one type.
 */
static void sops_value_name_tramps(struct sops_map *smap)
{
	char id[SOPS_SYMBOL_ID_MAX];
	size_t size = scnprintf(id, sizeof(id), "_%u", smap->map->id) + 1;
	u32 i, len;

	for (i = 0; i < smap->image.nr_tramps; i++) {
		struct sops_tramp *tramp = &smap->image.tramps[i];
		const struct sops_member *m =
			&smap->type->members[tramp->prog->expected_attach_type];

		if (!tramp->ksym)
			continue;
		len = m->symbol_len;
		if (!sops_layout.ksyms)
			len = min_t(u32, len, strlen("bpf__") + strlen(smap->type->name));
		memcpy(tramp->ksym->name, m->symbol, len);
		memcpy(tramp->ksym->name + len, id, size);
	}
}

/**
 * sops_value_fill() - make both forms of the value, and its trampolines
 * @smap: in SOPS_STATE_INIT
 * @value: from user space, already copied, past sops_value_check()
 *
 * Context: process, @smap->lock held.
 *
 * Return: 0 or -Exxx; then sops_value_clear() makes it undone.
 */
int sops_value_fill(struct sops_map *smap, const struct sops_value *value)
{
	const struct sops_type *type = smap->type;
	int err;
	u32 i;

	memcpy(smap->uvalue, value, type->value_size);
	err = sops_image_reserve(&smap->image, sops_value_nr_funcs(type, value));
	if (err)
		sops_refused("update", smap, NULL, 0, err, sops_refused_memory(err, "no room"));
	for (i = 0; !err && i < type->nr_members; i++)
		err = sops_value_fill_member(smap, i);
	if (!err)
		sops_value_name_tramps(smap);
	return err;
}

/**
 * sops_value_clear() - back to a value that was never written
 * @smap: in SOPS_STATE_INIT; nobody in the kernel holds on to the value
 *
 * Context: process, @smap->lock held.
 */
void sops_value_clear(struct sops_map *smap)
{
	sops_image_clear(&smap->image);
	memset(smap->uvalue, 0, smap->type->value_size);
	memset(smap->kvalue, 0, smap->type->value_size);
}
