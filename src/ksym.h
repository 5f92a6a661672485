/* SPDX-License-Identifier: GPL-2.0-only */
/* Symbols of executable memory. */
#ifndef SOPS_KSYM_H
#define SOPS_KSYM_H

#include <linux/filter.h>

int sops_ksyms_init(void);
void sops_ksyms_exit(void);
struct bpf_ksym *sops_ksym_new(void);
void sops_ksym_free(struct bpf_ksym *ksym);
void sops_ksym_add(struct bpf_ksym *ksym);
void sops_ksym_del(struct bpf_ksym *ksym);

#endif /* SOPS_KSYM_H */
