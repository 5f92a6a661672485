/* SPDX-License-Identifier: GPL-2.0-only */
/* How far ahead of a function its preamble begins, where the kernel keeps that to itself. */
#ifndef SOPS_CFI_H
#define SOPS_CFI_H

#include "features.h"

#ifdef CFI_GET_OFFSET_UNEXPORTED
int sops_cfi_init(void);
#else
static inline int sops_cfi_init(void)
{
	return 0;
}
#endif

#endif /* SOPS_CFI_H */
