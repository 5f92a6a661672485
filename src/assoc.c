// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which map a program goes with.
 *
 * A kfunc called from a struct_ops program can ask which registered value the
 * program belongs to. That is told while a program is in one map only; from
 * the second on the answer is poisoned for good, since it would depend on the
 * caller.
 *
 * The kernel poisons as soon as an update names a program of another map, and
 * leaves it so when that update fails: a program that works in a live map
 * stops working because of somebody's failed try. Here the step is taken back.
 */
#include <linux/poison.h>
#include "assoc.h"
#include "kernel.h"
#include "map.h"
#include "registry.h"

/* What a program goes with now; aux->st_ops_assoc_mutex is held. */
static struct bpf_map *sops_assoc_now(struct bpf_prog_aux *aux)
{
	return rcu_dereference_protected(aux->st_ops_assoc,
					 lockdep_is_held(&aux->st_ops_assoc_mutex));
}

/* Where a map of the kernel's own has its value. */
static int sops_assoc_offset __ro_after_init;

/**
 * sops_assoc_init() - find out what a map of the kernel's own looks like
 *
 * Context: at insmod, before the hooks are on, after sops_hooks_check(), which
 * refuses a kernel whose maps do not have it where it can be.
 */
void __init sops_assoc_init(void)
{
	/* both kinds of values begin alike */
	sops_assoc_offset = sops_kernel_offset("bpf_struct_ops_map", "kvalue", 0) +
			    offsetof(struct sops_value, data);
}

/**
 * sops_assoc_kdata() - the value that a program goes with
 * @aux: of the program
 *
 * Answers for maps of the kernel's too: were that left to the kernel, it would
 * look once more, and could see a map of ours by then.
 * Context: RCU read section, in a kfunc; never sleeps, hook.c counts on it.
 *
 * Return: the kernel-side value, or NULL when the program goes with no map, or
 * with several.
 */
void *sops_assoc_kdata(const struct bpf_prog_aux *aux)
{
	struct bpf_map *map = rcu_dereference_check(aux->st_ops_assoc,
						    bpf_rcu_lock_held());

	if (!map || map == BPF_PTR_POISON)
		return NULL;
	return sops_is_map(map) ? to_sops_map(map)->kvalue.data :
				  (void *)map + sops_assoc_offset;
}

static void sops_assoc_set_prog(struct sops_tramp *tramp, struct bpf_map *map)
{
	struct bpf_prog_aux *aux = tramp->prog->aux;
	struct bpf_map *now;

	mutex_lock(&aux->st_ops_assoc_mutex);
	now = sops_assoc_now(aux);
	if (now == map || now == BPF_PTR_POISON)
		goto unlock;

	/* A map on its way out has no more say. */
	if (now && atomic64_inc_not_zero(&now->refcnt)) {
		tramp->assoc_before = now;
		map = BPF_PTR_POISON;
	}
	rcu_assign_pointer(aux->st_ops_assoc, map);
unlock:
	mutex_unlock(&aux->st_ops_assoc_mutex);
}

/**
 * sops_assoc_set() - all programs of a map go with it
 * @smap: the map, about to be registered
 *
 * To be followed by sops_assoc_settle(). Context: process, the map's lock and
 * its type's held: the latter keeps two maps from doing this to one program
 * at a time, since a program serves one type.
 */
void sops_assoc_set(struct sops_map *smap)
{
	u32 i;

	for (i = 0; i < smap->image.nr_tramps; i++)
		sops_assoc_set_prog(&smap->image.tramps[i], &smap->map);
}

/**
 * sops_assoc_settle() - keep or undo what sops_assoc_set() did
 * @smap: the map
 * @keep: it was registered; otherwise programs go back to the map they went with
 *
 * Context: as sops_assoc_set().
 */
void sops_assoc_settle(struct sops_map *smap, bool keep)
{
	u32 i;

	for (i = 0; i < smap->image.nr_tramps; i++) {
		struct sops_tramp *tramp = &smap->image.tramps[i];
		struct bpf_prog_aux *aux = tramp->prog->aux;

		if (!tramp->assoc_before)
			continue;
		if (!keep) {
			mutex_lock(&aux->st_ops_assoc_mutex);
			rcu_assign_pointer(aux->st_ops_assoc, tramp->assoc_before);
			mutex_unlock(&aux->st_ops_assoc_mutex);
		}
		bpf_map_put(tramp->assoc_before);
		tramp->assoc_before = NULL;
	}
	if (!keep)
		sops_assoc_clear(smap);
}

/**
 * sops_assoc_clear() - no program goes with a map any more
 * @smap: the map; readers may go on with the value for one RCU grace period
 */
void sops_assoc_clear(struct sops_map *smap)
{
	u32 i;

	for (i = 0; i < smap->image.nr_tramps; i++) {
		struct bpf_prog_aux *aux = smap->image.tramps[i].prog->aux;

		mutex_lock(&aux->st_ops_assoc_mutex);
		if (sops_assoc_now(aux) == &smap->map)
			RCU_INIT_POINTER(aux->st_ops_assoc, NULL);
		mutex_unlock(&aux->st_ops_assoc_mutex);
	}
}
