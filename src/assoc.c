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
#include "map.h"
#include "registry.h"

/* What a program goes with now; aux->st_ops_assoc_mutex is held. */
static struct bpf_map *sops_assoc_now(struct bpf_prog_aux *aux)
{
	return rcu_dereference_protected(aux->st_ops_assoc,
					 lockdep_is_held(&aux->st_ops_assoc_mutex));
}

/**
 * sops_assoc_is_ours() - does a program go with no map of the kernel's?
 * @aux: of the program
 *
 * With none at all it is for us to say so: the kernel would look once more,
 * and could see a map of ours by then. From a map of the kernel's to one of ours
 * there is no way in one step.
 * Context: RCU read section; called from the ftrace handler, hence notrace.
 */
notrace bool sops_assoc_is_ours(const struct bpf_prog_aux *aux)
{
	const struct bpf_map *map = rcu_access_pointer(aux->st_ops_assoc);

	return !map || map == BPF_PTR_POISON || sops_is_map(map);
}

/**
 * sops_assoc_kdata() - the value that a program goes with
 * @aux: of the program
 *
 * Context: RCU read section, in a kfunc.
 *
 * Return: the kernel-side value, or NULL when the program goes with no map, with
 * several, or stopped going with one of ours since the hook looked.
 */
void *sops_assoc_kdata(const struct bpf_prog_aux *aux)
{
	struct bpf_map *map = rcu_dereference_check(aux->st_ops_assoc,
						    bpf_rcu_lock_held());

	return sops_is_map(map) ? to_sops_map(map)->kvalue.data : NULL;
}

static void sops_assoc_set_prog(struct sops_tramp *tramp, struct bpf_map *map)
{
	struct bpf_prog_aux *aux = tramp->prog->aux;
	struct bpf_map *now;

	mutex_lock(&aux->st_ops_assoc_mutex);
	now = sops_assoc_now(aux);
	if (now == map || now == BPF_PTR_POISON)
		goto unlock;

	/* A map on its way out has no more say; but see sops_assoc_is_ours(). */
	if (now && atomic64_inc_not_zero(&now->refcnt)) {
		tramp->assoc_before = now;
		map = BPF_PTR_POISON;
	} else if (now && !sops_is_map(now)) {
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
