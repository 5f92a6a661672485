// SPDX-License-Identifier: GPL-2.0-only
/*
 * The maps that are ours.
 *
 * Whether an object that reaches a hook is ours is decided here and nowhere
 * else, by the address of the map. Nothing is read through the address: it
 * may be one of the kernel's own maps, which has another layout.
 */
#include <linux/hashtable.h>
#include "map.h"
#include "registry.h"

/* Readers: RCU. Writers: sops_registry_lock. */
static DEFINE_HASHTABLE(sops_registry, 10);
static DEFINE_SPINLOCK(sops_registry_lock);

/**
 * sops_registry_add() - a map is ours from here on
 * @smap: the map, before anybody else has seen it
 */
void sops_registry_add(struct sops_map *smap)
{
	spin_lock(&sops_registry_lock);
	hash_add_rcu(sops_registry, &smap->node, (unsigned long)smap);
	spin_unlock(&sops_registry_lock);
}

/**
 * sops_registry_del() - a map is about to go
 * @smap: the map; nobody calls into it any more, but other lookups may still
 *	pass over it, so it must be kept for one more RCU grace period
 */
void sops_registry_del(struct sops_map *smap)
{
	spin_lock(&sops_registry_lock);
	hash_del_rcu(&smap->node);
	spin_unlock(&sops_registry_lock);
}

/**
 * sops_is_map() - is this map ours?
 * @map: address of a struct bpf_map, of ours or of the kernel's
 *
 * Context: any but NMI; called from the ftrace handler, hence notrace.
 */
notrace bool sops_is_map(const void *map)
{
	const struct sops_map *smap;
	bool found = false;

	rcu_read_lock();
	hash_for_each_possible_rcu_notrace(sops_registry, smap, node,
					   (unsigned long)map) {
		if (&smap->map == map) {
			found = true;
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

/**
 * sops_is_kdata() - is this the kernel-side value of a map of ours?
 * @kdata: what a subsystem got from reg(); of ours or of the kernel's
 *
 * Context: as sops_is_map().
 */
notrace bool sops_is_kdata(const void *kdata)
{
	/* Arithmetic only: for a map of the kernel's it points nowhere. */
	return sops_is_map(&kdata_to_sops_map(kdata)->map);
}

/**
 * sops_registry_walk() - look at every map of ours
 * @fn: called for each, in no order, under RCU
 * @data: for @fn
 */
void sops_registry_walk(void (*fn)(const struct sops_map *smap, void *data), void *data)
{
	const struct sops_map *smap;
	int bkt;

	rcu_read_lock();
	hash_for_each_rcu(sops_registry, bkt, smap, node)
		fn(smap, data);
	rcu_read_unlock();
}
