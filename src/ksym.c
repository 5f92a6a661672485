// SPDX-License-Identifier: GPL-2.0-only
/*
 * Symbols of executable memory, for kallsyms, stack traces and perf.
 *
 * They are most of what a map takes, for the sake of the longest name that
 * there may be: from a cache of their size, where kmalloc() would give half
 * as much again.
 */
#include <linux/perf_event.h>
#include <linux/slab.h>
#include "kernel.h"
#include "ksym.h"

static struct kmem_cache *sops_ksyms;

/** sops_ksyms_init() - at insmod. Return: 0 or -ENOMEM */
int __init sops_ksyms_init(void)
{
	sops_ksyms = kmem_cache_create("struct_ops_ksym", sizeof(struct bpf_ksym), 0,
				       SLAB_ACCOUNT, NULL);
	return sops_ksyms ? 0 : -ENOMEM;
}

/** sops_ksyms_exit() - no symbol is left */
void sops_ksyms_exit(void)
{
	kmem_cache_destroy(sops_ksyms);
}

/**
 * sops_ksym_new() - a symbol without name and place
 *
 * Goes to the account of the caller's memory cgroup. Context: process.
 *
 * Return: the symbol, or NULL.
 */
struct bpf_ksym *sops_ksym_new(void)
{
	struct bpf_ksym *ksym = kmem_cache_alloc(sops_ksyms, SOPS_GFP);

	if (!ksym)
		return NULL;
	/* All but place and name: the place comes before it is shown, and the name is long. */
	memset_after(ksym, 0, name);
	INIT_LIST_HEAD_RCU(&ksym->lnode);
	return ksym;
}

/** sops_ksym_free() - give it back; NULL is nothing */
void sops_ksym_free(struct bpf_ksym *ksym)
{
	if (ksym)
		kmem_cache_free(sops_ksyms, ksym);
}

static void sops_ksym_tell_perf(const struct bpf_ksym *ksym, bool gone)
{
	borrowed(perf_event_ksymbol)(PERF_RECORD_KSYMBOL_TYPE_BPF, ksym->start,
				     ksym->end - ksym->start, gone, ksym->name);
}

/** sops_ksym_add() - from here on kallsyms has it; perf is told */
void sops_ksym_add(struct bpf_ksym *ksym)
{
	borrowed(bpf_ksym_add)(ksym);
	sops_ksym_tell_perf(ksym, false);
}

/** sops_ksym_del() - undo sops_ksym_add(); readers may go on for one RCU grace period */
void sops_ksym_del(struct bpf_ksym *ksym)
{
	borrowed(bpf_ksym_del)(ksym);
	sops_ksym_tell_perf(ksym, true);
}
