// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module brings a type.
 *
 * 6.1 knows a fixed set of types, all of them its own. Here modules register
 * theirs, in the newest kernel's form (include/struct_ops.h); what comes of it
 * is kept in registered.c.
 *
 * Goes when 6.1 does.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "kernel.h"
#include "names.h"
#include "load.h"
#include "proto.h"
#include "register.h"
#include "registered.h"
#include "type.h"

static bool sops_ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && !strcmp(name + len - end_len, end);
}

/* The prototype of a stub, whose arguments' names tell more; NULL if unknown. */
static const struct btf_type *sops_stub_proto(const struct btf *btf, const void *stub)
{
	char name[KSYM_SYMBOL_LEN];
	s32 id;

	snprintf(name, sizeof(name), "%ps", stub);
	*strchrnul(name, ' ') = '\0';	/* "name [module]" */
	id = sops_names_find(btf, name, BTF_KIND_FUNC);
	return id < 0 ? NULL : btf_type_by_id(btf, btf_type_by_id(btf, id)->type);
}

/* What the context of programs for member @i has. */
static int sops_register_words(struct sops_registered *reg, u32 i)
{
	const struct btf_member *m = &btf_type_member(reg->kernel.type)[i];
	const struct btf_param *args, *names;
	const struct btf_type *proto, *stub;
	struct sops_words *words = &reg->words[i];
	u32 arg, size;
	void *func;

	proto = borrowed(btf_type_resolve_func_ptr)(reg->btf, m->type, NULL);
	func = *(void **)(reg->st_ops->cfi_stubs +
			  __btf_member_bit_offset(reg->kernel.type, m) / 8);
	if (!proto || !func)
		return 0;
	stub = sops_stub_proto(reg->btf, func);
	if (stub && btf_type_vlen(stub) != btf_type_vlen(proto))
		stub = NULL;
	args = (const struct btf_param *)(proto + 1);
	names = stub ? (const struct btf_param *)(stub + 1) : args;
	for (arg = 0; arg < btf_type_vlen(proto); arg++) {
		const char *name = borrowed(btf_name_by_offset)(reg->btf, names[arg].name_off);

		if (IS_ERR(borrowed(btf_resolve_size)(reg->btf,
						      btf_type_by_id(reg->btf, args[arg].type),
						      &size)))
			return -EINVAL;
		if (sops_ends_with(name, "__nullable"))
			words->nullable |= BIT(words->nr);
		if (sops_ends_with(name, "__ref") || strstr(name, "__arena"))
			words->unknown = true;
		words->nr += DIV_ROUND_UP(size, sizeof(u64));
	}
	return 0;
}

/* The form that this kernel's verifier knows. The type's init() is none of it. */
static int sops_register_form(struct sops_registered *reg)
{
	const struct sops_struct_ops *st_ops = reg->st_ops;
	char value_name[sizeof("bpf_struct_ops_") + SOPS_TYPE_NAME_MAX];
	s32 type_id, value_id;
	int err = 0;
	u32 i, nr;

	snprintf(value_name, sizeof(value_name), "bpf_struct_ops_%s", st_ops->name);
	type_id = sops_names_find(reg->btf, st_ops->name, BTF_KIND_STRUCT);
	value_id = sops_names_find(reg->btf, value_name, BTF_KIND_STRUCT);
	if (type_id < 0 || value_id < 0) {
		pr_warn("type %s is not served: it is not in the BTF of %s\n",
			st_ops->name, module_name(st_ops->owner));
		return -EINVAL;
	}
	reg->verifier_ops = *st_ops->verifier_ops;
	reg->verifier_ops.is_valid_access = sops_load_is_valid_access;
	reg->kernel.verifier_ops = &reg->verifier_ops;
	reg->kernel.check_member = sops_load_check_member;
	reg->kernel.name = st_ops->name;
	reg->kernel.type_id = type_id;
	reg->kernel.type = btf_type_by_id(reg->btf, type_id);
	reg->kernel.value_id = value_id;
	reg->kernel.value_type = btf_type_by_id(reg->btf, value_id);

	nr = min_t(u32, btf_type_vlen(reg->kernel.type), BPF_STRUCT_OPS_MAX_NR_MEMBERS);
	for (i = 0; !err && i < nr; i++)
		err = sops_register_words(reg, i);
	return err;
}

/* Can it be served? sops_type_resolve() says why not. */
static int sops_register_try(struct sops_registered *reg)
{
	struct sops_type *type = sops_type_resolve(reg->btf, reg->st_ops->name);

	if (IS_ERR(type))
		return PTR_ERR(type);
	sops_type_free(type);
	return 0;
}

/**
 * sops_register_struct_ops() - a module brings a type
 * @st_ops: what it offers; stays as it is until the module goes
 *
 * Called by register_bpf_struct_ops() of include/struct_ops.h, in the module's
 * init. The type goes with the module. Context: process.
 *
 * Return: 0, or -EINVAL for what is missing or cannot be served, -ENOENT when
 * the module has no BTF, -EEXIST when it has registered the type before,
 * -EOPNOTSUPP, -ENOMEM, or the error of its init.
 */
int sops_register_struct_ops(const struct sops_struct_ops *st_ops)
{
	struct sops_registered *reg;
	struct btf *btf;
	int err;

	if (!st_ops->owner || !st_ops->cfi_stubs || !st_ops->init || !st_ops->init_member ||
	    !st_ops->reg || !st_ops->unreg || !st_ops->verifier_ops ||
	    !st_ops->verifier_ops->is_valid_access) {
		pr_warn("type %s is not served: it lacks something that a type must have\n",
			st_ops->name);
		return -EINVAL;
	}
	btf = sops_module_btf(st_ops->owner);
	if (IS_ERR_OR_NULL(btf)) {
		pr_warn("type %s is not served: %s has no BTF, build it with pahole -J --btf_base\n",
			st_ops->name, module_name(st_ops->owner));
		return -ENOENT;
	}

	reg = kzalloc(sizeof(*reg), GFP_KERNEL | __GFP_NOWARN);
	if (!reg) {
		borrowed(btf_put)(btf);
		return -ENOMEM;
	}
	reg->st_ops = st_ops;
	reg->btf = btf;
	err = sops_register_form(reg) ?: sops_registered_add(reg);
	if (err)
		goto free;
	err = sops_register_try(reg) ?: st_ops->init(btf);
	if (err)
		sops_registered_del(reg);
	return err;

free:
	borrowed(btf_put)(btf);
	kfree(reg);
	return err;
}
EXPORT_SYMBOL_GPL(sops_register_struct_ops);

/* A module goes: neither a map nor a load has hold of it. */
static int sops_register_notify(struct notifier_block *nb, unsigned long state, void *module)
{
	if (state == MODULE_STATE_GOING)
		sops_registered_del_module(module);
	return NOTIFY_OK;
}

static struct notifier_block sops_register_notifier = {
	.notifier_call = sops_register_notify,
};

/**
 * sops_register_init() - be told when modules go
 *
 * Context: process, at insmod, after sops_kernel_bind().
 *
 * Return: 0, or -Exxx with a line that says why.
 */
int __init sops_register_init(void)
{
	int err = 0;

	/* static: no header has its prototype */
	if (IS_ENABLED(CONFIG_DEBUG_INFO_BTF_MODULES))
		err = sops_proto_check("btf_get_module_btf",
				       __stringify(struct btf * (const struct module *)));
	if (!err)
		err = register_module_notifier(&sops_register_notifier);
	return err;
}

/** sops_register_exit() - undo sops_register_init(); no module with types is left */
void sops_register_exit(void)
{
	unregister_module_notifier(&sops_register_notifier);
}

/*
 * What the newest kernel exports, and this one does not: for verifier_ops of
 * modules, see include/struct_ops.h.
 */

/** sops_btf_ctx_access() - may a program read this of its arguments? */
bool sops_btf_ctx_access(int off, int size, enum bpf_access_type type,
			 const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	return borrowed(btf_ctx_access)(off, size, type, prog, info);
}
EXPORT_SYMBOL_GPL(sops_btf_ctx_access);

/** sops_base_func_proto() - a helper that any program may call */
const struct bpf_func_proto *sops_base_func_proto(enum bpf_func_id func_id)
{
	return borrowed(bpf_base_func_proto)(func_id);
}
EXPORT_SYMBOL_GPL(sops_base_func_proto);
