// SPDX-License-Identifier: GPL-2.0-only
/*
 * What 6.1 lacks as a whole: links of maps, and types of modules.
 *
 *	syscall.c	commands of bpf() that this kernel would refuse
 *	link_file.c	files of links that can be polled
 *	load.c		a program for a type of a module is being loaded
 *	register.c	a module brings a type
 *	registered.c	the types that are there
 *	native.c	the kernel's own types in the newest kernel's form
 *
 * Links themselves are made by link.c, as on all kernels. Goes when 6.1 does.
 */
#include <linux/init.h>
#include "hook.h"
#include "load.h"
#include "native.h"
#include "register.h"
#include "rooms.h"
#include "syscall.h"

/**
 * sops_rooms_init() - set up all of these
 *
 * Context: process, at insmod, after sops_hooks_check(), before the first type
 * is resolved.
 *
 * Return: 0, or -Exxx with a line that says why.
 */
int __init sops_rooms_init(void)
{
	sops_syscall_init(sops_hook_body("__sys_bpf"), sops_hook_body("map_create"));
	sops_load_init(sops_hook_body("bpf_check"));
	sops_native_init();
	return sops_register_init();
}

/** sops_rooms_exit() - undo it; the hooks are off */
void sops_rooms_exit(void)
{
	sops_register_exit();
}
