/* SPDX-License-Identifier: GPL-2.0-only */
/* Types whose programs do other steps than most. */
#ifndef SOPS_PREEMPT_H
#define SOPS_PREEMPT_H

void sops_preempt_init(bool own);
unsigned int sops_preempt_how(const char *type);

#endif /* SOPS_PREEMPT_H */
