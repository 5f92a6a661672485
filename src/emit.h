/* SPDX-License-Identifier: GPL-2.0-only */
/* Trampolines of our own: whether, and the bytes. */
#ifndef SOPS_EMIT_H
#define SOPS_EMIT_H

#include <linux/bpf.h>
#include <compat/struct_ops.h>
#include "code.h"

enum {
	SOPS_EMIT_META = 1,		/* see sops_emit_has_meta() */
	SOPS_EMIT_PREEMPT_OFF = 2,	/* hold off preemption, if the program may not sleep */
	SOPS_EMIT_ALWAYS = 4,		/* do all steps, whoever calls */
};

const char *sops_emit_init(void);
void sops_emit_exit(void);
bool sops_emit_has_meta(const struct sops_struct_ops *ops, const struct bpf_prog *prog);
bool sops_emit(struct sops_code *code, const struct bpf_prog *prog,
	       const struct btf_func_model *model, void *stub, unsigned int how);

#endif /* SOPS_EMIT_H */
