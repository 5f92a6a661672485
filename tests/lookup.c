// SPDX-License-Identifier: GPL-2.0-only
/* Reading a map: in each state, by syscall, and while it is being written. */
#include "sops.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include <kselftest_harness.h>

FIXTURE(lookup) {
	int map;
	struct sops_value v, got;
};

FIXTURE_SETUP(lookup)
{
	ASSERT_EQ(0, sops_setup());
	self->map = sops_create(&tcp);
	ASSERT_LE(0, self->map);
	ASSERT_TRUE(sops_ours(self->map));
	ca_value(&self->v, "t_lookup");
	value_init(&self->got, &tcp);
}

FIXTURE_TEARDOWN(lookup)
{
	map_delete(self->map, 0);
	close(self->map);
	EXPECT_EQ(0, sops_wait_empty());
}

static const unsigned char zero[4096];

/* lookup must write all of the value, so start from something else */
static int lookup(FIXTURE_DATA(lookup) *self)
{
	memset(self->got.bytes, 0xa5, sizeof(self->got.bytes));
	return map_lookup(self->map, 0, self->got.bytes);
}

TEST_F(lookup, zeroes_before_update)
{
	ASSERT_EQ(0, lookup(self));
	EXPECT_EQ(0, memcmp(self->got.bytes, zero, tcp.value_size));
}

TEST_F(lookup, zeroes_after_a_failed_update)
{
	value_set(&self->v, "undo_cwnd", 0);
	ASSERT_EQ(-EINVAL, map_update(self->map, 0, self->v.bytes, 0));
	ASSERT_EQ(0, lookup(self));
	EXPECT_EQ(0, memcmp(self->got.bytes, zero, tcp.value_size));
}

TEST_F(lookup, key)
{
	EXPECT_EQ(-ENOENT, map_lookup(self->map, 1, self->got.bytes));
	EXPECT_EQ(-ENOENT, map_lookup(self->map, ~0, self->got.bytes));
	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	EXPECT_EQ(-ENOENT, map_lookup(self->map, 1, self->got.bytes));
}

/* byte for byte what was written, but for the head and ids in place of fds */
TEST_F(lookup, value)
{
	struct sops_value want = self->v;
	struct sops_member m;
	struct sops_row row;
	struct bpf_map_info info;
	int i, progs = 0;

	for (i = 0; !sops_member_at(&tcp, i, &m); i++) {
		__u64 fd = value_get(&want, m.name);

		if (!m.func || !fd)
			continue;
		value_set(&want, m.name, prog_id(fd));
		progs++;
	}
	EXPECT_EQ(3, progs);
	want.state = SOPS_INUSE;
	want.refcnt = 1;

	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	ASSERT_EQ(0, lookup(self));
	EXPECT_EQ(SOPS_INUSE, self->got.state);
	EXPECT_EQ(1, self->got.refcnt);
	EXPECT_EQ(0, memcmp(want.bytes, self->got.bytes, tcp.value_size));

	/* the module's list says the same */
	ASSERT_EQ(0, map_info(self->map, &info));
	ASSERT_EQ(0, sops_row(info.id, &row));
	EXPECT_STREQ("inuse", row.state);
	EXPECT_EQ(3, row.progs);
}

TEST_F(lookup, refcnt_counts_sockets)
{
	struct flow f[3];
	int i;

	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, flow_open(&f[i], "t_lookup"));
		ASSERT_EQ(0, lookup(self));
		EXPECT_EQ(1 + i + 1, self->got.refcnt);
	}
	/* fds of the map are not counted, sockets are */
	i = dup(self->map);
	ASSERT_EQ(0, lookup(self));
	EXPECT_EQ(4, self->got.refcnt);
	close(i);

	for (i = 0; i < 3; i++)
		flow_close(&f[i]);
	EXPECT_TRUE(sops_wait(!lookup(self) && self->got.refcnt == 1));
}

TEST_F(lookup, refcnt_counts_listeners)
{
	struct flow f;

	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	ASSERT_EQ(0, flow_listen(&f));
	ASSERT_EQ(0, sock_set_ca(f.lis, "t_lookup"));
	ASSERT_EQ(0, lookup(self));
	EXPECT_EQ(2, self->got.refcnt);
	/* the accepted socket takes it over from its listener */
	ASSERT_EQ(0, flow_connect(&f, "cubic"));
	ASSERT_EQ(0, lookup(self));
	EXPECT_EQ(3, self->got.refcnt);
	flow_close(&f);
}

TEST_F(lookup, after_delete)
{
	struct sops_value before;
	struct flow f;

	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	ASSERT_EQ(0, lookup(self));
	before = self->got;

	ASSERT_EQ(0, flow_open(&f, "t_lookup"));
	ASSERT_EQ(0, map_delete(self->map, 0));
	ASSERT_EQ(0, lookup(self));
	EXPECT_EQ(SOPS_TOBEFREE, self->got.state);
	EXPECT_EQ(1, self->got.refcnt);		/* the socket's */
	flow_close(&f);
	EXPECT_TRUE(sops_wait(!lookup(self) && !self->got.refcnt));

	/* the rest of the value stays readable */
	EXPECT_EQ(SOPS_TOBEFREE, self->got.state);
	EXPECT_EQ(0, memcmp(before.bytes + 8, self->got.bytes + 8,
			    tcp.value_size - 8));
}

TEST_F(lookup, next_key)
{
	__u32 next, key = 0;
	int pass;

	/* in every state: not registered, registered, deleted */
	for (pass = 0; pass < 3; pass++) {
		next = 77;
		EXPECT_EQ(0, map_next_key(self->map, NULL, &next));
		EXPECT_EQ(0, next);
		key = 0;
		EXPECT_EQ(-ENOENT, map_next_key(self->map, &key, &next));
		key = 5;	/* no such key: from the start, as any map does */
		next = 77;
		EXPECT_EQ(0, map_next_key(self->map, &key, &next));
		EXPECT_EQ(0, next);
		EXPECT_EQ(0, pass == 0 ?
			  map_update(self->map, 0, self->v.bytes, 0) :
			  pass == 1 ? map_delete(self->map, 0) : 0);
	}
}

/* syscalls that no struct_ops map answers keep saying so */
TEST_F(lookup, other_syscalls)
{
	union bpf_attr attr = {};
	__u32 key = 0;

	attr.map_fd = self->map;
	EXPECT_EQ(-SOPS_ENOTSUPP, sys_bpf(BPF_MAP_FREEZE, &attr));
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = self->map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)self->got.bytes;
	EXPECT_EQ(-SOPS_ENOTSUPP,
		  sys_bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &attr));
}

/*
 * In the kernel: a program cannot reach such a map, so the test module asks
 * as a program's helper would.
 */
TEST_F(lookup, in_kernel)
{
	char ko[PATH_MAX], ask[32];

	if (beside("sops_probe.ko", ko))
		SKIP(return, "no sops_probe.ko beside this test");
	ASSERT_EQ(0, sops_probe_load());
	snprintf(ask, sizeof(ask), "lookup %d", self->map);
	EXPECT_EQ(-EINVAL, spit(SOPS_PROBE, ask));
	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	EXPECT_EQ(-EINVAL, spit(SOPS_PROBE, ask));
	EXPECT_EQ(0, mod_unload_wait("sops_probe"));
}

struct reader {
	atomic_int map;		/* -1: leave */
	atomic_int torn;
	atomic_long zeroes, full;
};

/* the readers may be off the processor for the whole of a round */
static bool seen(atomic_long *what)
{
	int ms;

	for (ms = 0; !*what && ms < 20000; ms++)
		usleep(1000);
	return *what;
}

/* a value is either nothing at all or whole */
static void *reader(void *arg)
{
	struct reader *r = arg;
	struct sops_value got;
	int map;

	value_init(&got, &tcp);
	while ((map = r->map) >= 0) {
		if (map_lookup(map, 0, got.bytes))
			continue;	/* closed by the other thread */
		if (!memcmp(got.bytes, zero, tcp.value_size)) {
			r->zeroes++;
			continue;
		}
		r->full++;
		if (got.state != SOPS_INUSE && got.state != SOPS_TOBEFREE)
			r->torn = 1;
		else if (got.state == SOPS_INUSE && !got.refcnt)
			r->torn = 2;
		else if (!value_get(&got, "ssthresh") ||
			 !value_get(&got, "undo_cwnd") ||
			 !value_get(&got, "release") ||
			 value_get(&got, "flags") != 1)
			r->torn = 3;
	}
	return NULL;
}

TEST_F(lookup, racing_updates)
{
	struct reader r = { .map = self->map };
	pthread_t t[2];
	int i, map;

	value_set(&self->v, "flags", 1);
	value_set(&self->v, "release", sops_prog(&tcp, "release", 0));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, reader, &r));
	for (i = 0; i < 40 && !r.torn; i++) {
		struct sops_value bad = self->v;

		map = sops_create(&tcp);
		ASSERT_LE(0, map);
		r.map = map;
		ASSERT_TRUE(seen(&r.zeroes));
		/* fails at the last member, or, after grace periods, later */
		value_set(&bad, "release", 4095);
		EXPECT_EQ(-EBADF, map_update(map, 0, bad.bytes, 0));
		bad = self->v;
		value_set(&bad, "undo_cwnd", 0);
		if (i % 20 == 0) {
			EXPECT_EQ(-EINVAL, map_update(map, 0, bad.bytes, 0));
		}
		EXPECT_EQ(0, map_update(map, 0, self->v.bytes, 0));
		ASSERT_TRUE(seen(&r.full));
		EXPECT_EQ(0, map_delete(map, 0));
		close(map);
	}
	r.map = -1;
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(0, r.torn);
}

TEST_HARNESS_MAIN
