/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's entry points to a struct_ops map, and ours in their place. */
#ifndef SOPS_HOOK_H
#define SOPS_HOOK_H

int sops_hooks_check(void);
void *sops_hook_body(const char *func);
int sops_hooks_on(void);
void sops_hooks_off(void);

#endif /* SOPS_HOOK_H */
