/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's own types, in the newest kernel's form. */
#ifndef SOPS_NATIVE_H
#define SOPS_NATIVE_H

#include <compat/struct_ops.h>

void sops_native_init(void);
const struct sops_struct_ops *sops_native_find(const struct bpf_struct_ops *kernel);

#endif /* SOPS_NATIVE_H */
