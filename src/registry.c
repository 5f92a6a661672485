// SPDX-License-Identifier: GPL-2.0-only
/* Our maps, one after the other: for the list of them, nothing else asks. */
#include <linux/mutex.h>
#include <linux/xarray.h>
#include "kernel.h"
#include "registry.h"

static DEFINE_XARRAY_ALLOC(sops_registry);
/* Keeps what is found in sops_registry, and the type that each map names. */
static DEFINE_MUTEX(sops_registry_mutex);

/**
 * sops_registry_add() - one more map
 * @smap: the map
 * @index: set to what sops_registry_del() wants
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int sops_registry_add(struct sops_map *smap, u32 *index)
{
	return xa_alloc(&sops_registry, index, smap, xa_limit_32b, SOPS_GFP);
}

/**
 * sops_registry_del() - a map goes
 * @index: from sops_registry_add()
 *
 * Nobody looks at the map when it returns. Context: process.
 */
void sops_registry_del(u32 index)
{
	sops_registry_lock();
	xa_erase(&sops_registry, index);
	sops_registry_unlock();
}

/** sops_registry_lock() - nothing goes that sops_registry_next() finds */
void sops_registry_lock(void)
{
	mutex_lock(&sops_registry_mutex);
}

/** sops_registry_unlock() - ends what sops_registry_lock() began */
void sops_registry_unlock(void)
{
	mutex_unlock(&sops_registry_mutex);
}

/**
 * sops_registry_next() - the first map from @index on
 * @index: set to where it was found
 *
 * Context: sops_registry_lock() held. Return: the map, or NULL.
 */
struct sops_map *sops_registry_next(unsigned long *index)
{
	return xa_find(&sops_registry, index, ULONG_MAX, XA_PRESENT);
}
