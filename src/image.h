/* SPDX-License-Identifier: GPL-2.0-only */
/* The trampolines of one map. */
#ifndef SOPS_IMAGE_H
#define SOPS_IMAGE_H

#include <linux/bpf.h>

struct sops_steps;

/**
 * struct sops_tramp - one trampoline and its program
 * @start: where it is; one of our own is in the buffer until it is sealed, and
 *	this an offset there
 * @size: of it, in bytes
 * @frame: from @start on, where the frame is complete
 * @frame_end: and where not any more
 * @steps_at: until it is sealed: where in the buffer that is which it ends with
 * @ksym: its symbol; NULL when it is in that of one before it
 * @slot: where its address belongs, from sops_image_seal() on
 * @prog: the program it calls; a reference
 * @steps: what it ends with, if it is one of our own
 * @assoc_before: while the map is being registered: the one that @prog went
 *	with before; a reference
 */
struct sops_tramp {
	unsigned long start;
	u32 size;
	u32 frame;
	u32 frame_end;
	u32 steps_at;
	struct bpf_ksym *ksym;
	void **slot;
	struct bpf_prog *prog;
	const struct sops_steps *steps;
	struct bpf_map *assoc_before;
};

/* Memory for the kernel's generator. */
struct sops_chunk {
	void *mem;
	u32 size;
};

/**
 * struct sops_image - executable memory and what is in it
 * @buf: trampolines of our own, until they are sealed
 * @buf_size: room there
 * @buf_used: how much of it is taken
 * @part: where they run
 * @part_size: its size in bytes
 * @chunks: what the generator wrote to, one after the other
 * @nr_chunks: how many there are
 * @used: bytes used of the last one
 * @size: executable memory, in bytes
 * @nr_funcs: room in @tramps and @chunks
 * @how: what is to be different in trampolines of our own, sum of SOPS_EMIT_*
 * @named: the trampolines are in kallsyms
 * @sleepable: one of the programs may sleep
 * @nr_ksyms: how many of the trampolines have a symbol
 * @nr_tramps: how many there are
 * @tramps: room for one for each program that there is to be
 * @links: for each of them a pointer that has its program where a struct
 *	bpf_link has it; only where the kernel shows programs to subsystems
 *
 * Protected by the map's lock while it is filled, constant after.
 */
struct sops_image {
	u8 *buf;
	u32 buf_size;
	u32 buf_used;
	void *part;
	u32 part_size;
	struct sops_chunk *chunks;
	u32 nr_chunks;
	u32 used;
	u32 size;
	u32 nr_funcs;
	unsigned int how;
	bool named;
	bool sleepable;
	u32 nr_ksyms;
	u32 nr_tramps;
	struct sops_tramp *tramps;
	struct bpf_link **links;
};

int sops_image_reserve(struct sops_image *image, u32 nr_funcs);
int sops_image_add(struct sops_image *image, void **slot, struct bpf_prog *prog,
		   const struct btf_func_model *model, void *stub, bool meta);
int sops_image_seal(struct sops_image *image);
void sops_image_name(struct sops_image *image);
void sops_image_unname(struct sops_image *image);
void sops_image_clear(struct sops_image *image);
size_t sops_image_size(const struct sops_image *image);
size_t sops_image_mem(const struct sops_image *image);

#endif /* SOPS_IMAGE_H */
