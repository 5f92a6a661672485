// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trampolines: what is around a program is as it is in the kernel's own. Each
 * case runs with the module's trampolines, with those that hold preemption off
 * and with the kernel's generator.
 */
#include "newer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include <kselftest_harness.h>

#include "ca.h"
#include "ca.skel.h"
#include "leaf.skel.h"
#include "tramp.h"
#include "tramp.skel.h"

#define FRAMES	16	/* of a stack that are looked at */

static bool starts(const char *name, const char *with)
{
	return !strncmp(name, with, strlen(with));
}

FIXTURE(tramp) {
	struct ca_bpf *skel;
	int map;
	bool own;		/* the module writes the trampolines */
};

FIXTURE_VARIANT(tramp) {
	const char *params;
};

FIXTURE_VARIANT_ADD(tramp, own) {
	.params = "",
};

FIXTURE_VARIANT_ADD(tramp, preempt_off) {
	.params = "preempt_off=tcp_congestion_ops",
};

FIXTURE_VARIANT_ADD(tramp, generator) {
	.params = "generator=1",
};

#define PARAMETERS "/sys/module/struct_ops/parameters/"

/* by the case before: its teardown has seen that nothing is left */
static bool loaded_with(const char *params)
{
	return mod_loaded("struct_ops") &&
	       file_has(PARAMETERS "generator", "\nY") == starts(params, "generator") &&
	       file_has(PARAMETERS "preempt_off", "\ntcp") == starts(params, "preempt_off") &&
	       file_has(PARAMETERS "missing", "\n\n");
}

FIXTURE_SETUP(tramp)
{
	int log;

	ASSERT_EQ(0, sops_setup_net());
	libbpf_set_print(NULL);
	/* where the kernel is not one for them, the line says so */
	self->own = sops_own_tramps() && !starts(variant->params, "generator");
	if (!loaded_with(variant->params)) {
		if (mod_loaded("struct_ops"))
			ASSERT_EQ(0, sops_rmmod());
		log = kmsg_open();
		ASSERT_EQ(0, mod_load(sops_ko(), variant->params));
		EXPECT_EQ(self->own, kmsg_count(log, "trampolines are its own", NULL, 0));
		close(log);
	}
	self->skel = ca_bpf__open_and_load();
	ASSERT_NE(NULL, self->skel);
	self->map = bpf_map__fd(self->skel->maps.t_full);
	ASSERT_TRUE(sops_ours(self->map));
	ASSERT_NE(NULL, bpf_map__attach_struct_ops(self->skel->maps.t_full));
}

FIXTURE_TEARDOWN(tramp)
{
	map_delete(self->map, 0);
	ca_bpf__destroy(self->skel);
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_TRUE(sops_wait(file_has("/sys/module/struct_ops/refcnt", "\n0\n")));
}

/* the last: after all of them */
FIXTURE(gone) {
};

FIXTURE_SETUP(gone)
{
}

FIXTURE_TEARDOWN(gone)
{
}

#define CALLS(c)	(self->skel->bss->calls[CALL_##c])

static int prog_info(int prog, struct bpf_prog_info *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, size);
	return bpf_obj_get_info_by_fd(prog, info, &size);
}

/* counted when somebody asks, as often as the program ran, and not else */
TEST_F(tramp, run_statistics)
{
	int prog = bpf_program__fd(self->skel->progs.ca_in_ack_event);
	struct bpf_prog_info info;
	__u64 before, run;
	struct flow f;
	int stats;

	ASSERT_EQ(0, flow_open(&f, "t_full"));
	ASSERT_EQ(0, flow_send(&f, 1 << 18));
	ASSERT_EQ(0, prog_info(prog, &info));
	EXPECT_EQ(0, info.run_cnt);
	EXPECT_EQ(0, info.run_time_ns);
	EXPECT_LT(0, CALLS(IN_ACK_EVENT));

	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	ASSERT_LE(0, stats);
	before = CALLS(IN_ACK_EVENT);
	ASSERT_EQ(0, flow_send(&f, 1 << 18));
	/* the last acknowledgements may still be on their way */
	EXPECT_TRUE(sops_wait(({
		run = CALLS(IN_ACK_EVENT) - before;
		prog_info(prog, &info);
		run && info.run_cnt == run;
	})));
	TH_LOG("%llu runs, %llu ns", info.run_cnt, info.run_time_ns);
	EXPECT_LT(0, info.run_time_ns);
	close(stats);

	run = info.run_cnt;
	before = CALLS(IN_ACK_EVENT);
	ASSERT_EQ(0, flow_send(&f, 1 << 18));
	ASSERT_EQ(0, prog_info(prog, &info));
	EXPECT_LT(before, CALLS(IN_ACK_EVENT));
	EXPECT_EQ(run, info.run_cnt);
	flow_close(&f);
}

/*
 * The symbols that @n addresses are in, in one pass: there are many. Those of
 * modules do not count: what is left of an init section may be nearer than the
 * start of a trampoline that is there now.
 */
static void symbols(const unsigned long *addrs, char (*names)[128], int n)
{
	const char *line, *next, *module, *of[FRAMES] = {};
	unsigned long at, best[FRAMES] = {};
	int i;

	for (line = text_of("/proc/kallsyms"); (next = strchr(line, '\n')); line = next + 1) {
		module = memchr(line, '[', next - line);
		if (module && strncmp(module, "[bpf]", 5))
			continue;
		at = strtoul(line, NULL, 16);
		for (i = 0; i < n; i++) {
			if (at > addrs[i] || at < best[i])
				continue;
			best[i] = at;
			of[i] = line;
		}
	}
	for (i = 0; i < n; i++)
		if (of[i])
			snprintf(names[i], sizeof(names[i]), "%.*s",
				 (int)strcspn(of[i] + SYMBOL_NAME, "\t\n"), of[i] + SYMBOL_NAME);
}

/* one of the two programs, attached to the one of ours that it is for */
static struct tramp_bpf *tramp_open(struct bpf_program *(*which)(struct tramp_bpf *),
				    struct bpf_program *target, const char *name)
{
	struct tramp_bpf *skel = tramp_bpf__open();
	struct bpf_program *p;

	if (!skel)
		return NULL;
	bpf_object__for_each_program(p, skel->obj)
		bpf_program__set_autoload(p, p == which(skel));
	if (target)
		bpf_program__set_attach_target(which(skel), bpf_program__fd(target), name);
	if (!tramp_bpf__load(skel))
		return skel;
	tramp_bpf__destroy(skel);
	return NULL;
}

#define WHICH(prog)							\
static struct bpf_program *which_##prog(struct tramp_bpf *skel)	\
{									\
	return skel->progs.prog;					\
}
WHICH(storage)
WHICH(enter)
WHICH(replace)

/*
 * At its first instruction a function has not written down who called it on
 * every processor: arm64's unwinder begins with the caller's caller.
 */
#ifdef __aarch64__
#define CALLER	"bpf_sk_storage_get"
#else
#define CALLER	"_ca_cong_avoid"
#endif

/* from inside the program: the program, its trampoline, and who called that */
TEST_F(tramp, stack)
{
	struct tramp_bpf *skel = tramp_open(which_storage, NULL, NULL);
	char name[FRAMES][128] = {};
	bool found = false;
	struct flow f;
	int i, depth;

	ASSERT_NE(NULL, skel);
	skel->links.storage = bpf_program__attach(skel->progs.storage);
	ASSERT_NE(NULL, skel->links.storage);
	ASSERT_EQ(0, flow_open(&f, "t_full"));
	ASSERT_EQ(0, flow_send(&f, 1 << 20));

	depth = skel->bss->bytes / (int)sizeof(skel->bss->stack[0]);
	depth = depth < FRAMES ? depth : FRAMES;
	symbols((unsigned long *)skel->bss->stack, name, depth);
	for (i = 0; i + 2 < depth && !found; i++) {
		TH_LOG("%s", name[i]);
		found = strstr(name[i], CALLER) &&
			starts(name[i + 1], sops_member_symbols() ?
			       "bpf__tcp_congestion_ops_cong_avoid_" :
			       "bpf__tcp_congestion_ops_") &&
			starts(name[i + 2], "tcp_");
	}
	EXPECT_TRUE(found);
	flow_close(&f);
	tramp_bpf__destroy(skel);
}

/* a program that runs before ours */
TEST_F(tramp, fentry)
{
	struct tramp_bpf *skel = tramp_open(which_enter, self->skel->progs.ca_cong_avoid,
					    "ca_cong_avoid");
	struct flow f;

	ASSERT_NE(NULL, skel);
	skel->links.enter = bpf_program__attach_trace(skel->progs.enter);
	ASSERT_NE(NULL, skel->links.enter);
	ASSERT_EQ(0, flow_open(&f, "t_full"));
	ASSERT_EQ(0, flow_send(&f, 1 << 20));
	EXPECT_LT(0, skel->bss->entered);
	EXPECT_TRUE(sops_wait(CALLS(CONG_AVOID) == skel->bss->entered));
	flow_close(&f);
	tramp_bpf__destroy(skel);
}

/* a program that runs in place of ours */
TEST_F(tramp, freplace)
{
	struct tramp_bpf *skel = tramp_open(which_replace, self->skel->progs.ca_min_tso_segs,
					    "ca_min_tso_segs");
	struct flow f;
	__u64 before;

	if (!skel)
		SKIP(return, "this kernel's verifier replaces no program of struct_ops");
	ASSERT_EQ(0, flow_open(&f, "t_full"));
	ASSERT_EQ(0, flow_send(&f, 1 << 18));
	before = CALLS(MIN_TSO_SEGS);
	EXPECT_LT(0, before);
	EXPECT_EQ(0, skel->bss->replaced);
	skel->links.replace = bpf_program__attach_freplace(skel->progs.replace, 0, NULL);
	ASSERT_NE(NULL, skel->links.replace);
	before = CALLS(MIN_TSO_SEGS);
	ASSERT_EQ(0, flow_send(&f, 1 << 20));
	EXPECT_LT(0, skel->bss->replaced);
	EXPECT_EQ(before, CALLS(MIN_TSO_SEGS));
	flow_close(&f);
	tramp_bpf__destroy(skel);
}

/* programs that the kernel interprets */
TEST_F(tramp, interpreted)
{
	struct bpf_prog_info info;
	struct ca_bpf *skel;
	struct flow f;
	int map;

	if (spit("/proc/sys/net/core/bpf_jit_enable", "0"))
		SKIP(return, "this kernel has no interpreter");
	skel = ca_bpf__open_and_load();
	spit("/proc/sys/net/core/bpf_jit_enable", "1");
	ASSERT_NE(NULL, skel);
	ASSERT_EQ(0, prog_info(bpf_program__fd(skel->progs.ca_cong_control), &info));
	EXPECT_EQ(0, info.jited_prog_len);
	map = bpf_map__fd(skel->maps.t_control);
	ASSERT_NE(NULL, bpf_map__attach_struct_ops(skel->maps.t_control));
	ASSERT_EQ(0, flow_open(&f, "t_control"));
	EXPECT_EQ(0, flow_send(&f, 1 << 20));
	EXPECT_EQ(1, skel->bss->calls[CALL_INIT]);
	EXPECT_LT(0, skel->bss->calls[CALL_CONG_CONTROL]);
	EXPECT_EQ(0, skel->bss->bad_args);
	flow_close(&f);
	EXPECT_EQ(0, map_delete(map, 0));
	ca_bpf__destroy(skel);
}

static long image_bytes(int map, const struct sops_value *v)
{
	struct bpf_map_info info;
	struct sops_row row;

	if (map < 0 || (v && map_update(map, 0, v->bytes, 0)) || map_info(map, &info) ||
	    sops_row(info.id, &row))
		row.image_bytes = -EINVAL;
	map_delete(map, 0);
	return row.image_bytes;
}

#define NR_MEMBERS 7

static const char *const members[NR_MEMBERS] = {
	"ssthresh", "cong_avoid", "undo_cwnd", "set_state",
	"cwnd_event", "in_ack_event", "pkts_acked",
};

/* the programs are the map's from then on */
static long image_of_progs(const int *progs, const char *name)
{
	struct sops_value v;
	int map = sops_create(&tcp), i;
	long bytes;

	value_init(&v, &tcp);
	value_name(&v, name);
	for (i = 0; i < NR_MEMBERS; i++)
		value_set(&v, members[i], progs[i]);
	bytes = image_bytes(map, &v);
	for (i = 0; i < NR_MEMBERS; i++)
		close(progs[i]);
	close(map);
	return bytes;
}

static long image_of(const struct bpf_insn *insns, size_t n, const char *name)
{
	int progs[NR_MEMBERS], i;

	for (i = 0; i < NR_MEMBERS; i++)
		progs[i] = sops_insns(&tcp, members[i], insns, n);
	return image_of_progs(progs, name);
}

/* a program that goes on where a table says; each has a table of its own */
static int prog_with_table(const char *member)
{
	int table = sops_map_of_one(SOPS_MAP_INSN_ARRAY, 16), prog;
	union bpf_attr attr = { .map_fd = table };
	const struct bpf_insn insns[] = {
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_VALUE, 0, table),
		INSN(0, 0, 0, 0, 0),
		LOAD(1, 1, 0),
		INSN(BPF_JMP | BPF_JA | BPF_X, 1, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	const __u32 goes_to[4] = { 4 };

	if (table < 0)
		return table;
	prog = map_update(table, 0, goes_to, 0);
	prog = prog ?: sys_bpf(BPF_MAP_FREEZE, &attr);
	prog = prog ?: sops_insns(&tcp, member, insns, ARRAY_SIZE(insns));
	close(table);
	return prog;
}

static long image_of_map(const struct bpf_map *map)
{
	return bpf_map__attach_struct_ops(map) ? image_bytes(bpf_map__fd(map), NULL) : -EINVAL;
}

/*
 * Who calls nothing that looks at a run context gets none, and its trampoline
 * is shorter; shorter still if it is over soon. One call of anything else, and
 * it has one.
 */
TEST_F(tramp, run_context_when_it_can_be_seen)
{
	static const struct bpf_insn leaf[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0 },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .off = 1, .imm = 1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static const struct bpf_insn helper[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_numa_node_id },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static const struct bpf_insn loop[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .imm = 1 },
		{ .code = BPF_JMP32 | BPF_JNE | BPF_K, .off = -2, .imm = 4 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bpf_insn lengthy[513];
	int progs[NR_MEMBERS];
	struct tramp_bpf *replaces;
	struct leaf_bpf *skel;
	long without, with, not_short;
	size_t i;

	if (!self->own)
		SKIP(return, "the kernel's generator gives one to all");
	without = image_of(leaf, 4, "t_leaf");
	with = image_of(helper, 3, "t_helper");
	ASSERT_LT(0, without);
	not_short = image_of(loop, 4, "t_loop");
	TH_LOG("%ld bytes without, %ld if it is not short, %ld with", without, not_short, with);
	if (starts(variant->params, "preempt_off")) {
		EXPECT_EQ(without, not_short);
	} else {
		EXPECT_LT(without, not_short);
	}
	EXPECT_LT(not_short, with);
	EXPECT_GE(7 * 320, with);

	/* 512 instructions are short, one more is not */
	for (i = 0; i < ARRAY_SIZE(lengthy); i++)
		lengthy[i] = leaf[0];
	lengthy[511] = leaf[3];
	EXPECT_EQ(without, image_of(lengthy, 512, "t_512"));
	lengthy[511] = leaf[0];
	lengthy[512] = leaf[3];
	EXPECT_EQ(not_short, image_of(lengthy, 513, "t_513"));

	/* nor is what may go anywhere */
	for (i = 0; i < NR_MEMBERS; i++)
		progs[i] = prog_with_table(members[i]);
	TH_LOG("a jump by a table: %d", progs[0]);
	if (progs[0] >= 0) {
		EXPECT_EQ(not_short, image_of_progs(progs, "t_table"));
	} else {
		EXPECT_FALSE(kernel_has("bpf_insn_array", "ips"));
	}

	/* programs with BTF: the same, unless another can be put in their place */
	skel = leaf_bpf__open_and_load();
	ASSERT_NE(NULL, skel);
	EXPECT_EQ(without, image_of_map(skel->maps.t_leaf));
	EXPECT_EQ(with, image_of_map(skel->maps.t_call));
	EXPECT_EQ(without, image_of_map(skel->maps.t_harmless));
	replaces = tramp_open(which_replace, skel->progs.void_ssthresh, "void_ssthresh");
	EXPECT_EQ(replaces ? with : without, image_of_map(skel->maps.t_void));
	tramp_bpf__destroy(replaces);
	leaf_bpf__destroy(skel);
}

/* each type that was asked for has a line that says what becomes of it */
TEST(preempt_off_is_told)
{
	static const char *const lines[] = {
		"trampolines are its own",
		"programs of tcp_congestion_ops run with preemption off",
		"preempt_off is ignored for sched_ext_ops, ",
		"vmlinux has no type t_type, ",
		"preempt_off is ignored, since trampolines are the kernel's",
	};
	int logs[ARRAY_SIZE(lines)], counts[ARRAY_SIZE(lines)];
	size_t i;

	if (mod_loaded("struct_ops"))
		ASSERT_EQ(0, sops_rmmod());
	for (i = 0; i < ARRAY_SIZE(lines); i++)
		logs[i] = kmsg_open();
	ASSERT_EQ(0, mod_load(sops_ko(), "preempt_off=tcp_congestion_ops,sched_ext_ops,t_type"));
	ASSERT_EQ(0, sops_rmmod());
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		counts[i] = kmsg_count(logs[i], lines[i], NULL, 0);
		close(logs[i]);
	}
	for (i = 1; i < ARRAY_SIZE(lines) - 1; i++)
		EXPECT_EQ(counts[0], counts[i]) TH_LOG("%s", lines[i]);
	EXPECT_EQ(!counts[0], counts[i]) TH_LOG("%s", lines[i]);
}

TEST_F(gone, the_module_goes)
{
	EXPECT_EQ(0, sops_rmmod());
}

TEST_HARNESS_MAIN
