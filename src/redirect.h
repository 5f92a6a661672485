/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions of the kernel's, redirected; redirect.c or direct.c does it. */
#ifndef SOPS_REDIRECT_H
#define SOPS_REDIRECT_H

#include "hooks.h"

int sops_redirect_on(const struct sops_hook *hooks, int nr);
int sops_redirect_off(void);

/* The stubs of direct.c, which are written in assembler, and what they look at. */
void sops_direct_entry(void);
#define SOPS_DIRECT_DECLARE(func, wants, ours, ret, args)		\
	void sops_direct_##func(void);					\
	extern unsigned long sops_direct_body_##func;
SOPS_HOOKS(SOPS_DIRECT_DECLARE)
#undef SOPS_DIRECT_DECLARE

#endif /* SOPS_REDIRECT_H */
