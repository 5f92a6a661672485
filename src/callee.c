// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program may call without a run context.
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
#include "callee.h"
#include "kernel.h"

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
 * sops_callees_init() - find them
 *
 * Context: process, at insmod, after sops_kernel_bind().
 */
void __init sops_callees_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(callee_names); i++)
		callees[i] = sops_kernel_find(callee_names[i]);
}

/**
 * sops_callee_is_harmless() - does what is called here do without a run context?
 * @insn: a call, as the verifier has left it: helpers and, where the JIT calls
 *	no further than that, functions of the kernel by their distance from one
 *	place; x86-64's does not
 *
 * Return: true if it is one of the list.
 */
bool sops_callee_is_harmless(const struct bpf_insn *insn)
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
