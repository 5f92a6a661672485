/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps that are ours, and the one answer to whether one is. */
#ifndef SOPS_REGISTRY_H
#define SOPS_REGISTRY_H

#include <linux/types.h>

struct sops_map;

void sops_registry_add(struct sops_map *smap);
void sops_registry_del(struct sops_map *smap);
bool sops_is_map(const void *map);
bool sops_is_kdata(const void *kdata);
void sops_registry_walk(void (*fn)(const struct sops_map *smap, void *data), void *data);

#endif /* SOPS_REGISTRY_H */
