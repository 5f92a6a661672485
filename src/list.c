// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/struct_ops/maps: the maps that are ours, for people and
 * for tests.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include "list.h"
#include "map.h"
#include "registry.h"

static struct dentry *sops_list_dir;

static void sops_list_map(const struct sops_map *smap, void *m)
{
	static const char * const states[] = {
		[SOPS_STATE_INIT]	= "init",
		[SOPS_STATE_INUSE]	= "inuse",
		[SOPS_STATE_TOBEFREE]	= "tobefree",
		[SOPS_STATE_READY]	= "ready",
	};

	/* The id goes with the last reference. */
	seq_printf(m, "%u %s %s %s %lld %u %zu\n",
		   READ_ONCE(smap->map.id), *smap->map.name ? smap->map.name : "-",
		   smap->type->name, states[READ_ONCE(smap->kvalue.state)],
		   sops_map_refs(&smap->map), READ_ONCE(smap->image.nr_tramps),
		   sops_image_size(&smap->image));
}

static int maps_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "id name type state refcnt progs image_bytes\n");
	sops_registry_walk(sops_list_map, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(maps);

/**
 * sops_list_init() - make the list in debugfs
 *
 * A kernel without debugfs, or one locked down, does without the list.
 *
 * Return: 0 or -ENOMEM and the like.
 */
int __init sops_list_init(void)
{
	struct dentry *dir = debugfs_create_dir(KBUILD_MODNAME, NULL);

	if (IS_ERR(dir))
		return PTR_ERR(dir) == -ENODEV || PTR_ERR(dir) == -EPERM ?
			0 : PTR_ERR(dir);
	sops_list_dir = dir;
	debugfs_create_file("maps", 0400, dir, NULL, &maps_fops);
	return 0;
}

/** sops_list_exit() - take the list away; no reader is in it after */
void sops_list_exit(void)
{
	debugfs_remove_recursive(sops_list_dir);
}
