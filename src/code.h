/* SPDX-License-Identifier: GPL-2.0-only */
/* Code as it is written, for whatever processor. Also built in user space, for its tests. */
#ifndef SOPS_CODE_H
#define SOPS_CODE_H

#include <linux/types.h>

struct sops_steps;

/* More than the longest trampoline takes. */
#define SOPS_EMIT_MAX		512

/**
 * struct sops_code - code as it is written
 * @buf: where to
 * @size: of @buf, in bytes
 * @used: bytes written
 * @at: the address that @buf will run at, if it is known
 * @far: a jump goes further than it can
 * @frame: offset of the first byte with a frame
 * @frame_end: offset after the last one
 * @rels: where to note offsets of distances to elsewhere, or NULL
 * @nr_rels: number of them
 * @steps: what a trampoline ends with
 * @steps_at: offset of its first byte
 */
struct sops_code {
	u8 *buf;
	u32 size;
	u32 used;
	u64 at;
	bool far;
	u32 frame;
	u32 frame_end;
	u16 *rels;
	u32 nr_rels;
	u32 steps_at;
	const struct sops_steps *steps;
};

void sops_steps_place(const struct sops_steps *steps, u8 *bytes, u64 at);

#endif /* SOPS_CODE_H */
