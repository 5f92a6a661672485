// SPDX-License-Identifier: GPL-2.0-only
/* A queueing discipline: first in, first out, counted. */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

#define NET_XMIT_SUCCESS	0
#define NET_XMIT_DROP		1
#define LIMIT			1000

__u64 queued, sent, inits, destroys;

struct packet {
	struct sk_buff __kptr *skb;
	struct bpf_list_node node;
};

#define in_section(name) \
	SEC(".data." name) __hidden __attribute__((aligned(8)))

in_section("queue") struct bpf_spin_lock lock;
in_section("queue") struct bpf_list_head queue
	__attribute__((btf_decl_tag("contains:packet:node")));

static struct packet *packet_new(void)
{
	return bpf_obj_new_impl(bpf_core_type_id_local(struct packet), NULL);
}

static struct packet *pop(void)
{
	struct bpf_list_node *node;

	bpf_spin_lock(&lock);
	node = bpf_list_pop_front(&queue);
	bpf_spin_unlock(&lock);
	return node ? container_of(node, struct packet, node) : NULL;
}

static u32 length(const struct sk_buff *skb)
{
	return ((struct qdisc_skb_cb *)skb->cb)->pkt_len;
}

SEC("struct_ops")
int BPF_PROG(fifo_enqueue, struct sk_buff *skb, struct Qdisc *sch,
	     struct bpf_sk_buff_ptr *to_free)
{
	struct packet *packet;
	u32 len = length(skb);

	packet = sch->q.qlen < sch->limit ? packet_new() : NULL;
	if (!packet) {
		bpf_qdisc_skb_drop(skb, to_free);
		return NET_XMIT_DROP;
	}
	skb = bpf_kptr_xchg(&packet->skb, skb);
	if (skb)
		bpf_qdisc_skb_drop(skb, to_free);
	bpf_spin_lock(&lock);
	bpf_list_push_back_impl(&queue, &packet->node, NULL, 0);
	bpf_spin_unlock(&lock);
	sch->q.qlen++;
	sch->qstats.backlog += len;
	__sync_fetch_and_add(&queued, 1);
	return NET_XMIT_SUCCESS;
}

SEC("struct_ops")
struct sk_buff *BPF_PROG(fifo_dequeue, struct Qdisc *sch)
{
	struct packet *packet = pop();
	struct sk_buff *skb;

	if (!packet)
		return NULL;
	skb = bpf_kptr_xchg(&packet->skb, NULL);
	bpf_obj_drop_impl(packet, NULL);
	if (!skb)
		return NULL;
	sch->q.qlen--;
	sch->qstats.backlog -= length(skb);
	bpf_qdisc_bstats_update(sch, skb);
	__sync_fetch_and_add(&sent, 1);
	return skb;
}

SEC("struct_ops")
int BPF_PROG(fifo_init, struct Qdisc *sch, struct nlattr *opt,
	     struct netlink_ext_ack *extack)
{
	sch->limit = LIMIT;
	__sync_fetch_and_add(&inits, 1);
	return 0;
}

SEC("struct_ops")
void BPF_PROG(fifo_reset, struct Qdisc *sch)
{
	struct packet *packet;
	struct sk_buff *skb;
	int i;

	bpf_for(i, 0, LIMIT) {
		packet = pop();
		if (!packet)
			break;
		skb = bpf_kptr_xchg(&packet->skb, NULL);
		if (skb)
			bpf_kfree_skb(skb);
		bpf_obj_drop_impl(packet, NULL);
	}
	sch->q.qlen = 0;
}

SEC("struct_ops")
void BPF_PROG(fifo_destroy, struct Qdisc *sch)
{
	__sync_fetch_and_add(&destroys, 1);
}

SEC(".struct_ops.link")
struct Qdisc_ops t_fifo = {
	.enqueue = (void *)fifo_enqueue,
	.dequeue = (void *)fifo_dequeue,
	.init = (void *)fifo_init,
	.reset = (void *)fifo_reset,
	.destroy = (void *)fifo_destroy,
	.id = "t_fifo",
};
