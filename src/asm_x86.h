/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instructions of generated code, as bytes: for steps_x86.c and
 * emit_x86.c alone.
 *
 * Whoever calls has made sure that there is room: nobody looks on the way.
 * What writes a trampoline is inlined, into a function with a struct sops_code
 * of its own, which then stays in registers.
 */
#ifndef SOPS_ASM_X86_H
#define SOPS_ASM_X86_H

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/string.h>
#else
#include <errno.h>
#include <string.h>
#include <sys/cdefs.h>
#define __init
#endif
#include "emit_x86.h"

/* Registers by their number. */
#define RAX	0
#define RCX	1
#define RDX	2
#define RSI	6
#define RDI	7

/* Condition codes. */
#define CC_B	0x2
#define CC_AE	0x3
#define CC_NE	0x5

static __always_inline void emit_bytes(struct sops_code *c, const void *bytes, u32 nr)
{
	memcpy(c->buf + c->used, bytes, nr);
	c->used += nr;
}

#define EMIT(c, ...) do {						\
	const u8 __bytes[] = { __VA_ARGS__ };				\
									\
	emit_bytes(c, __bytes, sizeof(__bytes));			\
} while (0)

/* Bytes, and 32 bits after them. */
#define EMIT_32(c, val, ...) do {					\
	const u8 __bytes[] = { __VA_ARGS__ };				\
	const u32 __val = (val);					\
	u8 *__at = (c)->buf + (c)->used;				\
									\
	memcpy(__at, __bytes, sizeof(__bytes));				\
	memcpy(__at + sizeof(__bytes), &__val, sizeof(__val));		\
	(c)->used += sizeof(__bytes) + sizeof(__val);			\
} while (0)

static inline void emit_8(struct sops_code *c, u8 val)
{
	emit_bytes(c, &val, sizeof(val));
}

static inline void emit_32(struct sops_code *c, u32 val)
{
	emit_bytes(c, &val, sizeof(val));
}

static inline void emit_64(struct sops_code *c, u64 val)
{
	emit_bytes(c, &val, sizeof(val));
}

/* An address that the processor extends from 32 bits, by its sign. */
static inline bool reachable(u64 addr)
{
	return (u64)(s32)addr == addr;
}

/* The distance to elsewhere, from the end of the instruction. */
static inline void emit_distance(struct sops_code *c, u64 to)
{
	if (c->rels)
		c->rels[c->nr_rels++] = c->used;
	emit_32(c, to - (c->at + c->used + sizeof(u32)));
}

static __always_inline void emit_push(struct sops_code *c, u8 reg)
{
	EMIT(c, 0x50 | reg);
}

static __always_inline void emit_pop(struct sops_code *c, u8 reg)
{
	EMIT(c, 0x58 | reg);
}

/* mov @reg, rsp */
static inline void emit_mov_rsp(struct sops_code *c, u8 reg)
{
	EMIT(c, 0x48, 0x89, 0xe0 | reg);
}

/* Opcode, then what [rsp + off] takes; @reg goes where its number belongs. */
static __always_inline void emit_frame(struct sops_code *c, u8 op, u8 reg, u8 off)
{
	EMIT(c, 0x48, op, 0x44 | reg << 3, 0x24, off);
}

#define emit_store(c, reg, off)	emit_frame(c, 0x89, reg, off)
#define emit_load(c, reg, off)	emit_frame(c, 0x8b, reg, off)
#define emit_lea(c, reg, off)	emit_frame(c, 0x8d, reg, off)

/* A jump forward, over less than 128 bytes; returns where it is. */
static inline u32 emit_jcc(struct sops_code *c, u8 cc)
{
	EMIT(c, 0x70 | cc, 0);
	return c->used;
}

static inline void emit_land(struct sops_code *c, u32 from)
{
	c->far |= c->used - from > 127;
	c->buf[from - 1] = c->used - from;
}

/* The same without that limit, both to be landed by emit_land_jmp(). */
static inline u32 emit_jcc_long(struct sops_code *c, u8 cc)
{
	EMIT_32(c, 0, 0x0f, 0x80 | cc);
	return c->used;
}

static inline u32 emit_jmp(struct sops_code *c)
{
	EMIT_32(c, 0, 0xe9);
	return c->used;
}

static inline void emit_land_jmp(struct sops_code *c, u32 from)
{
	u32 distance = c->used - from;

	memcpy(c->buf + from - sizeof(distance), &distance, sizeof(distance));
}

/* To what has been written before. */
static inline void emit_jcc_back(struct sops_code *c, u8 cc, u32 to)
{
	if (c->used + 2 - to <= 128)
		EMIT(c, 0x70 | cc, to - (c->used + 2));
	else
		EMIT_32(c, to - (c->used + 2 + sizeof(u32)), 0x0f, 0x80 | cc);
}

static inline void emit_jmp_far(struct sops_code *c, u64 to)
{
	emit_8(c, 0xe9);
	emit_distance(c, to);
}

static inline void emit_call(struct sops_code *c, const struct sops_emit_kernel *k, u64 to)
{
	if (k->call_depth) {
		/* sar qword gs:[call_depth], 5 */
		EMIT_32(c, k->call_depth, 0x65, 0x48, 0xc1, 0x3c, 0x25);
		emit_8(c, 5);
	}
	emit_8(c, 0xe8);
	emit_distance(c, to);
}

/* Returns where the frame ends: ahead of the return itself. */
static inline u32 emit_return(struct sops_code *c, const struct sops_emit_kernel *k)
{
	u32 frame_end;

	EMIT(c, 0xc9);						/* leave */
	frame_end = c->used;
	if (k->return_thunk) {
		emit_jmp_far(c, k->return_thunk);
		return frame_end;
	}
	EMIT(c, 0xc3);						/* ret */
	if (k->sls)
		EMIT(c, 0xcc);					/* int3 */
	return frame_end;
}

#endif /* SOPS_ASM_X86_H */
