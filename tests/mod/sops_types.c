// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module with struct_ops types of its own, whose members are called on
 * demand: sops_types.h says how. sops_twins.ko is the same by another name, to
 * the last BTF id.
 */
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate_trace.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include "find.h"
#include "sops_types.h"
#include <struct_ops.h>

struct registered {
	u32 tag;
	void *kdata;
	struct bpf_link *link;
	bool wide;
};

/* Protects the table, and what is in it from being unregistered. */
static DEFINE_MUTEX(lock);
static struct registered table[16];

static DECLARE_WAIT_QUEUE_HEAD(released);
static bool held;
static struct dentry *dir;
static u64 result;

/* what newer kernels tell subsystems: found, not linked */
FIND(bpf_prog_get_assoc_struct_ops, void *(const struct bpf_prog_aux *aux))

static struct registered *find(u32 tag)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].kdata && table[i].tag == tag)
			return &table[i];
	return NULL;
}

static struct registered *find_kdata(void *kdata)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].kdata == kdata)
			return &table[i];
	return NULL;
}

static int add(u32 tag, void *kdata, struct bpf_link *link, bool wide)
{
	struct registered *r;
	int err = 0;

	mutex_lock(&lock);
	r = find_kdata(NULL);
	if (find(tag))
		err = -EEXIST;
	else if (!r)
		err = -ENOSPC;
	else
		*r = (struct registered){ tag, kdata, link, wide };
	mutex_unlock(&lock);
	return err;
}

static void del(void *kdata, struct bpf_link *link)
{
	struct registered *r;

	mutex_lock(&lock);
	r = find_kdata(kdata);
	if (!WARN_ON(!r || r->link != link))
		r->kdata = NULL;
	mutex_unlock(&lock);
}

/* what every type here has */

static int types_init(struct btf *btf)
{
	return 0;
}

static bool types_is_valid_access(int off, int size, enum bpf_access_type type,
				  const struct bpf_prog *prog,
				  struct bpf_insn_access_aux *info)
{
	return bpf_tracing_btf_ctx_access(off, size, type, prog, info);
}

static const struct bpf_verifier_ops types_verifier_ops = {
	.is_valid_access = types_is_valid_access,
};

static void types_unreg(void *kdata, struct bpf_link *link)
{
	del(kdata, link);
}

/* sops_test_ops */

static int test_check_member(const struct btf_type *t,
			     const struct btf_member *member,
			     const struct bpf_prog *prog)
{
	u32 offset = __btf_member_bit_offset(t, member) / 8;

	return prog->sleepable && offset != offsetof(struct sops_test_ops, sleepy) ?
		-EINVAL : 0;
}

static int test_init_member(const struct btf_type *t,
			    const struct btf_member *member,
			    void *kdata, const void *udata)
{
	const struct sops_test_ops *from = udata;
	struct sops_test_ops *to = kdata;

	switch (__btf_member_bit_offset(t, member) / 8) {
	case offsetof(struct sops_test_ops, tag):
		to->tag = from->tag;
		return 1;
	case offsetof(struct sops_test_ops, init_err):
		return from->init_err ? -(int)from->init_err : 1;
	case offsetof(struct sops_test_ops, validate_err):
		to->validate_err = from->validate_err;
		return 1;
	case offsetof(struct sops_test_ops, reg_err):
		to->reg_err = from->reg_err;
		return 1;
	case offsetof(struct sops_test_ops, slow):
		to->slow = from->slow;
		return 1;
	case offsetof(struct sops_test_ops, update_err):
		to->update_err = from->update_err;
		return 1;
	}
	return 0;
}

static int wait_released(void)
{
	long left;

	WRITE_ONCE(held, true);
	left = wait_event_timeout(released, !READ_ONCE(held), 10 * HZ);
	return left ? 0 : -ETIMEDOUT;
}

static int test_validate(void *kdata)
{
	struct sops_test_ops *ops = kdata;

	return -(int)ops->validate_err;
}

static int test_reg(void *kdata, struct bpf_link *link)
{
	struct sops_test_ops *ops = kdata;
	int err = -(int)ops->reg_err;

	if (!err && ops->slow)
		err = wait_released();
	return err ?: add(ops->tag, kdata, link, false);
}

static int test_update(void *kdata, void *old_kdata, struct bpf_link *link)
{
	struct sops_test_ops *ops = kdata;
	struct registered *r;
	int err = -(int)ops->update_err;

	if (err)
		return err;
	mutex_lock(&lock);
	r = find_kdata(old_kdata);
	if (!r || r->link != link) {
		err = -ESTALE;
	} else {
		r->kdata = kdata;
		r->tag = ops->tag;
	}
	mutex_unlock(&lock);
	return err;
}

static int sops_test_ops__plain(int a)
{
	return 0;
}

static u64 sops_test_ops__regs(u64 a, u32 b, u16 c, u8 d, s64 e, u64 f)
{
	return 0;
}

static u64 sops_test_ops__stack(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u32 g,
				u64 h, u8 i, u64 j, u64 k, u64 l)
{
	return 0;
}

static u64 sops_test_ops__pair(u64 a, struct sops_pair b, u64 c)
{
	return 0;
}

static u64 sops_test_ops__late_pair(u64 a, u64 b, u64 c, u64 d, u64 e,
				    struct sops_pair f, u64 g)
{
	return 0;
}

static u8 sops_test_ops__narrow(void)
{
	return 0;
}

static void sops_test_ops__nothing(u64 a)
{
}

/* the name of the argument tells the verifier */
static u64 sops_test_ops__maybe(struct sops_arg *arg__nullable)
{
	return 0;
}

static int sops_test_ops__sleepy(int a)
{
	return 0;
}

static u64 sops_test_ops__arena(struct sops_arg *a__arena)
{
	return 0;
}

static u64 sops_test_ops__arena_null(struct sops_arg *a__arena__nullable)
{
	return 0;
}

static struct sops_test_ops test_stubs = {
	.plain = sops_test_ops__plain,
	.regs = sops_test_ops__regs,
	.stack = sops_test_ops__stack,
	.pair = sops_test_ops__pair,
	.late_pair = sops_test_ops__late_pair,
	.narrow = sops_test_ops__narrow,
	.nothing = sops_test_ops__nothing,
	.maybe = sops_test_ops__maybe,
	.sleepy = sops_test_ops__sleepy,
	.arena = sops_test_ops__arena,
	.arena_null = sops_test_ops__arena_null,
};

static struct bpf_struct_ops test_type = {
	.verifier_ops = &types_verifier_ops,
	.init = types_init,
	.check_member = test_check_member,
	.init_member = test_init_member,
	.validate = test_validate,
	.reg = test_reg,
	.update = test_update,
	.unreg = types_unreg,
	.cfi_stubs = &test_stubs,
	.name = "sops_test_ops",
	.owner = THIS_MODULE,
};

/* sops_wide_ops: no update, no validate */

static int wide_init_member(const struct btf_type *t,
			    const struct btf_member *member,
			    void *kdata, const void *udata)
{
	const struct sops_wide_ops *from = udata;
	struct sops_wide_ops *to = kdata;

	if (__btf_member_bit_offset(t, member) / 8 !=
	    offsetof(struct sops_wide_ops, tag))
		return 0;
	to->tag = from->tag;
	return 1;
}

static int wide_reg(void *kdata, struct bpf_link *link)
{
	struct sops_wide_ops *ops = kdata;

	return add(ops->tag, kdata, link, true);
}

static int sops_wide_ops__any(int a)
{
	return 0;
}

static struct sops_wide_ops wide_stubs = {
#define SOPS_WIDE_STUB(n)	.m##n = sops_wide_ops__any,
	SOPS_WIDE(SOPS_WIDE_STUB)
};

static struct bpf_struct_ops wide_type = {
	.verifier_ops = &types_verifier_ops,
	.init = types_init,
	.init_member = wide_init_member,
	.reg = wide_reg,
	.unreg = types_unreg,
	.cfi_stubs = &wide_stubs,
	.name = "sops_wide_ops",
	.owner = THIS_MODULE,
};

/* sops_big_ops */

static unsigned __int128 sops_big_ops__big(void)
{
	return 0;
}

static struct sops_big_ops big_stubs = {
	.big = sops_big_ops__big,
};

static struct bpf_struct_ops big_type = {
	.verifier_ops = &types_verifier_ops,
	.init = types_init,
	.init_member = wide_init_member,
	.reg = wide_reg,
	.unreg = types_unreg,
	.cfi_stubs = &big_stubs,
	.name = "sops_big_ops",
	.owner = THIS_MODULE,
};

/* requests */

static int call_wide(struct sops_wide_ops *ops, const char *member)
{
#define SOPS_WIDE_CALL(n)						\
	{								\
		if (!strcmp(member, "m" #n) && ops->m##n) {		\
			result = ops->m##n(n);				\
			return 0;					\
		}							\
	}
	SOPS_WIDE(SOPS_WIDE_CALL)
	return -ENOENT;
}

static int call_test(struct sops_test_ops *ops, const char *member)
{
	struct sops_pair pair = { SOPS_B, SOPS_C };
	struct sops_arg arg = { SOPS_A };

	if (!strcmp(member, "plain") && ops->plain)
		result = ops->plain(-7);
	else if (!strcmp(member, "regs") && ops->regs)
		result = ops->regs(SOPS_A, (u32)SOPS_B, (u16)SOPS_C,
				   (u8)SOPS_D, SOPS_E, SOPS_F);
	else if (!strcmp(member, "stack") && ops->stack)
		result = ops->stack(SOPS_A, SOPS_B, SOPS_C, SOPS_D, SOPS_E,
				    SOPS_F, (u32)SOPS_G, SOPS_H, (u8)SOPS_I,
				    SOPS_J, SOPS_K, SOPS_L);
	else if (!strcmp(member, "pair") && ops->pair)
		result = ops->pair(SOPS_A, pair, SOPS_D);
	else if (!strcmp(member, "late_pair") && ops->late_pair)
		result = ops->late_pair(SOPS_A, SOPS_F, SOPS_G, SOPS_H, SOPS_I,
					pair, SOPS_D);
	else if (!strcmp(member, "narrow") && ops->narrow)
		result = ops->narrow();
	else if (!strcmp(member, "nothing") && ops->nothing)
		ops->nothing(SOPS_A);
	else if (!strcmp(member, "maybe") && ops->maybe)
		result = ops->maybe(&arg);
	else if (!strcmp(member, "maybe_null") && ops->maybe)
		result = ops->maybe(NULL);
	else if (!strcmp(member, "sleepy") && ops->sleepy)
		result = ops->sleepy(-7);
	else if (!strcmp(member, "arena") && ops->arena)
		result = ops->arena((void *)SOPS_ARENA);
	else if (!strcmp(member, "arena_off") && ops->arena)
		result = ops->arena((void *)(SOPS_ARENA + SOPS_ARENA_OFF));
	else if (!strcmp(member, "arena_null") && ops->arena_null)
		result = ops->arena_null(NULL);
	else
		return -ENOENT;
	return 0;
}

static int ask_call(u32 tag, const char *member)
{
	struct registered *r;
	int err = -ESRCH;

	mutex_lock(&lock);
	r = find(tag);
	if (r)
		err = r->wide ? call_wide(r->kdata, member) :
			call_test(r->kdata, member);
	mutex_unlock(&lock);
	return err;
}

static int ask_detach(u32 tag)
{
	struct bpf_link *link = NULL;
	struct registered *r;
	int err;

	mutex_lock(&lock);
	r = find(tag);
	if (r && r->link)
		link = bpf_link_inc_not_zero(r->link);
	mutex_unlock(&lock);
	if (IS_ERR_OR_NULL(link))
		return -ESRCH;
	err = link->ops->detach(link);
	bpf_link_put(link);
	return err;
}

static int ask_assoc(int fd)
{
	struct sops_test_ops *ops;
	struct bpf_prog *prog;

	if (!has_bpf_prog_get_assoc_struct_ops)
		return -EOPNOTSUPP;
	prog = bpf_prog_get_type_dev(fd, BPF_PROG_TYPE_STRUCT_OPS, false);
	if (IS_ERR(prog))
		prog = bpf_prog_get_type_dev(fd, BPF_PROG_TYPE_SYSCALL, false);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	rcu_read_lock();
	ops = found(bpf_prog_get_assoc_struct_ops)(prog->aux);
	result = ops ? ops->tag : 0;
	rcu_read_unlock();
	bpf_prog_put(prog);
	return 0;
}

/* From the kernel or from struct_ops.ko, which may be gone again: not linked either. */
static int ask_id(u32 tag)
{
	u32 (*get_id)(const void *kdata) = __symbol_get("bpf_struct_ops_id");
	struct registered *r;

	if (!get_id)
		return -EOPNOTSUPP;
	mutex_lock(&lock);
	r = find(tag);
	if (r)
		result = get_id(r->kdata);
	mutex_unlock(&lock);
	__symbol_put("bpf_struct_ops_id");
	return r ? 0 : -ESRCH;
}

static int add_prog(struct bpf_prog *prog, void *until)
{
	result += prog->aux->id;
	return prog->aux->id == *(u32 *)until ? -ECANCELED : 0;
}

static int ask_progs(u32 tag, u32 until)
{
	int (*for_each_prog)(const void *kdata,
			     int (*cb)(struct bpf_prog *prog, void *data), void *data);
	struct registered *r;
	int err = -ESRCH;

	for_each_prog = __symbol_get("bpf_struct_ops_for_each_prog");
	if (!for_each_prog)
		return -EOPNOTSUPP;
	mutex_lock(&lock);
	r = find(tag);
	if (r) {
		result = 0;
		err = for_each_prog(r->kdata, add_prog, &until);
	}
	mutex_unlock(&lock);
	__symbol_put("bpf_struct_ops_for_each_prog");
	return err;
}

static int ask_hold(void)
{
	int err;

	rcu_read_lock_trace();
	err = wait_released();
	rcu_read_unlock_trace();
	return err;
}

static ssize_t ask_write(struct file *f, const char __user *from, size_t len,
			 loff_t *pos)
{
	char ask[64] = "", member[32];
	u32 tag, id;
	int err;

	if (len >= sizeof(ask))
		return -E2BIG;
	if (copy_from_user(ask, from, len))
		return -EFAULT;

	if (sscanf(ask, "call %u %31s", &tag, member) == 2) {
		err = ask_call(tag, member);
	} else if (sscanf(ask, "detach %u", &tag) == 1) {
		err = ask_detach(tag);
	} else if (sscanf(ask, "assoc %u", &tag) == 1) {
		err = ask_assoc(tag);
	} else if (sscanf(ask, "id %u", &tag) == 1) {
		err = ask_id(tag);
	} else if (sscanf(ask, "progs %u until %u", &tag, &id) == 2) {
		err = ask_progs(tag, id);
	} else if (!strcmp(ask, "hold")) {
		err = ask_hold();
	} else if (!strcmp(ask, "release")) {
		WRITE_ONCE(held, false);
		wake_up(&released);
		err = 0;
	} else {
		err = -EDOM;
	}
	return err ?: len;
}

static const struct file_operations ask_fops = {
	.owner = THIS_MODULE,
	.write = ask_write,
};

static int __init sops_types_init(void)
{
	int err;

	find_bpf_prog_get_assoc_struct_ops();

	err = register_bpf_struct_ops(&test_type, sops_test_ops) ?:
	      register_bpf_struct_ops(&wide_type, sops_wide_ops);
	if (err)
		return err;
	/* newer kernels refuse it by themselves */
	if (register_bpf_struct_ops(&big_type, sops_big_ops))
		pr_info("sops_big_ops: refused\n");

	dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("ask", 0200, dir, NULL, &ask_fops);
	debugfs_create_x64("result", 0400, dir, &result);
	debugfs_create_bool("held", 0400, dir, &held);
	return 0;
}

static void __exit sops_types_exit(void)
{
	debugfs_remove_recursive(dir);
}

module_init(sops_types_init);
module_exit(sops_types_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("struct_ops types of a module, for the struct_ops tests");
