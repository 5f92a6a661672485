/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What generated code has to fit to. src/ calls the newest kernel's form;
 * older kernels adapt to it here.
 */
#ifndef SOPS_COMPAT_EMIT_H
#define SOPS_COMPAT_EMIT_H

#include <linux/bpf.h>
#include <asm/cpufeature.h>
#include "arch.h"
#include "features.h"
#include "tramp.h"

/* What an indirect call has to find. */
#ifdef CONFIG_X86_KERNEL_IBT
#define SOPS_ENDBR	"\xf3\x0f\x1e\xfa"
#else
#define SOPS_ENDBR	""
#endif

/*
 * Where callers check the type of a function it is known by what the type's
 * own stub for the member begins with; kCFI's is ahead of the function,
 * FineIBT's the same and changes the function's first bytes.
 * Sets @preamble to the bytes, returns how many.
 */
static inline u8 sops_preamble(void *stub, const u8 **preamble)
{
	u8 endbr_size = sizeof(SOPS_ENDBR) - 1;

	if (sops_preamble_offset()) {
		*preamble = stub - sops_preamble_offset();
		return sops_preamble_offset() + endbr_size;
	}
	*preamble = SOPS_ENDBR;
	return endbr_size;
}

/* Where a direct call of a program goes: behind what an indirect one has to find. */
static inline u64 sops_prog_entry(const struct bpf_prog *prog)
{
	u8 endbr_size = sizeof(SOPS_ENDBR) - 1;
	bool has = !memcmp(prog->bpf_func, SOPS_ENDBR, endbr_size);

	return (u64)prog->bpf_func + (has ? endbr_size : 0);
}

/* By 7.2: the preempt count has a word for itself. Goes when 6.12 does. */
#ifdef CONFIG_HAS_SEPARATE_PREEMPT_RESCHED_BITS
#define SOPS_PREEMPT_COUNT_SIZE	8
#else
#define SOPS_PREEMPT_COUNT_SIZE	4
#endif

/*
 * 6.18: migration goes off before the RCU section begins, and on after it. The
 * function that does both was given to older kernels as well, which do not use
 * it for programs; what came with it in the same release was not. In which
 * order is of no consequence, but for being the kernel's. Goes when 6.17 does.
 */
#ifdef HAVE_MIGRATE_INLINE
#define SOPS_MIGRATE_FIRST	true
#else
#define SOPS_MIGRATE_FIRST	false
#endif

/* What preempt_enable() calls. */
#ifdef CONFIG_PREEMPT_DYNAMIC
#define SOPS_PREEMPT_SCHEDULE	"__SCT__preempt_schedule"
#else
#define SOPS_PREEMPT_SCHEDULE	"preempt_schedule_thunk"
#endif

/* 6.2: calls may be counted, against underflow of return predictors. Goes when 6.1 does. */
static inline bool sops_cpu_counts_calls(void)
{
#ifdef X86_FEATURE_CALL_DEPTH
	return boot_cpu_has(X86_FEATURE_CALL_DEPTH);
#else
	return false;
#endif
}

/* 6.9: all mitigations are CONFIG_MITIGATION_. Goes when 6.1 does. */
#define SOPS_RET_SLS	(IS_ENABLED(CONFIG_SLS) || IS_ENABLED(CONFIG_MITIGATION_SLS))

/*
 * Arguments that have to be made from what the caller passes, not copied.
 * 7.3: of arena pointers. Goes when 7.2 does.
 */
static inline bool sops_model_converts(const struct btf_func_model *model)
{
#ifdef BTF_FMODEL_ARENA_ARG
	int i;

	for (i = 0; i < model->nr_args; i++)
		if (model->arg_flags[i] & BTF_FMODEL_ARENA_ARG)
			return true;
#endif
	return false;
}

#endif /* SOPS_COMPAT_EMIT_H */
