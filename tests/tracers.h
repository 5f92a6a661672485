/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracers of every kind, put on what we touch and taken off again, and what is
 * looked at meanwhile; the fixture of the tests of them.
 */
#ifndef SOPS_TESTS_TRACERS_H
#define SOPS_TESTS_TRACERS_H

#include "live.h"
#include "trace.h"
#include "types.h"

#include <fcntl.h>
#include <linux/perf_event.h>
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

/* and these are seen to run */
static bool counts(enum kind kind)
{
	return kind != KPROBE && kind != KRETPROBE && kind < FUNCTION;
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

/* which functions a tracer that is a directory of files has; empty, that would be all of the kernel's */
static int filter_open(const char *dir, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "%sset_ftrace_filter", dir);
	return errno_or(open(path, O_WRONLY | O_CLOEXEC | flags));
}

/* these more, or these no more */
static int filter(const char *dir, const struct func *func, int n, const char *no)
{
	int i, fd = filter_open(dir, O_APPEND), err = 0;

	if (fd < 0)
		return fd;
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

/* how many functions each of the two has */
static int nr_traced[NR_KINDS];

static int detach_tracer(const struct func *func, int n, const char *dir, bool last)
{
	char path[128];
	int fd, err;

	if (!last)
		return filter(dir, func, n, "!");
	snprintf(path, sizeof(path), "%scurrent_tracer", dir);
	err = spit(path, "nop");
	fd = filter_open(dir, O_TRUNC);
	if (fd < 0)
		return fd;
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

#endif
