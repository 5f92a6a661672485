// SPDX-License-Identifier: GPL-2.0-only
/* Real TCP connections on our maps: what members see, return and keep alive. */
#include "sops.h"

#include <linux/filter.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <kselftest_harness.h>

#include "ca.h"
#include "ca.skel.h"

FIXTURE(traffic) {
	struct ca_bpf *skel;
	struct bpf_link *link;
	int map;
};

FIXTURE_SETUP(traffic)
{
	ASSERT_EQ(0, sops_setup());
	self->skel = ca_bpf__open_and_load();
	ASSERT_NE(NULL, self->skel);
	self->link = bpf_map__attach_struct_ops(self->skel->maps.t_full);
	ASSERT_NE(NULL, self->link);
	self->map = bpf_map__fd(self->skel->maps.t_full);
	ASSERT_TRUE(sops_ours(self->map));
	self->skel->bss->bad_args = 0;
}

FIXTURE_TEARDOWN(traffic)
{
	EXPECT_EQ(0, self->skel->bss->bad_args);
	bpf_link__destroy(self->link);
	ca_bpf__destroy(self->skel);
	EXPECT_EQ(0, sops_wait_empty());
}

#define CALLS(which) (self->skel->bss->calls[CALL_##which])

static int refcnt(int map)
{
	struct sops_value v;

	value_init(&v, &tcp);
	return map_lookup(map, 0, v.bytes) ?: (int)v.refcnt;
}

static bool registered(struct ca_bpf *skel, struct bpf_map *map)
{
	struct bpf_link *link = bpf_map__attach_struct_ops(map);

	/* the link goes with the process; the map stays until it is deleted */
	return link && sops_ours(bpf_map__fd(map));
}

TEST_F(traffic, transfer)
{
	char name[SOPS_NAME_LEN];
	struct flow f;

	ASSERT_EQ(0, flow_open(&f, "t_full"));
	ASSERT_EQ(0, sock_get_ca(f.tx, name));
	EXPECT_STREQ("t_full", name);
	EXPECT_EQ(0, flow_send(&f, 2 << 20));

	EXPECT_EQ(1, CALLS(INIT));
	EXPECT_EQ(0, CALLS(RELEASE));
	EXPECT_LT(0, CALLS(CONG_AVOID));
	EXPECT_LT(0, CALLS(CWND_EVENT));
	EXPECT_LT(0, CALLS(IN_ACK_EVENT));
	EXPECT_LT(0, CALLS(PKTS_ACKED));
	EXPECT_LT(0, CALLS(MIN_TSO_SEGS));
	EXPECT_LT(0, CALLS(SNDBUF_EXPAND));
	EXPECT_EQ(0, CALLS(SSTHRESH));
	EXPECT_EQ(0, CALLS(UNDO_CWND));

	flow_close(&f);
	EXPECT_TRUE(sops_wait(CALLS(RELEASE) == 1));
	EXPECT_EQ(1, CALLS(INIT));
}

/* each socket has its own state, and init and release run once for each */
TEST_F(traffic, per_socket)
{
	int fd = bpf_map__fd(self->skel->maps.acked), i;
	struct flow f[4];
	__u32 acked[4];

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, flow_open(&f[i], "t_full"));
	EXPECT_EQ(4, CALLS(INIT));
	EXPECT_EQ(5, refcnt(self->map));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, flow_send(&f[i], 100000 << i));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, map_lookup(fd, f[i].tx, &acked[i]));
	for (i = 1; i < 4; i++)
		EXPECT_LT(acked[i - 1], acked[i]);
	for (i = 0; i < 4; i++)
		flow_close(&f[i]);
	EXPECT_TRUE(sops_wait(CALLS(RELEASE) == 4));
	EXPECT_TRUE(sops_wait(refcnt(self->map) == 1));
}

TEST_F(traffic, switching_sockets)
{
	struct flow f;
	int i;

	ASSERT_EQ(0, flow_open(&f, "t_full"));
	for (i = 1; i <= 20; i++) {
		ASSERT_EQ(0, flow_send(&f, 20000));
		ASSERT_EQ(0, sock_set_ca(f.tx, "reno"));
		EXPECT_EQ(i, CALLS(RELEASE));
		EXPECT_EQ(1, refcnt(self->map));
		ASSERT_EQ(0, flow_send(&f, 20000));
		ASSERT_EQ(0, sock_set_ca(f.tx, "t_full"));
		EXPECT_EQ(i + 1, CALLS(INIT));
		EXPECT_EQ(2, refcnt(self->map));
	}
	flow_close(&f);
}

/* a socket filter that drops whatever comes in */
static int deaf(int fd)
{
	struct sock_filter drop = { .code = BPF_RET | BPF_K };
	struct sock_fprog prog = { .len = 1, .filter = &drop };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			  sizeof(prog));
}

static int hears(int fd)
{
	int unused = 0;

	return setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused,
			  sizeof(unused));
}

static struct tcp_info info(int fd)
{
	struct tcp_info ti = {};
	socklen_t len = sizeof(ti);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len);
	return ti;
}

/* data is lost: the stack asks ssthresh, and has to get what it returned */
TEST_F(traffic, return_value_of_ssthresh)
{
	static const char data[5000];
	struct flow f;

	self->skel->data->ssthresh_ret = 4711;
	ASSERT_EQ(0, flow_open(&f, "t_full"));
	ASSERT_EQ(0, flow_send(&f, 100000));
	ASSERT_NE(4711, info(f.tx).tcpi_snd_ssthresh);
	ASSERT_EQ(0, deaf(f.rx));
	ASSERT_EQ(sizeof(data), send(f.tx, data, sizeof(data), 0));
	EXPECT_TRUE(sops_wait(CALLS(SSTHRESH) > 0));
	EXPECT_EQ(4711, info(f.tx).tcpi_snd_ssthresh);
	EXPECT_LT(0, CALLS(SET_STATE));
	ASSERT_EQ(0, hears(f.rx));
	flow_close(&f);
}

/* only the acknowledgements are lost: the stack finds out, and undoes */
TEST_F(traffic, return_value_of_undo_cwnd)
{
	static const char data[3000];
	struct flow f;
	int mss = 500;

	/*
	 * Of several segments only the first and the last are sent again;
	 * one in between that is acknowledged tells that nothing was lost.
	 */
	self->skel->data->undo_ret = 1234;
	ASSERT_EQ(0, flow_listen(&f));
	ASSERT_EQ(0, setsockopt(f.lis, IPPROTO_TCP, TCP_MAXSEG, &mss,
				sizeof(mss)));
	ASSERT_EQ(0, flow_connect(&f, "t_full"));
	ASSERT_EQ(0, flow_send(&f, 10000));
	ASSERT_EQ(0, deaf(f.tx));
	ASSERT_EQ(sizeof(data), send(f.tx, data, sizeof(data), 0));
	ASSERT_TRUE(sops_wait(CALLS(SSTHRESH) > 0));
	EXPECT_EQ(0, CALLS(UNDO_CWND));
	ASSERT_EQ(0, hears(f.tx));
	EXPECT_TRUE(sops_wait(CALLS(UNDO_CWND) > 0));
	EXPECT_EQ(1234, info(f.tx).tcpi_snd_cwnd);
	flow_close(&f);
}

/* members without a return value may leave anything in the register */
TEST_F(traffic, void_members_return_nothing)
{
	static const char *const members[] = {
		"cong_avoid", "set_state", "cwnd_event", "in_ack_event",
		"pkts_acked", "init", "release",
	};
	struct sops_value v;
	struct flow f;
	int map = sops_create(&tcp);
	size_t i;

	ASSERT_LE(0, map);
	ca_value(&v, "t_void");
	for (i = 0; i < ARRAY_SIZE(members); i++)
		value_set(&v, members[i], sops_prog(&tcp, members[i], -1));
	ASSERT_EQ(0, map_update(map, 0, v.bytes, 0));
	ASSERT_EQ(0, flow_open(&f, "t_void"));
	EXPECT_EQ(0, flow_send(&f, 500000));
	ASSERT_EQ(0, deaf(f.rx));
	ASSERT_EQ(1, send(f.tx, "", 1, 0));
	EXPECT_TRUE(sops_wait(info(f.tx).tcpi_snd_ssthresh == 2));
	ASSERT_EQ(0, hears(f.rx));
	flow_close(&f);
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
}

TEST_F(traffic, optional_members_stay_null)
{
	int map = ca_register("t_small");
	struct flow f;

	ASSERT_LE(0, map);
	ASSERT_TRUE(sops_ours(map));
	ASSERT_EQ(0, flow_open(&f, "t_small"));
	EXPECT_EQ(0, flow_send(&f, 500000));	/* no init, no release, ... */
	flow_close(&f);
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
}

TEST_F(traffic, cong_control)
{
	struct flow f;

	ASSERT_TRUE(registered(self->skel, self->skel->maps.t_control));
	ASSERT_EQ(0, flow_open(&f, "t_control"));
	EXPECT_EQ(0, flow_send(&f, 500000));
	EXPECT_LT(0, CALLS(CONG_CONTROL));
	EXPECT_EQ(0, CALLS(CONG_AVOID));
	flow_close(&f);
	EXPECT_EQ(0, map_delete(bpf_map__fd(self->skel->maps.t_control), 0));
}

TEST_F(traffic, children_inherit)
{
	char name[SOPS_NAME_LEN];
	struct flow f;

	ASSERT_EQ(0, flow_listen(&f));
	ASSERT_EQ(0, sock_set_ca(f.lis, "t_full"));
	ASSERT_EQ(0, flow_connect(&f, NULL));
	ASSERT_EQ(0, sock_get_ca(f.rx, name));
	EXPECT_STREQ("t_full", name);
	EXPECT_EQ(3, refcnt(self->map));
	EXPECT_EQ(0, flow_send(&f, 100000));
	flow_close(&f);
	EXPECT_TRUE(sops_wait(refcnt(self->map) == 1));
}

/* init hands its own socket to another control: put from within a member */
TEST_F(traffic, switch_in_init)
{
	struct bpf_map *map = self->skel->maps.t_switch;
	char name[SOPS_NAME_LEN];
	struct flow f;
	int i;

	ASSERT_TRUE(registered(self->skel, map));
	memcpy(self->skel->data->next_ca, "t_full", sizeof("t_full"));
	for (i = 1; i <= 20; i++) {
		ASSERT_EQ(0, flow_open(&f, "t_switch"));
		EXPECT_EQ(0, self->skel->data->switch_ret);
		EXPECT_LE(i, CALLS(SWITCH_INIT));
		EXPECT_EQ(i, CALLS(INIT));
		ASSERT_EQ(0, sock_get_ca(f.tx, name));
		EXPECT_STREQ("t_full", name);
		EXPECT_EQ(1, refcnt(bpf_map__fd(map)));
		EXPECT_EQ(0, flow_send(&f, 20000));
		flow_close(&f);
	}
	EXPECT_EQ(0, map_delete(bpf_map__fd(map), 0));
}

/*
 * The hard one: the map is unregistered while a socket has it, not yet
 * connected, so init has not run. connect() runs init, init's switch puts
 * the last reference, and the trampoline it runs in is returned through.
 */
TEST_F(traffic, last_put_in_init)
{
	struct bpf_map_info info;
	struct sockaddr_in to;
	socklen_t len = sizeof(to);
	struct flow f;
	int map;

	memcpy(self->skel->data->next_ca, "cubic", sizeof("cubic"));
	ASSERT_TRUE(registered(self->skel, self->skel->maps.t_switch));
	map = bpf_map__fd(self->skel->maps.t_switch);
	ASSERT_EQ(0, map_info(map, &info));
	ASSERT_EQ(0, flow_listen(&f));
	f.tx = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, sock_set_ca(f.tx, "t_switch"));
	EXPECT_EQ(2, refcnt(map));
	ASSERT_EQ(0, map_delete(map, 0));
	EXPECT_EQ(1, refcnt(map));
	/* libbpf holds an fd of the map's: close it under libbpf */
	close(map);

	EXPECT_EQ(0, CALLS(SWITCH_INIT));
	ASSERT_EQ(0, getsockname(f.lis, (void *)&to, &len));
	ASSERT_EQ(0, connect(f.tx, (void *)&to, len));
	EXPECT_EQ(1, CALLS(SWITCH_INIT));
	EXPECT_EQ(0, self->skel->data->switch_ret);
	EXPECT_EQ(0, sops_wait_gone(info.id));
	f.rx = accept(f.lis, NULL, NULL);
	EXPECT_EQ(0, flow_send(&f, 100000));
	flow_close(&f);
}

TEST_F(traffic, delete_under_traffic)
{
	struct flow f[3], late;
	__u64 before;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, flow_open(&f[i], "t_full"));
		ASSERT_EQ(0, flow_send(&f[i], 50000));
	}
	ASSERT_EQ(0, map_delete(self->map, 0));
	EXPECT_EQ(-ENOENT, flow_open(&late, "t_full"));
	EXPECT_EQ(3, refcnt(self->map));
	before = CALLS(CONG_AVOID);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, flow_send(&f[i], 200000));
	EXPECT_LT(before, CALLS(CONG_AVOID));
	for (i = 0; i < 3; i++)
		flow_close(&f[i]);
	EXPECT_TRUE(sops_wait(CALLS(RELEASE) == 3));
	EXPECT_TRUE(sops_wait(refcnt(self->map) == 0));
}

#define DEFAULT_CA "/proc/sys/net/ipv4/tcp_congestion_control"

/* in a network namespace of its own, which takes the default down with it */
TEST_F(traffic, system_default)
{
	char name[SOPS_NAME_LEN];
	struct flow f;

	if (unshare(CLONE_NEWNET))
		SKIP(return, "no network namespaces");
	ASSERT_EQ(0, sops_setup_net());
	ASSERT_EQ(0, spit(DEFAULT_CA, "t_full"));
	EXPECT_EQ(2, refcnt(self->map));
	ASSERT_EQ(0, flow_open(&f, NULL));
	ASSERT_EQ(0, sock_get_ca(f.tx, name));
	EXPECT_STREQ("t_full", name);
	ASSERT_EQ(0, sock_get_ca(f.rx, name));
	EXPECT_STREQ("t_full", name);
	/* default, listener, both ends */
	EXPECT_EQ(1 + 4, refcnt(self->map));
	EXPECT_EQ(0, flow_send(&f, 100000));

	/* unregistered, it stays the default of who had it */
	ASSERT_EQ(0, map_delete(self->map, 0));
	EXPECT_EQ(0, flow_send(&f, 100000));
	ASSERT_EQ(0, spit(DEFAULT_CA, "cubic"));
	flow_close(&f);
	EXPECT_TRUE(sops_wait(refcnt(self->map) == 0));
}

TEST_HARNESS_MAIN
