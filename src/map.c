// SPDX-License-Identifier: GPL-2.0-only
/*
 * The map: what the bpf() syscall does to it.
 *
 * Making one is up to hook.c; from then on the kernel calls these functions
 * through the table at the end of this file. Their callers have checked fd and
 * access mode, copied key and value from user space, and hold the map.
 */
#include <linux/module.h>
#include <linux/rcupdate_trace.h>
#include <linux/rcupdate_wait.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include "assoc.h"
#include "kernel.h"
#include "map.h"
#include "preempt.h"
#include "refused.h"
#include "registry.h"
#include <trace/events/struct_ops.h>

/*
 * What a map has in map_extra until it is served: maps of this type cannot
 * have anything there otherwise, map_create() refuses it.
 */
#define SOPS_MAP_UNSERVED	0x736f70735f6d6170ULL

static void sops_map_destroy(struct sops_map *smap)
{
	sops_image_clear(&smap->image);
	kvfree(smap->uvalue);
	kvfree(smap->map);
	kfree(smap);
}

/*
 * The type that @attr names. It is from vmlinux, or from a module, which is
 * then held: @owner. A module holds its BTF.
 */
static struct sops_type *sops_map_type(const union bpf_attr *attr,
				       struct module **owner)
{
	struct sops_type *type;
	struct btf *btf;

	*owner = NULL;
	if (attr->map_flags & BPF_F_VTYPE_BTF_OBJ_FD) {
		btf = borrowed(btf_get_by_fd)(sops_attr_btf_fd(attr));
		if (IS_ERR(btf))
			return ERR_PTR(sops_refused_create(attr->map_name, NULL, PTR_ERR(btf),
							   "the fd is of no BTF object"));
		if (borrowed(btf_is_module)(btf))
			*owner = borrowed(btf_try_get_module)(btf);
		borrowed(btf_put)(btf);
		if (!*owner)
			return ERR_PTR(sops_refused_create(attr->map_name, NULL, -EINVAL,
							   "the BTF is of no module"));
	} else {
		btf = borrowed(bpf_get_btf_vmlinux)();
		if (IS_ERR(btf))
			return ERR_CAST(btf);
	}

	type = sops_type_get(btf, attr->btf_vmlinux_value_type_id);
	if (IS_ERR(type)) {
		sops_refused_create(attr->map_name, NULL, PTR_ERR(type),
				    sops_refused_memory(PTR_ERR(type),
							"no type that is served; see the log"));
	} else if (attr->value_size != type->value_size) {
		sops_refused_create(attr->map_name, type->name, -EINVAL,
				    "value_size is not the size of the type's value");
		sops_type_put(type);
		type = ERR_PTR(-EINVAL);
	}
	if (IS_ERR(type))
		module_put(*owner);
	return type;
}

static struct sops_map *sops_map_new(union bpf_attr *attr, struct sops_type *type)
{
	struct sops_map *smap;

	smap = kzalloc(sizeof(*smap), SOPS_GFP);
	if (!smap)
		return NULL;
	smap->map = kvzalloc(sops_layout_size(type->value_size) + sizeof(smap), SOPS_GFP);
	smap->uvalue = kvzalloc(type->value_size, SOPS_GFP);
	if (!smap->map || !smap->uvalue ||
	    sops_registry_add(smap, &smap->index)) {
		sops_map_destroy(smap);
		return NULL;
	}
	mutex_init(&smap->lock);
	INIT_LIST_HEAD(&smap->links);
	smap->image.how = sops_preempt_how(type->name);
	smap->kvalue = sops_layout_value(smap->map);

	sops_layout_fill(smap->map, sops_desc_kernel(&type->desc), type->btf, smap->uvalue);
	borrowed(bpf_map_init_from_attr)(smap->map, attr);
	smap->map->map_extra = SOPS_MAP_UNSERVED;
	*sops_map_at(smap->map) = smap;
	return smap;
}

/* The kernel looks at the name, and gives it and an id to the map, later. */
static void sops_map_trace_created(const union bpf_attr *attr, const struct sops_type *type)
{
	char name[BPF_OBJ_NAME_LEN];

	if (!trace_created_enabled())
		return;
	sops_refused_name(name, sizeof(name), attr->map_name);
	trace_created(0, name, type->name, 0);
}

/**
 * sops_map_alloc() - make a map
 * @attr: of BPF_MAP_CREATE, past the kernel's own check of it
 *
 * Comes with a reference on this module, which the map keeps. All memory is
 * charged to the caller's memory cgroup. Creation can still fail in the
 * kernel, which then frees the map through its own table, so to sops_map_
 * free() as well. Context: process, may sleep.
 *
 * Return: the map, or an ERR_PTR: -EPERM without CAP_BPF, -ENOTSUPP for a
 * value type that the kernel does not list or that cannot be served, -EINVAL
 * for another size than the type's, -ENOMEM.
 */
struct bpf_map *sops_map_alloc(union bpf_attr *attr)
{
	struct sops_type *type = ERR_PTR(-EPERM);
	struct sops_map *smap;
	struct module *owner;

	sops_attr_unpack(attr);
	if (sops_may_create())
		type = sops_map_type(attr, &owner);
	else
		sops_refused_create(attr->map_name, NULL, -EPERM, "it takes CAP_BPF");
	if (IS_ERR(type))
		goto put_module;

	smap = sops_map_new(attr, type);
	if (!smap) {
		sops_refused_create(attr->map_name, type->name, -ENOMEM,
				    sops_refused_memory(-ENOMEM, NULL));
		sops_type_put(type);
		module_put(owner);
		type = ERR_PTR(-ENOMEM);
		goto put_module;
	}
	smap->type = type;
	smap->owner = owner;
	sops_map_trace_created(attr, type);
	return smap->map;

put_module:
	module_put(THIS_MODULE);
	return ERR_CAST(type);
}

/**
 * sops_map_is_unserved() - did sops_map_alloc() make this map, just now?
 * @map: of any type; being created, or being freed
 *
 * Context: any; called by tracers, hence notrace.
 */
notrace bool sops_map_is_unserved(const struct bpf_map *map)
{
	return map->map_type == BPF_MAP_TYPE_STRUCT_OPS &&
	       map->map_extra == SOPS_MAP_UNSERVED;
}

/**
 * sops_map_serve() - from here on the map's operations are ours
 * @map: from sops_map_alloc(); nobody has it yet
 *
 * Context: any; called by a tracer, hence notrace.
 */
notrace void sops_map_serve(struct bpf_map *map)
{
	struct sops_map *smap = to_sops_map(map);

	smap->kvalue->state = SOPS_STATE_INIT;
	map->map_extra = 0;
	WRITE_ONCE(map->ops, &sops_map_ops);
	/* Pairs with the acquire in sops_list_show(). */
	smp_store_release(&smap->served, true);
}

static void sops_map_free_work(struct work_struct *work)
{
	struct sops_map *smap = container_of(work, struct sops_map, work);

	sops_registry_del(smap->index);
	sops_map_destroy(smap);
	/* sops_map_drain() sees to it that we are out before the text goes. */
	module_put(THIS_MODULE);
}

static void sops_map_free_tasks(struct rcu_head *rcu)
{
	struct sops_map *smap = container_of(rcu, struct sops_map, rcu);

	INIT_WORK(&smap->work, sops_map_free_work);
	queue_work(system_dfl_wq, &smap->work);
}

static void sops_map_free_rcu(struct rcu_head *rcu)
{
	call_rcu_tasks(rcu, sops_map_free_tasks);
}

static void sops_map_free_trace(struct rcu_head *rcu)
{
	call_rcu_hurry(rcu, sops_map_free_rcu);
}

/*
 * The type's module may go as soon as nobody has the map: its functions are
 * called no more, and what is in a trampoline still is about to return to it.
 */
static void sops_map_put_type(struct sops_map *smap)
{
	struct sops_type *type = smap->type;

	sops_registry_lock();
	smap->type = NULL;
	sops_registry_unlock();
	sops_type_put(type);
	module_put(smap->owner);
}

/**
 * sops_map_free() - the last reference is gone
 * @map: of ours
 *
 * A member function may have put that reference itself: TCP's init does when
 * it moves its socket to another congestion control. It, or a reader that
 * found the value while it was registered, is inside an RCU read section, or
 * has preemption off, which is one: one grace period; a program that may sleep
 * is in one of RCU-tasks-trace instead. After leaving it a task still has the
 * last instructions of the trampoline before it, where it may be preempted:
 * one RCU-tasks grace period. Until all are over text and value stay in place.
 * By callbacks, since the kernel calls this on a workqueue that others wait
 * for.
 */
void sops_map_free(struct bpf_map *map)
{
	struct sops_map *smap = to_sops_map(map);

	trace_freed(smap->id, map->name, smap->type->name, 0);
	sops_map_put_type(smap);
	sops_assoc_clear(map, &smap->image);
	sops_image_unname(&smap->image);
	if (smap->image.sleepable)
		call_rcu_tasks_trace(&smap->rcu, sops_map_free_trace);
	else
		call_rcu_hurry(&smap->rcu, sops_map_free_rcu);
}

/** sops_map_drain() - at rmmod: no callback of a map is in our text after */
void sops_map_drain(void)
{
	/*
	 * Every map has put the module, so sops_map_free_work() is in its last
	 * instructions at most, in a kworker: that is a task, which hook.c's
	 * synchronize_rcu_tasks() waited for. The callbacks before it:
	 */
	rcu_barrier_tasks_trace();
	rcu_barrier_tasks();
	rcu_barrier();
}

/**
 * sops_map_lookup() - in-kernel lookup: there is none
 * @map: of ours
 * @key: ignored
 *
 * Return: ERR_PTR(-EINVAL).
 */
static void *sops_map_lookup(struct bpf_map *map, void *key)
{
	return ERR_PTR(-EINVAL);
}

/**
 * sops_map_get_next_key() - the one key is 0
 * @map: of ours
 * @key: the key before, or NULL
 * @next_key: set on success
 *
 * Return: 0, or -ENOENT after key 0.
 */
static int sops_map_get_next_key(struct bpf_map *map, void *key, void *next_key)
{
	if (key && *(u32 *)key == 0)
		return -ENOENT;
	*(u32 *)next_key = 0;
	return 0;
}

/**
 * sops_map_refs() - how many hold the map other than user space
 * @map: of ours
 *
 * The registration, and on TCP each socket. An estimate: the two counts are
 * not read at one time.
 */
s64 sops_map_refs(const struct bpf_map *map)
{
	s64 refs = atomic64_read(&map->refcnt) - atomic64_read(&map->usercnt);

	return max_t(s64, refs, 0);
}

/**
 * sops_map_seq_show() - a pinned map, read as a file
 * @map: of ours
 * @key: its key
 * @m: where to write the value as text, by BTF
 */
static void sops_map_seq_show(struct bpf_map *map, void *key, struct seq_file *m)
{
	struct sops_map *smap = to_sops_map(map);
	void *value;

	value = kvmalloc(map->value_size, GFP_USER | __GFP_NOWARN);
	if (!value)
		return;
	if (!borrowed(bpf_struct_ops_map_sys_lookup_elem)(map, key, value)) {
		borrowed(btf_type_seq_show)(smap->type->btf, smap->type->value_id,
					    value, m);
		seq_putc(m, '\n');
	}
	kvfree(value);
}

/*
 * Nobody is in a trampoline of @smap, or reads its value under RCU, after.
 * False when this cannot be waited for: a BPF program that calls bpf() is in
 * an RCU-tasks-trace section itself.
 */
static bool sops_map_wait(struct sops_map *smap)
{
	if (smap->image.sleepable) {
		if (current->trc_reader_nesting)
			return false;
		synchronize_rcu_tasks_trace();
	}
	synchronize_rcu_mult(call_rcu_hurry, call_rcu_tasks);
	return true;
}

/* Hand the value to its subsystem, which holds the map from then on. */
static int sops_map_register(struct sops_map *smap)
{
	int err;

	bpf_map_inc(smap->map);
	mutex_lock(&smap->type->lock);
	sops_assoc_set(smap->map, &smap->image);
	err = smap->type->ops->reg(smap->kvalue->data, NULL);
	sops_assoc_settle(smap->map, &smap->image, !err);
	mutex_unlock(&smap->type->lock);
	if (!err) {
		trace_registered(smap->map->id, smap->map->name, smap->type->name, 0);
		return 0;
	}

	sops_refused("update", smap, NULL, 0, err, "the subsystem refuses to register it");
	bpf_map_put(smap->map);
	sops_image_unname(&smap->image);
	return err;
}

/* A map for links: it only gets ready; a link hands it to its subsystem. */
static void sops_map_ready(struct sops_map *smap)
{
	mutex_lock(&smap->type->lock);
	sops_assoc_set(smap->map, &smap->image);
	sops_assoc_settle(smap->map, &smap->image, true);
	mutex_unlock(&smap->type->lock);
}

/*
 * Who has the lock may be waiting for the end of all RCU-tasks-trace sections,
 * in sops_map_wait(), and so must not be waited for from within one.
 */
static bool sops_map_lock(struct sops_map *smap)
{
	if (current->trc_reader_nesting)
		return mutex_trylock(&smap->lock);
	mutex_lock(&smap->lock);
	return true;
}

/**
 * sops_map_update() - write the value, and register it
 * @map: of ours
 * @key: must be 0
 * @value: as user space has it, of @map->value_size bytes
 * @flags: must be 0
 *
 * Nothing is changed when it fails, and it can be tried again; but a map with
 * programs that may sleep is used up when a BPF program makes this call and
 * the subsystem refuses.
 * Context: process, may sleep.
 *
 * Return: 0, or -EINVAL for flags, -E2BIG for another key, -EINVAL for what
 * must be zero, -EBUSY when the map was registered before or a BPF program
 * finds another update at it, the type's init_member's error, -EBADF for a bad
 * fd, -EINVAL for a program of another kind, type or member, -ENOMEM, -EPERM at
 * the BPF JIT limit, what making the image executable failed with, or the
 * subsystem's error.
 */
static map_ops_long sops_map_update(struct bpf_map *map, void *key, void *value,
				    u64 flags)
{
	struct sops_map *smap = to_sops_map(map);
	enum sops_state next = SOPS_STATE_INUSE;
	int err;

	if (flags)
		return sops_refused("update", smap, NULL, 0, -EINVAL, "flags must be zero");
	if (*(u32 *)key)
		return sops_refused("update", smap, NULL, 0, -E2BIG, "the one key is 0");
	err = sops_value_check(smap, value);
	if (err)
		return err;

	if (!sops_map_lock(smap))
		return sops_refused("update", smap, NULL, 0, -EBUSY,
				    "another update is at it, and a BPF program cannot wait");
	/* A delete does not take the lock. */
	if (READ_ONCE(smap->kvalue->state) != SOPS_STATE_INIT) {
		err = sops_refused("update", smap, NULL, 0, -EBUSY,
				   "it was updated before: a map takes one value");
		goto unlock;
	}
	smap->id = map->id;

	err = sops_value_fill(smap, value);
	if (err)
		goto clear;
	err = sops_image_seal(&smap->image);
	if (err) {
		sops_refused("update", smap, NULL, 0, err,
			     sops_refused_memory(err, "the image cannot be made executable"));
		goto clear;
	}
	if (smap->type->ops->validate)
		err = smap->type->ops->validate(smap->kvalue->data);
	if (err) {
		sops_refused("update", smap, NULL, 0, err, "the type's validate refuses the value");
		goto clear;
	}
	sops_image_name(&smap->image);
	sops_layout_show_progs(map, smap->image.links, smap->image.nr_tramps);
	if (map->map_flags & BPF_F_LINK) {
		sops_map_ready(smap);
		next = SOPS_STATE_READY;
	} else {
		err = sops_map_register(smap);
		/* Before it failed somebody may have been let see the value. */
		if (err && sops_map_wait(smap))
			goto clear;
		if (err) {
			next = SOPS_STATE_TOBEFREE;
			WRITE_ONCE(smap->since, ktime_get_boottime_seconds());
		}
	}

	/* Pairs with the acquires in sops_map_sys_lookup() and link.c. */
	smp_store_release(&smap->kvalue->state, next);
	goto unlock;

clear:
	sops_layout_show_progs(map, NULL, 0);
	sops_value_clear(smap);
unlock:
	mutex_unlock(&smap->lock);
	return err;
}

/**
 * sops_map_delete() - unregister the value
 * @map: of ours
 * @key: must be 0; the kernel itself does not look
 *
 * Return: 0, -ENOENT for another key or when nothing is registered,
 * -EINPROGRESS when it was deleted before, -EOPNOTSUPP when links register it.
 */
static map_ops_long sops_map_delete(struct bpf_map *map, void *key)
{
	struct sops_map *smap = to_sops_map(map);

	if (map->map_flags & BPF_F_LINK)
		return sops_refused("delete", smap, NULL, 0, -EOPNOTSUPP,
				    "links register it: detach those");
	if (*(u32 *)key)
		return sops_refused("delete", smap, NULL, 0, -ENOENT, "the one key is 0");

	/* One of many deleters gets to unregister; update never sees INIT again. */
	switch (cmpxchg(&smap->kvalue->state, SOPS_STATE_INUSE,
			SOPS_STATE_TOBEFREE)) {
	case SOPS_STATE_INUSE:
		WRITE_ONCE(smap->since, ktime_get_boottime_seconds());
		smap->type->ops->unreg(smap->kvalue->data, NULL);
		trace_unregistered(map->id, map->name, smap->type->name, 0);
		bpf_map_put(map);
		return 0;
	case SOPS_STATE_TOBEFREE:
		return sops_refused("delete", smap, NULL, 0, -EINPROGRESS,
				    "it was deleted before, and somebody holds it still");
	default:
		return sops_refused("delete", smap, NULL, 0, -ENOENT, "it is not registered");
	}
}

#ifdef HAVE_MAP_MEM_USAGE
/* What the map takes, in bytes, for fdinfo: executable memory included. */
static u64 sops_map_mem_usage(const struct bpf_map *map)
{
	struct sops_map *smap = to_sops_map(map);

	return sizeof(*smap) + sops_layout_size(map->value_size) + sizeof(smap) +
	       map->value_size + sops_image_mem(&smap->image);
}
#endif

const struct bpf_map_ops sops_map_ops = {
	.map_free		= sops_map_free,
	.map_get_next_key	= sops_map_get_next_key,
	.map_lookup_elem	= sops_map_lookup,
	.map_update_elem	= sops_map_update,
	.map_delete_elem	= sops_map_delete,
	.map_seq_show_elem	= sops_map_seq_show,
#ifdef HAVE_MAP_MEM_USAGE
	.map_mem_usage		= sops_map_mem_usage,
#endif
	.map_btf_id		= &sops_layout.map_btf_id,
};
