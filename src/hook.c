// SPDX-License-Identifier: GPL-2.0-only
/*
 * How new maps become ours.
 *
 * The kernel's table of map types is constant, so BPF_MAP_CREATE always goes
 * to the kernel's bpf_struct_ops_map_alloc(). That one is redirected to ours
 * (redirect.c or direct.c), and what comes back looks like a map of the
 * kernel's to all code of the kernel's (layout.c), with the kernel's table of
 * operations in it. Then map_create() shows every new map to the security
 * modules, before it has an id or an fd; there an observer puts our table in:
 *
 *	map_create()
 *	  bpf_struct_ops_map_alloc(attr)  --redirected-->  sops_map_alloc()
 *	  map->ops = the kernel's
 *	  security_bpf_map_create(map)    --observed---->  map->ops = sops_map_ops
 *	  id, fd
 *
 * From there on the map depends on nothing that is hooked: its operations are
 * called through its own table, and what the kernel calls without a table is
 * right for it by layout. Only what makes new objects is redirected, so if
 * tracing is cut off, new maps are the kernel's own, and no harm is done.
 * Maps that were made before insmod keep the kernel's table.
 *
 * A map that never gets that far is freed by the kernel's bpf_struct_ops_map_
 * free(), redirected for such maps alone. Links are made by
 * bpf_struct_ops_link_create(), redirected for maps of ours, because the
 * kernel's has defects; a link of the kernel's on a map of ours would work.
 *
 * That no task is in our text after rmmod rests on this:
 *
 *  - A function that serves a map or a link of ours: its caller holds that
 *    object, every object of ours holds a reference on this module, and the
 *    last one is put only after grace periods (sops_map_free()).
 *  - Making a map or a link, where the caller holds no object yet: deciding
 *    that the call is for us takes the reference, the new object keeps it; on
 *    failure it is put just before the return. rmmod and that decision cannot
 *    miss each other: once the module is going, try_module_get() fails and the
 *    kernel's own body runs.
 *  - The decision and the observer, which never sleep, and the few
 *    instructions between a module_put() and the return: unregistering and
 *    then synchronize_rcu_tasks() wait until every task, had it been preempted
 *    in there, has gone on to sleep of its own will somewhere else.
 *
 * When ftrace switches itself off, which it does where it finds its own code
 * not as it left it, its calls can no longer be taken out of the kernel. Then
 * this module stays, says so, and its text with it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include <compat/ftrace.h>
#include "hook.h"
#include "kernel.h"
#include "link.h"
#include "map.h"
#include "proto.h"
#include "redirect.h"

#define SOPS_HOOK_TYPE(func, wants, ours, ret, args)			\
	static_assert(__same_type(&ours, (ret(*)args)NULL));
SOPS_HOOKS(SOPS_HOOK_TYPE)

static struct sops_hook sops_hooks[] __ro_after_init = {
#define SOPS_HOOK_ENTRY(func, wants, ours, ret, args) \
	{ #func, __stringify(ret args), (void *)wants, ours },
	SOPS_HOOKS(SOPS_HOOK_ENTRY)
};

/* Calls that we make ourselves, to see that each redirect leads to us. */
static union bpf_attr sops_hook_probe;
DEFINE_STATIC_CALL_NULL(sops_hook_try, sops_map_alloc);

/*
 * Every hook is in place. They come on one after the other, so until then
 * nothing may become ours.
 */
static bool sops_hooks_live;

/* A reference on this module for a new object, if it can be ours. */
static notrace bool sops_hook_get_module(void)
{
	/* Pairs with the release in sops_hooks_on(). */
	if (!smp_load_acquire(&sops_hooks_live) || borrowed(ftrace_is_dead)())
		return false;
	return try_module_get(THIS_MODULE);
}

/**
 * sops_hook_wants_new() - is a new struct_ops map to be ours?
 * @attr: of BPF_MAP_CREATE
 *
 * Context: of a tracer, hence notrace; never sleeps. So do the others here.
 *
 * Return: true, and then sops_hook_new() has a reference on this module.
 */
notrace bool sops_hook_wants_new(const void *attr)
{
	return attr == &sops_hook_probe || sops_hook_get_module();
}

/* In place of bpf_struct_ops_map_alloc(). */
struct bpf_map *sops_hook_new(union bpf_attr *attr)
{
	return attr == &sops_hook_probe ? (void *)attr : sops_map_alloc(attr);
}

/** sops_hook_wants_unserved() - is a map of ours to be freed that was never served? */
notrace bool sops_hook_wants_unserved(const void *map)
{
	return sops_map_is_unserved(map);
}

#ifdef HAVE_STRUCT_OPS_LINK
/**
 * sops_hook_wants_link() - is a link to be made for a map of ours?
 * @attr: of BPF_LINK_CREATE
 *
 * Return: true, and then sops_link_create() has a reference on this module.
 */
notrace bool sops_hook_wants_link(const void *attr)
{
	return sops_link_is_ours(attr) && sops_hook_get_module();
}
#endif

#ifndef HAVE_STRUCT_OPS_LINK
/**
 * sops_hook_wants_create() - is a map to be made that only we can make?
 * @attr: of BPF_MAP_CREATE
 *
 * Return: true, and then sops_syscall_create() has a reference on this module.
 */
notrace bool sops_hook_wants_create(const void *attr)
{
	return sops_syscall_refuses(attr) && sops_hook_get_module();
}
#endif

/* A new map, before it has an id: from here on it is served by us. */
static notrace void sops_hook_observe(unsigned long ip, unsigned long parent_ip,
				      struct ftrace_ops *ops,
				      struct ftrace_regs *fregs)
{
	struct bpf_map *map = (void *)ftrace_regs_get_argument(fregs, 0);

	if (sops_map_is_unserved(map))
		sops_map_serve(map);
}

static struct ftrace_ops sops_hook_observer = {
	.func	= sops_hook_observe,
	.flags	= FTRACE_OPS_FL_PERMANENT | SOPS_FTRACE_FLAGS,
};

/* Where the function that is observed calls ftrace. */
static unsigned long sops_hook_observed_ip __ro_after_init;
static bool sops_hook_observes;

/* The address of @func, and of its call to ftrace. */
static int __init sops_hook_find(const char *func, const char *config,
				 unsigned long *addr, unsigned long *ip)
{
	int err;

	err = sops_kernel_lookup(func, config, addr);
	if (err)
		return err;
	*ip = borrowed(ftrace_location)(*addr);
	if (*ip)
		return 0;
	pr_err("this kernel's %s cannot be traced: it needs a kernel with CONFIG_FUNCTION_TRACER\n",
	       func);
	return -EOPNOTSUPP;
}

/**
 * sops_hooks_check() - find every function and compare its prototype
 *
 * Prints a line for each that does not fit. Nothing is hooked yet.
 * Context: process, at insmod, after sops_layout_init().
 *
 * Return: 0 or -Exxx of the last failure.
 */
int __init sops_hooks_check(void)
{
	unsigned long addr;
	int i, err, ret = 0;

	for (i = 0; i < ARRAY_SIZE(sops_hooks); i++) {
		err = sops_hook_find(sops_hooks[i].func, "CONFIG_BPF_JIT", &addr,
				     &sops_hooks[i].ip);
		if (!err)
			err = sops_proto_check(sops_hooks[i].func, sops_hooks[i].proto);
		if (err)
			ret = err;
		else if (sops_hooks[i].ours == sops_hook_new)
			static_call_update(sops_hook_try, (void *)addr);
	}
	err = sops_hook_find(SOPS_OBSERVED, "CONFIG_SECURITY", &addr, &sops_hook_observed_ip);
	if (!err)
		err = sops_proto_check("ftrace_is_dead", "int (void)");
	return err ?: ret;
}

/**
 * sops_hook_body() - sops_hook_body_of() the function of that name
 * @func: its name, in the table
 *
 * Context: process, at insmod, after sops_hooks_check().
 */
void * __init sops_hook_body(const char *func)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sops_hooks); i++)
		if (!strcmp(sops_hooks[i].func, func))
			return (void *)sops_hook_body_of(&sops_hooks[i]);
	return NULL;
}

static int __init sops_hook_observe_on(void)
{
	int err;

	err = ftrace_set_filter_ip(&sops_hook_observer, sops_hook_observed_ip, 0, 1);
	if (!err)
		err = register_ftrace_function(&sops_hook_observer);
	if (err) {
		ftrace_free_filter(&sops_hook_observer);
		if (err == -EBUSY)
			pr_err("ftrace is switched off (sysctl kernel.ftrace_enabled): switch it on, and try again\n");
		else
			pr_err("cannot observe " SOPS_OBSERVED " (%d)\n", err);
		return err;
	}
	sops_hook_observes = true;
	return 0;
}

static int sops_hook_observe_off(void)
{
	int err;

	if (!sops_hook_observes)
		return 0;
	err = unregister_ftrace_function(&sops_hook_observer);
	if (err)
		return err;
	ftrace_free_filter(&sops_hook_observer);
	sops_hook_observes = false;
	return 0;
}

/*
 * Is a call to the kernel's function a call to ours? Where it was only said
 * to be redirected, the kernel's own refuses this one: there was a processor
 * on which ftrace took new instruction pointers and set none (compat/ftrace.h).
 * All hooks are of one ftrace_ops, whose handler or stub this proves; that it
 * is in each place ftrace has checked itself, and it says when it is not.
 */
static int __init sops_hooks_prove(void)
{
	struct bpf_map *map = static_call(sops_hook_try)(&sops_hook_probe);

	if ((void *)map == &sops_hook_probe)
		return 0;
	pr_err("the kernel's functions could not be redirected, though ftrace said so\n");
	return -EOPNOTSUPP;
}

/*
 * ftrace tells nobody that it died. Whoever wants to remove this module is to
 * be told so by rmmod, which asks nobody but the reference count.
 */
static void sops_hooks_watch(struct work_struct *work);
static DECLARE_DELAYED_WORK(sops_hooks_watch_work, sops_hooks_watch);

/* Together with whatever else wakes a processor once in a second. */
static void sops_hooks_watch_later(void)
{
	schedule_delayed_work(&sops_hooks_watch_work, round_jiffies_relative(5 * HZ));
}

static void sops_hooks_watch(struct work_struct *work)
{
	if (!borrowed(ftrace_is_dead)())
		sops_hooks_watch_later();
	else if (try_module_get(THIS_MODULE))
		pr_err("ftrace has died: new struct_ops maps are the kernel's own, those that live go on, and this module cannot be removed before the next boot\n");
}

/**
 * sops_hooks_on() - from here on every new struct_ops map is ours
 *
 * Context: process, at insmod, as the last step that can fail: maps may be
 * made before it returns.
 *
 * Return: 0, or -Exxx with a line that says why.
 */
int __init sops_hooks_on(void)
{
	int err;

	err = sops_hook_observe_on();
	if (err)
		return err;
	err = sops_redirect_on(sops_hooks, ARRAY_SIZE(sops_hooks));
	if (!err)
		err = sops_hooks_prove();
	if (err) {
		sops_hooks_off();
		return err;
	}
	/* Pairs with the acquire in sops_hook_get_module(). */
	smp_store_release(&sops_hooks_live, true);
	sops_hooks_watch_later();
	return 0;
}

/**
 * sops_hooks_off() - new maps are the kernel's own again
 *
 * When it returns no task is in a function of ours that a hook led to; the
 * top of this file says why. While a hook cannot be taken out it does not
 * return: the kernel would run into memory that is freed.
 * Context: process, at rmmod, no map of ours left.
 */
void sops_hooks_off(void)
{
	bool told = false;

	cancel_delayed_work_sync(&sops_hooks_watch_work);
	/*
	 * Nobody makes maps of ours by now, so it may be the observer first: its
	 * failure does no harm, while direct.c's would be forgotten by ftrace.
	 * ftrace may also die of it, and call that a success.
	 */
	while (sops_hook_observe_off() || sops_redirect_off() ||
	       borrowed(ftrace_is_dead)()) {
		if (!told)
			pr_err("ftrace does not take its calls to this module out of the kernel (is it dead?): rmmod waits until it does\n");
		told = true;
		schedule_timeout_idle(HZ);
	}
	synchronize_rcu_tasks();
}
