// SPDX-License-Identifier: GPL-2.0-only
/*
 * The maps that are ours.
 *
 * Whether an object that reaches a hook is ours is decided here and nowhere
 * else, by the address of the map. Nothing is read through the address: it
 * may be one of the kernel's own maps, which has another layout.
 *
 * /sys/kernel/debug/struct_ops/maps lists them, for people and for tests.
 */
#include <linux/debugfs.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include "map.h"
#include "registry.h"

/* Readers: RCU. Writers: sops_registry_lock. */
static DEFINE_HASHTABLE(sops_registry, 10);
static DEFINE_SPINLOCK(sops_registry_lock);

static struct dentry *sops_debugfs_dir;

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

static int maps_show(struct seq_file *m, void *unused)
{
	static const char * const states[] = {
		[SOPS_STATE_INIT]	= "init",
		[SOPS_STATE_INUSE]	= "inuse",
		[SOPS_STATE_TOBEFREE]	= "tobefree",
		[SOPS_STATE_READY]	= "ready",
	};
	struct sops_map *smap;
	int bkt;

	seq_puts(m, "id name type state refcnt progs image_bytes\n");
	rcu_read_lock();
	hash_for_each_rcu(sops_registry, bkt, smap, node)
		seq_printf(m, "%u %s %s %s %lld %u %zu\n",
			   smap->map.id, *smap->map.name ? smap->map.name : "-",
			   smap->type->name,
			   states[READ_ONCE(smap->kvalue.state)],
			   sops_map_refs(&smap->map),
			   READ_ONCE(smap->image.nr_tramps),
			   sops_image_size(&smap->image));
	rcu_read_unlock();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(maps);

/**
 * sops_registry_init() - make the list in debugfs
 *
 * A kernel without debugfs, or one locked down, does without the list.
 *
 * Return: 0 or -ENOMEM and the like.
 */
int __init sops_registry_init(void)
{
	struct dentry *dir = debugfs_create_dir(KBUILD_MODNAME, NULL);

	if (IS_ERR(dir))
		return PTR_ERR(dir) == -ENODEV || PTR_ERR(dir) == -EPERM ?
			0 : PTR_ERR(dir);
	sops_debugfs_dir = dir;
	debugfs_create_file("maps", 0400, dir, NULL, &maps_fops);
	return 0;
}

/** sops_registry_exit() - take the list away; no reader is in it after */
void sops_registry_exit(void)
{
	debugfs_remove_recursive(sops_debugfs_dir);
}
