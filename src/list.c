// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/struct_ops: maps, the maps that are ours and what holds
 * them; members, their programs; refused, what was refused last and why. For
 * people and for tests.
 */
#include <linux/debugfs.h>
#include <linux/filter.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include "holder.h"
#include "list.h"
#include "map.h"
#include "refused.h"
#include "registry.h"

static struct dentry *sops_list_dir;

/* A position is where a map is in the registry, and one more; 0 is the heading. */
static void *sops_list_start(struct seq_file *m, loff_t *pos)
{
	unsigned long index = *pos - 1;
	struct sops_map *smap;

	sops_registry_lock();
	if (!*pos)
		return SEQ_START_TOKEN;
	smap = sops_registry_next(&index);
	*pos = index + 1;
	return smap;
}

static void *sops_list_next(struct seq_file *m, void *v, loff_t *pos)
{
	unsigned long index = *pos;
	struct sops_map *smap = sops_registry_next(&index);

	*pos = smap ? index + 1 : *pos + 1;
	return smap;
}

/* Between two of these at most a page is written. */
static void sops_list_stop(struct seq_file *m, void *v)
{
	sops_registry_unlock();
}

static int sops_list_show(struct seq_file *m, void *v)
{
	static const char * const states[] = {
		[SOPS_STATE_INIT]	= "init",
		[SOPS_STATE_INUSE]	= "inuse",
		[SOPS_STATE_TOBEFREE]	= "tobefree",
		[SOPS_STATE_READY]	= "ready",
	};
	const struct sops_map *smap = v;
	time64_t since;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "id name type state refcnt progs image_bytes held_by tobefree_s\n");
		return 0;
	}
	/* Before that the map is not to be looked at. Pairs with sops_map_serve(). */
	if (!smp_load_acquire(&smap->served))
		return 0;
	/* The id goes with the last reference, and the type soon after. */
	seq_printf(m, "%u %s %s %s %lld %u %zu ",
		   READ_ONCE(smap->map->id), *smap->map->name ? smap->map->name : "-",
		   smap->type ? smap->type->name : "-",
		   states[READ_ONCE(smap->kvalue->state)],
		   sops_map_refs(smap->map), READ_ONCE(smap->image.nr_tramps),
		   sops_image_size(&smap->image));
	sops_holders_show(m, smap);
	since = READ_ONCE(smap->since);
	if (since)
		seq_printf(m, " %lld\n", ktime_get_boottime_seconds() - since);
	else
		seq_puts(m, " -\n");
	return 0;
}

static const struct seq_operations maps_sops = {
	.start	= sops_list_start,
	.next	= sops_list_next,
	.stop	= sops_list_stop,
	.show	= sops_list_show,
};
DEFINE_SEQ_ATTRIBUTE(maps);

/* As bpf_prog_info has it: while kernel.bpf_stats_enabled is on. */
static void sops_list_show_runs(struct seq_file *m, const struct bpf_prog *prog)
{
	u64 count = 0, time = 0, cpu_count, cpu_time;
	unsigned int start;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct bpf_prog_stats *stats = per_cpu_ptr(prog->stats, cpu);

		do {
			start = u64_stats_fetch_begin(&stats->syncp);
			cpu_count = u64_stats_read(&stats->cnt);
			cpu_time = u64_stats_read(&stats->nsecs);
		} while (u64_stats_fetch_retry(&stats->syncp, start));
		count += cpu_count;
		time += cpu_time;
	}
	seq_printf(m, "%llu %llu\n", count, time);
}

static int sops_members_show(struct seq_file *m, void *v)
{
	const struct sops_map *smap = v;
	const struct sops_image *image;
	u32 i;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "map type member prog_id prog_name run_cnt run_time_ns\n");
		return 0;
	}
	/* Before that the map is not to be looked at. Pairs with sops_map_serve(). */
	if (!smp_load_acquire(&smap->served) || !smap->type)
		return 0;
	/*
	 * Before its update is through programs come, and may go again. Pairs with
	 * sops_map_update().
	 */
	if (smp_load_acquire(&smap->kvalue->state) == SOPS_STATE_INIT)
		return 0;
	image = &smap->image;
	for (i = 0; i < image->nr_tramps; i++) {
		const struct bpf_prog *prog = image->tramps[i].prog;

		seq_printf(m, "%u %s %s %u %s ", READ_ONCE(smap->map->id), smap->type->name,
			   smap->type->members[prog->expected_attach_type].name, prog->aux->id,
			   *prog->aux->name ? prog->aux->name : "-");
		sops_list_show_runs(m, prog);
	}
	return 0;
}

static const struct seq_operations members_sops = {
	.start	= sops_list_start,
	.next	= sops_list_next,
	.stop	= sops_list_stop,
	.show	= sops_members_show,
};
DEFINE_SEQ_ATTRIBUTE(members);

static int refused_show(struct seq_file *m, void *v)
{
	sops_refused_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(refused);

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
	debugfs_create_file("members", 0400, dir, NULL, &members_fops);
	debugfs_create_file("refused", 0400, dir, NULL, &refused_fops);
	return 0;
}

/** sops_list_exit() - take the list away; no reader is in it after */
void sops_list_exit(void)
{
	debugfs_remove_recursive(sops_list_dir);
}
