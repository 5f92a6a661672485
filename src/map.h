/* SPDX-License-Identifier: GPL-2.0-only */
/* A struct_ops map of ours. */
#ifndef SOPS_MAP_H
#define SOPS_MAP_H

#include <linux/atomic.h>
#include <linux/bpf.h>
#include <linux/mutex.h>
#include <compat/later.h>
#include <compat/map_ops.h>
#include "image.h"
#include "layout.h"
#include "type.h"
#include "value.h"

/* A link that registers a map. */
struct sops_map_link {
	struct list_head list;
	u32 id;
};

/**
 * struct sops_map - a struct_ops map of ours
 * @map: what the kernel knows of it, laid out like one of its own (layout.c);
 *	its refcnt is the value's too
 * @kvalue: the value as its subsystem sees it, state and reference count
 *	ahead of the subsystem's struct; in @map
 * @uvalue: the value as user space reads it: program ids for function
 *	members; of @map->value_size bytes. Written under @lock while the state
 *	is INIT, constant after
 * @type: what the value is made of; a reference, NULL once nobody has the map.
 *	Let go under sops_registry_lock()
 * @owner: the module that the type is from, a reference like @type; NULL for
 *	vmlinux
 * @lock: protects the value, the trampolines and the step out of
 *	SOPS_STATE_INIT; taken by update only, see sops_map_lock(), never by a
 *	reader
 * @image: the trampolines, one for each function member that has a program
 * @id: as @map had it at its update, 0 before: the kernel's is gone when the map
 *	is freed
 * @nr_links: how many links register it, or are about to, see link.c
 * @links: those that do, protected by sops_registry_lock()
 * @since: when it got to SOPS_STATE_TOBEFREE, in seconds since boot
 * @index: where it is in the registry
 * @served: its operations are ours, see sops_map_serve()
 * @rcu: for the grace periods before the map goes
 * @work: for the end of it, which may sleep
 *
 * The life of a map, in @kvalue->state::
 *
 *	     update           delete
 *	INIT ------> INUSE ------------> TOBEFREE
 *	  |
 *	  +--------> READY		with BPF_F_LINK: links register it
 *
 * A failed update leaves INIT, unless it must not wait for those who may have
 * seen the value meanwhile: then TOBEFREE. Nothing leaves TOBEFREE or READY:
 * without a link a map is registered once. Before it is served, a map is in
 * TOBEFREE too.
 */
struct sops_map {
	struct bpf_map *map;
	struct sops_value *kvalue;
	struct sops_value *uvalue;
	struct sops_type *type;
	struct module *owner;
	struct mutex lock;	/* protects value, image, and leaving INIT */
	struct sops_image image;
	u32 id;
	atomic_t nr_links;
	struct list_head links;
	time64_t since;
	u32 index;
	bool served;
	union {
		struct rcu_head rcu;
		struct work_struct work;
	};
};

extern const struct bpf_map_ops sops_map_ops;

/** sops_is_map() - is this map ours? It is from when it is served on, for good */
static __always_inline bool sops_is_map(const struct bpf_map *map)
{
	return READ_ONCE(map->ops) == &sops_map_ops;
}

/* Behind what the kernel's code may look at. */
static inline struct sops_map **sops_map_at(const struct bpf_map *map)
{
	return (void *)map + sops_layout_size(map->value_size);
}

static inline struct sops_map *to_sops_map(const struct bpf_map *map)
{
	return *sops_map_at(map);
}

struct bpf_map *sops_map_alloc(union bpf_attr *attr);
bool sops_map_is_unserved(const struct bpf_map *map);
void sops_map_serve(struct bpf_map *map);
void sops_map_free(struct bpf_map *map);
s64 sops_map_refs(const struct bpf_map *map);
void sops_map_drain(void);

#endif /* SOPS_MAP_H */
