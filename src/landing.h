/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a redirected call goes on, on a processor that wants an ENDBR there. */
#ifndef SOPS_LANDING_H
#define SOPS_LANDING_H

#include "hooks.h"

/**
 * struct sops_landing - of one function of the table
 * @ours: leads to ours
 * @body: leads to the function's own body
 */
struct sops_landing {
	unsigned long ours;
	unsigned long body;
};

#ifdef CONFIG_X86_KERNEL_IBT
extern const struct sops_landing sops_landings[];

void sops_landing_init(const struct sops_hook *hooks);

/** sops_landing_wanted() - does this processor want them? Context: any */
static __always_inline bool sops_landing_wanted(void)
{
	return cpu_feature_enabled(X86_FEATURE_IBT);
}

#define SOPS_LANDING_DECLARE(func, wants, ours, ret, args)		\
	void sops_landing_ours_##func(void);				\
	void sops_landing_body_##func(void);
SOPS_HOOKS(SOPS_LANDING_DECLARE)
#undef SOPS_LANDING_DECLARE
#else
static const struct sops_landing * const sops_landings;

static inline void sops_landing_init(const struct sops_hook *hooks)
{
}

static __always_inline bool sops_landing_wanted(void)
{
	return false;
}
#endif

#endif /* SOPS_LANDING_H */
