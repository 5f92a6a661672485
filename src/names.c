// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions, structs and members of the kernel, by name.
 *
 * insmod asks its BTF for some twenty of them, and on kernels that do not sort
 * it by name each question is a walk through all types, comparing names: 1.4
 * million instructions. One walk that hashes them costs as much as five of
 * those, and is forgotten when insmod is through.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/mm.h>
#include <linux/stringhash.h>
#include "kernel.h"
#include "names.h"

#define SOPS_NAMES_BITS		15

/*
 * For each hash the lowest id of such a name, and for each id the next one of
 * its hash: 0 ends it. NULL: there was no memory for it.
 */
static u32 *sops_names_first;
static u32 *sops_names_next;

static u32 sops_names_hash(const char *name)
{
	return hashlen_hash(hashlen_string(NULL, name)) >> (32 - SOPS_NAMES_BITS);
}

/* One more than the last id; ids have no gaps. */
static u32 sops_names_end(const struct btf *btf)
{
	u32 last = 0, step;

	for (step = BIT(30); step; step /= 2)
		if (btf_type_by_id(btf, last + step))
			last += step;
	return last + 1;
}

/**
 * sops_names_init() - get ready for questions
 *
 * Without memory for it they are answered by the kernel, which takes longer.
 * Context: process, at insmod, after sops_kernel_bind().
 */
void sops_names_init(void)
{
	struct btf *btf = borrowed(bpf_get_btf_vmlinux)();
	const struct btf_type *t;
	u32 id, hash;

	/* sops_layout_init() says so */
	if (IS_ERR_OR_NULL(btf))
		return;
	id = sops_names_end(btf);
	sops_names_first = kvcalloc(BIT(SOPS_NAMES_BITS), sizeof(u32), GFP_KERNEL | __GFP_NOWARN);
	sops_names_next = kvmalloc_array(id, sizeof(u32), GFP_KERNEL | __GFP_NOWARN);
	if (!sops_names_first || !sops_names_next) {
		sops_names_exit();
		return;
	}
	/* Where a name is there twice, the kernel answers with the first: it goes in last. */
	while (--id) {
		t = btf_type_by_id(btf, id);
		if (BTF_INFO_KIND(t->info) != BTF_KIND_FUNC &&
		    BTF_INFO_KIND(t->info) != BTF_KIND_STRUCT)
			continue;
		hash = sops_names_hash(borrowed(btf_name_by_offset)(btf, t->name_off));
		sops_names_next[id] = sops_names_first[hash];
		sops_names_first[hash] = id;
	}
}

/** sops_names_exit() - no more questions */
void sops_names_exit(void)
{
	kvfree(sops_names_first);
	kvfree(sops_names_next);
	sops_names_first = NULL;
	sops_names_next = NULL;
}

/**
 * sops_names_find() - a function or a struct
 * @btf: of vmlinux, or of a module
 * @name: its name
 * @kind: BTF_KIND_FUNC or BTF_KIND_STRUCT
 *
 * Context: process, after sops_kernel_bind().
 *
 * Return: its id, or -ENOENT.
 */
s32 sops_names_find(const struct btf *btf, const char *name, u32 kind)
{
	u32 id;

	if (!sops_names_first || btf != borrowed(bpf_get_btf_vmlinux)())
		return borrowed(btf_find_by_name_kind)(btf, name, kind);
	for (id = sops_names_first[sops_names_hash(name)]; id; id = sops_names_next[id]) {
		const struct btf_type *t = btf_type_by_id(btf, id);

		if (BTF_INFO_KIND(t->info) == kind &&
		    !strcmp(borrowed(btf_name_by_offset)(btf, t->name_off), name))
			return id;
	}
	return -ENOENT;
}

/* Of nameless members as well. */
static int sops_names_offset(const struct btf *btf, const struct btf_type *t,
			     const char *name, u32 size)
{
	u32 i, offset, found;
	int inner;

	for (i = 0; i < btf_type_vlen(t); i++) {
		const struct btf_member *m = &btf_type_member(t)[i];
		const struct btf_type *mt = btf_type_by_id(btf, m->type);
		const char *is = borrowed(btf_name_by_offset)(btf, m->name_off);

		offset = __btf_member_bit_offset(t, m) / 8;
		if (!*is && btf_type_is_struct(mt)) {
			inner = sops_names_offset(btf, mt, name, size);
			if (inner >= 0)
				return offset + inner;
		} else if (!strcmp(is, name)) {
			if (__btf_member_bitfield_size(t, m) ||
			    IS_ERR(borrowed(btf_resolve_size)(btf, mt, &found)) ||
			    (size && found != size))
				return -EINVAL;
			return offset;
		}
	}
	return -ENOENT;
}

/**
 * sops_names_struct() - a struct of the kernel
 * @name: its name
 *
 * Context: as sops_names_find().
 *
 * Return: the struct, NULL when the kernel's BTF does not have it.
 */
const struct btf_type *sops_names_struct(const char *name)
{
	struct btf *btf = borrowed(bpf_get_btf_vmlinux)();
	s32 id = sops_names_find(btf, name, BTF_KIND_STRUCT);

	return id < 0 ? NULL : btf_type_by_id(btf, id);
}

/**
 * sops_names_member() - where a struct of the kernel has a member
 * @t: of sops_names_struct()
 * @name: of the member
 * @size: of the member, in bytes; 0 for any
 *
 * Context: as sops_names_find().
 *
 * Return: the offset in bytes, -ENOENT when there is no such struct or member,
 * -EINVAL when it is of another size.
 */
int sops_names_member(const struct btf_type *t, const char *name, u32 size)
{
	return t ? sops_names_offset(borrowed(bpf_get_btf_vmlinux)(), t, name, size) : -ENOENT;
}
