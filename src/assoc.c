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

/* What a program goes with now; aux->st_ops_assoc_mutex is held. */
static struct bpf_map *sops_assoc_now(struct bpf_prog_aux *aux)
{
	return rcu_dereference_protected(aux->st_ops_assoc,
					 lockdep_is_held(&aux->st_ops_assoc_mutex));
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
 * @map: about to be registered
 * @image: its trampolines
 *
 * To be followed by sops_assoc_settle(). Context: process, the map's lock and
 * its type's held: the latter keeps two maps from doing this to one program
 * at a time, since a program serves one type.
 */
void sops_assoc_set(struct bpf_map *map, struct sops_image *image)
{
	u32 i;

	for (i = 0; i < image->nr_tramps; i++)
		sops_assoc_set_prog(&image->tramps[i], map);
}

/**
 * sops_assoc_settle() - keep or undo what sops_assoc_set() did
 * @map: the map
 * @image: its trampolines
 * @keep: it was registered; otherwise programs go back to the map they went with
 *
 * Context: as sops_assoc_set().
 */
void sops_assoc_settle(struct bpf_map *map, struct sops_image *image, bool keep)
{
	u32 i;

	for (i = 0; i < image->nr_tramps; i++) {
		struct sops_tramp *tramp = &image->tramps[i];
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
		sops_assoc_clear(map, image);
}

/**
 * sops_assoc_clear() - no program goes with a map any more
 * @map: the map; readers may go on with the value for one RCU grace period
 * @image: its trampolines
 */
void sops_assoc_clear(struct bpf_map *map, struct sops_image *image)
{
	u32 i;

	for (i = 0; i < image->nr_tramps; i++) {
		struct bpf_prog_aux *aux = image->tramps[i].prog->aux;

		mutex_lock(&aux->st_ops_assoc_mutex);
		if (sops_assoc_now(aux) == map)
			RCU_INIT_POINTER(aux->st_ops_assoc, NULL);
		mutex_unlock(&aux->st_ops_assoc_mutex);
	}
}
