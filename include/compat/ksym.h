/* SPDX-License-Identifier: GPL-2.0-only */
/* Symbols of generated code, in the newest kernel's form. */
#ifndef SOPS_COMPAT_KSYM_H
#define SOPS_COMPAT_KSYM_H

#include <linux/bpf.h>
#include "features.h"

/* By 7.2: the frame bounds of code that is not a program. Goes when 6.12 does. */
static inline void sops_ksym_set_frame(struct bpf_ksym *ksym, u32 start, u32 end)
{
#ifdef HAVE_KSYM_FRAME
	ksym->fp_start = start;
	ksym->fp_end = end;
#endif
}

#endif /* SOPS_COMPAT_KSYM_H */
