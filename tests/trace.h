/* SPDX-License-Identifier: GPL-2.0-only */
/* BPF programs that trace functions of the kernel's. */
#ifndef SOPS_TESTS_TRACE_H
#define SOPS_TESTS_TRACE_H

#include "sops.h"

#include <bpf/btf.h>
#include <stdint.h>

static inline int func_btf_id(const char *func)
{
	return btf__find_by_name_kind(sops_btf(), func, BTF_KIND_FUNC);
}

/*
 * A direct call for each address, and no way for BPF programs to share a
 * function with a redirect that works (before 6.4): the module takes the one
 * direct call that a function has.
 */
static inline bool takes_direct_call(void)
{
	static int is;

	if (!is)
		is = func_btf_id("register_ftrace_direct_multi");
	return is > 0;
}

/* counts its calls in the array behind @counter */
static inline int trace_prog(__u32 type, __u32 attach_type, int btf_id, int counter)
{
	struct bpf_insn insns[] = {
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_VALUE, 0, counter),
		INSN(0, 0, 0, 0, 0),
		LOAD(0, 1, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 0, 0, 0, 1),
		STORE(1, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = attach_type,
		.attach_btf_id = btf_id,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)"GPL",
	};

	return sys_bpf(BPF_PROG_LOAD, &attr);
}

/* fentry or fexit; it ends with the fd */
static inline int trace_btf(int btf_id, bool fexit, int counter)
{
	union bpf_attr attr = {};
	int prog, err;

	prog = trace_prog(BPF_PROG_TYPE_TRACING, fexit ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY,
			  btf_id, counter);
	if (prog < 0)
		return prog;
	attr.raw_tracepoint.prog_fd = prog;
	err = sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
	close(prog);
	return err;
}

/* arm64 has trampolines for these before it can have a function call one (6.4) */
static inline bool has_fentry(void)
{
	static int is;

	if (!is) {
		int array = sops_array(8);
		int fd = trace_btf(func_btf_id("bpf_fentry_test1"), false, array);

		is = fd == -SOPS_ENOTSUPP ? -1 : 1;
		close(fd);
		close(array);
	}
	return is > 0;
}

#endif
