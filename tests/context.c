// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that are called in every context: what is done around them, which
 * depends on whether the caller can be preempted; that grace periods wait for
 * them in each; and statistics that are switched while they run. With each form
 * of trampoline.
 */
#include "sops.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <bpf/bpf.h>
#include <kselftest_harness.h>

#include "context.skel.h"
#include "trace.h"

#define RESULT	"/sys/kernel/debug/sops_result"

static const struct {
	const char *name;
	bool held_off;		/* the caller cannot be preempted, and the count tells */
} contexts[] = {
	{ "task" }, { "irq" },
	{ "bh", true }, { "preempt", true }, { "softirq", true },
};

FIXTURE(context) {
	struct context_bpf *skel;
	int sock;
	int usual;		/* what steps of the kernel's leave in the task */
	bool own, preempt_off;
};

FIXTURE_VARIANT(context) {
	const char *params;
};

FIXTURE_VARIANT_ADD(context, own) {
	.params = "",
};

FIXTURE_VARIANT_ADD(context, preempt_off) {
	.params = "preempt_off=tcp_congestion_ops",
};

FIXTURE_VARIANT_ADD(context, generator) {
	.params = "generator=1",
};

static void start(struct __test_metadata *_metadata, FIXTURE_DATA(context) *self, bool ours)
{
	self->skel = context_bpf__open_and_load();
	ASSERT_NE(NULL, self->skel);
	ASSERT_EQ(ours, sops_ours(bpf_map__fd(self->skel->maps.t_context)));
	ASSERT_NE(NULL, bpf_map__attach_struct_ops(self->skel->maps.t_context));
	self->sock = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, sock_set_ca(self->sock, "t_context"));
}

static void stop(FIXTURE_DATA(context) *self)
{
	close(self->sock);
	map_delete(bpf_map__fd(self->skel->maps.t_context), 0);
	context_bpf__destroy(self->skel);
}

static int call(int sock, const char *member, const char *context)
{
	char text[64];
	int err;

	snprintf(text, sizeof(text), "call %d %s %s", sock, member, context);
	err = spit(SOPS_PROBE, text);
	if (err)
		return err;
	slurp(RESULT, text, sizeof(text));
	return strtol(text, NULL, 16);
}

/* what the steps leave in the task */
static int look(FIXTURE_DATA(context) *self, const char *context)
{
	self->skel->data->migration_disabled = -1;
	return call(self->sock, "ssthresh", context) == 77 ?
	       self->skel->data->migration_disabled : -1;
}

FIXTURE_SETUP(context)
{
	cpu_set_t cpus;

	/* not where a program stays, perhaps with interrupts off */
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpus), &cpus));
	ASSERT_EQ(0, sops_setup());
	self->own = sops_own_tramps() && !strstr(variant->params, "generator");
	self->preempt_off = self->own && strstr(variant->params, "preempt_off");
	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, sops_probe_load());
	/* without PREEMPT_RCU newer kernels leave migration alone (7.0): preemption is off */
	start(_metadata, self, false);
	self->usual = look(self, "task");
	stop(self);
	ASSERT_TRUE(self->usual == 1 ||
		    (!self->usual && !kernel_has("task_struct", "rcu_read_lock_nesting")));
	ASSERT_EQ(0, mod_load(sops_ko(), variant->params));
	start(_metadata, self, true);
}

FIXTURE_TEARDOWN(context)
{
	stop(self);
	EXPECT_EQ(0, mod_unload("sops_probe"));
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_EQ(0, sops_rmmod());
}

/* what the steps leave in the task, seen from a function that a member calls */
static int look_inside(FIXTURE_DATA(context) *self, const char *member)
{
	self->skel->data->seen_inside = -1;
	return call(self->sock, member, "task") < 0 ? -1 : self->skel->data->seen_inside;
}

/*
 * Whoever is over soon runs with preemption off, in place of the steps for
 * migration and RCU; whoever jumps back does only if that was asked for.
 */
TEST_F(context, short_programs)
{
	struct bpf_link *fentry;

	if (!has_fentry())
		SKIP(return, "this kernel has no fentry for functions of its own");
	fentry = bpf_program__attach(self->skel->progs.inside);
	ASSERT_NE(NULL, fentry);
	/* its own steps are seen as well */
	EXPECT_EQ(self->own ? self->usual : 2 * self->usual, look_inside(self, "set_state"));
	EXPECT_EQ(self->preempt_off ? self->usual : 2 * self->usual,
		  look_inside(self, "cwnd_event"));
	bpf_link__destroy(fentry);
}

static int runs(const struct bpf_program *prog)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &size) ? -1 :
	       (int)info.run_cnt;
}

TEST_F(context, steps)
{
	int before = look(self, "task"), stats, seen;
	size_t i;

	EXPECT_EQ(self->preempt_off ? 0 : self->usual, before);
	for (i = 0; i < ARRAY_SIZE(contexts); i++) {
		const char *in = contexts[i].name;

		seen = look(self, in);
		if (self->preempt_off || (self->own && contexts[i].held_off)) {
			EXPECT_EQ(0, seen) TH_LOG("%s", in);
		} else {
			EXPECT_LE(self->usual, seen) TH_LOG("%s", in);
		}
		EXPECT_EQ(55, call(self->sock, "min_tso_segs", in)) TH_LOG("%s", in);
		/* nothing stays */
		EXPECT_EQ(before, look(self, "task")) TH_LOG("%s", in);
	}

	/* with run time counted, the kernel's own steps are called by all */
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	ASSERT_LE(0, stats);
	for (i = 0; i < ARRAY_SIZE(contexts); i++) {
		const char *in = contexts[i].name;

		EXPECT_LE(self->usual, look(self, in)) TH_LOG("%s", in);
		EXPECT_EQ(55, call(self->sock, "min_tso_segs", in)) TH_LOG("%s", in);
		EXPECT_EQ((int)i + 1, runs(self->skel->progs.leaf)) TH_LOG("%s", in);
	}
	close(stats);
	EXPECT_EQ(before, look(self, "task"));
}

/* something that is on its way, on a processor of its own */
struct busy {
	pthread_t thread;
	int cpu;
	int sock;			/* call: of its control; else */
	const char *text;		/* context, or request */
	volatile int *after;		/* begins once this is not 0 */
	int result;
	int done;
};

static void *busy(void *arg)
{
	struct busy *b = arg;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(b->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	while (b->after && !*b->after)
		sched_yield();
	b->result = b->sock < 0 ? spit(SOPS_PROBE, b->text) : call(b->sock, "undo_cwnd", b->text);
	__atomic_store_n(&b->done, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static bool is_done(struct busy *b)
{
	return __atomic_load_n(&b->done, __ATOMIC_SEQ_CST);
}

/*
 * Not asleep: the timer of an idle processor may be given to the other one, which
 * takes no interrupt as long as the program is in there.
 */
static bool awake(long ms, volatile int *until)
{
	long end = sops_now() + ms;

	do {
		sched_yield();
	} while (!(until && *until) && sops_now() < end);
	return until && *until;
}

/* returns whether it got there */
static bool stay(FIXTURE_DATA(context) *self, struct busy *b, const char *context)
{
	*b = (struct busy){ .cpu = 1, .sock = self->sock, .text = context };
	self->skel->bss->released = 0;
	pthread_create(&b->thread, NULL, busy, b);
	return awake(20000, &self->skel->bss->spinning);
}

static int leave(FIXTURE_DATA(context) *self, struct busy *b)
{
	*(volatile int *)&self->skel->bss->released = 1;
	pthread_join(b->thread, NULL);
	return b->result;
}

#define NEED_TWO() do {							\
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)				\
		SKIP(return, "one CPU is kept busy: two are needed");	\
} while (0)

/* returns what the program did: 33 when it was us who ended it */
static int hold_up(FIXTURE_DATA(context) *self, struct __test_metadata *_metadata,
		   const char *context, const char *how)
{
	volatile int *spinning = &self->skel->bss->spinning, go = 0;
	struct busy in, waiter = { .sock = -1, .text = how, .after = &go };
	bool early, there;
	int ret;

	/* a thread is made before: its stack can take an interrupt there */
	pthread_create(&waiter.thread, NULL, busy, &waiter);
	there = stay(self, &in, context);
	go = 1;
	awake(300, NULL);		/* time enough to end it wrongly */
	early = is_done(&waiter);
	/* asked after: it was in there all the time */
	ret = there && *spinning ? 33 : 34;
	if (ret == 33) {
		EXPECT_FALSE(early) TH_LOG("%s, %s", context, how);
	}
	if (leave(self, &in) != 33)
		ret = 34;
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(0, waiter.result);
	return ret;
}

TEST_F_TIMEOUT(context, grace_periods_wait, 300)
{
	static const char *const waits[] = { "sync", "expedite" };
	size_t i, w;
	int tries;

	NEED_TWO();
	for (i = 0; i < ARRAY_SIZE(contexts); i++) {
		const char *in = contexts[i].name;
		bool irq = !strcmp(in, "irq");

		for (w = 0; w < ARRAY_SIZE(waits); w++) {
			/* this one is held up with preemption off: so would we be */
			if (irq && !strcmp(waits[w], "expedite"))
				continue;
			/*
			 * And so is whoever wants all processors to answer, as the freeing
			 * of the modules and maps before does, some time, or a timer of
			 * PREEMPT_RT's, which goes before us: then the program has given up
			 * before we were back, by the number of its rounds.
			 */
			tries = irq ? 20 : 1;
			while (hold_up(self, _metadata, in, waits[w]) != 33 && --tries)
				;
			EXPECT_NE(0, tries) TH_LOG("%s, %s", in, waits[w]);
		}
	}
}

/*
 * Statistics on, or off, with a program in there. Returns whether it was; if not
 * it gave up, since others held up the switch until it did.
 */
static bool switch_inside(FIXTURE_DATA(context) *self, struct __test_metadata *_metadata,
			  const char *context, int *stats)
{
	struct busy in;
	bool there;
	int ret;

	ASSERT_TRUE(stay(self, &in, context));
	if (*stats < 0) {
		*stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
		ASSERT_LE(0, *stats);
	} else {
		close(*stats);
		*stats = -1;
	}
	there = !is_done(&in);
	ret = leave(self, &in);
	EXPECT_TRUE(ret == 33 || ret == 34) TH_LOG("%s: %d", context, ret);
	return ret == 33 && there;
}

/* whoever went in one way comes out the same way */
TEST_F_TIMEOUT(context, statistics_switched_inside, 300)
{
	int before = look(self, "task"), stats = -1, ran, tries;
	size_t i;

	NEED_TWO();
	for (i = 0; i < ARRAY_SIZE(contexts); i++) {
		const char *in = contexts[i].name;
		bool on, off;

		/* to switch them waits for processors to take an interrupt */
		if (!strcmp(in, "irq"))
			continue;
		for (tries = 5, on = off = false; tries && !(on && off); tries--) {
			ran = runs(self->skel->progs.stay);
			on = switch_inside(self, _metadata, in, &stats);
			EXPECT_EQ(self->usual, look(self, "task")) TH_LOG("%s", in);
			off = switch_inside(self, _metadata, in, &stats);
			EXPECT_EQ(before, look(self, "task")) TH_LOG("%s", in);
			/* the time of neither is known */
			EXPECT_EQ(ran, runs(self->skel->progs.stay)) TH_LOG("%s", in);
		}
		EXPECT_TRUE(on && off) TH_LOG("%s", in);
	}
}

TEST_HARNESS_MAIN
