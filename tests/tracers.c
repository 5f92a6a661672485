// SPDX-License-Identifier: GPL-2.0-only
/*
 * Others trace what we touch, in every way that the kernel has, with maps, links
 * and sockets alive. Every map is served to its end by whom it was served
 * before, and nobody loses a tracer.
 */
#include "tracers.h"

static bool traced_by_instance(const struct func *func)
{
	char line[80];

	snprintf(line, sizeof(line), "\n%.63s\n", func->name);
	return file_has(INSTANCE "set_ftrace_filter", line);
}

/*
 * The short form takes what the module redirects, and some of the others; all
 * of them are traced at once in other cases. The long one takes them all.
 */
static bool in_short(int i)
{
	return !getenv("SOPS_ROUNDS") && !funcs[i].redirected;
}

static bool left_out(int i, int every)
{
	return in_short(i) && i % every;
}

/* each function, in each way alone, with everything alive */
TEST_F_TIMEOUT(tracers, each_alone, 300)
{
	enum kind kind;
	int i;

	start(_metadata, &self->l, &self->a);
	for (i = 0; i < nr_funcs; i++) {
		if (left_out(i, 3))
			continue;
		for (kind = 0; kind < NR_KINDS; kind++) {
			put_on(_metadata, i, kind, true);
			check(_metadata, self, kinds[kind], funcs[i].name, "attached");
			take_off(_metadata, i, kind);
		}
		check(_metadata, self, "all", funcs[i].name, "detached");
	}
	TH_LOG("count: tracers: %d functions, %d times attached alone", nr_funcs, nr_attached);
}

/* two of a kind that the kernel serves by one trampoline: one changes what the other has */
TEST_F_TIMEOUT(tracers, fentry_and_fexit, 300)
{
	int i, first, last;

	if (!has_fentry())
		SKIP(return, "this kernel has no fentry for functions of its own");
	start(_metadata, &self->l, &self->a);
	for (i = 0; i < nr_funcs; i++) {
		if (left_out(i, 3))
			continue;
		for (first = 0; first < 2; first++) {
			for (last = 0; last < 2; last++) {
				put_on(_metadata, i, first ? FENTRY : FEXIT, true);
				put_on(_metadata, i, first ? FEXIT : FENTRY, true);
				check(_metadata, self, first ? "fentry, fexit" : "fexit, fentry",
				      funcs[i].name, "attached");
				take_off(_metadata, i, last ? FENTRY : FEXIT);
				check(_metadata, self, last ? "fexit" : "fentry",
				      funcs[i].name, "left");
				take_off(_metadata, i, last ? FEXIT : FENTRY);
			}
		}
		check(_metadata, self, "fentry and fexit", funcs[i].name, "detached");
	}
	TH_LOG("count: tracers: %d functions, %d times fentry or fexit", nr_funcs, nr_attached);
}

/* all kinds at one function; they go as they came, in reverse, and every other one first */
static const enum kind orders[][NR_KINDS] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7 },
	{ 7, 6, 5, 4, 3, 2, 1, 0 },
	{ 1, 3, 5, 7, 0, 2, 4, 6 },
};

TEST_F_TIMEOUT(tracers, all_kinds, 300)
{
	int i, k, on, off;

	start(_metadata, &self->l, &self->a);
	for (i = 0; i < nr_funcs; i++) {
		if (left_out(i, 8))
			continue;
		for (on = 0; on < 2; on++) {
			for (off = 0; off < 3; off++) {
				if (in_short(i) && (on != i / 8 % 2 || off != i / 8 % 3))
					continue;
				for (k = 0; k < NR_KINDS; k++)
					put_on(_metadata, i, orders[on][k], true);
				check(_metadata, self, "all", funcs[i].name, "attached");
				for (k = 0; k < NR_KINDS / 2; k++)
					take_off(_metadata, i, orders[off][k]);
				check(_metadata, self, "half of all", funcs[i].name, "left");
				for (; k < NR_KINDS; k++)
					take_off(_metadata, i, orders[off][k]);
			}
		}
		check(_metadata, self, "all", funcs[i].name, "detached");
	}
	TH_LOG("count: tracers: %d times attached, all kinds at one function", nr_attached);
}

/* all functions at once, in one way after the other, and then in all of them */
TEST_F_TIMEOUT(tracers, all_functions, 300)
{
	enum kind kind;
	int i;

	start(_metadata, &self->l, &self->a);
	for (kind = 0; kind < NR_KINDS; kind++) {
		put_on_all(_metadata, kind, true);
		/* their numbers are their names */
		for (i = 0; i < nr_funcs && kind == FUNCTION; i++)
			EXPECT_TRUE(traced_by_instance(&funcs[i])) TH_LOG("%s", funcs[i].name);
		check(_metadata, self, kinds[kind], "all functions", "attached");
		take_off_all(_metadata, kind);
		check(_metadata, self, kinds[kind], "all functions", "detached");
	}
	for (kind = 0; kind < NR_KINDS; kind++)
		put_on_all(_metadata, kind, true);
	check(_metadata, self, "all", "all functions", "attached");
	TH_LOG("count: tracers: %d attached; calls seen: fentry %llu, fexit %llu, kprobe.multi %llu",
	       nr_attached, counted(FENTRY), counted(FEXIT), counted(KPROBE_MULTI));
	if (has_fentry()) {
		EXPECT_LT(0, counted(FENTRY));
		EXPECT_LT(0, counted(FEXIT));
	}
	if (possible(funcs, KPROBE_MULTI))
		EXPECT_LT(0, counted(KPROBE_MULTI));
	for (kind = 0; kind < NR_KINDS; kind++)
		take_off_all(_metadata, kind);
	check(_metadata, self, "all", "all functions", "detached");
}

/* they see how maps end, and how the module comes, goes and comes */
TEST_F_TIMEOUT(tracers, maps_end_while_traced, 300)
{
	enum kind kind;

	start(_metadata, &self->l, &self->a);
	for (kind = 0; kind < NR_KINDS; kind++)
		put_on_all(_metadata, kind, true);
	live_check(_metadata, &self->l, "all traced");
	asked_stop(_metadata, &self->a);
	live_stop(_metadata, &self->l);
	ASSERT_EQ(0, sops_rmmod());
	check(_metadata, self, "all", "all functions", "after rmmod");
	start(_metadata, &self->l, &self->a);
	check(_metadata, self, "all", "all functions", "after insmod");
	for (kind = 0; kind < NR_KINDS; kind++)
		take_off_all(_metadata, kind);
	check(_metadata, self, "all", "all functions", "detached");
}

/*
 * A call that is not for us: a map of the kernel's own ends, with what it goes
 * through traced. With fexit it is the kernel's trampoline that calls what the
 * redirect leads to, by a pointer (a BUG on a processor with IBT, once).
 */
TEST_F_TIMEOUT(tracers, the_kernels_map_ends, 300)
{
	int i = 0, round, first, last, kind;
	__u64 was[NR_KINDS];

	while (strcmp(funcs[i].name, "bpf_struct_ops_map_free"))
		ASSERT_LT(++i, nr_funcs);
	ASSERT_TRUE(funcs[i].redirected);

	/* in each way, and in all of them */
	for (round = 0; round <= NR_KINDS; round++) {
		first = round < NR_KINDS ? round : 0;
		last = round < NR_KINDS ? round : NR_KINDS - 1;
		if (self->l.old.map < 0)
			live_start_old(_metadata, &self->l);
		ASSERT_EQ(0, sops_insmod());
		for (kind = first; kind <= last; kind++) {
			put_on(_metadata, i, kind, true);
			was[kind] = counted(kind);
		}
		live_stop_old(_metadata, &self->l);
		/*
		 * All of them before one is taken off: a trampoline that is replaced
		 * has its fexit skipped by who is in the function by then, and on 6.12
		 * that is a grace period.
		 */
		for (kind = first; kind <= last; kind++)
			if (attached[i][kind] >= 0 && counts(kind))
				EXPECT_TRUE(sops_wait(counted(kind) == was[kind] + 1))
					TH_LOG("%s: %llu", kinds[kind], counted(kind) - was[kind]);
		for (kind = first; kind <= last; kind++)
			take_off(_metadata, i, kind);
		ASSERT_EQ(0, sops_rmmod());
	}
}

TEST_HARNESS_MAIN
