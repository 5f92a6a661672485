/* SPDX-License-Identifier: GPL-2.0-only */
/* Which map a program goes with, for kfuncs that have to know. */
#ifndef SOPS_ASSOC_H
#define SOPS_ASSOC_H

#include <linux/bpf.h>
#include "features.h"

struct sops_map;

#ifdef HAVE_PROG_ASSOC
void sops_assoc_init(void);
void *sops_assoc_kdata(const struct bpf_prog_aux *aux);
void sops_assoc_set(struct sops_map *smap);
void sops_assoc_settle(struct sops_map *smap, bool keep);
void sops_assoc_clear(struct sops_map *smap);
#else
static inline void sops_assoc_init(void) {}
static inline void sops_assoc_set(struct sops_map *smap) {}
static inline void sops_assoc_settle(struct sops_map *smap, bool keep) {}
static inline void sops_assoc_clear(struct sops_map *smap) {}
#endif

#endif /* SOPS_ASSOC_H */
