/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions, structs and members of the kernel, by name. */
#ifndef SOPS_NAMES_H
#define SOPS_NAMES_H

#include <linux/types.h>

struct btf;
struct btf_type;

void sops_names_init(void);
void sops_names_exit(void);
u32 sops_names_like(const char *name, u32 id);
s32 sops_names_find(const struct btf *btf, const char *name, u32 kind);
const struct btf_type *sops_names_struct(const char *name);
int sops_names_member(const struct btf_type *t, const char *name, u32 size);

#endif /* SOPS_NAMES_H */
