/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SOPS_NEEDS_H
#define SOPS_NEEDS_H

#include <linux/filter.h>

/**
 * struct sops_needs - what a program needs around it
 * @run_ctx: a run context: it may find out about it
 * @steps: those for RCU and migration: it is not over so soon that preemption
 *	can be off in their place
 */
struct sops_needs {
	bool run_ctx;
	bool steps;
};

void sops_needs_init(void);
struct sops_needs sops_needs(const struct bpf_prog *prog);

#endif /* SOPS_NEEDS_H */
