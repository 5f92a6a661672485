/* SPDX-License-Identifier: GPL-2.0-only */
/* Trampolines of our own: whether, and the bytes. */
#ifndef SOPS_EMIT_H
#define SOPS_EMIT_H

#include <linux/bpf.h>
#include "emit_x86.h"

const char *sops_emit_init(void);
void sops_emit_exit(void);
bool sops_emit_has_meta(const struct bpf_struct_ops *ops, const struct bpf_prog *prog);
bool sops_emit(struct sops_code *code, const struct bpf_prog *prog,
	       const struct btf_func_model *model, void *stub, bool meta);

#endif /* SOPS_EMIT_H */
