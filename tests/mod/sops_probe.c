// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space cannot do to a struct_ops map, done from the kernel side.
 * Written to debugfs, one request a write; the answer is what write() returns.
 *
 *   lookup MAPFD        the in-kernel lookup of key 0
 *   get MAPFD SOCKFD    waits, as an RCU reader, for the last reference of the
 *                       socket's map to go; then asks for one more: has to fail
 *   call SOCKFD MEMBER [CONTEXT]
 *                       of the socket's congestion control, by the kernel's
 *                       pointer to it; sops_result is then what it returned.
 *                       CONTEXT: task; bh, preempt, irq: with these off;
 *                       softirq: in one
 *   sync | expedite     waits for a grace period of RCU
 *   barrier             waits for what was left to RCU, of each kind
 *   hold rcu|tasks      stays in a grace period's way until released
 *   release             lets it go
 */
#include <linux/bpf.h>
#include <linux/debugfs.h>
#include <linux/file.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/rcupdate_trace.h>
#include <linux/uaccess.h>
#include <net/tcp.h>
#include "find.h"

static struct dentry *file, *result_file;
static u64 result;
static bool held;

FIND(bpf_struct_ops_get, bool (const void *kdata))

/* well below what the kernel calls a stall, of RCU or of a processor */
#define PATIENCE	(5 * HZ)
#define TASKS_PATIENCE	(15 * HZ)

static int probe_lookup(int mapfd)
{
	struct bpf_map *map = bpf_map_get(mapfd);
	void *value;
	u32 key = 0;

	if (IS_ERR(map))
		return PTR_ERR(map);
	rcu_read_lock();
	value = map->ops->map_lookup_elem(map, &key);
	rcu_read_unlock();
	bpf_map_put(map);
	return PTR_ERR_OR_ZERO(value);
}

static int probe_get(int mapfd, int sockfd)
{
	unsigned long end = jiffies + PATIENCE;
	const void *kdata;
	struct socket *sock;
	struct bpf_map *map;
	int err = 0;

	map = bpf_map_get(mapfd);
	if (IS_ERR(map))
		return PTR_ERR(map);
	sock = sockfd_lookup(sockfd, &err);
	if (!sock) {
		bpf_map_put(map);
		return err;
	}
	kdata = inet_csk(sock->sk)->icsk_ca_ops;

	rcu_read_lock();
	sockfd_put(sock);
	if (!found(bpf_struct_ops_get)(kdata)) {
		err = -ESRCH;		/* it is still referenced: must succeed */
	} else {
		bpf_map_put(map);	/* what get took */
		bpf_map_put(map);	/* ours: the others' go meanwhile */
		held = true;
		while (atomic64_read(&map->refcnt) && time_before(jiffies, end))
			cpu_relax();
		held = false;
		if (atomic64_read(&map->refcnt))
			err = -ETIMEDOUT;
		else if (found(bpf_struct_ops_get)(kdata))
			err = -EEXIST;	/* a reference to what is being freed */
	}
	rcu_read_unlock();
	return err;
}

static int probe_call_member(struct sock *sk, const char *member)
{
	static const struct ack_sample sample;
	const struct tcp_congestion_ops *ca = inet_csk(sk)->icsk_ca_ops;

	result = 0;
	if (!strcmp(member, "init"))
		ca->init(sk);
	else if (!strcmp(member, "release"))
		ca->release(sk);
	else if (!strcmp(member, "ssthresh"))
		result = ca->ssthresh(sk);
	else if (!strcmp(member, "cong_avoid"))
		ca->cong_avoid(sk, 0x81828384, 0x91929394);
	else if (!strcmp(member, "set_state"))
		ca->set_state(sk, 0xa1);
	else if (!strcmp(member, "cwnd_event"))
		ca->cwnd_event(sk, CA_EVENT_LOSS);
	else if (!strcmp(member, "in_ack_event"))
		ca->in_ack_event(sk, 0xb1b2b3b4);
	else if (!strcmp(member, "pkts_acked"))
		ca->pkts_acked(sk, &sample);
	else if (!strcmp(member, "min_tso_segs"))
		result = ca->min_tso_segs(sk);
	else if (!strcmp(member, "undo_cwnd"))
		result = ca->undo_cwnd(sk);
	else if (!strcmp(member, "sndbuf_expand"))
		result = ca->sndbuf_expand(sk);
	else
		return -ENOENT;
	return 0;
}

struct softirq_call {
	struct tasklet_struct tasklet;
	struct sock *sk;
	const char *member;
	int err;
};

static void probe_softirq(struct tasklet_struct *t)
{
	struct softirq_call *call = from_tasklet(call, t, tasklet);

	call->err = probe_call_member(call->sk, call->member);
}

static int probe_call_softirq(struct sock *sk, const char *member)
{
	struct softirq_call call = { .sk = sk, .member = member };

	tasklet_setup(&call.tasklet, probe_softirq);
	tasklet_schedule(&call.tasklet);
	tasklet_kill(&call.tasklet);		/* waits for it */
	return call.err;
}

static int probe_call_in(struct sock *sk, const char *member, const char *context)
{
	unsigned long flags;
	int err = -ENOENT;

	if (!strcmp(context, "task")) {
		err = probe_call_member(sk, member);
	} else if (!strcmp(context, "bh")) {
		local_bh_disable();
		err = probe_call_member(sk, member);
		local_bh_enable();
	} else if (!strcmp(context, "preempt")) {
		preempt_disable();
		err = probe_call_member(sk, member);
		preempt_enable();
	} else if (!strcmp(context, "irq")) {
		local_irq_save(flags);
		err = probe_call_member(sk, member);
		local_irq_restore(flags);
	} else if (!strcmp(context, "softirq")) {
		err = probe_call_softirq(sk, member);
	}
	return err;
}

static int probe_call(int sockfd, const char *member, const char *context)
{
	struct socket *sock;
	int err;

	sock = sockfd_lookup(sockfd, &err);
	if (!sock)
		return err;
	lock_sock(sock->sk);
	err = probe_call_in(sock->sk, member, context);
	release_sock(sock->sk);
	sockfd_put(sock);
	return err;
}

/*
 * A reader holds off RCU; a task that never goes to sleep of its own accord
 * holds off RCU-tasks, and that alone: it may be preempted.
 */
static int probe_hold(bool rcu)
{
	unsigned long end = jiffies + (rcu ? PATIENCE : TASKS_PATIENCE);

	if (rcu)
		rcu_read_lock();
	WRITE_ONCE(held, true);
	while (READ_ONCE(held) && time_before(jiffies, end)) {
		cpu_relax();
		/* who is to release it may have no other processor */
		if (!rcu)
			cond_resched();
	}
	if (rcu)
		rcu_read_unlock();
	return READ_ONCE(held) ? -ETIMEDOUT : 0;
}

static ssize_t probe_write(struct file *f, const char __user *from, size_t len,
			   loff_t *pos)
{
	char ask[64] = "", member[32], context[16] = "task";
	int map, sock, err;

	if (len >= sizeof(ask))
		return -E2BIG;
	if (copy_from_user(ask, from, len))
		return -EFAULT;

	if (sscanf(ask, "lookup %d", &map) == 1) {
		err = probe_lookup(map);
	} else if (sscanf(ask, "get %d %d", &map, &sock) == 2) {
		err = probe_get(map, sock);
	} else if (sscanf(ask, "call %d %31s %15s", &sock, member, context) >= 2) {
		err = probe_call(sock, member, context);
	} else if (!strcmp(ask, "sync")) {
		synchronize_rcu();
		err = 0;
	} else if (!strcmp(ask, "expedite")) {
		synchronize_rcu_expedited();
		err = 0;
	} else if (!strcmp(ask, "barrier")) {
		/* in the order in which a trampoline or a program goes from one to the next */
		rcu_barrier_tasks_trace();
		if (IS_ENABLED(CONFIG_TASKS_RCU))
			rcu_barrier_tasks();
		rcu_barrier();
		err = 0;
	} else if (!strcmp(ask, "hold rcu")) {
		err = probe_hold(true);
	} else if (!strcmp(ask, "hold tasks")) {
		err = probe_hold(false);
	} else if (!strcmp(ask, "release")) {
		WRITE_ONCE(held, false);
		err = 0;
	} else {
		err = -EDOM;
	}
	return err ?: len;
}

/* Y while a request holds something up */
static ssize_t probe_read(struct file *f, char __user *to, size_t len,
			  loff_t *pos)
{
	char is = READ_ONCE(held) ? 'Y' : 'N';

	return simple_read_from_buffer(to, len, pos, &is, 1);
}

static const struct file_operations probe_fops = {
	.owner = THIS_MODULE,
	.read = probe_read,
	.write = probe_write,
};

static int __init sops_probe_init(void)
{
	find_bpf_struct_ops_get();
	if (!has_bpf_struct_ops_get)
		return -ENOENT;

	debugfs_create_x64("sops_result", 0400, NULL, &result);
	result_file = debugfs_lookup("sops_result", NULL);
	file = debugfs_create_file("sops_probe", 0600, NULL, NULL, &probe_fops);
	return PTR_ERR_OR_ZERO(file);
}

static void __exit sops_probe_exit(void)
{
	debugfs_remove(file);
	debugfs_remove(result_file);
}

module_init(sops_probe_init);
module_exit(sops_probe_exit);
MODULE_LICENSE("GPL");
/* where bpf_map_get is; MODULE_IMPORT_NS() wants it quoted from 6.13 on */
MODULE_INFO(import_ns, "BPF_INTERNAL");
MODULE_DESCRIPTION("asks struct_ops maps from the kernel side, for the tests");
