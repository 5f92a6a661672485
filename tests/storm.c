// SPDX-License-Identifier: GPL-2.0-only
/* Everything at once, from many threads, on shared maps and on their own. */
#include "storm.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <kselftest_harness.h>

#define SLOTS	4

FIXTURE(storm) {
};

FIXTURE_SETUP(storm)
{
	ASSERT_EQ(0, sops_setup());
	ASSERT_EQ(0, sops_wait_empty());
}

FIXTURE_TEARDOWN(storm)
{
	/* no map, no reference, no program of ours that outlives the storm */
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_EQ(0, sops_rmmod());
}

/* every slot's map is registered as t_slotN: one of many can be */
static struct slot {
	int map;		/* with fds held */
	atomic_int life;	/* goes up when the map is replaced */
	char name[SOPS_NAME_LEN];
} slots[SLOTS];

static pthread_mutex_t fds = PTHREAD_MUTEX_INITIALIZER;

static atomic_long done[8];

enum { UPDATES, DELETES, LOOKUPS, CREATES, CONNECTS, SWITCHES, LISTS };

static struct sops_value values[SLOTS];

static void *mapper(void *arg)
{
	unsigned int seed = (uintptr_t)arg;
	struct sops_value got;
	int n, map, life, op;
	__u32 next;

	value_init(&got, &tcp);
	while (!stop) {
		n = rand_r(&seed) % SLOTS;
		op = rand_r(&seed) % 16;
		/* its own fd, so that no other thread closes it meanwhile */
		pthread_mutex_lock(&fds);
		map = dup(slots[n].map);
		life = slots[n].life;
		pthread_mutex_unlock(&fds);
		if (MAY(map < 0 ? map : 0, 0))
			continue;
		switch (op) {
		case 0 ... 4:
			if (!MAY(map_update(map, 0, values[n].bytes, 0), 0,
				 -EBUSY, -EEXIST))
				done[UPDATES]++;
			break;
		case 5 ... 7:
			if (!MAY(map_delete(map, 0), 0, -ENOENT, -EINPROGRESS))
				done[DELETES]++;
			break;
		case 8 ... 12:
			MAY(map_lookup(map, 0, got.bytes), 0);
			MAY(map_next_key(map, NULL, &next), 0);
			if (got.state > SOPS_TOBEFREE)
				unexpected = where = __LINE__;
			done[LOOKUPS]++;
			break;
		case 13 ... 14: {
			int new = sops_create(&tcp), old;

			if (MAY(new < 0 ? new : 0, 0))
				break;
			pthread_mutex_lock(&fds);
			old = slots[n].map;
			slots[n].map = new;
			slots[n].life++;
			pthread_mutex_unlock(&fds);
			MAY(map_delete(old, 0), 0, -ENOENT, -EINPROGRESS);
			close(old);
			done[CREATES]++;
			break;
		}
		case 15: {
			struct sops_row row;

			MAY(sops_rows(&row, 1), 0, 1);
			done[LISTS]++;
			break;
		}
		}
		/*
		 * Replaced meanwhile? Then it may have been registered here
		 * after the other thread's delete, and would stay for good.
		 */
		if (life != slots[n].life)
			map_delete(map, 0);
		close(map);
	}
	return NULL;
}

static void *talker(void *arg)
{
	unsigned int seed = (uintptr_t)arg;
	const char *name;
	struct flow f;
	int i;

	no_modprobe();
	while (!stop) {
		name = slots[rand_r(&seed) % SLOTS].name;
		/* EBUSY: found, but its last reference had gone */
		if (MAY(flow_open(&f, name), 0, -ENOENT, -EBUSY)) {
			usleep(1000);	/* leave the CPU to who registers */
			continue;
		}
		done[CONNECTS]++;
		for (i = rand_r(&seed) % 4; i >= 0 && !stop; i--) {
			MAY(flow_send(&f, 20000), 0);
			name = slots[rand_r(&seed) % SLOTS].name;
			if (!MAY(sock_set_ca(f.tx, name), 0, -ENOENT, -EBUSY))
				done[SWITCHES]++;
		}
		flow_close(&f);
	}
	return NULL;
}

static bool some_of_all(void)
{
	int i;

	for (i = 0; i <= LISTS; i++)
		if (!done[i])
			return false;
	return true;
}

TEST_F_TIMEOUT(storm, everything_at_once, 3600)
{
	static void *(*const work[])(void *) = {
		mapper, mapper, mapper, talker, talker, talker,
	};
	pthread_t t[ARRAY_SIZE(work)];
	int n, members[2];
	size_t i;

	members[0] = sops_prog(&tcp, "init", 0);
	members[1] = sops_prog(&tcp, "release", 0);
	for (n = 0; n < SLOTS; n++) {
		snprintf(slots[n].name, sizeof(slots[n].name), "t_slot%d", n);
		ca_value(&values[n], slots[n].name);
		value_set(&values[n], "init", members[0]);
		value_set(&values[n], "release", members[1]);
		value_set(&values[n], "flags", 1);
		slots[n].map = sops_create(&tcp);
		ASSERT_LE(0, slots[n].map);
		ASSERT_TRUE(sops_ours(slots[n].map));
	}
	for (i = 0; i < ARRAY_SIZE(work); i++)
		pthread_create(&t[i], NULL, work[i], (void *)(i + 1));
	sleep(SECONDS);
	/* until there was something of everything, however slow the machine is */
	sops_wait(some_of_all());
	stop = 1;
	for (i = 0; i < ARRAY_SIZE(work); i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(0, unexpected) TH_LOG("at line %d", where);
	TH_LOG("count: storm: %ld updates, %ld deletes, %ld lookups, %ld creates, %ld connections, %ld switches, %ld lists",
	       (long)done[UPDATES], (long)done[DELETES], (long)done[LOOKUPS],
	       (long)done[CREATES], (long)done[CONNECTS], (long)done[SWITCHES],
	       (long)done[LISTS]);
	EXPECT_TRUE(some_of_all());
	for (n = 0; n < SLOTS; n++) {
		map_delete(slots[n].map, 0);
		close(slots[n].map);
		EXPECT_FALSE(ca_available(slots[n].name));
	}
}

/* one map, every thread updates it: one wins */
struct race {
	int map;
	struct sops_value *v;
	atomic_int *go, *won, *lost, *other;
};

static void *racer(void *arg)
{
	struct race *r = arg;
	int err;

	while (!*r->go)
		;
	err = map_update(r->map, 0, r->v->bytes, 0);
	(*(!err ? r->won : err == -EBUSY ? r->lost : r->other))++;
	return NULL;
}

#define RACERS 4

/* all start at one time, and end */
static void race(struct race *r, void *(*runner)(void *))
{
	pthread_t t[RACERS];
	int i;

	for (i = 0; i < RACERS; i++)
		pthread_create(&t[i], NULL, runner, r);
	*r->go = 1;
	for (i = 0; i < RACERS; i++)
		pthread_join(t[i], NULL);
}

TEST_F_TIMEOUT(storm, one_update_wins, 60)
{
	struct sops_value v;
	int round;

	ca_value(&v, "t_race");
	for (round = 0; round < 30; round++) {
		atomic_int go = 0, won = 0, lost = 0, other = 0;
		struct race r = {
			.map = sops_create(&tcp), .v = &v, .go = &go,
			.won = &won, .lost = &lost, .other = &other,
		};

		ASSERT_LE(0, r.map);
		race(&r, racer);
		EXPECT_EQ(1, won);
		EXPECT_EQ(RACERS - 1, lost);
		EXPECT_EQ(0, other);
		EXPECT_EQ(0, map_delete(r.map, 0));
		close(r.map);
	}
}

/* and one delete does */
static void *deleter(void *arg)
{
	struct race *r = arg;
	int err;

	while (!*r->go)
		;
	err = map_delete(r->map, 0);
	(*(!err ? r->won : err == -EINPROGRESS ? r->lost : r->other))++;
	return NULL;
}

TEST_F_TIMEOUT(storm, one_delete_wins, 60)
{
	int round;

	for (round = 0; round < 30; round++) {
		atomic_int go = 0, won = 0, lost = 0, other = 0;
		struct race r = {
			.map = ca_register("t_race"), .go = &go,
			.won = &won, .lost = &lost, .other = &other,
		};

		ASSERT_LE(0, r.map);
		race(&r, deleter);
		EXPECT_EQ(1, won);
		EXPECT_EQ(RACERS - 1, lost);
		EXPECT_EQ(0, other);
		close(r.map);
	}
}

/* a program for init that leaves the socket to cubic, and then runs to its end */
static int switch_prog(void)
{
	struct bpf_insn insns[] = {
		LOAD(1, 1, 0),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 2, 0, 0, *(int *)"cubi"),
		INSN(0, 0, 0, 0, 'c'),
		STORE(10, 2, -8),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, SOL_TCP),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, TCP_CONGESTION),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 4, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, -8),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 5, 0, 0, 8),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_setsockopt),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return sops_insns(&tcp, "init", insns, ARRAY_SIZE(insns));
}

static void *switcher(void *arg)
{
	char name[SOPS_NAME_LEN];
	struct flow f;

	no_modprobe();
	while (!stop) {
		if (MAY(flow_open(&f, "t_switch"), 0, -ENOENT, -EBUSY))
			continue;
		MAY(flow_send(&f, 2000), 0);
		if (!sock_get_ca(f.tx, name) && !strcmp(name, "cubic"))
			done[SWITCHES]++;
		flow_close(&f);
		done[CONNECTS]++;
	}
	return NULL;
}

/* sockets that leave the map from within its init, while the map goes */
TEST_F_TIMEOUT(storm, switching_from_init, 3600)
{
	time_t end = time(NULL) + SECONDS;
	struct sops_value v;
	pthread_t t[3];
	int i, round;

	ca_value(&v, "t_switch");
	value_set(&v, "flags", 1);
	for (i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, switcher, NULL);
	for (round = 0; round < 15 || time(NULL) < end; round++) {
		long before = done[CONNECTS];
		int prog = switch_prog(), map;

		ASSERT_LE(0, prog);
		value_set(&v, "init", prog);
		map = ca_map(&v, 0);
		/* it has the last reference: the program goes with the map */
		close(prog);
		ASSERT_LE(0, map);
		ASSERT_TRUE(sops_wait(done[CONNECTS] != before));
		EXPECT_EQ(0, map_delete(map, 0));
		close(map);
	}
	stop = 1;
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(0, unexpected) TH_LOG("at line %d", where);
	EXPECT_EQ(done[CONNECTS], done[SWITCHES]);
	TH_LOG("count: switching from init: %d maps, %ld connections", round,
	       (long)done[CONNECTS]);
}

/* one of the processes that are killed: maps, pins and sockets of its own */
static void victim(const char *dir, int n)
{
	char name[16], pin[64];
	struct sops_value v;
	struct flow f;
	int map;

	snprintf(name, sizeof(name), "t_kill%d", n);
	snprintf(pin, sizeof(pin), "%s/%d", dir, n);
	ca_value(&v, name);
	no_modprobe();
	for (;;) {
		map = sops_create(&tcp);
		unlink(pin);
		obj_pin(map, pin);
		map_update(map, 0, v.bytes, 0);
		if (!flow_open(&f, name)) {
			flow_send(&f, 5000);
			map_delete(map, 0);
			flow_send(&f, 5000);
			flow_close(&f);
		}
		unlink(pin);
		map_delete(map, 0);
		close(map);
	}
}

#define VICTIMS 4

/* processes killed at any point of it; what they registered outlives them */
TEST_F_TIMEOUT(storm, killed, 3600)
{
	char dir[] = "/tmp/t_bpffs.XXXXXX";
	time_t end = time(NULL) + SECONDS;
	struct bpf_map_info info;
	union bpf_attr attr;
	pid_t pids[VICTIMS];
	unsigned int seed = 1;
	int n, map, killed = 0, orphans = 0;

	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, mount("bpf", dir, "bpf", 0, NULL));
	for (n = 0; n < VICTIMS; n++) {
		pids[n] = fork();
		if (!pids[n])
			victim(dir, n);
	}
	do {
		usleep(rand_r(&seed) % 200000);
		n = rand_r(&seed) % VICTIMS;
		kill(pids[n], SIGKILL);
		waitpid(pids[n], NULL, 0);
		killed++;
		memset(&attr, 0, sizeof(attr));
		while (!sys_bpf(BPF_MAP_GET_NEXT_ID, &attr)) {
			attr.start_id = attr.next_id;
			map = map_by_id(attr.start_id);
			if (!map_info(map, &info) &&
			    info.type == BPF_MAP_TYPE_STRUCT_OPS &&
			    !map_delete(map, 0))
				orphans++;
			close(map);
		}
		pids[n] = fork();
		if (!pids[n])
			victim(dir, n);
	} while (time(NULL) < end);
	for (n = 0; n < VICTIMS; n++) {
		kill(pids[n], SIGKILL);
		waitpid(pids[n], NULL, 0);
	}
	EXPECT_EQ(0, umount(dir));
	rmdir(dir);
	memset(&attr, 0, sizeof(attr));
	while (!sys_bpf(BPF_MAP_GET_NEXT_ID, &attr)) {
		attr.start_id = attr.next_id;
		map = map_by_id(attr.start_id);
		map_delete(map, 0);
		close(map);
	}
	TH_LOG("count: kill -9: %d processes, %d registered maps taken from them",
	       killed, orphans);
	EXPECT_LT(0, killed);
}

TEST_HARNESS_MAIN
