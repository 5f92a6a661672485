// SPDX-License-Identifier: GPL-2.0-only
/*
 * Congestion controls that count their calls, for the tests to look at:
 * t_full has every member a program may have, t_control steers by
 * cong_control, t_switch leaves its socket to another control from init.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "ca.h"

#define SOL_TCP		6
#define TCP_CONGESTION	13
#define EPERM		1

char _license[] SEC("license") = "GPL";

__u64 calls[NR_CALLS];		/* by enum call */
__u64 bad_args;
__u64 image;			/* where ssthresh's trampoline is */
__u32 ssthresh_ret = 7;
__u32 undo_ret = 33;
char next_ca[16] = "cubic";
int switch_ret = 1;

/* per socket, in the space that congestion controls have of their own */
struct priv {
	__u32 magic;
	__u32 acked;
};

#define PRIV_MAGIC 0x50505050

/* and per socket where user space can look it up by the socket's fd */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} acked SEC(".maps");

static __always_inline struct priv *priv(struct sock *sk)
{
	return (struct priv *)((struct inet_connection_sock *)sk)->icsk_ca_priv;
}

static __always_inline void count(enum call c)
{
	__sync_fetch_and_add(&calls[c], 1);
}

static __always_inline void check(bool good)
{
	if (!good)
		__sync_fetch_and_add(&bad_args, 1);
}

/*
 * Those that run after init only, on a socket that init saw. The others are
 * called for the end of the handshake as well, before init.
 */
static __always_inline void late(struct sock *sk, enum call c)
{
	count(c);
	check(priv(sk)->magic == PRIV_MAGIC);
}

SEC("struct_ops/init")
void BPF_PROG(ca_init, struct sock *sk)
{
	struct inet_connection_sock *icsk = (void *)sk;

	count(CALL_INIT);
	image = (__u64)icsk->icsk_ca_ops->ssthresh;
	priv(sk)->magic = PRIV_MAGIC;
	priv(sk)->acked = 0;
}

SEC("struct_ops/release")
void BPF_PROG(ca_release, struct sock *sk)
{
	count(CALL_RELEASE);
}

SEC("struct_ops/ssthresh")
__u32 BPF_PROG(ca_ssthresh, struct sock *sk)
{
	late(sk, CALL_SSTHRESH);
	return ssthresh_ret;
}

SEC("struct_ops/cong_avoid")
void BPF_PROG(ca_cong_avoid, struct sock *sk, __u32 ack, __u32 n)
{
	struct tcp_sock *tp = (void *)sk;
	__u32 *sum;

	count(CALL_CONG_AVOID);
	check(ack == tp->snd_una);
	priv(sk)->acked += n;
	sum = bpf_sk_storage_get(&acked, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (sum)
		*sum = priv(sk)->acked;
}

SEC("struct_ops/set_state")
void BPF_PROG(ca_set_state, struct sock *sk, __u8 state)
{
	count(CALL_SET_STATE);
	check(state <= TCP_CA_Loss);
}

SEC("struct_ops/cwnd_event")
void BPF_PROG(ca_cwnd_event, struct sock *sk, enum tcp_ca_event ev)
{
	count(CALL_CWND_EVENT);
	check(ev <= CA_EVENT_ECN_IS_CE);
}

#ifdef CWND_EVENT_TX_START	/* one of these events, a member of its own since 7.x */
SEC("struct_ops/cwnd_event_tx_start")
void BPF_PROG(ca_cwnd_event_tx_start, struct sock *sk)
{
	count(CALL_CWND_EVENT);
}
#endif

SEC("struct_ops/in_ack_event")
void BPF_PROG(ca_in_ack_event, struct sock *sk, __u32 flags)
{
	count(CALL_IN_ACK_EVENT);
}

SEC("struct_ops/pkts_acked")
void BPF_PROG(ca_pkts_acked, struct sock *sk, const struct ack_sample *sample)
{
	count(CALL_PKTS_ACKED);
	check(sample->pkts_acked < 1 << 20);
}

/* without arguments: what has a context cannot be replaced, see tramp.c */
SEC("struct_ops/min_tso_segs")
__u32 ca_min_tso_segs(void)
{
	count(CALL_MIN_TSO_SEGS);
	return 2;
}

SEC("struct_ops/undo_cwnd")
__u32 BPF_PROG(ca_undo_cwnd, struct sock *sk)
{
	late(sk, CALL_UNDO_CWND);
	return undo_ret;
}

SEC("struct_ops/sndbuf_expand")
__u32 BPF_PROG(ca_sndbuf_expand, struct sock *sk)
{
	count(CALL_SNDBUF_EXPAND);
	return 3;
}

SEC("struct_ops/cong_control")
void BPF_PROG(ca_cong_control, struct sock *sk, const struct rate_sample *rs)
{
	count(CALL_CONG_CONTROL);
}

/*
 * Runs inside init of the control it ends the use of: once the socket has
 * gone over, nothing but the grace periods keeps this very code in place.
 */
SEC("struct_ops/switch_init")
void BPF_PROG(ca_switch_init, struct sock *sk)
{
	count(CALL_SWITCH_INIT);
	switch_ret = bpf_setsockopt(sk, SOL_TCP, TCP_CONGESTION, next_ca,
				    sizeof(next_ca));
}

SEC(".struct_ops")
struct tcp_congestion_ops t_full = {
	.init = (void *)ca_init,
	.release = (void *)ca_release,
	.ssthresh = (void *)ca_ssthresh,
	.cong_avoid = (void *)ca_cong_avoid,
	.set_state = (void *)ca_set_state,
	.cwnd_event = (void *)ca_cwnd_event,
#ifdef CWND_EVENT_TX_START
	.cwnd_event_tx_start = (void *)ca_cwnd_event_tx_start,
#endif
	.in_ack_event = (void *)ca_in_ack_event,
	.pkts_acked = (void *)ca_pkts_acked,
	.min_tso_segs = (void *)ca_min_tso_segs,
	.undo_cwnd = (void *)ca_undo_cwnd,
	.sndbuf_expand = (void *)ca_sndbuf_expand,
	.name = "t_full",
	.flags = 1,	/* not restricted: for sockets without capabilities too */
};

SEC(".struct_ops")
struct tcp_congestion_ops t_control = {
	.init = (void *)ca_init,
	.ssthresh = (void *)ca_ssthresh,
	.cong_control = (void *)ca_cong_control,
	.undo_cwnd = (void *)ca_undo_cwnd,
	.name = "t_control",
	.flags = 1,
};

SEC(".struct_ops")
struct tcp_congestion_ops t_switch = {
	.init = (void *)ca_switch_init,
	.ssthresh = (void *)ca_ssthresh,
	.cong_avoid = (void *)ca_cong_avoid,
	.undo_cwnd = (void *)ca_undo_cwnd,
	.name = "t_switch",
	.flags = 1,
};
