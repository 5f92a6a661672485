/* SPDX-License-Identifier: GPL-2.0-only */
/* Our maps, one after the other. */
#ifndef SOPS_REGISTRY_H
#define SOPS_REGISTRY_H

#include <linux/types.h>

struct sops_map;

int sops_registry_add(struct sops_map *smap, u32 *index);
void sops_registry_del(u32 index);
void sops_registry_lock(void);
void sops_registry_unlock(void);
struct sops_map *sops_registry_next(unsigned long *index);

#endif /* SOPS_REGISTRY_H */
