// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions, structs and members of the kernel, by name.
 *
 * insmod asks its BTF for some twenty of them, and for all whose names begin
 * in one way. Since 7.0 BTF can be sorted by name, and a question is a binary
 * search. Without that each would be a walk through all types, comparing names:
 * 1.4 million instructions. One walk that sorts them into buckets by how their
 * names begin costs as much as three of those, and is forgotten when insmod is
 * through.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <asm/word-at-a-time.h>
#include "kernel.h"
#include "names.h"

#define SOPS_NAMES_BITS		15

/* How much of a name says in which bucket it is. */
#define SOPS_NAMES_HEAD		sizeof(unsigned long)

/*
 * Of vmlinux; NULL while questions go to the kernel. It has been checked at
 * boot, so no name in it ends outside of its strings.
 */
static const struct btf *sops_names_btf;
static const char *sops_names_strings;

/* From here on ids have no type. */
static u32 sops_names_end;

/*
 * For each bucket the lowest id in it, and for each id the next one of its
 * bucket: 0 ends it. NULL: there was no memory, or no need.
 */
static u32 *sops_names_first;
static u32 *sops_names_next;

/* Those without a name come first, then by name: the kernel's search is quick. */
static bool sops_names_sorted;

static const char *sops_names_of(u32 id)
{
	return sops_names_strings + btf_type_by_id(sops_names_btf, id)->name_off;
}

static u32 sops_names_bucket(const char *name)
{
	const struct word_at_a_time constants = WORD_AT_A_TIME_CONSTANTS;
	unsigned long head = load_unaligned_zeropad(name), zeros;

	if (has_zero(head, &zeros, &constants)) {
		zeros = prep_zero_mask(head, zeros, &constants);
		head &= zero_bytemask(create_zero_mask(zeros));
	}
	return hash_long(head, SOPS_NAMES_BITS);
}

/* One more than the last id; ids have no gaps. */
static u32 __init sops_names_count(void)
{
	u32 last = 0, step;

	for (step = BIT(30); step; step /= 2)
		if (btf_type_by_id(sops_names_btf, last + step))
			last += step;
	return last + 1;
}

/*
 * Enough of them in order is no chance. If others are not, the kernel, which has
 * compared them all, knows.
 */
static bool __init sops_names_look_sorted(void)
{
	u32 step = sops_names_end / 64 ?: 1, id;

	for (id = 1; id + step < sops_names_end; id += step)
		if (strcmp(sops_names_of(id), sops_names_of(id + step)) > 0)
			return false;
	return true;
}

static void __init sops_names_forget(void)
{
	kvfree(sops_names_first);
	kvfree(sops_names_next);
	sops_names_first = NULL;
	sops_names_next = NULL;
}

static void __init sops_names_fill(void)
{
	const struct btf_type *t;
	u32 id, bucket;

	sops_names_first = kvcalloc(BIT(SOPS_NAMES_BITS), sizeof(u32), GFP_KERNEL | __GFP_NOWARN);
	sops_names_next = kvmalloc_array(sops_names_end, sizeof(u32), GFP_KERNEL | __GFP_NOWARN);
	if (!sops_names_first || !sops_names_next) {
		sops_names_forget();
		return;
	}
	/* Where a name is there twice, the kernel answers with the first: it goes in last. */
	for (id = sops_names_end - 1; id; id--) {
		t = btf_type_by_id(sops_names_btf, id);
		if (BTF_INFO_KIND(t->info) != BTF_KIND_FUNC &&
		    BTF_INFO_KIND(t->info) != BTF_KIND_STRUCT)
			continue;
		bucket = sops_names_bucket(sops_names_strings + t->name_off);
		sops_names_next[id] = sops_names_first[bucket];
		sops_names_first[bucket] = id;
	}
}

/**
 * sops_names_init() - get ready for questions
 *
 * Without memory for it each answer is a walk, which takes longer.
 * Context: process, at insmod, after sops_kernel_bind().
 */
void __init sops_names_init(void)
{
	struct btf *btf = borrowed(bpf_get_btf_vmlinux)();

	/* sops_layout_init() says so */
	if (IS_ERR_OR_NULL(btf))
		return;
	sops_names_btf = btf;
	sops_names_strings = borrowed(btf_name_by_offset)(btf, 0);
	sops_names_end = sops_names_count();
	sops_names_sorted = sops_names_look_sorted();
	if (!sops_names_sorted)
		sops_names_fill();
}

/** sops_names_exit() - no more questions */
void __init sops_names_exit(void)
{
	sops_names_forget();
	sops_names_btf = NULL;
}

/* The first that does not come before @name in sorted BTF. */
static u32 sops_names_lower_bound(const char *name)
{
	u32 low = 1, high = sops_names_end, id;

	while (low < high) {
		id = low + (high - low) / 2;
		if (strcmp(sops_names_of(id), name) < 0)
			low = id + 1;
		else
			high = id;
	}
	return low;
}

/**
 * sops_names_like() - types of vmlinux, among them all whose names begin like this
 * @name: how: of SOPS_NAMES_HEAD bytes or more, or all of the name
 * @id: 0, then what it returned
 *
 * Context: process, between sops_names_init() and _exit().
 *
 * Return: an id, in order, whose type the caller looks at; 0 after the last.
 */
u32 sops_names_like(const char *name, u32 id)
{
	if (sops_names_sorted) {
		id = id ? id + 1 : sops_names_lower_bound(name);
		return id < sops_names_end &&
		       !strncmp(sops_names_of(id), name, SOPS_NAMES_HEAD) ? id : 0;
	}
	if (sops_names_first)
		return id ? sops_names_next[id] : sops_names_first[sops_names_bucket(name)];
	return id + 1 < sops_names_end ? id + 1 : 0;
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
	u32 id = 0;

	if (btf != sops_names_btf || sops_names_sorted)
		return borrowed(btf_find_by_name_kind)(btf, name, kind);
	while ((id = sops_names_like(name, id)))
		if (BTF_INFO_KIND(btf_type_by_id(btf, id)->info) == kind &&
		    !strcmp(sops_names_of(id), name))
			return id;
	return -ENOENT;
}

/* Of nameless members as well. */
static int __init sops_names_offset(const struct btf *btf, const struct btf_type *t,
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
const struct btf_type * __init sops_names_struct(const char *name)
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
int __init sops_names_member(const struct btf_type *t, const char *name, u32 size)
{
	return t ? sops_names_offset(borrowed(bpf_get_btf_vmlinux)(), t, name, size) : -ENOENT;
}
