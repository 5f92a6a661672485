// SPDX-License-Identifier: GPL-2.0-only
/*
 * A link that registers a map.
 *
 * A map made with BPF_F_LINK is only made ready by an update; a link then
 * registers it, can move the registration to another map of the same type in
 * one step, and ends it when it is detached or its last reference goes.
 *
 *	          create           update (another map)
 *	(no link) ------> attached -----+
 *	                   |   ^        |
 *	            detach |   +--------+
 *	                   v
 *	                detached: polls EPOLLHUP, -ENOLINK for an update
 *
 * Locks: a link's own lock protects what it is attached to; inside it the
 * type's lock serialises the link operations of one subsystem. Subsystems do
 * not wait for each other.
 */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include "kernel.h"
#include "layout.h"
#include "link.h"
#include "link_file.h"
#include "map.h"
#include "refused.h"
#include "registry.h"
#include <trace/events/struct_ops.h>

/**
 * struct sops_link - a link of ours
 * @link: what the kernel knows of it
 * @lock: protects @smap
 * @smap: the map that is registered through it, a reference; NULL once
 *	detached. Readers: RCU
 * @of_map: among those of @smap, for the list of maps
 * @wait_hup: who polls for the end
 *
 * Holds a reference on this module: its operations are in our text.
 */
struct sops_link {
	struct bpf_link link;
	struct mutex lock;	/* protects smap */
	struct sops_map __rcu *smap;
	struct sops_map_link of_map;
	wait_queue_head_t wait_hup;
};

static struct sops_link *to_sops_link(const struct bpf_link *link)
{
	return container_of(link, struct sops_link, link);
}

static struct sops_map *sops_link_map(struct sops_link *slink)
{
	return rcu_dereference_protected(slink->smap,
					 lockdep_is_held(&slink->lock));
}

/* Made for links, and its update is through. */
static bool sops_link_is_ready(struct sops_map *smap)
{
	if (!(smap->map->map_flags & BPF_F_LINK))
		return false;
	/* Pairs with the release in sops_map_update(): the value is complete. */
	return smp_load_acquire(&smap->kvalue->state) == SOPS_STATE_READY;
}

/*
 * May one more link register the map? The one place that decides it. The
 * types named here find a second registration of one value by themselves, by
 * name or because they take one only, and answer as user space knows them to
 * (-EEXIST, -EBUSY); TCP is the reason that it has to be asked at all: it
 * links the value itself into a list, where twice is a corrupted list. Of any
 * other type nothing is known, so one link it is.
 */
static int sops_link_claim(struct sops_map *smap)
{
	static const char * const ask_them[] = {
		"tcp_congestion_ops", "Qdisc_ops", "sched_ext_ops",
	};

	if (match_string(ask_them, ARRAY_SIZE(ask_them), smap->type->name) >= 0) {
		atomic_inc(&smap->nr_links);
		return 0;
	}
	if (!atomic_cmpxchg(&smap->nr_links, 0, 1))
		return 0;
	return sops_refused("link", smap, NULL, 0, -EBUSY,
			    "another link registers it, and its type takes one only");
}

static void sops_link_unclaim(struct sops_map *smap)
{
	atomic_dec(&smap->nr_links);
}

/* End the registration; the reference on the map stays with the caller. */
static void sops_link_unreg(struct sops_link *slink, struct sops_map *smap)
{
	mutex_lock(&smap->type->lock);
	smap->type->ops->unreg(smap->kvalue->data, &slink->link);
	mutex_unlock(&smap->type->lock);
	sops_registry_lock();
	list_del(&slink->of_map.list);
	sops_registry_unlock();
	trace_unregistered(smap->map->id, smap->map->name, smap->type->name, slink->link.id);
	sops_link_unclaim(smap);
}

static void sops_link_dealloc(struct bpf_link *link)
{
	struct sops_link *slink = to_sops_link(link);
	/* The last reference is gone: nobody else looks at it. */
	struct sops_map *smap = rcu_dereference_protected(slink->smap, true);

	if (smap) {
		sops_link_unreg(slink, smap);
		bpf_map_put(smap->map);
	}
	kfree(slink);
	module_put(THIS_MODULE);
}

static int sops_link_detach(struct bpf_link *link)
{
	struct sops_link *slink = to_sops_link(link);
	struct sops_map *smap;

	mutex_lock(&slink->lock);
	smap = sops_link_map(slink);
	if (smap) {
		sops_link_unreg(slink, smap);
		RCU_INIT_POINTER(slink->smap, NULL);
	}
	mutex_unlock(&slink->lock);

	if (smap) {
		/* It is freed after a grace period: whoever reads its id may go on. */
		bpf_map_put(smap->map);
		wake_up_interruptible_poll(&slink->wait_hup, EPOLLHUP);
	}
	return 0;
}

/* Two maps of one type: from @old to @new; @slink->lock is held. */
static int sops_link_move(struct sops_link *slink, struct sops_map *old,
			  struct sops_map *new)
{
	int err;

	err = sops_link_claim(new);
	if (err)
		return err;
	mutex_lock(&new->type->lock);
	err = new->type->ops->update(new->kvalue->data, old->kvalue->data,
				     &slink->link);
	mutex_unlock(&new->type->lock);
	if (err) {
		sops_link_unclaim(new);
		return sops_refused("link_update", new, NULL, 0, err,
				    "the subsystem refuses to move to it");
	}
	trace_updated(new->map->id, new->map->name, new->type->name, slink->link.id);

	bpf_map_inc(new->map);
	rcu_assign_pointer(slink->smap, new);
	sops_registry_lock();
	list_move_tail(&slink->of_map.list, &new->links);
	sops_registry_unlock();
	sops_link_unclaim(old);
	bpf_map_put(old->map);
	return 0;
}

/**
 * sops_link_update() - register another map in place of the one that is
 * @link: of ours
 * @new_map: past its update
 * @expected_old_map: the one that is, if not NULL
 *
 * Return: 0, also when it is registered already; -EINVAL for a map that is not
 * ours, not ready, or of another type, -EOPNOTSUPP when the type cannot do it,
 * -ENOLINK once the link is detached, -EPERM when another map was expected,
 * -EBUSY as sops_link_create(), or the subsystem's error.
 */
int sops_link_update(struct bpf_link *link, struct bpf_map *new_map,
		     struct bpf_map *expected_old_map)
{
	struct sops_link *slink = to_sops_link(link);
	struct sops_map *old, *new;
	int err = 0;

	if (!sops_is_map(new_map))
		return sops_refused("link_update", NULL, NULL, 0, -EINVAL,
				    "the new map is not of this module");
	new = to_sops_map(new_map);
	if (!sops_link_is_ready(new))
		return sops_refused("link_update", new, NULL, 0, -EINVAL,
				    "the new map is without BPF_F_LINK, or not updated yet");
	if (!new->type->ops->update)
		return sops_refused("link_update", new, NULL, 0, -EOPNOTSUPP,
				    "the type has no update: detach, and link anew");

	mutex_lock(&slink->lock);
	old = sops_link_map(slink);
	if (!old)
		err = sops_refused("link_update", new, NULL, 0, -ENOLINK, "the link is detached");
	else if (expected_old_map && old->map != expected_old_map)
		err = sops_refused("link_update", new, NULL, 0, -EPERM,
				   "the link is not at the map that was expected");
	else if (old->type != new->type)
		err = sops_refused("link_update", new, NULL, 0, -EINVAL,
				   "the new map is of another type");
	else if (old != new)
		err = sops_link_move(slink, old, new);
	/*
	 * To the map it is attached to already: what was asked for is so. The
	 * kernel hands it to the subsystem, and TCP's list is corrupted.
	 */
	mutex_unlock(&slink->lock);
	return err;
}

static void sops_link_show_fdinfo(const struct bpf_link *link,
				  struct seq_file *m)
{
	struct sops_map *smap;

	rcu_read_lock();
	smap = rcu_dereference(to_sops_link(link)->smap);
	if (smap)
		seq_printf(m, "map_id:\t%u\n", READ_ONCE(smap->map->id));
	rcu_read_unlock();
}

static int sops_link_fill_info(const struct bpf_link *link,
			       struct bpf_link_info *info)
{
	struct sops_map *smap;

	rcu_read_lock();
	smap = rcu_dereference(to_sops_link(link)->smap);
	if (smap)
		sops_info_map_id(info) = READ_ONCE(smap->map->id);
	rcu_read_unlock();
	return 0;
}

static __poll_t sops_link_poll(struct file *file, struct poll_table_struct *pts)
{
	struct sops_link *slink = to_sops_link(file->private_data);

	poll_wait(file, &slink->wait_hup, pts);
	return rcu_access_pointer(slink->smap) ? 0 : EPOLLHUP;
}

#ifndef HAVE_STRUCT_OPS_LINK
/* Called for the sake of sops_link_no_prog, ahead of sops_link_dealloc(). */
static void sops_link_release(struct bpf_link *link)
{
}
#endif

static const struct bpf_link_ops sops_link_ops = {
	.dealloc	= sops_link_dealloc,
	.detach		= sops_link_detach,
	.show_fdinfo	= sops_link_show_fdinfo,
	.fill_link_info	= sops_link_fill_info,
#ifdef HAVE_STRUCT_OPS_LINK
	.update_map	= sops_link_update,
	.poll		= sops_link_poll,
#else
	.release	= sops_link_release,
#endif
};

/* What only files of maps have: the table of their operations is not found by name everywhere. */
static unsigned long sops_map_release __ro_after_init;

/**
 * sops_link_find() - find out how files of maps and links are told from others,
 * and whether we know all that the kernel does to a link
 *
 * Context: process, at insmod, after sops_kernel_bind().
 *
 * Return: 0, or -Exxx with a line that says what is missing.
 */
int __init sops_link_find(void)
{
	int err;

	err = sops_layout_check_ops("bpf_struct_ops_map_lops", &sops_link_ops, 0,
				    sizeof(sops_link_ops)) ?:
	      sops_kernel_lookup("bpf_map_release", "CONFIG_BPF_SYSCALL", &sops_map_release);
	return err ?: sops_link_file_init(&sops_link_ops, sops_link_poll);
}

/**
 * sops_map_of_file() - the map of ours behind a file
 * @file: any
 *
 * Context: any; called from a tracer, hence notrace.
 *
 * Return: the map, which the file holds, or NULL.
 */
notrace struct bpf_map *sops_map_of_file(const struct file *file)
{
	struct bpf_map *map = file->private_data;

	return (unsigned long)file->f_op->release == sops_map_release && sops_is_map(map) ?
	       map : NULL;
}

#ifdef HAVE_STRUCT_OPS_LINK
/**
 * sops_link_is_ours() - is a link to be made for a map of ours?
 * @attr: of BPF_LINK_CREATE
 *
 * Takes no reference on a map, since it must not put the last one.
 * Context: process, perhaps with preemption off; called from a tracer, hence
 * notrace.
 */
notrace bool sops_link_is_ours(const union bpf_attr *attr)
{
	struct fd f = fdget(sops_attr_map_fd(attr));
	bool ours = fd_file(f) && sops_map_of_file(fd_file(f));

	fdput(f);
	return ours;
}
#endif

/*
 * The map behind an fd that may write to it, with a reference. The kernel
 * asks for no such right, so that whoever was given an fd to read from can
 * register the map.
 */
static struct sops_map *sops_link_get_map(int fd)
{
	const char *reason;
	struct bpf_map *map;
	struct fd f;
	int err = 0;

	map = borrowed(bpf_map_get)(fd);
	if (IS_ERR(map))
		return ERR_PTR(sops_refused("link", NULL, NULL, 0, PTR_ERR(map),
					    "the fd is of no map"));

	f = fdget(fd);
	if (!sops_is_map(map)) {
		err = -EINVAL;
		reason = "the map is not of this module";
	/* Another thread may have put another file there since. */
	} else if (!fd_file(f) || fd_file(f)->private_data != map) {
		err = -EBADF;
		reason = "the fd is of another file by now";
	} else if (!(fd_file(f)->f_mode & FMODE_CAN_WRITE)) {
		err = -EPERM;
		reason = "the fd may not write to the map";
	}
	fdput(f);
	if (err) {
		sops_refused("link", err == -EPERM ? to_sops_map(map) : NULL, NULL, 0, err,
			     reason);
		bpf_map_put(map);
		return ERR_PTR(err);
	}
	return to_sops_map(map);
}

/* Register @smap through a new link; on success the link has its reference. */
static int sops_link_attach(struct sops_map *smap)
{
	struct bpf_link_primer primer;
	struct sops_link *slink;
	int err;

	if (!sops_link_is_ready(smap))
		return sops_refused("link", smap, NULL, 0, -EINVAL,
				    "the map is without BPF_F_LINK, or not updated yet");
	err = sops_link_claim(smap);
	if (err)
		return err;

	slink = kzalloc(sizeof(*slink), GFP_USER | __GFP_NOWARN);
	if (!slink) {
		err = sops_refused("link", smap, NULL, 0, -ENOMEM,
				   sops_refused_memory(-ENOMEM, NULL));
		goto unclaim;
	}
	mutex_init(&slink->lock);
	init_waitqueue_head(&slink->wait_hup);
	sops_link_init(&slink->link, &sops_link_ops);
	err = sops_link_prime(&slink->link, &primer);
	if (err) {
		sops_refused("link", smap, NULL, 0, err, "there is no fd or id for a link");
		kfree(slink);
		goto unclaim;
	}

	/* The subsystem may detach it as soon as it knows it: it waits here. */
	mutex_lock(&slink->lock);
	mutex_lock(&smap->type->lock);
	err = smap->type->ops->reg(smap->kvalue->data, &slink->link);
	mutex_unlock(&smap->type->lock);
	if (!err) {
		RCU_INIT_POINTER(slink->smap, smap);
		slink->of_map.id = primer.id;
		sops_registry_lock();
		list_add_tail(&slink->of_map.list, &smap->links);
		sops_registry_unlock();
	}
	mutex_unlock(&slink->lock);
	if (!err) {
		trace_linked(smap->map->id, smap->map->name, smap->type->name, primer.id);
		return borrowed(bpf_link_settle)(&primer);
	}
	sops_refused("link", smap, NULL, 0, err, "the subsystem refuses to register it");

	/* Puts the file and so, in time, the module through dealloc. */
	__module_get(THIS_MODULE);
	sops_link_cleanup(&primer);
unclaim:
	sops_link_unclaim(smap);
	return err;
}

/**
 * sops_link_create() - register a map through a link
 * @attr: of BPF_LINK_CREATE
 *
 * Comes with a reference on this module, which the link keeps.
 * Context: process, may sleep.
 *
 * Return: an fd of the link, or -EINVAL for flags, for a map without
 * BPF_F_LINK or before its update, -EPERM for an fd that may not write,
 * -EBUSY when another link registers the map and its type takes one only,
 * -ENOMEM, -EMFILE, or the subsystem's error.
 */
int sops_link_create(union bpf_attr *attr)
{
	struct sops_map *smap;
	int ret;

	smap = sops_link_get_map(sops_attr_map_fd(attr));
	if (IS_ERR(smap)) {
		ret = PTR_ERR(smap);
		goto put_module;
	}
	ret = attr->link_create.flags ?
		sops_refused("link", smap, NULL, 0, -EINVAL, "flags must be zero") :
		sops_link_attach(smap);
	if (ret >= 0)
		return ret;
	bpf_map_put(smap->map);
put_module:
	module_put(THIS_MODULE);
	return ret;
}
