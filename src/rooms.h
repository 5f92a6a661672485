/* SPDX-License-Identifier: GPL-2.0-only */
/* What an old kernel lacks as a whole: built for such kernels only. */
#ifndef SOPS_ROOMS_H
#define SOPS_ROOMS_H

#include "features.h"

#ifdef HAVE_STRUCT_OPS_LINK
static inline int sops_rooms_init(void) { return 0; }
static inline void sops_rooms_exit(void) {}
#else
int sops_rooms_init(void);
void sops_rooms_exit(void);
#endif

#endif /* SOPS_ROOMS_H */
