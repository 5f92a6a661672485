// SPDX-License-Identifier: GPL-2.0-only
/* Whom a map's memory is charged to, what a limit does, and that all is given back. */
#include "sops.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <kselftest_harness.h>

#define CGROUPS	"/sys/fs/cgroup"
#define GROUP	CGROUPS "/t_sops"
#define MAPS	1000

FIXTURE(account) {
	bool memcg;
	/* shared with the process that lives in the group */
	struct shared {
		atomic_int step;
		int err, created;
	} *s;
};

FIXTURE_SETUP(account)
{
	ASSERT_EQ(0, sops_setup());
	ASSERT_EQ(0, sops_wait_empty());
	if (access(CGROUPS "/cgroup.controllers", F_OK))
		mount("cgroup2", CGROUPS, "cgroup2", 0, NULL);
	spit(CGROUPS "/cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0755);
	self->memcg = !access(GROUP "/memory.max", W_OK);
	self->s = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->s);
}

FIXTURE_TEARDOWN(account)
{
	closefrom(3);
	EXPECT_EQ(0, sops_wait_empty());
	sops_wait(!rmdir(GROUP) || errno != EBUSY);
}

#define NEED_MEMCG() do {						\
	if (!self->memcg)						\
		SKIP(return, "no memory controller in cgroup v2 here");	\
} while (0)

static long group_bytes(void)
{
	char text[32];

	return slurp(GROUP "/memory.current", text, sizeof(text)) ? -1 :
	       atol(text);
}

/* once more than it may have, even for a moment, CPUs give back what charges they keep at hand */
static long group_bytes_drained(void)
{
	spit(GROUP "/memory.high", "0");
	spit(GROUP "/memory.high", "max");
	return group_bytes();
}

/* without pipes and the like, which would be charged as well */
static void reach(struct shared *s, int step)
{
	s->step = step;
}

static void await(struct shared *s, int step)
{
	while (s->step < step)
		usleep(1000);
}

static void create_many(struct shared *s)
{
	static int maps[MAPS];
	int i;

	s->err = spit(GROUP "/cgroup.procs", "0");
	reach(s, 1);
	await(s, 2);
	for (i = 0; i < MAPS && !s->err; i++) {
		maps[i] = sops_create(&tcp);
		if (maps[i] < 0)
			s->err = maps[i];
		else
			s->created++;
	}
	reach(s, 3);
	await(s, 4);
	for (i = 0; i < s->created; i++)
		close(maps[i]);
	reach(s, 5);
	await(s, 6);
	_exit(0);
}

TEST_F(account, memory_of_the_creators_cgroup)
{
	struct shared *s = self->s;
	long before, during;
	struct sops_row row;
	pid_t pid;

	NEED_MEMCG();
	close(sops_create(&tcp));	/* what is made once is made now */
	ASSERT_EQ(0, sops_wait_empty());
	pid = fork();
	if (!pid)
		create_many(s);
	await(s, 1);
	before = group_bytes_drained();
	reach(s, 2);
	await(s, 3);
	EXPECT_EQ(0, s->err);
	EXPECT_EQ(MAPS, s->created);
	during = group_bytes();
	/* at the least two copies of the value: what is registered, what is read */
	EXPECT_LT(MAPS * 2L * tcp.value_size, during - before);
	reach(s, 4);
	await(s, 5);
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_EQ(0, sops_rows(&row, 1));
	EXPECT_TRUE(sops_wait(group_bytes_drained() - before < (during - before) / 8));
	TH_LOG("%d maps: %ld bytes, afterwards %ld", MAPS, during - before,
	       group_bytes() - before);
	reach(s, 6);
	waitpid(pid, NULL, 0);
}

struct node {
	__u32 bits;
	__u32 word[2];
};

static int trie(__u32 value_size)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_LPM_TRIE,
		.key_size = sizeof(struct node),
		.value_size = value_size,
		.max_entries = 1 << 20,
		.map_flags = BPF_F_NO_PREALLOC,
	};

	return sys_bpf(BPF_MAP_CREATE, &attr);
}

/*
 * Eats what the group has left. A trie's nodes are charged to the group but
 * allocated so that failing is their own error, not a reason to kill anyone.
 */
static void fill(int map)
{
	static __u32 n;
	static unsigned char value[256];
	int err = 0;

	while (!err && n < 1 << 20) {
		struct node key = { .bits = 64, .word = { n, n } };
		union bpf_attr attr = {
			.map_fd = map,
			.key = (uintptr_t)&key,
			.value = (uintptr_t)value,
		};

		n++;
		err = sys_bpf(BPF_MAP_UPDATE_ELEM, &attr);
	}
}

/*
 * In a group with nothing left, and with no fd left either: a create whose
 * memory still fits goes no further than EMFILE, so that nothing but the
 * map's own allocations ever meets the limit.
 */
static void create_without_memory(struct shared *s)
{
	struct rlimit files;
	union bpf_attr attr;
	cpu_set_t one;
	int big, small, i;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	s->err = spit(GROUP "/cgroup.procs", "0");
	big = trie(256);
	small = trie(1);
	create_attr(&attr, &tcp);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = dup(0);
	close(files.rlim_cur);
	setrlimit(RLIMIT_NOFILE, &files);
	reach(s, 1);
	await(s, 2);		/* the limit is set from outside */

	for (i = 0; i < 100 && !s->created; i++) {
		fill(big);
		fill(small);
		s->err = sys_bpf(BPF_MAP_CREATE, &attr);
		if (s->err == -ENOMEM)
			s->created++;
		else if (s->err != -EMFILE)
			break;
	}
	_exit(0);
}

TEST_F(account, memory_limit)
{
	struct shared *s = self->s;
	char limit[32];
	pid_t pid;
	int map;

	NEED_MEMCG();
	pid = fork();
	if (!pid)
		create_without_memory(s);
	await(s, 1);
	ASSERT_EQ(0, s->err);
	snprintf(limit, sizeof(limit), "%ld", group_bytes() + (1 << 20));
	ASSERT_EQ(0, spit(GROUP "/memory.max", limit));
	reach(s, 2);
	waitpid(pid, NULL, 0);
	EXPECT_EQ(-ENOMEM, s->err);

	/* nothing leaked: not in our list, and not in the group */
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_TRUE(sops_wait(group_bytes() < 1 << 20));
	EXPECT_EQ(0, spit(GROUP "/memory.max", "max"));
	map = sops_create(&tcp);
	EXPECT_LE(0, map);
	close(map);
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_EQ(0, sops_rmmod());
}

#define MANY 10

/* defect 18: the kernel's own image is not charged at all */
TEST_F(account, executable_memory)
{
	int maps[MANY], i;
	long before, images;
	char name[16];

	before = jit_settled();
	if (before == -ENOENT)
		SKIP(return, NO_JIT_CURRENT);
	ASSERT_LT(0, before);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "t_%d", i);
		maps[i] = ca_register(name);
		ASSERT_LE(0, maps[i]);
	}
	images = sops_images();
	EXPECT_LT(0, images);
	EXPECT_EQ(before + images, jit_current());

	for (i = 0; i < MANY; i++) {
		EXPECT_EQ(0, map_delete(maps[i], 0));
		close(maps[i]);
	}
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_TRUE(sops_wait(jit_current() == before));
}

TEST_F(account, executable_memory_of_failures)
{
	long before;
	struct sops_value v;
	union bpf_attr attr;
	int map, i;

	before = jit_settled();
	if (before == -ENOENT)
		SKIP(return, NO_JIT_CURRENT);
	for (i = 0; i < MANY; i++) {
		/* fails after the map was allocated */
		create_attr(&attr, &tcp);
		attr.btf_fd = ~0;
		EXPECT_EQ(-EBADF, sys_bpf(BPF_MAP_CREATE, &attr));

		/* never registered */
		map = sops_create(&tcp);
		ASSERT_LE(0, map);
		close(map);

		/* refused at its last member, and by the subsystem */
		map = sops_create(&tcp);
		ASSERT_LE(0, map);
		ca_value(&v, "t_");
		value_set(&v, "release", 4095);
		EXPECT_EQ(-EBADF, map_update(map, 0, v.bytes, 0));
		value_set(&v, "release", 0);
		value_set(&v, "undo_cwnd", 0);
		EXPECT_EQ(-EINVAL, map_update(map, 0, v.bytes, 0));
		close(map);
	}
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_TRUE(sops_wait(jit_current() == before));
}

TEST_HARNESS_MAIN
