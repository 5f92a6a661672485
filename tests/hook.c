// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module coming and going: who serves which map, what rmmod says, and
 * what is left afterwards. The cases of "hook" run with the module absent,
 * loaded, and absent again.
 */
#include "sops.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include <kselftest_harness.h>

FIXTURE(hook) {
	int map;
	struct sops_value v;
};

FIXTURE_VARIANT(hook) {
	bool loaded;
};

FIXTURE_VARIANT_ADD(hook, absent) {
	.loaded = false,
};

FIXTURE_VARIANT_ADD(hook, loaded) {
	.loaded = true,
};

FIXTURE_VARIANT_ADD(hook, absent_again) {
	.loaded = false,
};

FIXTURE_SETUP(hook)
{
	ASSERT_EQ(0, variant->loaded ? sops_setup() : sops_setup_absent());
	ASSERT_EQ(variant->loaded, mod_loaded("struct_ops"));
	self->map = sops_create(&tcp);
	ASSERT_LE(0, self->map);
	ASSERT_EQ(variant->loaded, sops_ours(self->map));
	ca_value(&self->v, "t_hook");
}

FIXTURE_TEARDOWN(hook)
{
	map_delete(self->map, 0);
	close(self->map);
}

TEST_F(hook, serves)
{
	struct sops_value got;
	struct flow f;

	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	ASSERT_EQ(0, flow_open(&f, "t_hook"));
	EXPECT_EQ(0, flow_send(&f, 200000));
	value_init(&got, &tcp);
	ASSERT_EQ(0, map_lookup(self->map, 0, got.bytes));
	EXPECT_EQ(SOPS_INUSE, got.state);
	EXPECT_EQ(2, got.refcnt);
	flow_close(&f);
	EXPECT_EQ(0, map_delete(self->map, 0));
}

/*
 * Defects of the kernel's own implementation that are safe to run. What it
 * answers is shown, not demanded: it may get better. Ours is demanded.
 */
#define EXPECT_OURS(ours, got) do {					\
	int __got = got;						\
									\
	if (variant->loaded) {						\
		EXPECT_EQ(ours, __got);					\
	} else {							\
		TH_LOG("the kernel's own: %d, ours: %d", __got, ours);	\
	}								\
} while (0)

TEST_F(hook, defect_8_owner)
{
	value_set(&self->v, "owner", 1);
	EXPECT_OURS(-EINVAL, map_update(self->map, 0, self->v.bytes, 0));
	EXPECT_FALSE(ca_available("t_hook"));
}

TEST_F(hook, defect_16_key)
{
	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	EXPECT_OURS(-ENOENT, map_delete(self->map, 12345));
}

TEST_F(hook, defect_17_fd)
{
	value_set(&self->v, "release", 1ULL << 32);
	EXPECT_OURS(-EINVAL, map_update(self->map, 0, self->v.bytes, 0));
}

TEST_F(hook, defect_18_jit_limit)
{
	long before;

	close(self->map);
	before = jit_settled();
	if (before == -ENOENT)
		SKIP(return, NO_JIT_CURRENT);
	ASSERT_LT(0, before);
	self->map = sops_create(&tcp);
	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	EXPECT_OURS((int)sops_images(), (int)(jit_current() - before));
}

FIXTURE(load) {
};

FIXTURE_SETUP(load)
{
	ASSERT_EQ(0, sops_setup_absent());
}

#define TRACING "/sys/kernel/tracing/"

FIXTURE_TEARDOWN(load)
{
	/* a case below sets it, and may have failed */
	if (file_has(TRACING "current_tracer", "function")) {
		EXPECT_EQ(0, spit(TRACING "current_tracer", "nop"));
		close(open(TRACING "set_ftrace_filter", O_WRONLY | O_TRUNC));
	}
	if (mod_loaded("struct_ops")) {
		EXPECT_EQ(0, sops_rmmod());
	}
}

TEST_F(load, one_line_says_the_outcome)
{
	int log = kmsg_open();
	char line[256];

	ASSERT_LE(0, log);
	ASSERT_EQ(0, sops_insmod());
	EXPECT_EQ(1, kmsg_count(log, "struct_ops: ", line, sizeof(line)));
	TH_LOG("%s", line);
}

TEST_F(load, twice)
{
	ASSERT_EQ(0, sops_insmod());
	EXPECT_EQ(-EEXIST, sops_insmod());
}

#define FUNCTIONS "/sys/kernel/tracing/enabled_functions"

TEST_F(load, leaves_nothing_behind)
{
	static char before[1 << 16], after[1 << 16];
	int i;

	if (access(FUNCTIONS, R_OK))
		mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	ASSERT_EQ(0, slurp(FUNCTIONS, before, sizeof(before)));
	for (i = 0; i < 3; i++) {
		int map;

		ASSERT_EQ(0, sops_insmod());
		EXPECT_TRUE(file_has(FUNCTIONS, "bpf_struct_ops_map_alloc"));
		EXPECT_EQ(0, access("/sys/kernel/debug/struct_ops", F_OK));
		map = ca_register("t_load");
		ASSERT_LE(0, map);
		ASSERT_TRUE(sops_ours(map));
		ASSERT_EQ(0, map_delete(map, 0));
		close(map);
		ASSERT_EQ(0, sops_rmmod());

		ASSERT_EQ(0, slurp(FUNCTIONS, after, sizeof(after)));
		EXPECT_STREQ(before, after);
		EXPECT_FALSE(mod_loaded("struct_ops"));
		EXPECT_EQ(-1, access("/sys/kernel/debug/struct_ops", F_OK));
		EXPECT_EQ(-1, access("/sys/module/struct_ops", F_OK));
	}
	EXPECT_FALSE(file_has("/proc/kallsyms", "[struct_ops]"));
}

/* switching ftrace off would leave new maps to the kernel */
TEST_F(load, ftrace_stays_enabled)
{
	int err;

	ASSERT_EQ(0, sops_insmod());
	err = spit("/proc/sys/kernel/ftrace_enabled", "0");
	/* the latter since 7.x, whoever uses it */
	EXPECT_TRUE(err == -EBUSY || err == -EOPNOTSUPP) TH_LOG("%d", err);
	ASSERT_EQ(0, sops_rmmod());
}

/*
 * Maps and connections from before insmod stay the kernel's, beside ours,
 * and after rmmod; the programs, loaded before, serve both.
 */
TEST_F(load, maps_made_before)
{
	int old, idle, new;
	struct flow fo, fn;
	struct sops_value v;

	old = ca_register("t_old");
	ASSERT_LE(0, old);
	ASSERT_EQ(0, flow_open(&fo, "t_old"));
	idle = sops_create(&tcp);
	ASSERT_LE(0, idle);

	ASSERT_EQ(0, sops_insmod());
	EXPECT_FALSE(sops_ours(old));
	EXPECT_FALSE(sops_ours(idle));
	new = ca_register("t_new");
	ASSERT_LE(0, new);
	EXPECT_TRUE(sops_ours(new));
	ASSERT_EQ(0, flow_open(&fn, "t_new"));
	EXPECT_EQ(0, flow_send(&fo, 100000));
	EXPECT_EQ(0, flow_send(&fn, 100000));

	/* every operation on the kernel's own map, with ours in place */
	value_init(&v, &tcp);
	ASSERT_EQ(0, map_lookup(old, 0, v.bytes));
	EXPECT_EQ(SOPS_INUSE, v.state);
	EXPECT_EQ(2, v.refcnt);
	ca_value(&v, "t_idle");
	EXPECT_EQ(0, map_update(idle, 0, v.bytes, 0));
	EXPECT_EQ(-EBUSY, map_update(idle, 0, v.bytes, 0));
	EXPECT_TRUE(ca_available("t_idle"));
	EXPECT_EQ(0, sock_set_ca(fn.tx, "t_idle"));
	EXPECT_EQ(0, flow_send(&fn, 100000));
	EXPECT_EQ(0, sock_set_ca(fn.tx, "t_new"));
	EXPECT_EQ(0, map_delete(idle, 0));
	EXPECT_EQ(-EINPROGRESS, map_delete(idle, 0));
	close(idle);

	flow_close(&fn);
	EXPECT_EQ(0, map_delete(new, 0));
	close(new);
	ASSERT_EQ(0, sops_rmmod());	/* the old map is no reason to stay */

	EXPECT_EQ(0, flow_send(&fo, 100000));
	flow_close(&fo);
	ASSERT_EQ(0, flow_open(&fo, "t_old"));
	EXPECT_EQ(0, flow_send(&fo, 100000));
	flow_close(&fo);
	EXPECT_EQ(0, map_delete(old, 0));
	close(old);
}

TEST_F(load, in_use)
{
	char dir[] = "/tmp/t_bpffs.XXXXXX", pin[64];
	struct bpf_map_info info;
	struct flow f;
	int map;

	ASSERT_EQ(0, sops_insmod());

	/* by an fd of a map that was never registered */
	map = sops_create(&tcp);
	ASSERT_LE(0, map);
	EXPECT_EQ(-EWOULDBLOCK, mod_unload("struct_ops"));

	/* by a pin */
	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, mount("bpf", dir, "bpf", 0, NULL));
	snprintf(pin, sizeof(pin), "%s/map", dir);
	ASSERT_EQ(0, obj_pin(map, pin));
	close(map);
	EXPECT_EQ(-EWOULDBLOCK, mod_unload("struct_ops"));
	EXPECT_EQ(0, unlink(pin));
	EXPECT_EQ(0, umount(dir));
	rmdir(dir);
	ASSERT_EQ(0, sops_wait_empty());

	/* by being registered, and by nothing else */
	map = ca_register("t_load");
	ASSERT_LE(0, map);
	ASSERT_EQ(0, map_info(map, &info));
	close(map);
	EXPECT_EQ(-EWOULDBLOCK, mod_unload("struct_ops"));

	/* by a socket, after all else has gone */
	ASSERT_EQ(0, flow_open(&f, "t_load"));
	map = map_by_id(info.id);
	ASSERT_LE(0, map);
	ASSERT_EQ(0, map_delete(map, 0));
	close(map);
	EXPECT_EQ(-EWOULDBLOCK, mod_unload("struct_ops"));
	EXPECT_EQ(0, flow_send(&f, 100000));
	EXPECT_EQ(-EWOULDBLOCK, mod_unload("struct_ops"));
	flow_close(&f);
	EXPECT_EQ(0, sops_rmmod());
}

/* how often a function of the kernel's was entered since the last time; the redirect comes after */
static int entered(const char *func)
{
	static char text[1 << 16];
	int n = 0;
	char *at;

	if (slurp(TRACING "trace", text, sizeof(text)))
		return -1;
	for (at = text; (at = strstr(at, func)); at++)
		n++;
	close(open(TRACING "trace", O_WRONLY | O_TRUNC));
	return n;
}

/*
 * The kernel's functions make a map of ours and show it to the security
 * modules; from then on none of its operations goes through one of theirs.
 */
TEST_F(load, served_straight)
{
	struct sops_value v;
	union bpf_attr attr;
	int map, old;

	old = sops_create(&tcp);
	ASSERT_LE(0, old);
	ASSERT_EQ(0, sops_insmod());
	ca_value(&v, "t_straight");
	if (access(TRACING "trace", R_OK))
		mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	ASSERT_EQ(0, spit(TRACING "set_ftrace_filter", "bpf_struct_ops_map_*"));
	ASSERT_EQ(0, spit(TRACING "current_tracer", "function"));

	map = sops_create(&tcp);
	ASSERT_LE(0, map);
	EXPECT_TRUE(sops_ours(map));
	EXPECT_EQ(1, entered(": bpf_struct_ops_map_alloc <"));
	EXPECT_EQ(-EINVAL, map_update(map, 0, v.bytes, 1));
	EXPECT_EQ(0, map_update(map, 0, v.bytes, 0));
	EXPECT_EQ(-EBUSY, map_update(map, 0, v.bytes, 0));
	EXPECT_EQ(0, map_delete(map, 0));
	EXPECT_EQ(-EINPROGRESS, map_delete(map, 0));
	close(map);
	ASSERT_EQ(0, sops_wait_empty());
	EXPECT_EQ(0, entered(": bpf_struct_ops_map_"));

	/* the one that is redirected: of a map that the kernel gives up before it is served */
	create_attr(&attr, &tcp);
	attr.btf_fd = -1;
	EXPECT_EQ(-EBADF, sys_bpf(BPF_MAP_CREATE, &attr));
	EXPECT_EQ(1, entered(": bpf_struct_ops_map_free <"));
	ASSERT_EQ(0, sops_wait_empty());

	/* the kernel's own keep its table */
	EXPECT_EQ(0, map_update(old, 0, v.bytes, 0));
	EXPECT_EQ(0, map_delete(old, 0));
	EXPECT_EQ(1, entered(": bpf_struct_ops_map_delete_elem"));
	ASSERT_EQ(0, sops_rmmod());
	EXPECT_EQ(-EINPROGRESS, map_delete(old, 0));
	EXPECT_EQ(1, entered(": bpf_struct_ops_map_delete_elem"));
	close(old);
}

/* Threads that go in and out of our text while it is taken away. */
struct churn {
	atomic_int stop, err;
	int kernels;		/* a map of the kernel's own, registered */
	int deleted;		/* another, deleted */
	atomic_long calls;
};

static void *churn_calls(void *arg)
{
	struct churn *c = arg;
	struct sops_value v;
	union bpf_attr attr;
	__u32 next;

	value_init(&v, &tcp);
	create_attr(&attr, &tcp);
	attr.value_size--;
	while (!c->stop) {
		/* enters hooks of all kinds and leaves no map behind */
		if (sys_bpf(BPF_MAP_CREATE, &attr) != -EINVAL)
			c->err = 1;
		if (map_lookup(c->kernels, 0, v.bytes))
			c->err = 2;
		if (map_next_key(c->kernels, NULL, &next))
			c->err = 3;
		memset(v.bytes, 0, tcp.value_size);
		if (map_update(c->kernels, 0, v.bytes, 0) != -EBUSY)
			c->err = 4;
		if (map_delete(c->deleted, 0) != -EINPROGRESS)
			c->err = 11;
		c->calls++;
		/*
		 * Not faster: QEMU before 8.1 can keep a translation of code
		 * that another CPU is just patching, and hangs on its INT3.
		 */
		usleep(1000);
	}
	return NULL;
}

static void *churn_maps(void *arg)
{
	static atomic_int names;
	struct churn *c = arg;
	unsigned int seed = ++names;
	struct sops_value v;
	long begun, took;
	char name[16];
	int map, i;

	snprintf(name, sizeof(name), "t_churn%d", seed);
	while (!c->stop) {
		begun = sops_now();
		for (i = 0; i < 3; i++) {
			map = sops_create(&tcp);
			ca_value(&v, name);
			if (map < 0)
				c->err = 5;
			else if (map_update(map, 0, v.bytes, 0))
				c->err = 6;
			else if (map_delete(map, 0))
				c->err = 7;
			close(map);
			c->calls++;
		}
		took = sops_now() - begun;
		/* a map on its way out holds the module: leave it a chance, and a slow kernel a longer one */
		usleep(rand_r(&seed) % (took < 300 ? 1500000 : 5000 * took));
	}
	return NULL;
}

static void *churn_sockets(void *arg)
{
	struct churn *c = arg;
	struct flow f;

	if (flow_open(&f, "t_load"))
		c->err = 8;
	while (!c->stop && !c->err) {
		/* get and put, in the kernel's own maps */
		if (sock_set_ca(f.tx, "cubic") || sock_set_ca(f.tx, "t_load"))
			c->err = 9;
		if (flow_send(&f, 5000))
			c->err = 10;
		c->calls++;
		usleep(1000);
	}
	flow_close(&f);
	return NULL;
}

TEST_F_TIMEOUT(load, rmmod_under_fire, 3600)
{
	static void *(*const work[])(void *) = {
		churn_calls, churn_maps, churn_maps, churn_sockets,
	};
	pthread_t t[ARRAY_SIZE(work)];
	struct churn c = {};
	struct sops_value v;
	int rounds = sops_param("SOPS_ROUNDS", 5), round, err, busy = 0;
	size_t i;

	ca_value(&v, "t_");	/* loaded once, before there are threads */
	c.kernels = ca_register("t_load");
	ASSERT_LE(0, c.kernels);
	c.deleted = ca_register("t_gone");
	ASSERT_LE(0, c.deleted);
	ASSERT_EQ(0, map_delete(c.deleted, 0));
	for (i = 0; i < ARRAY_SIZE(work); i++)
		pthread_create(&t[i], NULL, work[i], &c);
	for (round = 0; round < rounds && !c.err; round++) {
		ASSERT_EQ(0, sops_insmod());
		usleep(100000);
		while ((err = mod_unload("struct_ops")) == -EAGAIN) {
			busy++;
			usleep(5000);
		}
		ASSERT_EQ(0, err);
	}
	c.stop = 1;
	for (i = 0; i < ARRAY_SIZE(work); i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(0, c.err);
	TH_LOG("count: insmod and rmmod under fire: %d rounds, %ld calls, %d times in use",
	       round, (long)c.calls, busy);
	EXPECT_EQ(0, map_delete(c.kernels, 0));
	close(c.kernels);
	close(c.deleted);
	EXPECT_FALSE(file_has("/proc/kallsyms", "[struct_ops]"));
}

TEST_HARNESS_MAIN
