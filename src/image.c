// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trampolines of one map.
 *
 * A subsystem calls a member as a C function; a BPF program wants its
 * arguments in an array, RCU held, and a run context. The kernel's generator
 * writes a trampoline that goes between. They are packed one after the other
 * into pages that are writable until sops_image_seal() and executable from
 * then on, never both.
 */
#include <linux/slab.h>
#include "image.h"
#include "kernel.h"

/**
 * sops_image_init() - make room for the trampolines of a map
 * @image: zeroed
 * @nr_funcs: how many there can be
 *
 * Memory goes to the account of the caller's memory cgroup; executable memory
 * is taken later, as it is needed.
 *
 * Return: 0 or -ENOMEM; in both cases sops_image_destroy() gives it back.
 */
int sops_image_init(struct sops_image *image, u32 nr_funcs)
{
	image->tramps = kvcalloc(nr_funcs, sizeof(*image->tramps), SOPS_GFP);
	image->pages = kvcalloc(nr_funcs, sizeof(*image->pages), SOPS_GFP);
	return image->tramps && image->pages ? 0 : -ENOMEM;
}

/**
 * sops_image_destroy() - free all of it
 * @image: its trampolines, if it has any, can have no task in them
 *
 * Context: process, may sleep.
 */
void sops_image_destroy(struct sops_image *image)
{
	sops_image_clear(image);
	kvfree(image->pages);
	kvfree(image->tramps);
}

/* One more page of executable memory, charged to the BPF JIT limit. */
static int sops_image_grow(struct sops_image *image)
{
	void *page;
	int err;

	err = borrowed(bpf_jit_charge_modmem)(PAGE_SIZE);
	if (err)
		return err;
	page = sops_tramp_alloc(PAGE_SIZE);
	if (!page) {
		borrowed(bpf_jit_uncharge_modmem)(PAGE_SIZE);
		return -ENOMEM;
	}
	image->pages[image->nr_pages] = page;
	WRITE_ONCE(image->nr_pages, image->nr_pages + 1);
	image->used = 0;
	return 0;
}

/**
 * sops_image_add() - write one more trampoline
 * @image: not sealed
 * @prog: what it calls; its reference is ours when we succeed
 * @model: of the member
 * @stub: the type's own stub for the member, NULL on kernels without
 *
 * The return value of the program is the member's exactly when the member
 * returns one. Context: process, the map's lock held.
 *
 * Return: the trampoline, or an ERR_PTR: -ENOMEM, -EPERM when the BPF JIT
 * limit is reached, or what the generator had against it.
 */
struct sops_tramp *sops_image_add(struct sops_image *image, struct bpf_prog *prog,
				  const struct btf_func_model *model, void *stub)
{
	struct sops_tramp *tramp = &image->tramps[image->nr_tramps];
	u32 flags = SOPS_TRAMP_FLAGS;
	struct sops_tramp_prog *tp;
	void *start;
	int size;

	if (model->ret_size)
		flags |= BPF_TRAMP_F_RET_FENTRY_RET;

	tp = kmalloc(sizeof(*tp), GFP_KERNEL | __GFP_NOWARN);
	if (!tp)
		return ERR_PTR(-ENOMEM);
	sops_tramp_prog_init(tp, prog);

	size = sops_tramp_size(model, flags, tp, stub);
	if (size > 0 && (!image->nr_pages || size > PAGE_SIZE - image->used)) {
		int err = sops_image_grow(image);

		if (err)
			size = err;
	}
	if (size > 0) {
		start = image->pages[image->nr_pages - 1] + image->used;
		size = sops_tramp_write(start, start + size, model, flags, tp, stub);
	}
	kfree(tp);
	if (size <= 0)
		return ERR_PTR(size ?: -EFAULT);

	image->used += size;
	tramp->prog = prog;
	image->sleepable |= sops_prog_sleepable(prog);
	tramp->ksym.start = (unsigned long)start;
	tramp->ksym.end = tramp->ksym.start + size;
	INIT_LIST_HEAD_RCU(&tramp->ksym.lnode);
	WRITE_ONCE(image->nr_tramps, image->nr_tramps + 1);
	return tramp;
}

/**
 * sops_image_seal() - from writable to executable
 * @image: complete
 *
 * Return: 0 or -Exxx; then some pages may be sealed and others not, and the
 * image can only be cleared.
 */
int sops_image_seal(struct sops_image *image)
{
	int err = 0;
	u32 i;

	for (i = 0; !err && i < image->nr_pages; i++)
		err = sops_tramp_protect(image->pages[i], PAGE_SIZE);
	return err;
}

static void sops_image_tell_perf(const struct bpf_ksym *ksym, bool gone)
{
	borrowed(perf_event_ksymbol)(PERF_RECORD_KSYMBOL_TYPE_BPF, ksym->start,
				     ksym->end - ksym->start, gone, ksym->name);
}

/**
 * sops_image_name() - put the trampolines into kallsyms, for stack traces, and tell perf
 * @image: sealed; every ksym.name is set
 *
 * Before anybody can be in them.
 */
void sops_image_name(struct sops_image *image)
{
	u32 i;

	for (i = 0; i < image->nr_tramps; i++) {
		borrowed(bpf_ksym_add)(&image->tramps[i].ksym);
		sops_image_tell_perf(&image->tramps[i].ksym, false);
	}
	image->named = true;
}

/**
 * sops_image_unname() - take the trampolines out of kallsyms
 * @image: its readers may go on with the names for one RCU grace period
 */
void sops_image_unname(struct sops_image *image)
{
	u32 i;

	if (!image->named)
		return;
	image->named = false;
	for (i = 0; i < image->nr_tramps; i++) {
		borrowed(bpf_ksym_del)(&image->tramps[i].ksym);
		sops_image_tell_perf(&image->tramps[i].ksym, true);
	}
}

/**
 * sops_image_clear() - back to an empty image
 * @image: not named, with no task in it
 *
 * Gives back programs and executable memory. Context: process, may sleep.
 */
void sops_image_clear(struct sops_image *image)
{
	u32 i;

	for (i = 0; i < image->nr_tramps; i++)
		bpf_prog_put(image->tramps[i].prog);
	for (i = 0; i < image->nr_pages; i++) {
		sops_tramp_free(image->pages[i], PAGE_SIZE);
		borrowed(bpf_jit_uncharge_modmem)(PAGE_SIZE);
	}
	if (image->nr_tramps)
		memset(image->tramps, 0, image->nr_tramps * sizeof(*image->tramps));
	WRITE_ONCE(image->nr_tramps, 0);
	WRITE_ONCE(image->nr_pages, 0);
	image->used = 0;
	image->sleepable = false;
}

/** sops_image_size() - executable memory of an image, in bytes; needs no lock */
size_t sops_image_size(const struct sops_image *image)
{
	return READ_ONCE(image->nr_pages) * PAGE_SIZE;
}
