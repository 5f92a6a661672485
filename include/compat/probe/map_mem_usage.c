// SPDX-License-Identifier: GPL-2.0-only
/* 90a5527d7686 (6.4): a map says itself how much memory it takes. */
#include <linux/bpf.h>

u64 probe(const struct bpf_map *map);
u64 probe(const struct bpf_map *map)
{
	return map->ops->map_mem_usage(map);
}
