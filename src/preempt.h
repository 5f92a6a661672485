/* SPDX-License-Identifier: GPL-2.0-only */
/* Types whose programs run with preemption off. */
#ifndef SOPS_PREEMPT_H
#define SOPS_PREEMPT_H

#include <linux/types.h>

void sops_preempt_init(bool own);
bool sops_preempt_off(const char *type);

#endif /* SOPS_PREEMPT_H */
