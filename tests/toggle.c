// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel patches or moves under running calls: run statistics, the
 * preemption model, processors that go and come back.
 */
#include "sops.h"

#include <bpf/bpf.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <kselftest_harness.h>

#define CPU	"/sys/devices/system/cpu/cpu1/online"
#define PREEMPT	"/sys/kernel/debug/sched/preempt"

/* of each of them; scripts/check-debug asks for more */
#define SECONDS	sops_param("SOPS_SECONDS", 2)
#define CALLERS	3

static atomic_int stop, wrong;
static atomic_long calls;

/*
 * Calls on both processors, and maps that come and go; with pauses: QEMU runs
 * one processor at a time, and who waits for a busy one waits for the next tick.
 */
static void *caller(void *unused)
{
	struct flow f;

	while (!stop) {
		if (flow_open(&f, "t_toggle") || flow_send(&f, 20000))
			wrong = __LINE__;
		flow_close(&f);
		calls++;
		usleep(2000);
	}
	return NULL;
}

static void *mapper(void *unused)
{
	int map;

	while (!stop) {
		map = ca_register("t_toggle2");
		if (map < 0 || map_delete(map, 0))
			wrong = __LINE__;
		close(map);
		calls++;
	}
	return NULL;
}

FIXTURE(toggle) {
	int map;
	pthread_t threads[CALLERS + 1];
	char preempt[64];
};

/* the one in use is in parentheses */
static void preempt_back(char *models)
{
	char *in_use = strchr(models, '(');

	if (in_use)
		spit(PREEMPT, strtok(in_use + 1, ")"));
}

FIXTURE_SETUP(toggle)
{
	struct sops_value v;
	int i;

	ASSERT_EQ(0, sops_setup());
	slurp(PREEMPT, self->preempt, sizeof(self->preempt));
	ca_value(&v, "t_toggle");
	value_set(&v, "init", sops_prog(&tcp, "init", 0));
	value_set(&v, "flags", 1);
	self->map = ca_map(&v, 0);
	ASSERT_LE(0, self->map);
	for (i = 0; i < CALLERS; i++)
		pthread_create(&self->threads[i], NULL, caller, NULL);
	pthread_create(&self->threads[i], NULL, mapper, NULL);
}

FIXTURE_TEARDOWN(toggle)
{
	int i;

	stop = 1;
	for (i = 0; i <= CALLERS; i++)
		pthread_join(self->threads[i], NULL);
	EXPECT_EQ(0, wrong) TH_LOG("at line %d", wrong);
	/* also after a case that failed */
	spit(CPU, "1");
	preempt_back(self->preempt);
	EXPECT_EQ(0, map_delete(self->map, 0));
	close(self->map);
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_EQ(0, sops_rmmod());
}

/* @a and @b in turn, for the time, each with calls after it */
#define IN_TURN(what, a, b) do {					\
	time_t end = time(NULL) + SECONDS;				\
	int n = 0;							\
									\
	do {								\
		long before = calls;					\
									\
		EXPECT_EQ(0, n++ % 2 ? (b) : (a));			\
		ASSERT_TRUE(sops_wait(calls > before + 1 || wrong));	\
	} while (!wrong && (n % 2 || time(NULL) < end));	\
	TH_LOG("count: toggle: " what " %d times, %ld calls", n, (long)calls); \
} while (0)

TEST_F_TIMEOUT(toggle, run_statistics, 3600)
{
	int stats = -1;

	IN_TURN("run statistics", (stats = bpf_enable_stats(BPF_STATS_RUN_TIME)) < 0,
		close(stats));
}

TEST_F_TIMEOUT(toggle, processors, 3600)
{
	if (access(CPU, W_OK))
		SKIP(return, "there is no second processor that can go");
	IN_TURN("a processor", spit(CPU, "0"), spit(CPU, "1"));
}

TEST_F_TIMEOUT(toggle, preemption_model, 3600)
{
	if (access(PREEMPT, W_OK))
		SKIP(return, "this kernel has no CONFIG_PREEMPT_DYNAMIC");
	/* thousands of places are patched one by one: without this a switch takes half a minute */
	setpriority(PRIO_PROCESS, gettid(), -20);
	/* 7.x has no "none", where others have no "lazy" */
	IN_TURN("preemption", spit(PREEMPT, "none") && spit(PREEMPT, "lazy"),
		spit(PREEMPT, "full"));
}

TEST_HARNESS_MAIN
