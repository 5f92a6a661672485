// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trampolines of one map.
 *
 * A subsystem calls a member as a C function; a BPF program wants its
 * arguments in an array, RCU held, and a run context. A trampoline goes
 * between. Ours (emit.c) are put together in a buffer, and go to a program
 * pack all at once, in sops_image_seal(). Where they cannot be had the
 * kernel's generator writes to memory of its own: writable until it is sealed
 * and executable from then on, never both.
 */
#include <linux/slab.h>
#include <compat/arch.h>
#include <compat/ksym.h>
#include "emit.h"
#include "image.h"
#include "kernel.h"
#include "ksym.h"
#include "layout.h"
#include "pack.h"

/* Where a trampoline starts, for the processor's sake. */
#define SOPS_TRAMP_ALIGN	16

/**
 * sops_image_reserve() - make room for the trampolines of a map
 * @image: empty
 * @nr_funcs: how many there can be
 *
 * Memory goes to the account of the caller's memory cgroup; executable memory
 * is taken later, as it is needed. Context: process, the map's lock held.
 *
 * Return: 0 or -ENOMEM; in both cases sops_image_clear() gives it back.
 */
int sops_image_reserve(struct sops_image *image, u32 nr_funcs)
{
	bool shown = IS_ENABLED(HAVE_STRUCT_OPS_FOR_EACH_PROG);

	image->tramps = kvmalloc_array(nr_funcs, sizeof(*image->tramps), SOPS_GFP);
	if (shown)
		image->links = kvmalloc_array(nr_funcs, sizeof(*image->links), SOPS_GFP);
	WRITE_ONCE(image->nr_funcs, nr_funcs);
	return image->tramps && (image->links || !shown) ? 0 : -ENOMEM;
}

static void sops_image_took(struct sops_image *image, u32 size)
{
	WRITE_ONCE(image->size, image->size + size);
}

/* One more chunk for the generator, charged to the BPF JIT limit. */
static int sops_image_grow(struct sops_image *image, u32 size)
{
	struct sops_chunk *chunk;
	int err;

	if (!image->chunks)
		image->chunks = kvmalloc_array(image->nr_funcs, sizeof(*chunk), SOPS_GFP);
	if (!image->chunks)
		return -ENOMEM;
	chunk = &image->chunks[image->nr_chunks];
	chunk->size = round_up(size, SOPS_TRAMP_GRAIN);
	err = borrowed(bpf_jit_charge_modmem)(chunk->size);
	if (err)
		return err;
	chunk->mem = sops_tramp_alloc(chunk->size);
	if (!chunk->mem) {
		borrowed(bpf_jit_uncharge_modmem)(chunk->size);
		return -ENOMEM;
	}
	image->nr_chunks++;
	image->used = 0;
	sops_image_took(image, chunk->size);
	return 0;
}

/* More arguments than go in registers? */
static bool sops_model_uses_stack(const struct btf_func_model *model)
{
	u32 regs = 0, i;

	for (i = 0; i < model->nr_args; i++)
		regs += DIV_ROUND_UP(model->arg_size[i], sizeof(u64));
	return regs > SOPS_ARG_REGS;
}

/* A trampoline by the kernel's generator. */
static int sops_image_generate(struct sops_image *image, struct sops_tramp *tramp,
			       const struct btf_func_model *model, void *stub)
{
	u32 flags = SOPS_TRAMP_FLAGS;
	struct sops_tramp_prog *tp;
	struct sops_chunk *chunk;
	void *start;
	int size, err;

	if (!SOPS_TRAMP_STACK_ARGS && sops_model_uses_stack(model))
		return -EOPNOTSUPP;

	/* The return value of the program is the member's if that returns one. */
	if (model->ret_size)
		flags |= BPF_TRAMP_F_RET_FENTRY_RET;

	tp = kmalloc(sizeof(*tp), GFP_KERNEL | __GFP_NOWARN);
	if (!tp)
		return -ENOMEM;
	sops_tramp_prog_init(tp, tramp->prog);

	size = sops_tramp_size(model, flags, tp, stub);
	if (size > 0 && (!image->nr_chunks ||
			 size > image->chunks[image->nr_chunks - 1].size - image->used)) {
		err = sops_image_grow(image, size);
		if (err)
			size = err;
	}
	if (size > 0) {
		chunk = &image->chunks[image->nr_chunks - 1];
		start = chunk->mem + image->used;
		size = sops_tramp_write(start, start + size, model, flags, tp, stub);
	}
	kfree(tp);
	if (size <= 0)
		return size ?: -EFAULT;

	image->used += size;
	tramp->start = (unsigned long)start;
	tramp->size = size;
	return 0;
}

/* Room for one more trampoline in the buffer. */
static int sops_image_make_room(struct sops_image *image)
{
	u32 size = max_t(u32, 2 * image->buf_size, PAGE_SIZE);
	u8 *buf;

	if (image->buf_size - image->buf_used >= SOPS_EMIT_MAX + SOPS_PACK_GRAIN)
		return 0;

	buf = kvmalloc(size, SOPS_GFP);
	if (!buf)
		return -ENOMEM;
	if (image->buf)
		memcpy(buf, image->buf, image->buf_used);
	else
		image->buf_used = SOPS_PACK_HEAD;
	kvfree(image->buf);
	image->buf = buf;
	image->buf_size = size;
	return 0;
}

/* A trampoline of our own, if the program can have one; there is room. */
static bool sops_image_emit(struct sops_image *image, struct sops_tramp *tramp,
			    const struct btf_func_model *model, void *stub, bool meta)
{
	u32 start = ALIGN(image->buf_used, SOPS_TRAMP_ALIGN);
	struct sops_code code = {
		.buf = image->buf,
		.size = image->buf_size,
		.used = start,
	};

	memset(image->buf + image->buf_used, SOPS_FILL, SOPS_TRAMP_ALIGN);	/* up to start */
	if (!sops_emit(&code, tramp->prog, model, stub,
		       image->how | (meta ? SOPS_EMIT_META : 0)))
		return false;
	image->buf_used = code.used;
	tramp->start = start;
	tramp->size = code.used - start;
	tramp->frame = code.frame - start;
	tramp->frame_end = code.frame_end - start;
	tramp->steps = code.steps;
	tramp->steps_at = code.steps_at;
	return true;
}

/* Of those whose memory is in one piece. */
static bool sops_image_is_with(const struct sops_image *image, const struct sops_tramp *tramp,
			       const struct sops_tramp *before)
{
	const void *chunk;

	if (tramp->steps || before->steps)
		return tramp->steps && before->steps;
	chunk = image->chunks[image->nr_chunks - 1].mem;
	return before->start >= (unsigned long)chunk && before->start < tramp->start;
}

/*
 * Each has its symbol where the kernel gives those of its own maps one. Where
 * it does not (before 6.13) a map has one for all: reading /proc/kallsyms takes
 * the square of how many there are.
 */
static int sops_image_symbol(struct sops_image *image, struct sops_tramp *tramp)
{
	const struct sops_tramp *before = tramp;

	while (!sops_layout.ksyms && before-- > image->tramps)
		if (sops_image_is_with(image, tramp, before))
			return 0;
	tramp->ksym = sops_ksym_new();
	if (!tramp->ksym)
		return -ENOMEM;
	WRITE_ONCE(image->nr_ksyms, image->nr_ksyms + 1);
	return 0;
}

/**
 * sops_image_add() - write one more trampoline
 * @image: not sealed
 * @slot: where its address belongs
 * @prog: what it calls; its reference is ours when we succeed
 * @model: of the member
 * @stub: the type's own stub for the member, NULL on kernels without
 * @meta: the type lets programs ask what is beside their context
 *
 * Context: process, the map's lock held.
 *
 * Return: 0, -ENOMEM, -EPERM when the BPF JIT limit is reached, or what the
 * generator had against it.
 */
int sops_image_add(struct sops_image *image, void **slot, struct bpf_prog *prog,
		   const struct btf_func_model *model, void *stub, bool meta)
{
	struct sops_tramp *tramp = &image->tramps[image->nr_tramps];
	int err;

	err = sops_image_make_room(image);
	if (err)
		return err;
	memset(tramp, 0, sizeof(*tramp));
	tramp->slot = slot;
	tramp->prog = prog;

	if (!sops_image_emit(image, tramp, model, stub, meta))
		err = sops_image_generate(image, tramp, model, stub);
	if (!err)
		err = sops_image_symbol(image, tramp);
	if (err)
		return err;

	if (image->links)
		image->links[image->nr_tramps] =
			(void *)&tramp->prog - offsetof(struct bpf_link, prog);
	image->sleepable |= sops_prog_sleepable(prog);
	WRITE_ONCE(image->nr_tramps, image->nr_tramps + 1);
	return 0;
}

/* Our own trampolines, from the buffer to a program pack. */
static int sops_image_place(struct sops_image *image)
{
	u32 size = sops_pack_size(image->buf_used - SOPS_PACK_HEAD), i;
	void *part = sops_pack_alloc(size);
	int err;

	if (IS_ERR(part))
		return PTR_ERR(part);
	memset(image->buf + image->buf_used, SOPS_FILL, size - image->buf_used);
	for (i = 0; i < image->nr_tramps; i++) {
		struct sops_tramp *tramp = &image->tramps[i];

		if (!tramp->steps)
			continue;
		sops_steps_place(tramp->steps, image->buf + tramp->steps_at,
				 (u64)part + tramp->steps_at);
		tramp->start += (unsigned long)part;
	}
	err = sops_pack_write(part, image->buf, size);
	if (err)
		return err;
	image->part = part;
	image->part_size = size;
	sops_image_took(image, size);
	return 0;
}

/* Where each symbol is, now that this is known. */
static void sops_image_place_symbols(struct sops_image *image)
{
	struct bpf_ksym *own = NULL, *generated = NULL, **last;
	u32 i;

	for (i = 0; i < image->nr_tramps; i++) {
		struct sops_tramp *tramp = &image->tramps[i];

		last = tramp->steps ? &own : &generated;
		if (tramp->ksym) {
			*last = tramp->ksym;
			tramp->ksym->start = tramp->start;
			if (tramp->steps)
				sops_ksym_set_frame(tramp->ksym, tramp->frame, tramp->frame_end);
		}
		(*last)->end = tramp->start + tramp->size;
	}
}

static void sops_image_forget_buf(struct sops_image *image)
{
	kvfree(image->buf);
	image->buf = NULL;
	image->buf_size = 0;
	image->buf_used = 0;
}

/**
 * sops_image_seal() - make the trampolines executable, and known to the value
 * @image: complete
 *
 * Return: 0 or -Exxx; then some may be executable and others not, and the
 * image can only be cleared.
 */
int sops_image_seal(struct sops_image *image)
{
	int err = 0;
	u32 i;

	if (image->buf_used > SOPS_PACK_HEAD)
		err = sops_image_place(image);
	sops_image_forget_buf(image);
	for (i = 0; !err && i < image->nr_chunks; i++)
		err = sops_tramp_protect(image->chunks[i].mem, image->chunks[i].size);
	for (i = 0; !err && i < image->nr_tramps; i++)
		*image->tramps[i].slot =
			sops_tramp_entry((void *)image->tramps[i].start);
	if (!err)
		sops_image_place_symbols(image);
	return err;
}

/**
 * sops_image_name() - put the trampolines into kallsyms, for stack traces, and tell perf
 * @image: sealed; every symbol has its name
 *
 * Before anybody can be in them.
 */
void sops_image_name(struct sops_image *image)
{
	u32 i;

	for (i = 0; i < image->nr_tramps; i++)
		if (image->tramps[i].ksym)
			sops_ksym_add(image->tramps[i].ksym);
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
	for (i = 0; i < image->nr_tramps; i++)
		if (image->tramps[i].ksym)
			sops_ksym_del(image->tramps[i].ksym);
}

/**
 * sops_image_clear() - back to an empty image
 * @image: not named, with no task in it
 *
 * Gives back programs and all memory. Context: process, may sleep.
 */
void sops_image_clear(struct sops_image *image)
{
	u32 i;

	for (i = 0; i < image->nr_tramps; i++) {
		sops_ksym_free(image->tramps[i].ksym);
		bpf_prog_put(image->tramps[i].prog);
	}
	sops_image_forget_buf(image);
	if (image->part)
		sops_pack_free(image->part, image->part_size);
	for (i = 0; i < image->nr_chunks; i++) {
		sops_tramp_free(image->chunks[i].mem, image->chunks[i].size);
		borrowed(bpf_jit_uncharge_modmem)(image->chunks[i].size);
	}
	kvfree(image->chunks);
	kvfree(image->links);
	kvfree(image->tramps);
	image->links = NULL;
	image->chunks = NULL;
	image->tramps = NULL;
	WRITE_ONCE(image->nr_funcs, 0);
	WRITE_ONCE(image->nr_tramps, 0);
	WRITE_ONCE(image->nr_ksyms, 0);
	WRITE_ONCE(image->size, 0);
	image->part = NULL;
	image->nr_chunks = 0;
	image->used = 0;
	image->sleepable = false;
}

/** sops_image_size() - executable memory of an image, in bytes; needs no lock */
size_t sops_image_size(const struct sops_image *image)
{
	return READ_ONCE(image->size);
}

/** sops_image_mem() - memory of an image, in bytes; needs no lock */
size_t sops_image_mem(const struct sops_image *image)
{
	return sops_image_size(image) +
	       READ_ONCE(image->nr_funcs) * sizeof(*image->tramps) +
	       READ_ONCE(image->nr_ksyms) * sizeof(struct bpf_ksym);
}
