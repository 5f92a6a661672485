// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trampolines for x86-64: what differs from one to the next. That is the
 * preamble, and the arguments, which go where programs look for them. After
 * them come steps (steps_x86.c), as a copy that gets the program filled in.
 *
 * The frame:
 *
 *	rbp + 16	arguments that the caller had no register for
 *	rbp		the caller's
 *	rbp -  8	the program's context: all arguments, the first one lowest
 *	rsp
 *
 * What the steps need beyond that is below.
 */
#include "asm_x86.h"

/* Where the caller put 8 bytes of arguments. */
struct emit_slot {
	bool in_reg;
	bool small;		/* the upper half of it may be anything */
	u8 at;			/* which register, or offset from rbp */
};

/*
 * One that does not fit into the registers that are left is on the stack as a
 * whole, and the next may be in a register again. Returns how many slots, or
 * more than there can be.
 */
static __always_inline int emit_slots(const struct sops_emit_tramp *t,
				      struct emit_slot slots[SOPS_EMIT_ARGS])
{
	int regs = 0, stack = 16, used = 0, i, nr;

	for (i = 0; i < t->nr_args; i++) {
		bool in_reg;

		nr = (t->arg_size[i] + 7) / 8;
		in_reg = regs + nr <= SOPS_EMIT_REGS;
		if (used + nr > SOPS_EMIT_ARGS)
			return SOPS_EMIT_ARGS + 1;
		for (; nr; nr--, used++) {
			slots[used].in_reg = in_reg;
			slots[used].small = t->arg_size[i] <= 4;
			slots[used].at = in_reg ? regs++ : stack;
			stack += in_reg ? 0 : 8;
		}
	}
	return used;
}

/* From where the caller put them to the program's context, the last one first. */
static __always_inline void emit_args(struct sops_code *c, const struct emit_slot *slots, int nr)
{
	/* rdi, rsi, rdx, rcx, r8, r9; two of them need a prefix */
	static const u8 regs[SOPS_EMIT_REGS] = { 7, 6, 2, 1, 0, 1 };

	while (nr--) {
		u8 at = slots[nr].at;

		if (slots[nr].in_reg) {
			if (at >= 4)
				EMIT(c, 0x41);
			emit_push(c, regs[at]);
		} else if (slots[nr].small) {
			EMIT(c, 0x8b, 0x45, at);		/* mov eax, [rbp + at] */
			emit_push(c, RAX);
		} else {
			EMIT(c, 0xff, 0x75, at);		/* push [rbp + at] */
		}
	}
}

static __always_inline void move_distance(u8 *bytes, u32 at, u32 by)
{
	u32 distance;

	memcpy(&distance, bytes + at, sizeof(distance));
	distance += by;
	memcpy(bytes + at, &distance, sizeof(distance));
}

/* The steps, with the program. */
static __always_inline void emit_end(struct sops_code *c, const struct sops_steps *steps,
				     const struct sops_emit_tramp *t)
{
	u8 *bytes = c->buf + c->used;
	u64 insns = t->insns;
	u32 func = t->func;
	int i;

	emit_bytes(c, steps->bytes, steps->size);
	memcpy(bytes + steps->prog, &t->prog, sizeof(t->prog));
	for (i = 0; i < steps->nr_calls; i++) {
		move_distance(bytes, steps->func[i], func);
		if (insns)
			memcpy(bytes + steps->insns[i], &insns, sizeof(insns));
	}
}

/**
 * sops_emit_tramp() - write a trampoline
 * @code: where to; @steps in it are still to be placed
 * @s: the part that all trampolines share
 * @t: the trampoline
 *
 * Return: 0, or -ERANGE when there is less room than SOPS_EMIT_MAX, the program
 * cannot be reached, or there are too many arguments.
 */
int sops_emit_tramp(struct sops_code *code, const struct sops_emit_shared *s,
		    const struct sops_emit_tramp *t)
{
	const struct sops_steps *steps =
		&s->steps[sops_steps_index(t->form, t->leaf, t->insns != 0)];
	struct sops_code local = { .buf = code->buf, .used = code->used }, *c = &local;
	struct emit_slot slots[SOPS_EMIT_ARGS];
	int nr = emit_slots(t, slots);

	if (nr > SOPS_EMIT_ARGS || !reachable(t->func) ||
	    code->size - code->used < SOPS_EMIT_MAX)
		return -ERANGE;

	emit_bytes(c, t->preamble, t->preamble_size);
	EMIT(c, 0x55);						/* push rbp */
	EMIT(c, 0x48, 0x89, 0xe5);				/* mov rbp, rsp */
	code->frame = c->used;
	emit_args(c, slots, nr);
	code->steps = steps;
	code->steps_at = c->used;
	code->frame_end = c->used + steps->frame_end;
	emit_end(c, steps, t);
	code->used = c->used;
	return 0;
}

/**
 * sops_steps_place() - steps that were copied are to run somewhere
 * @steps: the steps
 * @bytes: the copy of them
 * @at: the address that it will run at
 */
void sops_steps_place(const struct sops_steps *steps, u8 *bytes, u64 at)
{
	u32 nr = steps->nr_rels, i;

	for (i = 0; i < nr; i++)
		move_distance(bytes, steps->rels[i], -at);
}
