// SPDX-License-Identifier: GPL-2.0-only
/*
 * bpf_ebb - a delay-aware AIMD congestion control: it ebbs as the queue fills.
 *
 * A loss alone does not tell a full queue from a bad wire, and one fixed
 * reaction to both is wrong on one of them. Delay does tell: the path's RTT is
 * its base RTT plus the time spent in queues. So once per round trip ebb
 * estimates how full the bottleneck's queue is,
 *
 *	fullness = queueing delay / its recent peak	(0 ... 1)
 *
 * and draws both halves of AIMD from that one number:
 *
 *	              empty queue		full queue
 *	growth	      GAIN segments per RTT	1, as Reno
 *	on a loss     keep 7/8 of the window	keep 1/2, as Reno
 *
 * The loss stays the signal and delay only scales the answer, therefore ebb is
 * not starved by flows that fill the queue, and it is never gentler than Reno
 * where a queue is full; in that state flows that share a link drift to equal
 * windows, as AIMD flows do. Without a usable estimate it is Reno.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define FULL		1024U	/* fullness is in 1/FULL of a full queue */
#define GAIN		8U	/* segments per RTT while the queue is empty */
#define NO_RTT		(~0U)

/* Delay that counts as a queue at all: below it, scheduling noise rules. */
#define NOISE(base)	((base) / 8 + 1)

struct ebb {
	u32 base;	/* lowest RTT, us: the path without queues */
	u32 peak;	/* recent peak of the queueing delay, us */
	u32 rtt_sum;	/* this round's RTT samples, us ... */
	u32 rtt_cnt;	/* ... and how many they are */
	u32 round_end;	/* the round ends when this sequence is acked */
	u32 fullness;	/* estimate of the last whole round, 0 ... FULL */
};

/* The part of tcp_congestion_ops that kernels offer to BPF as functions. */
extern u32 tcp_slow_start(struct tcp_sock *tp, u32 acked) __ksym;
extern void tcp_cong_avoid_ai(struct tcp_sock *tp, u32 w, u32 acked) __ksym;
extern u32 tcp_reno_undo_cwnd(struct sock *sk) __ksym;

static struct ebb *ebb_ca(struct sock *sk)
{
	return (struct ebb *)((struct inet_connection_sock *)sk)->icsk_ca_priv;
}

static bool in_slow_start(const struct tcp_sock *tp)
{
	return tp->snd_cwnd < tp->snd_ssthresh;
}

static bool is_cwnd_limited(struct tcp_sock *tp)
{
	/* In slow start half a window in use is enough: it doubles anyway. */
	if (in_slow_start(tp))
		return tp->snd_cwnd < 2 * tp->max_packets_out;
	return BPF_CORE_READ_BITFIELD(tp, is_cwnd_limited);
}

static void new_round(struct ebb *ca, const struct tcp_sock *tp)
{
	ca->rtt_sum = 0;
	ca->rtt_cnt = 0;
	ca->round_end = tp->snd_nxt;
}

/* Know nothing about the path: fullness FULL makes the next reactions Reno's. */
static void forget(struct ebb *ca, const struct tcp_sock *tp)
{
	ca->base = NO_RTT;
	ca->peak = 0;
	ca->fullness = FULL;
	new_round(ca, tp);
}

static void end_round(struct ebb *ca, struct tcp_sock *tp)
{
	u32 queue, peak;

	if (ca->rtt_cnt) {
		queue = ca->rtt_sum / ca->rtt_cnt - ca->base;
		/*
		 * Up within some rounds, down within many. A plain maximum
		 * would let one stall of the path make every later queue look
		 * short, and ebb too bold for good.
		 */
		if (queue > ca->peak)
			ca->peak += (queue - ca->peak) / 8 + 1;
		else
			ca->peak -= (ca->peak - queue) / 64;

		/* The floor keeps a path that never queued from looking full. */
		peak = ca->peak;
		if (peak < NOISE(ca->base))
			peak = NOISE(ca->base);
		ca->fullness = queue < peak ? (u64)queue * FULL / peak : FULL;

		/*
		 * Slow start has found the link's capacity when a queue stands:
		 * going on would only end in a burst of losses.
		 */
		if (in_slow_start(tp) && queue > NOISE(ca->base))
			tp->snd_ssthresh = tp->snd_cwnd;
	}
	new_round(ca, tp);
}

SEC("struct_ops/ebb_init")
void BPF_PROG(ebb_init, struct sock *sk)
{
	forget(ebb_ca(sk), (struct tcp_sock *)sk);
}

/* Nothing to free; leave no measurement to the control that comes after. */
SEC("struct_ops/ebb_release")
void BPF_PROG(ebb_release, struct sock *sk)
{
	__builtin_memset(ebb_ca(sk), 0, sizeof(struct ebb));
}

SEC("struct_ops/ebb_pkts_acked")
void BPF_PROG(ebb_pkts_acked, struct sock *sk, const struct ack_sample *sample)
{
	struct ebb *ca = ebb_ca(sk);
	s32 rtt = sample->rtt_us;

	/* Negative: only retransmitted data was acked, the sample is void. */
	if (rtt <= 0)
		return;
	if ((u32)rtt < ca->base)
		ca->base = rtt;
	/* A round with this many microseconds of samples has enough of them. */
	if (ca->rtt_sum + rtt < ca->rtt_sum)
		return;
	ca->rtt_sum += rtt;
	ca->rtt_cnt++;
}

SEC("struct_ops/ebb_cong_avoid")
void BPF_PROG(ebb_cong_avoid, struct sock *sk, u32 ack, u32 acked)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	struct ebb *ca = ebb_ca(sk);
	u32 empty, gain, per_segment;

	if ((s32)(ack - ca->round_end) > 0)
		end_round(ca, tp);

	/* An application that sends too little teaches nothing: do not grow. */
	if (!is_cwnd_limited(tp))
		return;

	if (in_slow_start(tp)) {
		acked = tcp_slow_start(tp, acked);
		if (!acked)
			return;
	}

	/*
	 * The square lets growth fall early, long before the queue is full,
	 * and leaves a long slow climb in which flows that share it converge.
	 */
	empty = FULL - ca->fullness;
	gain = FULL + (GAIN - 1) * (empty * empty / FULL);
	per_segment = (u64)tp->snd_cwnd * FULL / gain;
	tcp_cong_avoid_ai(tp, per_segment ?: 1, acked);
}

SEC("struct_ops/ebb_ssthresh")
u32 BPF_PROG(ebb_ssthresh, struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	u32 keep, ssthresh;

	/* Slow start overshoots by up to twice, however short the queue was. */
	if (in_slow_start(tp))
		keep = FULL / 2;
	else
		keep = FULL * 7 / 8 - ebb_ca(sk)->fullness * 3 / 8;

	ssthresh = (u64)tp->snd_cwnd * keep / FULL;
	return ssthresh < 2 ? 2 : ssthresh;
}

SEC("struct_ops/ebb_set_state")
void BPF_PROG(ebb_set_state, struct sock *sk, u8 new_state)
{
	/* A timeout: the path may be another one now. */
	if (new_state == TCP_CA_Loss)
		forget(ebb_ca(sk), (struct tcp_sock *)sk);
}

SEC("struct_ops/ebb_cwnd_event")
void BPF_PROG(ebb_cwnd_event, struct sock *sk, enum tcp_ca_event event)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	/* After idling, a round that began before it says nothing about now. */
	if (event == CA_EVENT_CWND_RESTART)
		new_round(ebb_ca(sk), tp);
}

SEC("struct_ops/ebb_undo_cwnd")
u32 BPF_PROG(ebb_undo_cwnd, struct sock *sk)
{
	/* The loss was none, only reordering: back to the window before it. */
	return tcp_reno_undo_cwnd(sk);
}

SEC("struct_ops/ebb_sndbuf_expand")
u32 BPF_PROG(ebb_sndbuf_expand, struct sock *sk)
{
	/* GAIN can outgrow the default of two windows within a few rounds. */
	return 3;
}

#define COMMON						\
	.init		= (void *)ebb_init,		\
	.release	= (void *)ebb_release,		\
	.ssthresh	= (void *)ebb_ssthresh,		\
	.cong_avoid	= (void *)ebb_cong_avoid,	\
	.set_state	= (void *)ebb_set_state,	\
	.cwnd_event	= (void *)ebb_cwnd_event,	\
	.undo_cwnd	= (void *)ebb_undo_cwnd,	\
	.sndbuf_expand	= (void *)ebb_sndbuf_expand,	\
	.name		= "bpf_ebb"

/* Without samples there is never an estimate: this is Reno. */
SEC(".struct_ops.link")
struct tcp_congestion_ops ebb_blind = {
	COMMON,
};

SEC(".struct_ops.link")
struct tcp_congestion_ops bpf_ebb = {
	COMMON,
	.pkts_acked	= (void *)ebb_pkts_acked,
};

char LICENSE[] SEC("license") = "GPL";
