/* SPDX-License-Identifier: GPL-2.0-only */
/* Which map a program goes with, for kfuncs that have to know. */
#ifndef SOPS_ASSOC_H
#define SOPS_ASSOC_H

#include <linux/bpf.h>
#include "features.h"
#include "image.h"

#ifdef HAVE_PROG_ASSOC
void sops_assoc_set(struct bpf_map *map, struct sops_image *image);
void sops_assoc_settle(struct bpf_map *map, struct sops_image *image, bool keep);
void sops_assoc_clear(struct bpf_map *map, struct sops_image *image);
#else
static inline void sops_assoc_set(struct bpf_map *map, struct sops_image *image) {}
static inline void sops_assoc_settle(struct bpf_map *map, struct sops_image *image,
				     bool keep) {}
static inline void sops_assoc_clear(struct bpf_map *map, struct sops_image *image) {}
#endif

#endif /* SOPS_ASSOC_H */
