// SPDX-License-Identifier: GPL-2.0-only
/*
 * The types that modules have registered.
 *
 * For each there is a struct bpf_struct_ops of this kernel's form as well, for
 * its verifier: load.c hands it over while a program for the type is being
 * loaded.
 *
 * A type is there until its module goes. Nobody sees it before that module is
 * live: who looks a type up has got hold of its module by its BTF, which the
 * kernel gives to nobody before.
 *
 * Goes when 6.1 does.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include "kernel.h"
#include "native.h"
#include "registered.h"

/* Protects the list. */
static DEFINE_MUTEX(sops_registered_lock);
static LIST_HEAD(sops_registered);

/**
 * sops_registered_find() - a type that a module registered
 * @btf: of the module, which the caller holds
 * @type_id: of the struct
 *
 * Context: process. Return: the type, or NULL.
 */
struct sops_registered *sops_registered_find(const struct btf *btf, u32 type_id)
{
	struct sops_registered *reg, *found = NULL;

	mutex_lock(&sops_registered_lock);
	list_for_each_entry(reg, &sops_registered, list)
		if (reg->btf == btf && reg->kernel.type_id == type_id)
			found = reg;
	mutex_unlock(&sops_registered_lock);
	return found;
}

/**
 * sops_desc_find() - what a type offers
 * @desc: set on success
 * @btf: where the type is from, which the caller holds
 * @type_id: id of the struct
 *
 * Context: process. Return: true, or false when nobody registered the type.
 */
bool sops_desc_find(struct sops_desc *desc, const struct btf *btf, u32 type_id)
{
	struct sops_registered *reg;

	if (borrowed(btf_is_module)(btf)) {
		reg = sops_registered_find(btf, type_id);
		desc->kernel = reg ? &reg->kernel : NULL;
		desc->ops = reg ? reg->st_ops : NULL;
	} else {
		desc->kernel = borrowed(bpf_struct_ops_find)(type_id);
		desc->ops = desc->kernel ? sops_native_find(desc->kernel) : NULL;
	}
	return desc->ops;
}

/**
 * sops_registered_add() - a type is there from here on
 * @reg: the type
 *
 * Context: process. Return: 0, or -EEXIST when it is there already.
 */
int sops_registered_add(struct sops_registered *reg)
{
	if (sops_registered_find(reg->btf, reg->kernel.type_id))
		return -EEXIST;
	mutex_lock(&sops_registered_lock);
	list_add(&reg->list, &sops_registered);
	mutex_unlock(&sops_registered_lock);
	return 0;
}

static void sops_registered_free(struct sops_registered *reg)
{
	list_del(&reg->list);
	borrowed(btf_put)(reg->btf);
	kfree(reg);
}

/**
 * sops_registered_del() - a type that nobody has seen goes
 * @reg: the type, which is freed
 */
void sops_registered_del(struct sops_registered *reg)
{
	mutex_lock(&sops_registered_lock);
	sops_registered_free(reg);
	mutex_unlock(&sops_registered_lock);
}

/**
 * sops_registered_del_module() - all types of a module go
 * @module: on its way out, so that no map and no load has hold of it
 */
void sops_registered_del_module(const struct module *module)
{
	struct sops_registered *reg, *next;

	mutex_lock(&sops_registered_lock);
	list_for_each_entry_safe(reg, next, &sops_registered, list)
		if (reg->st_ops->owner == module)
			sops_registered_free(reg);
	mutex_unlock(&sops_registered_lock);
}
