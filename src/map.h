/* SPDX-License-Identifier: GPL-2.0-only */
/* A struct_ops map of ours. */
#ifndef SOPS_MAP_H
#define SOPS_MAP_H

#include <linux/atomic.h>
#include <linux/bpf.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include <compat/map_ops.h>
#include "image.h"
#include "type.h"
#include "value.h"

/* In words: what the state may be behind, with the mutexes alike: 20 to 200 bytes. */
#define SOPS_MAP_HOLLOW	25

/**
 * struct sops_map - a struct_ops map of ours
 * @map: what the kernel knows of it; its refcnt is the value's too
 * @node: entry in the registry
 * @type: what the value is made of; a reference
 * @owner: the module that the type is from, a reference; NULL for vmlinux
 * @lock: protects the value, the trampolines and the step out of
 *	SOPS_STATE_INIT; taken by update only, see sops_map_lock(), never by a
 *	reader
 * @hollow: zero for as long as anybody has the map: where code of the
 *	kernel's would look for the state of a map of its own, see hook.c
 * @rcu: for the grace periods before the map goes
 * @work: for the end of it, which may sleep
 * @uvalue: the value as user space reads it: program ids for function
 *	members; of @map.value_size bytes. Written under @lock while the state
 *	is INIT, constant after
 * @image: the trampolines, one for each function member that has a program
 * @nr_links: how many links register it, see link.c
 * @kvalue: the value as its subsystem sees it, state and reference count
 *	ahead of the subsystem's struct; must be last
 *
 * The life of a map, in @kvalue.state::
 *
 *	     update           delete
 *	INIT ------> INUSE ------------> TOBEFREE
 *	  |
 *	  +--------> READY		with BPF_F_LINK: links register it
 *
 * A failed update leaves INIT, unless it must not wait for those who may have
 * seen the value meanwhile: then TOBEFREE. Nothing leaves TOBEFREE or READY:
 * without a link a map is registered once.
 */
struct sops_map {
	struct bpf_map map;
	struct hlist_node node;
	struct sops_type *type;
	struct module *owner;
	struct mutex lock;	/* protects value, image, and leaving INIT */
	union {
		u64 hollow[SOPS_MAP_HOLLOW];
		struct {
			struct rcu_head rcu;
			struct work_struct work;
		};
	};
	struct sops_value *uvalue;
	struct sops_image image;
	atomic_t nr_links;
	struct sops_value kvalue;
};

static inline struct sops_map *to_sops_map(struct bpf_map *map)
{
	return container_of(map, struct sops_map, map);
}

static inline struct sops_map *kdata_to_sops_map(const void *kdata)
{
	return container_of(kdata, struct sops_map, kvalue.data);
}

/* In place of the kernel's functions, see the table in hook.c. */
int sops_map_alloc_check(union bpf_attr *attr);
struct bpf_map *sops_map_alloc(union bpf_attr *attr);
void sops_map_free(struct bpf_map *map);
void *sops_map_lookup(struct bpf_map *map, void *key);
int sops_map_get_next_key(struct bpf_map *map, void *key, void *next_key);
int sops_map_sys_lookup(struct bpf_map *map, void *key, void *value);
void sops_map_seq_show(struct bpf_map *map, void *key, struct seq_file *m);
map_ops_long sops_map_update(struct bpf_map *map, void *key, void *value,
			     u64 flags);
map_ops_long sops_map_delete(struct bpf_map *map, void *key);
bool sops_map_get_kdata(const void *kdata);
void sops_map_put_kdata(const void *kdata);
u32 sops_map_id(const void *kdata);
int sops_map_for_each_prog(const void *kdata,
			   int (*cb)(struct bpf_prog *prog, void *data),
			   void *data);
u64 sops_map_mem_usage(const struct bpf_map *map);
void sops_map_info_fill(struct bpf_map_info *info, struct bpf_map *map);

s64 sops_map_refs(const struct bpf_map *map);
void sops_map_drain(void);

#endif /* SOPS_MAP_H */
