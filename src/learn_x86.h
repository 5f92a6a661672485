/* SPDX-License-Identifier: GPL-2.0-only */
/* What trampolines of our own have to know of the kernel, and whether they got it right. */
#ifndef SOPS_LEARN_X86_H
#define SOPS_LEARN_X86_H

#include "emit_x86.h"

const char *sops_emit_config(void);
const char *sops_emit_learn(struct sops_emit_kernel *k);
const char *sops_emit_try(const struct sops_emit_kernel *kernel,
			  const struct sops_emit_shared *shared);

#endif /* SOPS_LEARN_X86_H */
