// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program needs around it: from its final instructions, and from what
 * they call.
 *
 * A run context is current->bpf_ctx. Two kinds of code look at it: helpers that
 * tell a program of its own attachment (cookie, arguments, return value), which
 * no struct_ops type is known to offer, and has_current_bpf_ctx(), by which the
 * sockets' code finds out that a program holds the socket's lock, and needs no
 * capability: so whatever may get to setsockopt() is not here, and nothing that
 * sends, takes a callback, or calls what others can give it. What is here was
 * read in 6.1, 6.12 and 7.3. Who is not known is taken to want one.
 *
 * All of it is short as well, and does not sleep: it can be called with
 * preemption off, and nobody notices.
 *
 * Another program may be attached to these functions: it has a trampoline, and
 * a run context, of its own.
 */
#include "kernel.h"
#include "needs.h"

static const char * const callee_names[] __initconst = {
	/* read a clock */
	"bpf_ktime_get_ns",
	"bpf_ktime_get_boot_ns",
	"bpf_ktime_get_coarse_ns",
	"bpf_ktime_get_tai_ns",
	"bpf_jiffies64",
	/* state of its own, one to a processor */
	"bpf_user_rnd_u32",
	/*
	 * Memory that is the socket's; asks for RCU's lock, see steps_x86.c. Its
	 * delete may end what a program has put there, by functions of others.
	 */
	"bpf_sk_storage_get",
	/* arithmetic on the socket that they are given */
	"tcp_slow_start",
	"tcp_cong_avoid_ai",
	"tcp_reno_ssthresh",
	"tcp_reno_cong_avoid",
	"tcp_reno_undo_cwnd",
	/* the same, and state that is in it */
	"cubictcp_init",
	"cubictcp_recalc_ssthresh",
	"cubictcp_cong_avoid",
	"cubictcp_state",
	"cubictcp_cwnd_event",
	"cubictcp_cwnd_event_tx_start",
	"cubictcp_acked",
};

/* Where the kernel has them; 0: it has not, or more than one. */
static unsigned long callees[ARRAY_SIZE(callee_names)] __ro_after_init;

/**
 * sops_needs_init() - find what does without a run context
 *
 * Context: process, at insmod, after sops_kernel_bind().
 */
void __init sops_needs_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(callee_names); i++)
		callees[i] = sops_kernel_find(callee_names[i]);
}

/*
 * Does what is called here do without a run context? The verifier leaves helpers
 * and, where the JIT calls no further than that, functions of the kernel by
 * their distance from one place; x86-64's does not.
 */
static bool callee_is_harmless(const struct bpf_insn *insn)
{
	unsigned long addr = (unsigned long)__bpf_call_base + insn->imm;
	int i;

	if (insn->code != (BPF_JMP | BPF_CALL) ||
	    (insn->src_reg && insn->src_reg != BPF_PSEUDO_KFUNC_CALL))
		return false;
	for (i = 0; i < ARRAY_SIZE(callees); i++)
		if (addr == callees[i])
			return true;
	return false;
}

/*
 * Can an extension be put in a program's place? It would run in the same
 * trampoline, and may call what it likes. It needs the program's BTF, and the
 * verifier lets none replace a function that it found not to be called as its
 * BTF says: so it marks all struct_ops programs with the usual context.
 */
static bool prog_is_extensible(const struct bpf_prog *prog)
{
	return prog->aux->btf && !(prog->aux->func_info_aux &&
				   prog->aux->func_info_aux[0].unreliable);
}

/*
 * Short: so few instructions, none of which runs twice, that much of the kernel's
 * own code holds preemption off for longer.
 */
#define SHORT_INSNS	512

/* May a jump go back? 6.19: one by a table may go anywhere. */
static bool jumps_back(const struct bpf_insn *insn)
{
	switch (insn->code) {
	case BPF_JMP | BPF_JA | BPF_X:
		return true;
	case BPF_JMP32 | BPF_JA:
		return insn->imm < 0;
	}
	return insn->off < 0;
}

/**
 * sops_needs() - what a program needs around it
 * @prog: as the verifier has left it
 *
 * Nothing that runs as this program can find out about a run context when it
 * calls nothing that does: no subprogram, no tail call, and no helper or
 * function of the kernel that is not known to do without. These are short as
 * well; so it is over soon if it never jumps back and has but a few
 * instructions, of which none runs twice.
 *
 * Return: its needs; all there are where they cannot be told.
 */
struct sops_needs sops_needs(const struct bpf_prog *prog)
{
	const struct sops_needs all = { .run_ctx = true, .steps = true };
	struct sops_needs needs = { .steps = prog->len > SHORT_INSNS };
	u32 i;

	if (prog_is_extensible(prog))
		return all;
	for (i = 0; i < prog->len; i++) {
		const struct bpf_insn *insn = &prog->insnsi[i];

		switch (BPF_CLASS(insn->code)) {
		case BPF_ALU:
		case BPF_ALU64:
		case BPF_LDX:
		case BPF_ST:
		case BPF_STX:
			continue;
		case BPF_LD:
			if (insn->code != (BPF_LD | BPF_IMM | BPF_DW))
				return all;
			i++;
			continue;
		}
		/* Jumps: those that only jump, exit, and calls of what does no harm. */
		switch (BPF_OP(insn->code)) {
		case BPF_CALL:
			if (!callee_is_harmless(insn))
				return all;
			continue;
		case BPF_JA:
		case BPF_JEQ:
		case BPF_JNE:
		case BPF_JGT:
		case BPF_JGE:
		case BPF_JLT:
		case BPF_JLE:
		case BPF_JSET:
		case BPF_JSGT:
		case BPF_JSGE:
		case BPF_JSLT:
		case BPF_JSLE:
			needs.steps |= jumps_back(insn);
			continue;
		case BPF_EXIT:
			continue;
		}
		return all;
	}
	return needs;
}
