// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own types, in the newest kernel's form.
 *
 * 6.1 has two, of another form: their functions are told of no link, and none
 * of them can validate a value or move a registration from one to another.
 * Here each is given that form, and TCP what it learnt later:
 *
 *  - validate (6.4): the members that it would ask for when it registers.
 *  - update (6.4, 8fb1a76a0f35): one value takes the place of another.
 *  - A name that is taken is no reason to refuse a value (6.4), only to refuse
 *    its registration: two values of one name are what update is for.
 *
 * Goes when 6.1 does.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <net/tcp.h>
#include "kernel.h"
#include "names.h"
#include "native.h"

/* What each of them does by the kernel's own functions. */
#define SOPS_NATIVE(type)						\
static const struct bpf_struct_ops *sops_native_##type __ro_after_init;	\
									\
static int sops_native_reg_##type(void *kdata, struct bpf_link *link)	\
{									\
	return sops_native_##type->reg(kdata);				\
}									\
									\
static void sops_native_unreg_##type(void *kdata, struct bpf_link *link) \
{									\
	sops_native_##type->unreg(kdata);				\
}

#define SOPS_NATIVE_FORM(type)						\
	.reg	= sops_native_reg_##type,				\
	.unreg	= sops_native_unreg_##type,				\
	.name	= #type

SOPS_NATIVE(tcp_congestion_ops)
SOPS_NATIVE(bpf_dummy_ops)

/* Two values cannot be registered without a name at once. */
static DEFINE_MUTEX(sops_tcp_update_lock);

static int sops_tcp_init_member(const struct btf_type *t, const struct btf_member *member,
				void *kdata, const void *udata)
{
	int ret;

	/* It walks the list, which RCU protects, and does not take the lock. */
	rcu_read_lock();
	ret = sops_native_tcp_congestion_ops->init_member(t, member, kdata, udata);
	rcu_read_unlock();
	/* It has copied the name before it looked for it. */
	return ret == -EEXIST ? 1 : ret;
}

static int sops_tcp_validate(void *kdata)
{
	const struct tcp_congestion_ops *ca = kdata;

	return ca->ssthresh && ca->undo_cwnd && (ca->cong_avoid || ca->cong_control) ?
	       0 : -EINVAL;
}

/*
 * @old is registered, since its link is; and while it is, no other of its name
 * can be. So the new one is registered with no name, which nobody asks for,
 * and gets its name, behind @old in the list: at any time there is one that is
 * found by it. The kernel's own list and lock are not needed, which is as well:
 * not every kernel has their names.
 */
static int sops_tcp_update(void *kdata, void *old_kdata, struct bpf_link *link)
{
	struct tcp_congestion_ops *ca = kdata, *old = old_kdata;
	char first = ca->name[0];
	int err;

	if (strcmp(ca->name, old->name))
		return -EINVAL;

	mutex_lock(&sops_tcp_update_lock);
	ca->name[0] = '\0';
	err = sops_native_reg_tcp_congestion_ops(ca, link);
	/* All of the name is there for whoever sees its first letter. */
	smp_store_release(&ca->name[0], first);
	if (!err) {
		/* what user space is told of it (INET_DIAG_CONG), as registering would set it */
		WRITE_ONCE(ca->key, old->key);
		/* It waits for those that are on the way from it to the next. */
		sops_native_unreg_tcp_congestion_ops(old, link);
	}
	mutex_unlock(&sops_tcp_update_lock);
	return err;
}

static int sops_dummy_init_member(const struct btf_type *t, const struct btf_member *member,
				  void *kdata, const void *udata)
{
	return sops_native_bpf_dummy_ops->init_member(t, member, kdata, udata);
}

static struct sops_struct_ops sops_native_forms[] __ro_after_init = {
	{
		SOPS_NATIVE_FORM(tcp_congestion_ops),
		.init_member	= sops_tcp_init_member,
		.validate	= sops_tcp_validate,
		.update		= sops_tcp_update,
	},
	{
		SOPS_NATIVE_FORM(bpf_dummy_ops),
		.init_member	= sops_dummy_init_member,
	},
};

/* In the same order: what the kernel lists; NULL where it does not. */
static const struct bpf_struct_ops ** const sops_native_kernel[] = {
	&sops_native_tcp_congestion_ops,
	&sops_native_bpf_dummy_ops,
};

/**
 * sops_native_find() - a type of the kernel's own in the newest kernel's form
 * @kernel: what the kernel lists
 *
 * Return: the type; NULL for one that is not known here.
 */
const struct sops_struct_ops *sops_native_find(const struct bpf_struct_ops *kernel)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sops_native_forms); i++)
		if (*sops_native_kernel[i] == kernel)
			return &sops_native_forms[i];
	return NULL;
}

/**
 * sops_native_init() - find the kernel's own types
 *
 * Context: process, at insmod, after sops_layout_init().
 */
void __init sops_native_init(void)
{
	struct btf *btf = borrowed(bpf_get_btf_vmlinux)();
	s32 id;
	int i;

	for (i = 0; i < ARRAY_SIZE(sops_native_forms); i++) {
		id = sops_names_find(btf, sops_native_forms[i].name, BTF_KIND_STRUCT);
		if (id > 0)
			*sops_native_kernel[i] = borrowed(bpf_struct_ops_find)(id);
		if (*sops_native_kernel[i])
			sops_native_forms[i].verifier_ops = (*sops_native_kernel[i])->verifier_ops;
	}
}
