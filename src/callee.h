/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SOPS_CALLEE_H
#define SOPS_CALLEE_H

#include <linux/filter.h>

void sops_callees_init(void);
bool sops_callee_is_harmless(const struct bpf_insn *insn);

#endif /* SOPS_CALLEE_H */
