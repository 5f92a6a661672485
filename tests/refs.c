// SPDX-License-Identifier: GPL-2.0-only
/* The life of a map beyond its fds: get, put, and the grace periods after. */
#include "sops.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include <kselftest_harness.h>

FIXTURE(refs) {
	const char *unable;
	int map, prog;
	__u32 id, prog_id;
};

FIXTURE_SETUP(refs)
{
	struct bpf_map_info info;
	struct sops_value v;
	char ko[PATH_MAX];

	ASSERT_EQ(0, sops_setup());
	self->unable = beside("sops_probe.ko", ko) ?
		       "no sops_probe.ko beside this test" :
		       sysconf(_SC_NPROCESSORS_ONLN) < 2 ?
		       "one CPU is kept busy: two are needed" :
		       /* looked up once, before anybody is held up */
		       jit_current() == -ENOENT ? NO_JIT_CURRENT : NULL;
	if (self->unable)
		return;
	ASSERT_EQ(0, sops_probe_load());

	self->map = sops_create(&tcp);
	ASSERT_LE(0, self->map);
	ASSERT_TRUE(sops_ours(self->map));
	ASSERT_EQ(0, map_info(self->map, &info));
	self->id = info.id;

	/* a program that nothing but the map will hold */
	ca_value(&v, "t_refs");
	self->prog = sops_prog(&tcp, "ssthresh", 2);
	self->prog_id = prog_id(self->prog);
	value_set(&v, "ssthresh", self->prog);
	ASSERT_EQ(0, map_update(self->map, 0, v.bytes, 0));
	close(self->prog);
}

FIXTURE_TEARDOWN(refs)
{
	if (self->unable)
		return;
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_EQ(0, mod_unload_wait("sops_probe"));
}

/* the harness of 6.1 runs a case that its setup has skipped */
#define NEED_PROBE() do {						\
	if (self->unable)						\
		SKIP(return, "%s", self->unable);			\
} while (0)

struct request {
	pthread_t thread;
	char text[64];
	int err;
};

static void *ask(void *arg)
{
	struct request *r = arg;

	r->err = spit(SOPS_PROBE, r->text);
	return NULL;
}

static int start(struct request *r)
{
	char held[2];

	pthread_create(&r->thread, NULL, ask, r);
	return sops_wait(!slurp(SOPS_PROBE, held, 2) && held[0] == 'Y') ? 0 :
	       -ETIMEDOUT;
}

TEST_F(refs, get_fails_once_the_count_is_zero)
{
	struct request r = {};
	struct flow f;

	NEED_PROBE();
	ASSERT_EQ(0, flow_listen(&f));
	f.tx = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, sock_set_ca(f.tx, "t_refs"));
	snprintf(r.text, sizeof(r.text), "get %d %d", self->map, f.tx);
	/* unregistering waits for RCU readers itself: not while there is one */
	ASSERT_EQ(0, map_delete(self->map, 0));
	ASSERT_EQ(0, start(&r));
	close(self->map);
	flow_close(&f);
	pthread_join(r.thread, NULL);
	EXPECT_EQ(0, r.err);
}

/* areas of arrays, by who asked for them, or by what did for all maps if the compiler did not inline that */
static int array_areas(void)
{
	return file_count("/proc/vmallocinfo", "array_map_alloc") +
	       file_count("/proc/vmallocinfo", "bpf_map_area_alloc");
}

/* big enough for an area of its own; without grace periods, but with the work */
static bool map_freed(void)
{
	int before = array_areas(), map;

	map = sops_array(1 << 16);
	if (map < 0 || array_areas() <= before)
		return false;
	close(map);
	return sops_wait(array_areas() <= before);
}

/* by a callback of RCU, and then by work */
static bool prog_freed(void)
{
	long before = jit_current();
	int prog = sops_prog(&tcp, "init", 0);

	if (prog < 0 || jit_current() <= before)
		return false;
	close(prog);
	return sops_wait(jit_current() <= before);
}

/*
 * Others that were freed after the map have gone: its own work is done before
 * theirs, then its callback, and once more for what that may have put off.
 */
static bool others_freed(bool (*freed)(void))
{
	int i;

	for (i = 0; i < 3; i++)
		if (!freed())
			return false;
	return true;
}

#define EXPECT_HELD_BY(what, freed) do {				\
	struct request r = { .text = "hold " what };			\
									\
	NEED_PROBE();							\
	ASSERT_EQ(0, map_delete(self->map, 0));				\
	ASSERT_EQ(0, start(&r));					\
	close(self->map);						\
	EXPECT_TRUE(others_freed(freed));				\
	EXPECT_TRUE(prog_alive(self->prog_id));				\
	ASSERT_EQ(0, spit(SOPS_PROBE, "release"));				\
	pthread_join(r.thread, NULL);					\
	EXPECT_EQ(0, r.err);						\
	EXPECT_TRUE(sops_wait(!prog_alive(self->prog_id)));		\
} while (0)

TEST_F(refs, rcu_readers_are_waited_for)
{
	EXPECT_HELD_BY("rcu", map_freed);
}

TEST_F(refs, tasks_in_a_trampoline_are_waited_for)
{
	NEED_PROBE();
	if (!ksym("synchronize_rcu_tasks")) {
		map_delete(self->map, 0);
		close(self->map);
		SKIP(return, "nobody is preempted in a trampoline here: RCU waits for all (no CONFIG_TASKS_RCU)");
	}
	EXPECT_HELD_BY("tasks", prog_freed);
}

#define DEFAULT "/proc/sys/net/ipv4/tcp_congestion_control"

/* the default of the system, or of a network namespace, holds a map like a socket does */
TEST_F(refs, default_of_the_system)
{
	struct bpf_map_info info;
	struct sops_row row;
	char was[32];
	struct flow f;

	NEED_PROBE();
	ASSERT_EQ(0, slurp(DEFAULT, was, sizeof(was)));
	ASSERT_EQ(0, map_info(self->map, &info));
	ASSERT_EQ(0, spit(DEFAULT, "t_refs"));
	ASSERT_EQ(0, map_delete(self->map, 0));
	close(self->map);
	self->map = -1;
	usleep(300000);		/* time enough to free it wrongly */
	/* the list says so, and rmmod */
	EXPECT_EQ(0, sops_row(info.id, &row));
	EXPECT_STREQ("tobefree", row.state);
	EXPECT_EQ(1, row.refcnt);
	EXPECT_EQ(-EAGAIN, mod_unload("struct_ops"));
	/* gone for whoever asks by name, and a default still */
	EXPECT_FALSE(ca_available("t_refs"));
	EXPECT_EQ(0, flow_open(&f, NULL));
	EXPECT_EQ(0, flow_send(&f, 20000));
	flow_close(&f);
	ASSERT_EQ(0, spit(DEFAULT, was));
	EXPECT_EQ(0, sops_wait_gone(info.id));
}

/* the same map held in every way there is, let go in every order */
TEST_F(refs, whoever_is_last)
{
	struct flow f;
	int order, map;

	NEED_PROBE();
	map_delete(self->map, 0);
	close(self->map);
	for (order = 0; order < 6; order++) {
		static const char *const orders[] = {
			"dfs", "dsf", "fds", "fsd", "sdf", "sfd",
		};
		struct bpf_map_info info;
		const char *step;

		map = ca_register("t_refs");
		ASSERT_LE(0, map);
		ASSERT_EQ(0, map_info(map, &info));
		ASSERT_EQ(0, flow_open(&f, "t_refs"));
		for (step = orders[order]; *step; step++) {
			struct sops_row row;

			EXPECT_EQ(0, sops_row(info.id, &row));
			switch (*step) {
			case 'd':
				if (map < 0)
					map = map_by_id(info.id);
				EXPECT_EQ(0, map_delete(map, 0));
				/* deleting takes an fd, for a moment at least */
				if (strchr(orders[order], 'f') < step)
					close(map);
				break;
			case 'f':
				close(map);
				map = -1;
				break;
			case 's':
				flow_close(&f);
				break;
			}
		}
		EXPECT_EQ(0, sops_wait_gone(info.id));
	}
}

TEST_HARNESS_MAIN
