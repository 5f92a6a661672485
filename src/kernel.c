// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binding of what we borrow.
 *
 * kallsyms_lookup_name() is not exported, but a kprobe on it tells its
 * address. Through it every other function is found, once, at insmod, and
 * written into the static calls that the rest of the module calls through.
 * Nothing here needs undoing: the static calls go with the module.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kprobes.h>
#include <linux/moduleparam.h>
#include <compat/arch.h>
#include "kernel.h"

#define SOPS_DEFINE_BORROWED(name, config) \
	DEFINE_STATIC_CALL_NULL(sops_borrowed_##name, name);
SOPS_BORROWED(SOPS_DEFINE_BORROWED)

#define SOPS_DEFINE_OPTIONAL(name, config) \
	DEFINE_STATIC_CALL_NULL(sops_optional_##name, name);
SOPS_OPTIONAL(SOPS_DEFINE_OPTIONAL)

DEFINE_STATIC_CALL_NULL(sops_lookup_name, kallsyms_lookup_name);

struct sops_borrowed {
	const char *name;
	const char *config;
	struct static_call_key *key;
	void *tramp;
};

#define SOPS_ENTRY(kind, name, config) {				\
		#name, config,						\
		&STATIC_CALL_KEY(sops_##kind##_##name),			\
		STATIC_CALL_TRAMP_ADDR(sops_##kind##_##name),		\
	},
#define SOPS_BORROWED_ENTRY(name, config)	SOPS_ENTRY(borrowed, name, config)
#define SOPS_OPTIONAL_ENTRY(name, config)	SOPS_ENTRY(optional, name, config)

static const struct sops_borrowed sops_borrowed[] __initconst = {
	SOPS_BORROWED(SOPS_BORROWED_ENTRY)
};

static const struct sops_borrowed sops_optional[] __initconst = {
	SOPS_OPTIONAL(SOPS_OPTIONAL_ENTRY)
};

#ifdef SOPS_TEST
static char *missing = "";
module_param(missing, charp, 0444);
MODULE_PARM_DESC(missing, "name of a kernel symbol to pretend away, to see the refusal");

static bool __init sops_pretend_missing(const char *name)
{
	return !strcmp(name, missing);
}
#else
static bool __init sops_pretend_missing(const char *name)
{
	return false;
}
#endif

struct sops_matches {
	unsigned int count;
	unsigned long addr;
};

static int __init sops_count_symbol(void *data, unsigned long addr)
{
	struct sops_matches *matches = data;

	matches->count++;
	matches->addr = addr;
	return 0;
}

static struct sops_matches __init sops_matches_of(const char *name)
{
	struct sops_matches matches = {};

	if (!sops_pretend_missing(name))
		borrowed(kallsyms_on_each_match_symbol)(sops_count_symbol, name, &matches);
	return matches;
}

/**
 * sops_kernel_lookup() - find the one address of a kernel symbol
 * @name: the symbol
 * @config: the option that would provide it, for the message
 * @addr: set on success
 *
 * Prints one line when it fails. Context: process, at insmod, after the first
 * two symbols of sops_kernel_bind() are bound.
 *
 * Return: 0, -ENOENT when there is no such symbol, -ENOTUNIQ when there are
 * several and nothing says which is meant.
 */
int __init sops_kernel_lookup(const char *name, const char *config, unsigned long *addr)
{
	struct sops_matches matches = sops_matches_of(name);

	*addr = matches.addr;
	if (!matches.count) {
		pr_err("this kernel has no %s: it needs a kernel with %s\n",
		       name, config);
		return -ENOENT;
	}
	if (matches.count > 1) {
		pr_err("this kernel has %u symbols named %s, one was expected (%s)\n",
		       matches.count, name, config);
		return -ENOTUNIQ;
	}
	return 0;
}

/*
 * kallsyms_lookup_name() itself, by a kprobe that is never armed: unregistering
 * an armed one allocates, and when that fails it stays, on a stack long gone.
 */
static int __init sops_bind_lookup_name(void)
{
	struct kprobe kp = {
		.symbol_name	= "kallsyms_lookup_name",
		.flags		= KPROBE_FLAG_DISABLED,
	};
	int err;

	err = register_kprobe(&kp);
	if (err) {
		pr_err("cannot find kallsyms_lookup_name by a kprobe (%d): it needs a kernel with CONFIG_KPROBES and CONFIG_KALLSYMS\n",
		       err);
		return err;
	}
	static_call_update(sops_lookup_name, (void *)kp.addr);
	unregister_kprobe(&kp);
	return 0;
}

/**
 * sops_kernel_bind() - bind every function of SOPS_BORROWED
 *
 * Prints a line for each that is missing, not only for the first.
 * Context: process, at insmod.
 *
 * Return: 0, or -Exxx of the last failure; then nothing borrowed may be called.
 */
int __init sops_kernel_bind(void)
{
	unsigned long addr;
	int i, err, ret;

	if (SOPS_CALLS_ARE_CHECKED) {
		pr_err("this kernel checks indirect calls and has no static calls: it needs one without CONFIG_ARM64_BTI_KERNEL and CONFIG_CFI\n");
		return -EOPNOTSUPP;
	}
	ret = sops_bind_lookup_name();
	if (ret)
		return ret;

	/* The first of the table checks the others: it goes in unchecked. */
	addr = static_call(sops_lookup_name)(sops_borrowed[0].name);
	if (!addr) {
		pr_err("this kernel has no %s: it needs a kernel with %s\n",
		       sops_borrowed[0].name, sops_borrowed[0].config);
		return -ENOENT;
	}
	__static_call_update(sops_borrowed[0].key, sops_borrowed[0].tramp,
			     (void *)addr);

	for (i = 0; i < ARRAY_SIZE(sops_borrowed); i++) {
		const struct sops_borrowed *b = &sops_borrowed[i];

		err = sops_kernel_lookup(b->name, b->config, &addr);
		if (err)
			ret = err;
		else
			__static_call_update(b->key, b->tramp, (void *)addr);
	}
	return ret;
}

/**
 * sops_kernel_find() - the one address of a symbol that we can do without
 * @name: the symbol
 *
 * Context: process, at insmod, after sops_kernel_bind().
 *
 * Return: its address, 0 when there is none or more than one.
 */
unsigned long __init sops_kernel_find(const char *name)
{
	struct sops_matches matches = sops_matches_of(name);

	return matches.count == 1 ? matches.addr : 0;
}

/**
 * sops_kernel_bind_optional() - bind every function of SOPS_OPTIONAL
 *
 * Context: process, at insmod, after sops_kernel_bind().
 *
 * Return: NULL, or the name of one that is missing; then none may be called.
 */
const char * __init sops_kernel_bind_optional(void)
{
	unsigned long addr;
	int i;

	for (i = 0; i < ARRAY_SIZE(sops_optional); i++) {
		addr = sops_kernel_find(sops_optional[i].name);
		if (!addr)
			return sops_optional[i].name;
		__static_call_update(sops_optional[i].key, sops_optional[i].tramp,
				     (void *)addr);
	}
	return NULL;
}
