// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls members of a socket's congestion control in a loop and counts cycles,
 * which are instructions where QEMU counts those. Written to debugfs:
 *
 *	PEER MEMBER CONTEXT SOCKFD LOOPS
 *
 * PEER: ret, a function that only returns; c, one in C; ca, the socket's; refs:
 *	no member, a reference on the socket's map is taken and put instead
 * MEMBER: ssthresh or undo_cwnd (one argument, returns a value), or cong_avoid
 * (three, none)
 * CONTEXT: plain; nested, with RCU held and migration off; bh, softirqs off;
 *	where, it is not called
 *
 * Reading gives the cycles of the loop, or where the function is. One loop
 * serves all.
 *
 * "purge" alone has freed virtual addresses given back now.
 */
#include <linux/bpf.h>
#include <linux/debugfs.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/static_call.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <net/tcp.h>

static struct dentry *file;
static u64 cycles;

/*
 * sops_bench_ret() are two instructions, by which the others are counted: no
 * return thunk. bench_call() is a call as bare as can be.
 */
void sops_bench_ret(void);

#ifdef CONFIG_ARM64
asm(".pushsection .text\n"
	".type sops_bench_ret, @function\n"
	"sops_bench_ret:\n"
	"	hint #34\n"		/* bti c */
	"	ret\n"
	".size sops_bench_ret, . - sops_bench_ret\n"
	".popsection\n");

static u64 bench_now(void)
{
	isb();
	/* in ns, each an instruction */
	return read_sysreg(cntvct_el0) * (NSEC_PER_SEC / read_sysreg(cntfrq_el0));
}

/* x0 to x18 and the link register are anybody's in a call */
static __always_inline void bench_call(void *func, void *sk, u32 i)
{
	register unsigned long x0 asm("x0") = (unsigned long)sk;
	register unsigned long x1 asm("x1") = i;
	register unsigned long x2 asm("x2") = 1;

	asm volatile("blr %[func]"
		     : "+r" (x0), "+r" (x1), "+r" (x2)
		     : [func] "r" (func)
		     : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
		       "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x30",
		       "memory", "cc");
}
#else
#include <asm/nospec-branch.h>

asm(".pushsection .text\n"
	".type sops_bench_ret, @function\n"
	"sops_bench_ret:\n"
	"	endbr64\n"
	ANNOTATE_RETPOLINE_SAFE "\n"
	"	ret\n"
	"	int3\n"
	".size sops_bench_ret, . - sops_bench_ret\n"
	".popsection\n");

static u64 bench_now(void)
{
	return rdtsc();
}

static __always_inline void bench_call(void *func, void *sk, u32 i)
{
	unsigned long di = (unsigned long)sk, si = i, dx = 1;

	asm volatile(ANNOTATE_RETPOLINE_SAFE "\n\t"
		     "call *%[func]"
		     : "+D" (di), "+S" (si), "+d" (dx), ASM_CALL_CONSTRAINT
		     : [func] "rm" (func)
		     : "rax", "rcx", "r8", "r9", "r10", "r11", "memory", "cc");
}
#endif

static noinline u32 c_ssthresh(struct sock *sk)
{
	return 2;
}

static noinline void c_cong_avoid(struct sock *sk, u32 ack, u32 acked)
{
	barrier();
}

/* As bare as can be: the loop is to be the same for all. */
static noinline u64 loop(void *func, void *sk, u32 loops)
{
	unsigned long flags;
	u64 start, end;
	u32 i;

	cond_resched();
	local_irq_save(flags);
	start = bench_now();
	for (i = 0; i < loops; i++)
		bench_call(func, sk, i);
	end = bench_now();
	local_irq_restore(flags);
	return end - start;
}

static bool no_get(const void *kdata)
{
	return false;
}

static void no_put(const void *kdata)
{
}

/* the kernel's, which not every kernel exports: called as the kernel calls them */
DEFINE_STATIC_CALL(bench_get, no_get);
DEFINE_STATIC_CALL(bench_put, no_put);

static noinline u64 loop_refs(const void *kdata, u32 loops)
{
	unsigned long flags;
	u64 start, end;
	u32 i;

	cond_resched();
	local_irq_save(flags);
	start = bench_now();
	for (i = 0; i < loops; i++)
		if (static_call(bench_get)(kdata))
			static_call(bench_put)(kdata);
	end = bench_now();
	local_irq_restore(flags);
	return end - start;
}

static void *function(const char *peer, const char *member, const struct sock *sk)
{
	const struct tcp_congestion_ops *ca = inet_csk(sk)->icsk_ca_ops;
	bool three = !strcmp(member, "cong_avoid");

	if (!strcmp(peer, "ret"))
		return sops_bench_ret;
	if (!strcmp(peer, "c"))
		return three ? (void *)c_cong_avoid : (void *)c_ssthresh;
	if (!strcmp(member, "undo_cwnd"))
		return ca->undo_cwnd;
	return three ? (void *)ca->cong_avoid : (void *)ca->ssthresh;
}

static ssize_t bench_write(struct file *f, const char __user *from, size_t len, loff_t *pos)
{
	char ask[64] = "", peer[16], member[16], context[16];
	struct socket *sock;
	int fd, err;
	u32 loops;
	void *func;

	if (len >= sizeof(ask) || copy_from_user(ask, from, len))
		return -EINVAL;
	if (!strcmp(ask, "purge")) {
		vm_unmap_aliases();
		return len;
	}
	if (sscanf(ask, "%15s %15s %15s %d %u", peer, member, context, &fd, &loops) != 5)
		return -EINVAL;
	sock = sockfd_lookup(fd, &err);
	if (!sock)
		return err;
	func = function(peer, member, sock->sk);
	if (!strcmp(peer, "refs")) {
		cycles = loop_refs(inet_csk(sock->sk)->icsk_ca_ops, loops);
	} else if (!strcmp(context, "where")) {
		cycles = (unsigned long)func;
	} else if (!strcmp(context, "nested")) {
		migrate_disable();
		rcu_read_lock();
		cycles = loop(func, sock->sk, loops);
		rcu_read_unlock();
		migrate_enable();
	} else if (!strcmp(context, "bh")) {
		local_bh_disable();
		cycles = loop(func, sock->sk, loops);
		local_bh_enable();
	} else {
		cycles = loop(func, sock->sk, loops);
	}
	sockfd_put(sock);
	return len;
}

static ssize_t bench_read(struct file *f, char __user *to, size_t len, loff_t *pos)
{
	char text[24];
	int n = scnprintf(text, sizeof(text), "%llu\n", cycles);

	return simple_read_from_buffer(to, len, pos, text, n);
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.read = bench_read,
	.write = bench_write,
};

/* a kprobe, never armed, knows where the function is that knows the others */
static unsigned long __init find(const char *name)
{
	static unsigned long (*lookup)(const char *name);
	struct kprobe kp = {
		.symbol_name = "kallsyms_lookup_name",
		.flags = KPROBE_FLAG_DISABLED,
	};

	if (!lookup && !register_kprobe(&kp)) {
		lookup = (void *)kp.addr;
		unregister_kprobe(&kp);
	}
	return lookup ? lookup(name) : 0;
}

static int __init sops_bench_init(void)
{
	bool (*get)(const void *) = (void *)find("bpf_struct_ops_get");
	void (*put)(const void *) = (void *)find("bpf_struct_ops_put");

	if (!get || !put)
		return -ENOENT;
	static_call_update(bench_get, get);
	static_call_update(bench_put, put);
	file = debugfs_create_file("sops_bench", 0600, NULL, NULL, &bench_fops);
	return PTR_ERR_OR_ZERO(file);
}

static void __exit sops_bench_exit(void)
{
	debugfs_remove(file);
}

module_init(sops_bench_init);
module_exit(sops_bench_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("counts what a call of a struct_ops member costs");
