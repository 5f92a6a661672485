// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program for a type of a module is being loaded.
 *
 * 6.1's verifier asks for a struct_ops type by its id alone, and takes what it
 * gets for one of vmlinux. So while it looks at a program whose attach_btf is a
 * module's, there is a note of the task that does it, and the functions that
 * the verifier asks answer this task as the newest kernel's would:
 *
 *	bpf_check(prog)                     a note is made; the kernel's body:
 *	  bpf_struct_ops_find(id)             the type that the module registered
 *	  btf_type_resolve_func_ptr(vmlinux)  asked of the module's BTF
 *	  check_member(), is_valid_access()   sops_load_*(), then the module's
 *	                                    the note goes
 *
 * The verifier would refuse a program that may sleep, of any struct_ops type;
 * the newest asks the type's check_member. So between bpf_check() and
 * bpf_struct_ops_find(), where the verifier makes that decision and no other
 * by it, such a program says that it may not.
 *
 * The text of this file is on the stack while the verifier runs: making the
 * note takes a reference on this module, and the note's end puts it.
 *
 * Goes when 6.1 does.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bpf_verifier.h>
#include <linux/module.h>
#include <linux/sched.h>
#include "kernel.h"
#include "load.h"
#include "registered.h"

/* The kernel's own body, behind its call to ftrace. */
DEFINE_STATIC_CALL_NULL(sops_load_body, sops_load_check);

/**
 * struct sops_load - the note, on the stack of the task it is about
 * @list: entry in the list of them
 * @task: who loads
 * @prog: what, until the verifier has begun to rewrite it
 * @aux: of the program
 * @reg: the type; NULL when the module has none of that id
 * @may_sleep: whether user space said so
 * @ask_module: the prototype that is resolved next is of the module's BTF
 */
struct sops_load {
	struct list_head list;
	struct task_struct *task;
	struct bpf_prog *prog;
	struct bpf_prog_aux *aux;
	struct sops_registered *reg;
	bool may_sleep;
	bool ask_module;
};

static LIST_HEAD(sops_loads);
/* Protects the list. Raw: it is looked at where nothing may sleep. */
static DEFINE_RAW_SPINLOCK(sops_loads_lock);

/* The note about this task. It goes nowhere: only the task itself ends it. */
static notrace struct sops_load *sops_load_mine(void)
{
	struct sops_load *load, *mine = NULL;

	/* Of this task's own note it is never wrong. */
	if (list_empty(&sops_loads))
		return NULL;
	raw_spin_lock(&sops_loads_lock);
	list_for_each_entry(load, &sops_loads, list)
		if (load->task == current)
			mine = load;
	raw_spin_unlock(&sops_loads_lock);
	return mine;
}

/**
 * sops_load_wants_check() - is this a program for a type of a module?
 * @progp: first argument of bpf_check()
 *
 * Return: true, and then sops_load_check() has a reference on this module.
 */
notrace bool sops_load_wants_check(const void *progp)
{
	const struct bpf_prog *prog = *(struct bpf_prog **)progp;

	return unlikely(prog->type == BPF_PROG_TYPE_STRUCT_OPS) &&
	       prog->aux->attach_btf &&
	       borrowed(btf_is_module)(prog->aux->attach_btf) && try_module_get(THIS_MODULE);
}

/* In place of bpf_check(). */
int sops_load_check(struct bpf_prog **progp, union bpf_attr *attr, bpfptr_t uattr)
{
	struct bpf_prog_aux *aux = (*progp)->aux;
	struct sops_load load = {
		.task = current,
		.prog = *progp,
		.aux = aux,
		.may_sleep = aux->sleepable,
	};
	struct module *owner;
	int ret;

	owner = borrowed(btf_try_get_module)(aux->attach_btf);
	if (owner)
		load.reg = sops_registered_find(aux->attach_btf, aux->attach_btf_id);
	if (load.reg)
		aux->sleepable = false;

	raw_spin_lock(&sops_loads_lock);
	list_add(&load.list, &sops_loads);
	raw_spin_unlock(&sops_loads_lock);

	ret = static_call(sops_load_body)(progp, attr, uattr);

	raw_spin_lock(&sops_loads_lock);
	list_del(&load.list);
	raw_spin_unlock(&sops_loads_lock);

	/* It may not have got as far as sops_load_find(). */
	aux->sleepable = load.may_sleep;
	module_put(owner);
	module_put(THIS_MODULE);
	return ret;
}

/** sops_load_wants_find() - does this task's verifier ask for a type? */
notrace bool sops_load_wants_find(const void *unused)
{
	return sops_load_mine();
}

/* In place of bpf_struct_ops_find(). Never sleeps. */
const struct bpf_struct_ops *sops_load_find(u32 type_id)
{
	struct sops_load *load = sops_load_mine();

	/* An id of the module's, or one that vmlinux has another type for. */
	if (!load->reg || load->reg->kernel.type_id != type_id)
		return NULL;
	load->aux->sleepable = load->may_sleep;
	load->ask_module = true;
	return &load->reg->kernel;
}

/** sops_load_wants_proto() - does it ask vmlinux' BTF for a member of that type? */
notrace bool sops_load_wants_proto(const void *btf)
{
	struct sops_load *load = sops_load_mine();

	return load && load->ask_module && load->reg->btf != btf;
}

/* In place of btf_type_resolve_func_ptr(). Never sleeps. */
const struct btf_type *sops_load_proto(const struct btf *btf, u32 id, u32 *res_id)
{
	struct sops_load *load = sops_load_mine();

	load->ask_module = false;
	return borrowed(btf_type_resolve_func_ptr)(load->reg->btf, id, res_id);
}

/**
 * sops_load_check_member() - may a program be loaded for a member?
 * @t: the struct, in the module's BTF
 * @member: of it
 *
 * Return: 0, -ENOTSUPP when the type has no stub for it or this kernel cannot
 * verify its arguments, or what the type has against it.
 */
int sops_load_check_member(const struct btf_type *t, const struct btf_member *member)
{
	struct sops_load *load = sops_load_mine();
	const struct sops_struct_ops *st_ops = load->reg->st_ops;

	if (!*(void **)(st_ops->cfi_stubs + __btf_member_bit_offset(t, member) / 8) ||
	    load->reg->words[member - btf_type_member(t)].unknown)
		return -ENOTSUPP;
	return st_ops->check_member ? st_ops->check_member(t, member, load->prog) : 0;
}

/**
 * sops_load_is_valid_access() - may a program read or write this of its context?
 * @off: in bytes
 * @size: in bytes
 * @type: read or write
 * @prog: the program
 * @info: what it gets
 *
 * As the module says, but for two things. An index into the members is the
 * attach type of a program, and this kernel takes some of these for kinds of
 * programs that see a return value behind the arguments. And names of arguments
 * mean nothing to it.
 *
 * Return: true if it may.
 */
bool sops_load_is_valid_access(int off, int size, enum bpf_access_type type,
			       const struct bpf_prog *prog,
			       struct bpf_insn_access_aux *info)
{
	struct sops_registered *reg = sops_load_mine()->reg;
	u32 i = prog->expected_attach_type;

	/* vmlinux' BTF has no name at the place of the module's */
	if (!prog->aux->attach_func_name)
		prog->aux->attach_func_name =
			borrowed(btf_name_by_offset)(reg->btf,
						     btf_type_member(reg->kernel.type)[i].name_off);
	if (off < 0 || off / sizeof(u64) >= reg->words[i].nr ||
	    !reg->st_ops->verifier_ops->is_valid_access(off, size, type, prog, info))
		return false;
	if (base_type(info->reg_type) == PTR_TO_BTF_ID &&
	    reg->words[i].nullable & BIT(off / sizeof(u64)))
		info->reg_type |= PTR_MAYBE_NULL;
	return true;
}

/**
 * sops_load_init() - know the kernel's own body
 * @body: of bpf_check(), behind its call to ftrace
 *
 * Context: process, at insmod.
 */
void __init sops_load_init(void *body)
{
	static_call_update(sops_load_body, body);
}
