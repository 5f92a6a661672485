// SPDX-License-Identifier: GPL-2.0-only
/*
 * insmod finds what it touches traced already, in every way that the kernel
 * has, or about to be: it works, or says what is in its way.
 */
#include "tracers.h"

#include <pthread.h>
#include <stdatomic.h>

/* what insmod makes of a function that is traced already: it works, or says why in one line */
static bool insmod_traced(struct __test_metadata *_metadata, const char *func, int want)
{
	int log = kmsg_open(), err;
	char line[256] = "";

	err = sops_insmod();
	EXPECT_EQ(want, err) TH_LOG("%s is traced", func);
	EXPECT_EQ(1, kmsg_count(log, "struct_ops: ", line, sizeof(line))) TH_LOG("%s", func);
	if (want)
		EXPECT_NE(NULL, strstr(line, func)) TH_LOG("%s", line);
	close(log);
	return !err;
}

/* each alone, then all of them, before insmod; off before rmmod, and after */
TEST_F_TIMEOUT(tracers, before_insmod, 300)
{
	enum kind kind;
	int i, loads = 0;

	for (i = 0; i < nr_funcs; i++) {
		if (!funcs[i].redirected)
			continue;
		for (kind = 0; kind < NR_KINDS; kind++) {
			put_on(_metadata, i, kind, false);
			if (insmod_traced(_metadata, funcs[i].name, expected(&funcs[i], kind, true))) {
				live_start(_metadata, &self->l);
				check(_metadata, self, kinds[kind], funcs[i].name, "before insmod");
				if (kind % 2)
					take_off(_metadata, i, kind);
				check(_metadata, self, kinds[kind], funcs[i].name, "perhaps off");
				live_stop(_metadata, &self->l);
				ASSERT_EQ(0, sops_rmmod());
				loads++;
			}
			check(_metadata, self, kinds[kind], funcs[i].name, "without the module");
			take_off(_metadata, i, kind);
		}
	}
	TH_LOG("count: tracers: %d times attached before insmod, which worked %d times",
	       nr_attached, loads);
}

TEST_F_TIMEOUT(tracers, all_before_insmod, 300)
{
	enum kind kind;

	for (kind = 0; kind < NR_KINDS; kind++)
		put_on_all(_metadata, kind, false);
	ASSERT_TRUE(insmod_traced(_metadata, "everything", 0));
	live_start(_metadata, &self->l);
	check(_metadata, self, "all", "all functions", "before insmod");
	for (kind = 0; kind < NR_KINDS; kind += 2)
		take_off_all(_metadata, kind);
	check(_metadata, self, "every other", "all functions", "detached");
	live_stop(_metadata, &self->l);
	ASSERT_EQ(0, sops_rmmod());
	check(_metadata, self, "every other", "all functions", "after rmmod");
	for (kind = 1; kind < NR_KINDS; kind += 2)
		take_off_all(_metadata, kind);
}

/* fentry and fexit come and go all the time, or where there are none kprobes */
struct storm {
	atomic_int stop;
	atomic_long times, busy, err;
};

static void *storm_thread(void *arg)
{
	struct storm *s = arg;
	enum kind one = has_fentry() ? FENTRY : KPROBE, kind = one;
	int fd, other;

	while (!s->stop) {
		int i = s->times++ % nr_funcs;

		if (!funcs[i].redirected)
			continue;
		fd = attach(&funcs[i], 1, kind);
		other = attach(&funcs[i], 1, kind == one ? one + 1 : one);
		if (fd == -EBUSY || fd == -EAGAIN)
			s->busy++;
		else if (fd < 0)
			s->err = fd;
		close(fd);
		close(other);
		kind = kind == one ? one + 1 : one;
		usleep(1000);
	}
	return NULL;
}

/* insmod at a moment when a function is being patched: it works, or one line says what is busy */
TEST_F_TIMEOUT(tracers, insmod_under_fire, 300)
{
	int rounds = sops_param("SOPS_ROUNDS", 5), round, done = 0, log;
	struct storm s = {};
	char line[256] = "";
	pthread_t t;

	ASSERT_EQ(0, pthread_create(&t, NULL, storm_thread, &s));
	for (round = 0; round < rounds; round++) {
		int err;

		log = kmsg_open();
		err = sops_insmod();
		EXPECT_EQ(1, kmsg_count(log, "struct_ops: ", line, sizeof(line)));
		close(log);
		if (takes_direct_call() && err == -EBUSY) {
			EXPECT_NE(NULL, strstr(line, "traced by a BPF program")) TH_LOG("%s", line);
			continue;
		}
		EXPECT_EQ(0, err) TH_LOG("%s", line);
		if (err)
			continue;
		done++;
		live_start(_metadata, &self->l);
		live_check(_metadata, &self->l, "under fire");
		live_stop(_metadata, &self->l);
		EXPECT_EQ(0, sops_rmmod());
	}
	s.stop = 1;
	pthread_join(t, NULL);
	EXPECT_EQ(0, s.err);
	TH_LOG("count: tracers: insmod under fire: %d of %d times, %ld attached meanwhile, %ld busy",
	       done, rounds, (long)s.times, (long)s.busy);
}

TEST_HARNESS_MAIN
