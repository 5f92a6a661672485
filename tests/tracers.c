// SPDX-License-Identifier: GPL-2.0-only
/*
 * Others trace what we touch, in every way that the kernel has: before insmod,
 * after it, and with maps, links and sockets alive. Every map is served to its
 * end by whom it was served before, and nobody loses a tracer.
 */
#include "live.h"
#include "trace.h"
#include "types.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define TRACING		"/sys/kernel/tracing/"
#define INSTANCE	TRACING "instances/t_tracers/"
#define KPROBE_PMU	"/sys/bus/event_source/devices/kprobe/"

/* what the kernel has of what carries struct_ops in its name, and who is shown new maps */
#define MAX_FUNCS 64

static struct func {
	char name[64];
	int btf_id;
	int line;		/* among those that can be traced: found at once, a name is compared with all */
	bool redirected;	/* by the module, when it is loaded */
} funcs[MAX_FUNCS];

static int nr_funcs;

static bool leads_to_maps(const char *name)
{
	return !strncmp(name, "bpf_struct_ops_", 15) || !strncmp(name, "bpf_map_struct_ops_", 19) ||
	       (!strncmp(name, "bpf_prog_", 9) && strstr(name, "struct_ops")) ||
	       !strcmp(name, "security_bpf_map_create") || !strcmp(name, "security_bpf_map_alloc");
}

static int find_funcs(void)
{
	char line[256], name[64];
	FILE *f = fopen(TRACING "available_filter_functions", "re");
	int nr;

	nr_funcs = 0;
	for (nr = 1; f && nr_funcs < MAX_FUNCS && fgets(line, sizeof(line), f); nr++) {
		struct func *func = &funcs[nr_funcs];

		if (strchr(line, '[') || sscanf(line, "%63s", name) != 1 || !leads_to_maps(name))
			continue;
		func->btf_id = func_btf_id(name);
		snprintf(func->name, sizeof(func->name), "%s", name);
		func->line = nr;
		func->redirected = false;
		nr_funcs++;
	}
	if (!f)
		return -errno;
	fclose(f);
	return nr_funcs;
}

/* the letter that ftrace has for what happens to a function's calls; 0: nothing */
static bool enabled_as(const char *func, char letter)
{
	char line[512], name[128];
	bool found = false;
	FILE *f;

	f = fopen(TRACING "enabled_functions", "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		char *flags = strstr(line, ") ");

		found = sscanf(line, "%127s", name) == 1 && !strcmp(name, func) && flags &&
			strchr(strtok(flags + 2, "-\t\n"), letter);
	}
	if (f)
		fclose(f);
	return found;
}

static int find_redirected(void)
{
	int i, n = 0;

	for (i = 0; i < nr_funcs; i++) {
		funcs[i].redirected = enabled_as(funcs[i].name, takes_direct_call() ? 'D' : 'I');
		n += funcs[i].redirected;
	}
	return n;
}

/* the kinds of tracers; each is there or not */
enum kind {
	FENTRY, FEXIT, KPROBE, KRETPROBE, KPROBE_MULTI, KRETPROBE_MULTI, FUNCTION, GRAPH, NR_KINDS
};

static const char *const kinds[] = {
	"fentry", "fexit", "kprobe", "kretprobe", "kprobe.multi", "kretprobe.multi",
	"function", "function_graph",
};

/* where the BPF programs of each kind count */
static int counters[NR_KINDS];

/* these take any number of functions at once; the others are there once for each */
static bool takes_many(enum kind kind)
{
	return kind >= KPROBE_MULTI;
}

static int attach_multi(const struct func *func, int n, enum kind kind)
{
	const char *names[MAX_FUNCS];
	union bpf_attr attr = {
		.link_create = {
			.attach_type = BPF_TRACE_KPROBE_MULTI,
			.kprobe_multi = {
				.flags = kind == KRETPROBE_MULTI ? BPF_F_KPROBE_MULTI_RETURN : 0,
				.cnt = n,
				.syms = (uintptr_t)names,
			},
		},
	};
	int prog = trace_prog(BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, 0, counters[kind]);
	int i, err;

	if (prog < 0)
		return prog;
	for (i = 0; i < n; i++)
		names[i] = func[i].name;
	attr.link_create.prog_fd = prog;
	err = sys_bpf(BPF_LINK_CREATE, &attr);
	close(prog);
	return err;
}

static int attach_kprobe(const struct func *func, enum kind kind)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.config = kind == KRETPROBE,
		.kprobe_func = (uintptr_t)func->name,
	};
	char text[16];
	int err = slurp(KPROBE_PMU "type", text, sizeof(text));

	if (err)
		return err;
	attr.type = atoi(text);
	err = syscall(__NR_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return err < 0 ? -errno : err;
}

/* which functions a tracer that is a directory of files has: these more, or these no more */
static int filter(const char *dir, const struct func *func, int n, const char *no)
{
	char path[128];
	int i, fd, err = 0;

	snprintf(path, sizeof(path), "%sset_ftrace_filter", dir);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (i = 0; i < n && !err; i++)
		err = dprintf(fd, "%s%d ", no, func[i].line) < 0 ? -errno : 0;
	/* it is told of all of them here */
	if (close(fd) && !err)
		err = -errno;
	return err;
}

static int attach_tracer(const struct func *func, int n, const char *dir, const char *tracer)
{
	char path[128], is[32];
	int err = filter(dir, func, n, "");

	snprintf(path, sizeof(path), "%scurrent_tracer", dir);
	if (!err)
		err = slurp(path, is, sizeof(is));
	if (!err && strncmp(is, tracer, strlen(tracer)))
		err = spit(path, tracer);
	return err;
}

static bool traced_by_instance(const struct func *func)
{
	char line[80];

	snprintf(line, sizeof(line), "\n%.63s\n", func->name);
	return file_has(INSTANCE "set_ftrace_filter", line);
}

/* how many functions each of the two has */
static int nr_traced[NR_KINDS];

static int detach_tracer(const struct func *func, int n, const char *dir, bool last)
{
	char path[128];
	int fd, err;

	if (!last)
		return filter(dir, func, n, "!");
	/* an empty filter would be one for all functions of the kernel */
	snprintf(path, sizeof(path), "%scurrent_tracer", dir);
	err = spit(path, "nop");
	snprintf(path, sizeof(path), "%sset_ftrace_filter", dir);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return close(fd) && !err ? -errno : err;
}

/* an fd that keeps it attached; for the tracers any */
static int attach(const struct func *func, int n, enum kind kind)
{
	int err;

	switch (kind) {
	case FENTRY:
	case FEXIT:
		return trace_btf(func->btf_id, kind == FEXIT, counters[kind]);
	case KPROBE:
	case KRETPROBE:
		return attach_kprobe(func, kind);
	case KPROBE_MULTI:
	case KRETPROBE_MULTI:
		return attach_multi(func, n, kind);
	case FUNCTION:
		err = attach_tracer(func, n, INSTANCE, "function");
		break;
	default:
		err = attach_tracer(func, n, TRACING, "function_graph");
		break;
	}
	if (!err)
		nr_traced[kind] += n;
	return err ?: open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int detach(const struct func *func, int n, enum kind kind, int fd)
{
	close(fd);
	if (kind != FUNCTION && kind != GRAPH)
		return 0;
	nr_traced[kind] -= n;
	return detach_tracer(func, n, kind == FUNCTION ? INSTANCE : TRACING, !nr_traced[kind]);
}

static bool has_fprobe(void)
{
	static int id;

	if (!id)
		id = func_btf_id("unregister_fprobe");
	return id > 0;
}

/* is there this way to trace this function on this kernel? */
static bool possible(const struct func *func, enum kind kind)
{
	switch (kind) {
	case FENTRY:
	case FEXIT:
		return func->btf_id > 0 && has_fentry();
	case KPROBE_MULTI:
	case KRETPROBE_MULTI:
		return has_fprobe();
	case KPROBE:
	case KRETPROBE:
		return !access(KPROBE_PMU, F_OK);
	case GRAPH:
		return file_has(TRACING "available_tracers", "function_graph");
	default:
		return true;
	}
}

static int expected(const struct func *func, enum kind kind, bool loaded)
{
	bool bpf = kind == FENTRY || kind == FEXIT;

	return loaded && bpf && func->redirected && takes_direct_call() ? -EBUSY : 0;
}

static int attached[MAX_FUNCS][NR_KINDS], nr_attached;

/* kind at n functions from the i-th one on, which that kind takes at once */
static void put_on_some(struct __test_metadata *_metadata, int i, int n, enum kind kind, bool loaded)
{
	const struct func *func = &funcs[i];
	int fd;

	attached[i][kind] = -1;
	if (!possible(func, kind))
		return;
	fd = attach(func, n, kind);
	EXPECT_EQ(expected(func, kind, loaded), fd < 0 ? fd : 0)
		TH_LOG("%s on %s", kinds[kind], func->name);
	attached[i][kind] = fd;
	if (fd >= 0)
		nr_attached += n;
}

static void take_off_some(struct __test_metadata *_metadata, int i, int n, enum kind kind)
{
	if (attached[i][kind] < 0)
		return;
	EXPECT_EQ(0, detach(&funcs[i], n, kind, attached[i][kind]))
		TH_LOG("%s off %s", kinds[kind], funcs[i].name);
	attached[i][kind] = -1;
}

static void put_on(struct __test_metadata *_metadata, int i, enum kind kind, bool loaded)
{
	put_on_some(_metadata, i, 1, kind, loaded);
}

static void take_off(struct __test_metadata *_metadata, int i, enum kind kind)
{
	take_off_some(_metadata, i, 1, kind);
}

/* what cannot be attached beside the module is left out if it is still to come */
static void put_on_all(struct __test_metadata *_metadata, enum kind kind, bool loaded)
{
	int i, n = takes_many(kind) ? nr_funcs : 1;

	for (i = 0; i < nr_funcs; i += n)
		if (loaded || !expected(&funcs[i], kind, true))
			put_on_some(_metadata, i, n, kind, loaded);
}

static void take_off_all(struct __test_metadata *_metadata, enum kind kind)
{
	int i, n = takes_many(kind) ? nr_funcs : 1;

	for (i = 0; i < nr_funcs; i += n)
		take_off_some(_metadata, kind % 2 ? nr_funcs - n - i : i, n, kind);
}

static __u64 counted(enum kind kind)
{
	__u64 is = 0;

	map_lookup(counters[kind], 0, &is);
	return is;
}

#define TAG 7

/* a registered value of a module's type, for what subsystems ask; map -1 where there is none (6.9) */
struct asked {
	struct type type;
	int map, prog;
};

static void asked_start(struct __test_metadata *_metadata, struct asked *a)
{
	struct value v = { .test.tag = TAG };
	int err = ko_load(KO);

	if (err == -EOPNOTSUPP)
		return;
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, type_get(&a->type, KO, "sops_test_ops"));
	a->prog = returns(&a->type, "plain", 42, 0);
	ASSERT_LE(0, a->prog);
	a->map = create(&a->type, 0);
	ASSERT_LE(0, a->map);
	ASSERT_TRUE(sops_ours(a->map));
	v.slots[SLOT(plain)] = a->prog;
	ASSERT_EQ(0, map_update(a->map, 0, &v, 0));
}

static void asked_check(struct __test_metadata *_metadata, struct asked *a, const char *when)
{
	int is;

	EXPECT_EQ(0, ask("call %d plain", TAG)) TH_LOG("%s", when);
	EXPECT_EQ(42, result()) TH_LOG("%s", when);
	is = assoc(a->prog);
	EXPECT_TRUE(is == TAG || is == -EOPNOTSUPP) TH_LOG("%s: %d", when, is);
	/* both since 7.0 or so; what is not there is not asked */
	is = ask("id %d", TAG);
	EXPECT_TRUE(is ? is == -EOPNOTSUPP : result() == (__u64)map_id(a->map))
		TH_LOG("%s: %d", when, is);
	is = ask("progs %d until 0", TAG);
	EXPECT_TRUE(is ? is == -EOPNOTSUPP : result() == (__u64)prog_id(a->prog))
		TH_LOG("%s: %d", when, is);
}

static void asked_stop(struct __test_metadata *_metadata, struct asked *a)
{
	if (a->map < 0)
		return;
	EXPECT_EQ(0, map_delete(a->map, 0));
	close(a->map);
	close(a->prog);
	type_put(&a->type);
	a->map = -1;
	EXPECT_EQ(0, mod_unload_wait(KO));
}

/* all that is to be alive after insmod */
static void start(struct __test_metadata *_metadata, struct live *l, struct asked *a)
{
	ASSERT_EQ(0, sops_insmod());
	live_start(_metadata, l);
	asked_start(_metadata, a);
}

FIXTURE(tracers) {
	struct live l;
	struct asked a;
};

static char before[1 << 16], after[1 << 16];

FIXTURE_SETUP(tracers)
{
	int i;

	ASSERT_EQ(0, sops_setup());
	if (access(TRACING "enabled_functions", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	self->l = LIVE_NONE;
	self->a.map = -1;
	nr_attached = 0;
	memset(attached, -1, sizeof(attached));
	for (i = 0; i < NR_KINDS; i++)
		counters[i] = sops_array(8);
	if (access(INSTANCE, F_OK))
		ASSERT_EQ(0, mkdir(INSTANCE, 0700));
	ASSERT_LT(10, find_funcs());
	ASSERT_LE(2, find_redirected());
	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, slurp(TRACING "enabled_functions", before, sizeof(before)));
	live_start_old(_metadata, &self->l);
}

FIXTURE_TEARDOWN(tracers)
{
	int i;

	live_check(_metadata, &self->l, "at the end");
	asked_stop(_metadata, &self->a);
	live_stop(_metadata, &self->l);
	live_stop_old(_metadata, &self->l);
	if (mod_loaded("struct_ops"))
		EXPECT_EQ(0, sops_rmmod());
	EXPECT_FALSE(file_has("/proc/kallsyms", "[struct_ops]"));
	if (!access(INSTANCE, F_OK))
		EXPECT_EQ(0, rmdir(INSTANCE));
	EXPECT_TRUE(sops_wait(!slurp(TRACING "enabled_functions", after, sizeof(after)) &&
			      !strcmp(before, after)));
	EXPECT_STREQ(before, after);
	for (i = 0; i < NR_KINDS; i++)
		close(counters[i]);
}

static void check(struct __test_metadata *_metadata, FIXTURE_DATA(tracers) *self,
		  const char *what, const char *func, const char *when)
{
	char text[160];

	snprintf(text, sizeof(text), "%s on %s %s", what, func, when);
	live_check(_metadata, &self->l, text);
	if (self->a.map >= 0)
		asked_check(_metadata, &self->a, text);
	live_check_new(_metadata, mod_loaded("struct_ops"), text);
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
