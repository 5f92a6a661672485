// SPDX-License-Identifier: GPL-2.0-only
/*
 * struct_ops.ko: BPF struct_ops maps as a loadable module.
 *
 *	hook.c		how new maps become ours (proto.c: are the kernel's
 *			functions what we think they are?)
 *	redirect.c	functions of the kernel's, redirected by ftrace
 *	direct.c	the same on kernels where that has others go wrong
 *	landing.c	what redirects lead over where the processor wants an ENDBR
 *	list.c		our maps in debugfs
 *	holder.c	what holds a map
 *	offer.c		what the newest kernel tells subsystems in modules
 *	rooms.c		what 6.1 lacks as a whole, in rooms of its own
 *	link.c		a link that registers a map
 *	map.c		the map: create, update, look up, delete, show, free
 *	preempt.c	types whose programs run with preemption off, if asked for
 *	value.c		its value: user space's form, the subsystem's form
 *	type.c		a type: BTF resolved into a table of members
 *	image.c		executable memory: a trampoline for each program
 *	ksym.c		its symbols
 *	emit.c		trampolines of our own, where the kernel allows for them
 *	needs.c		what a program needs around it
 *	try_x86.c	put to the test at insmod
 *	emit_x86.c	their bytes: preamble and arguments
 *	steps_x86.c	the steps around the program
 *	exit_x86.c	those after it, which all share
 *	learn_x86.c	what the bytes have to know of this kernel
 *	emit_none.c	in place of these, where there are no bytes for the processor
 *	pack.c		parts of the kernel's program packs
 *	assoc.c		which map a program goes with (kernels that ask)
 *	registry.c	our maps, one after the other
 *	cfi.c		how calls through pointers are checked
 *	refused.c	why something was refused: the last ones, and tracepoints
 *	layout.c	what the kernel's own code finds in a map of ours
 *	names.c		functions, structs and members of the kernel, by name
 *	kernel.c	what we borrow from the kernel
 *
 * Calls go down this list, never up. Whatever differs between kernels is in
 * include/compat/.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include "cfi.h"
#include "emit.h"
#include "hook.h"
#include "kernel.h"
#include "ksym.h"
#include "layout.h"
#include "link.h"
#include "list.h"
#include "map.h"
#include "names.h"
#include "preempt.h"
#include "rooms.h"
#include "type.h"

/* All but the redirects. Return: 0 or -Exxx, and then nothing is left of it. */
static int __init sops_prepare(int *nr_types, const char **generated)
{
	int err;

	err = sops_layout_init() ?:
	      sops_layout_check_ops("bpf_struct_ops_map_ops", &sops_map_ops,
				    /* before it: what makes a map */
				    offsetof(struct bpf_map_ops, map_release),
				    sizeof(sops_map_ops));
	if (err)
		return err;
	err = sops_hooks_check() ?: sops_link_find();
	if (err)
		return err;
	err = sops_rooms_init();
	if (err)
		return err;
	*nr_types = sops_types_init();
	if (*nr_types < 0) {
		err = *nr_types;
		goto rooms;
	}
	err = sops_ksyms_init();
	if (err)
		goto types;
	err = sops_list_init();
	if (err)
		goto ksyms;
	*generated = sops_emit_init();
	return 0;

ksyms:
	sops_ksyms_exit();
types:
	sops_types_exit();
rooms:
	sops_rooms_exit();
	return err;
}

static void sops_finish(void)
{
	sops_emit_exit();
	sops_list_exit();
	sops_ksyms_exit();
	sops_types_exit();
	sops_rooms_exit();
}

static int __init sops_init(void)
{
	const char *generated;
	int err, nr_types;

	err = sops_kernel_bind() ?: sops_cfi_init();
	if (err)
		return err;
	sops_names_init();
	err = sops_prepare(&nr_types, &generated);
	sops_names_exit();
	if (err)
		return err;
	err = sops_hooks_on();
	if (err) {
		sops_finish();
		return err;
	}

	pr_info("new struct_ops maps are served by this module, of %d types in vmlinux; trampolines are %s%s\n",
		nr_types, generated ? "the kernel's: " : "its own", generated ?: "");
	sops_preempt_init(!generated);
	return 0;
}

static void __exit sops_exit(void)
{
	sops_hooks_off();
	sops_map_drain();
	sops_finish();
	pr_info("struct_ops maps are the kernel's own again\n");
}

module_init(sops_init);
module_exit(sops_exit);

MODULE_DESCRIPTION("BPF struct_ops maps (congestion controls, qdiscs, schedulers in BPF) as a loadable module");
MODULE_AUTHOR("struct_ops.ko maintainers <maintainers@users.noreply.r-seed-638bdfb6.example>");
/* the package's as well: scripts/deb reads it here */
MODULE_VERSION("1.0.0");
MODULE_LICENSE("GPL");
