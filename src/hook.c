// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the kernel's calls reach us.
 *
 * The kernel's table of map types is constant, so a struct_ops map made after
 * insmod still has the kernel's operations in it. Each of those functions
 * starts with a call to ftrace; our handler, run there, looks at the first
 * argument, and when that object is ours it sets the instruction pointer to
 * our function, which then runs in place of the kernel's, with the arguments
 * in their registers and the caller's return address on the stack:
 *
 *	caller --> bpf_struct_ops_map_update_elem(map, ...)
 *		       |  ftrace: sops_hook_entry()
 *		       |-- map is ours --> sops_map_update(map, ...) --> caller
 *		       `-- it is not ----> the kernel's own body ------> caller
 *
 * So one call is served by one implementation, the original is never called
 * from here, and maps that were made before keep the kernel's.
 *
 * The first call that reaches a map of ours this way also puts a table of our
 * own into it, so that later ones come straight to us: that spares them the
 * way through ftrace. It is a short cut and no more. Whoever has read the
 * kernel's table before gets to the same function by the hook, and what the
 * kernel does not call through a table always does.
 *
 * That no task is in our text after rmmod rests on this:
 *
 *  - A function that serves an object of ours: its caller holds that object,
 *    every object of ours holds a reference on this module, and the last one
 *    is put only after grace periods (sops_map_free()).
 *  - Making a map or a link, where the caller holds no object yet: the
 *    handler takes the reference, the new object keeps it; on failure it is
 *    put just before the return. rmmod and the handler cannot miss each
 *    other: once the module is going, try_module_get() fails and the kernel's
 *    own body runs.
 *  - The handler itself, functions that never sleep, and the few instructions
 *    between a module_put() and the return: unregistering and then
 *    synchronize_rcu_tasks() wait until every task, had it been preempted in
 *    there, has gone on to sleep of its own will somewhere else.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <compat/ftrace.h>
#include <compat/hooks.h>
#include <compat/map_ops.h>
#include "assoc.h"
#include "hook.h"
#include "kernel.h"
#include "link.h"
#include "map.h"
#include "proto.h"
#include "registry.h"

/* What tells whether a call is for us. */
enum sops_subject {
	SOPS_MAP,	/* the first argument is a map of ours */
	SOPS_MAP_2ND,	/* the second is */
	SOPS_KDATA,	/* the first argument is the kernel-side value of one */
	SOPS_LINK_ATTR,	/* an fd of one is in it; hands a reference on */
	SOPS_CREATE,	/* always; hands a reference on */
	SOPS_ALWAYS,	/* always; never sleeps */
};

/*
 * hook(SUBJECT, kernel's function, ours, return type, arguments): without it ...
 * The handler looks through them in this order: what is called most is first.
 */
#define SOPS_HOOKS(hook)						\
	/* ... subsystems would count references in the wrong place */	\
	hook(SOPS_KDATA, bpf_struct_ops_get, sops_map_get_kdata,	\
	     bool, (const void *))					\
	hook(SOPS_KDATA, bpf_struct_ops_put, sops_map_put_kdata,	\
	     void, (const void *))					\
	/* ... nothing could be registered or unregistered */		\
	hook(SOPS_MAP, bpf_struct_ops_map_update_elem, sops_map_update,	\
	     map_ops_long, (struct bpf_map *, void *, void *, u64))	\
	hook(SOPS_MAP, bpf_struct_ops_map_delete_elem, sops_map_delete,	\
	     map_ops_long, (struct bpf_map *, void *))			\
	/* ... maps with flags that only newer kernels know stay refused */ \
	hook(SOPS_ALWAYS, bpf_struct_ops_map_alloc_check, sops_map_alloc_check, \
	     int, (union bpf_attr *))					\
	/* ... the kernel would free a map of ours as one of its own */	\
	hook(SOPS_MAP, bpf_struct_ops_map_free, sops_map_free,		\
	     void, (struct bpf_map *))					\
	/* ... an in-kernel lookup would read our map as one of its own */ \
	hook(SOPS_MAP, bpf_struct_ops_map_lookup_elem, sops_map_lookup,	\
	     void *, (struct bpf_map *, void *))			\
	hook(SOPS_MAP, bpf_struct_ops_map_get_next_key, sops_map_get_next_key, \
	     int, (struct bpf_map *, void *, void *))			\
	/* ... user space would read garbage */				\
	hook(SOPS_MAP, bpf_struct_ops_map_sys_lookup_elem, sops_map_sys_lookup, \
	     int, (struct bpf_map *, void *, void *))			\
	hook(SOPS_MAP, bpf_struct_ops_map_seq_show_elem, sops_map_seq_show, \
	     void, (struct bpf_map *, void *, struct seq_file *))	\
	SOPS_HOOKS_LINK(hook)						\
	SOPS_HOOKS_USAGE(hook)						\
	SOPS_HOOKS_INFO(hook)						\
	SOPS_HOOKS_ASSOC(hook)						\
	SOPS_HOOKS_ID(hook)						\
	SOPS_HOOKS_PROGS(hook)						\
	/* ... no map would be ours */					\
	hook(SOPS_CREATE, bpf_struct_ops_map_alloc, sops_map_alloc,	\
	     struct bpf_map *, (union bpf_attr *))

#define SOPS_HOOK_TYPE(subject, func, ours, ret, args)			\
	static_assert(__same_type(&ours, (ret(*)args)NULL));
SOPS_HOOKS(SOPS_HOOK_TYPE)

static const struct sops_hook {
	enum sops_subject subject;
	const char *func;
	const char *proto;
	void *ours;
} sops_hooks[] = {
#define SOPS_HOOK_ENTRY(subject, func, ours, ret, args) \
	{ subject, #func, __stringify(ret args), ours },
	SOPS_HOOKS(SOPS_HOOK_ENTRY)
};

/*
 * Functions that carry struct_ops in their name and are left to the kernel.
 * A kernel with one that is neither here nor hooked may have another way to a
 * map, and is refused.
 */
static const char * const sops_not_hooked[] __initconst = {
	/* know types, not maps */
	"bpf_struct_ops_init", "bpf_struct_ops_desc_init",
	"bpf_struct_ops_desc_release", "bpf_struct_ops_find",
	"bpf_struct_ops_find_value", "bpf_struct_ops_supported",
	/* make trampolines for whoever asks: maps of the kernel's, test runs */
	"bpf_struct_ops_prepare_trampoline", "bpf_struct_ops_image_free",
	"bpf_struct_ops_link_release", "bpf_struct_ops_link_dealloc",
	"bpf_struct_ops_test_run",
	/* called by the kernel's bodies of what is hooked */
	"bpf_struct_ops_map_put_progs",
	/* operations of the kernel's own links; ours have their own */
	"bpf_struct_ops_map_link_dealloc", "bpf_struct_ops_map_link_detach",
	"bpf_struct_ops_map_link_show_fdinfo", "bpf_struct_ops_map_link_poll",
	"bpf_struct_ops_map_link_fill_link_info",
	/* look at the program, and at the map's reference count only */
	"bpf_prog_assoc_struct_ops", "bpf_prog_disassoc_struct_ops",
};

/* Address of each hook's call to ftrace, set before the handler can run. */
static unsigned long sops_hook_ips[ARRAY_SIZE(sops_hooks)] __ro_after_init;

/*
 * The kernel's operations of a struct_ops map, with ours for those that are
 * hooked; empty where the kernel's table is not to be found. map_create()
 * overwrites what a new map has, so it cannot be there from the start. Nobody
 * takes it from one map to another: the kernel copies tables for maps in maps
 * only, where struct_ops maps are refused.
 */
static struct bpf_map_ops sops_hook_map_ops __ro_after_init;

/*
 * Every hook is in place. ftrace patches one function after the other, so
 * until then nothing may become ours: another function might still be the
 * kernel's when the new object reaches it.
 */
static bool sops_hooks_live;

/* A reference on this module for a new object, if it can be ours. */
static notrace bool sops_hook_get_module(void)
{
	/* Pairs with the release in sops_hooks_on(). */
	return smp_load_acquire(&sops_hooks_live) && try_module_get(THIS_MODULE);
}

static notrace bool sops_hook_wants_map(struct bpf_map *map)
{
	if (!sops_is_map(map))
		return false;
	/* not again and again: whoever calls reads it */
	if (sops_hook_map_ops.map_free && READ_ONCE(map->ops) != &sops_hook_map_ops)
		WRITE_ONCE(map->ops, &sops_hook_map_ops);
	return true;
}

static notrace bool sops_hook_wants(enum sops_subject subject,
				    struct ftrace_regs *fregs)
{
	void *first = (void *)ftrace_regs_get_argument(fregs, 0);

	switch (subject) {
	case SOPS_MAP:
		return sops_hook_wants_map(first);
	case SOPS_MAP_2ND:
		return sops_is_map((void *)ftrace_regs_get_argument(fregs, 1));
	case SOPS_KDATA:
		return sops_is_kdata(first);
	case SOPS_LINK_ATTR:
		return sops_link_is_ours(first) && sops_hook_get_module();
	case SOPS_CREATE:
		return sops_hook_get_module();
	case SOPS_ALWAYS:
		return true;
	}
	return false;
}

/*
 * Runs in whatever context the hooked function was called in. It calls nothing
 * that is hooked by these ops, so it cannot recurse, and must not be skipped
 * by a recursion guard: the kernel's body would then run on a map of ours.
 * Hence no FTRACE_OPS_FL_RECURSION, which asks for that guard. (When others
 * trace the same function ftrace guards its list of ops; it would have to be
 * called from one of those for that to matter, and is not.)
 */
static notrace void sops_hook_entry(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *ops,
				    struct ftrace_regs *fregs)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sops_hooks); i++)
		if (sops_hook_ips[i] == ip)
			break;
	if (WARN_ON_ONCE(i == ARRAY_SIZE(sops_hooks)))
		return;

	if (sops_hook_wants(sops_hooks[i].subject, fregs))
		ftrace_regs_set_instruction_pointer(fregs,
						    (unsigned long)sops_hooks[i].ours);
}

/* PERMANENT: sysctl kernel.ftrace_enabled=0 is refused while we are in. */
#define SOPS_HOOK_FLAGS \
	(FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT | SOPS_FTRACE_FLAGS)

/* One ops for all, so that all of them come on and go off together. */
static struct ftrace_ops sops_hook_ops = {
	.func	= sops_hook_entry,
	.flags	= SOPS_HOOK_FLAGS,
};

/* By its name, as the kernel gives them. */
static bool __init sops_hook_may_lead_to_map(const char *func)
{
	static const char bpf[] = "bpf_struct_ops_", info[] = "bpf_map_struct_ops_";

	return !strncmp(func, bpf, sizeof(bpf) - 1) ||
	       !strncmp(func, info, sizeof(info) - 1) ||
	       (!strncmp(func, "bpf_prog_", 9) && strstr(func, "struct_ops"));
}

static bool __init sops_hook_is_known(const char *func)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sops_hooks); i++)
		if (!strcmp(sops_hooks[i].func, func))
			return true;
	return match_string(sops_not_hooked, ARRAY_SIZE(sops_not_hooked), func) >= 0;
}

/* A line for each function that may lead to a map and that we do not know. */
static int __init sops_hooks_find_unknown(void)
{
	struct btf *btf = borrowed(bpf_get_btf_vmlinux)();
	const struct btf_type *t;
	const char *name;
	int ret = 0;
	u32 id;

	for (id = 1; (t = btf_type_by_id(btf, id)); id++) {
		if (BTF_INFO_KIND(t->info) != BTF_KIND_FUNC)
			continue;
		name = borrowed(btf_name_by_offset)(btf, t->name_off);
		if (sops_hook_may_lead_to_map(name) && !sops_hook_is_known(name)) {
			pr_err("this kernel has %s, which may lead to a struct_ops map and is not known here: it needs a newer struct_ops.ko\n",
			       name);
			ret = -EOPNOTSUPP;
		}
	}
	return ret;
}

/* The kernel's table, into ours. */
static void __init sops_hooks_copy_map_ops(void)
{
	const struct bpf_map_ops *ops = (void *)sops_kernel_find("bpf_struct_ops_map_ops");

	if (ops)
		sops_hook_map_ops = *ops;
}

/* Wherever our table has the kernel's function it gets ours. */
static void __init sops_hooks_edit_map_ops(unsigned long addr, void *ours)
{
	void **op = (void **)&sops_hook_map_ops;
	int i;

	for (i = 0; i < sizeof(sops_hook_map_ops) / sizeof(*op); i++)
		if (op[i] == (void *)addr)
			op[i] = ours;
}

/*
 * bpf_struct_ops_link_create() looks the fd up that the handler has looked up
 * before, and by then another thread may have put a map of ours there. The
 * kernel asks for the state of the map first, and refuses, so long as it reads
 * a zero where it believes the state to be.
 */
static int __init sops_hooks_check_state(void)
{
	int value = sops_kernel_offset("bpf_struct_ops_map", "kvalue", 0);
	/* both kinds of values begin alike */
	int state = value + offsetof(struct sops_value, state);

	if (value >= 0 && state >= (int)offsetof(struct sops_map, hollow) &&
	    state + sizeof(u32) <= offsetofend(struct sops_map, hollow))
		return 0;
	pr_err("this kernel has the value of a struct_ops map at %d, which does not fit: it needs a newer struct_ops.ko\n",
	       value);
	return -EOPNOTSUPP;
}

/**
 * sops_hooks_check() - find every entry point and compare its prototype
 *
 * Prints a line for each that does not fit. Nothing is hooked yet.
 * Context: process, at insmod, after sops_kernel_bind().
 *
 * Return: 0 or -Exxx of the last failure.
 */
int __init sops_hooks_check(void)
{
	int i, err, ret = 0;
	unsigned long addr;

	sops_hooks_copy_map_ops();
	for (i = 0; i < ARRAY_SIZE(sops_hooks); i++) {
		const struct sops_hook *hook = &sops_hooks[i];

		err = sops_kernel_lookup(hook->func, "CONFIG_BPF_JIT", &addr);
		if (!err)
			err = sops_proto_check(hook->func, hook->proto);
		if (!err) {
			sops_hook_ips[i] = borrowed(ftrace_location)(addr);
			if (!sops_hook_ips[i]) {
				pr_err("this kernel's %s cannot be traced: it needs a kernel with CONFIG_FUNCTION_TRACER\n",
				       hook->func);
				err = -EOPNOTSUPP;
			}
		}
		if (err)
			ret = err;
		else if (hook->subject == SOPS_MAP)
			sops_hooks_edit_map_ops(addr, hook->ours);
		else if (hook->subject == SOPS_LINK_ATTR)
			ret = sops_hooks_check_state() ?: ret;
	}
	/* Without BTF there was a line for that already. */
	return ret ?: sops_hooks_find_unknown();
}

static notrace void sops_hook_nothing(unsigned long ip, unsigned long parent_ip,
				      struct ftrace_ops *ops,
				      struct ftrace_regs *fregs)
{
}

/*
 * After -EBUSY for all together: say for which it is, by trying each alone,
 * with a handler that does nothing, since half of the hooks must never be on.
 * If ftrace is switched off it takes these, though not permanent ones.
 */
static void __init sops_hooks_blame(void)
{
	static struct ftrace_ops trial = {
		.func	= sops_hook_nothing,
		.flags	= SOPS_HOOK_FLAGS & ~FTRACE_OPS_FL_PERMANENT,
	};
	bool found = false;
	int i, err;

	for (i = 0; i < ARRAY_SIZE(sops_hooks); i++) {
		if (ftrace_set_filter_ip(&trial, sops_hook_ips[i], 0, 1))
			continue;
		err = register_ftrace_function(&trial);
		if (!err)
			unregister_ftrace_function(&trial);
		if (err != -EBUSY)
			continue;
		found = true;
		pr_err("%s is already redirected by another module, such as a livepatch: unload that first\n",
		       sops_hooks[i].func);
	}
	ftrace_free_filter(&trial);
	if (!found)
		pr_err("ftrace is switched off (sysctl kernel.ftrace_enabled), or was busy: switch it on, and try again\n");
}

/**
 * sops_hooks_on() - from here on every new struct_ops map is ours
 *
 * Context: process, at insmod, as the last step that can fail: maps may be
 * made before it returns.
 *
 * Return: 0, -EBUSY when another module already redirects one of the
 * functions (a line names it) or ftrace is off, or what it had against it.
 */
int __init sops_hooks_on(void)
{
	int err;

	err = ftrace_set_filter_ips(&sops_hook_ops, sops_hook_ips,
				    ARRAY_SIZE(sops_hook_ips), 0, 1);
	if (!err)
		err = register_ftrace_function(&sops_hook_ops);
	if (!err) {
		/* Pairs with the acquire in sops_hook_get_module(). */
		smp_store_release(&sops_hooks_live, true);
		return 0;
	}

	ftrace_free_filter(&sops_hook_ops);
	if (err == -EBUSY)
		sops_hooks_blame();
	else
		pr_err("cannot redirect the kernel's struct_ops maps (%d)\n", err);
	return err;
}

/**
 * sops_hooks_off() - new maps are the kernel's own again
 *
 * When it returns no task is in a function of ours that a hook led to; the
 * top of this file says why. Context: process, at rmmod, no map of ours left.
 */
void sops_hooks_off(void)
{
	unregister_ftrace_function(&sops_hook_ops);
	ftrace_free_filter(&sops_hook_ops);
	synchronize_rcu_tasks();
}
