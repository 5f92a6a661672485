// SPDX-License-Identifier: GPL-2.0-only
/*
 * Members of a congestion control, called with the same arguments through the
 * kernel's own map and through ours, in every form that trampolines have: the
 * programs see the same, and their callers.
 */
#include "sops.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <kselftest_harness.h>

static const struct {
	const char *name;
	int nargs;
	bool returns;
} members[] = {
	{ "init", 1 }, { "release", 1 }, { "cong_avoid", 3 }, { "set_state", 2 },
	{ "cwnd_event", 2 }, { "in_ack_event", 2 }, { "pkts_acked", 2 },
	{ "ssthresh", 1, true }, { "min_tso_segs", 1, true },
	{ "undo_cwnd", 1, true }, { "sndbuf_expand", 1, true },
};

#define NR_MEMBERS	ARRAY_SIZE(members)

/* what a program saw, how often it ran, what its caller got */
struct seen {
	__u64 args[3];
	__u64 runs;
	__u64 result;
};

/* notes its arguments, asks a helper, and returns a number of its own */
static int watcher(size_t m, int map)
{
	struct bpf_insn insns[32];
	int n = 0, i;

	insns[n++] = INSN(BPF_LD | BPF_IMM | BPF_DW, 7, BPF_PSEUDO_MAP_VALUE, 0, map);
	insns[n++] = INSN(0, 0, 0, 0, 0);
	for (i = 0; i < members[m].nargs; i++) {
		insns[n++] = LOAD(2, 1, i * 8);
		insns[n++] = STORE(7, 2, offsetof(struct seen, args[i]));
	}
	insns[n++] = LOAD(2, 7, offsetof(struct seen, runs));
	insns[n++] = INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, 1);
	insns[n++] = STORE(7, 2, offsetof(struct seen, runs));
	insns[n++] = INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_ns);
	insns[n++] = INSN(BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, 0x87654321 + m);
	insns[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return sops_insns(&tcp, members[m].name, insns, n);
}

#define DEBUGFS	"/sys/kernel/debug/"

FIXTURE(same) {
	int sock;
	int maps[NR_MEMBERS], progs[NR_MEMBERS];
};

FIXTURE_SETUP(same)
{
	size_t m;

	ASSERT_EQ(0, sops_setup());
	ASSERT_EQ(0, sops_probe_load());
	self->sock = socket(AF_INET, SOCK_STREAM, 0);
	for (m = 0; m < NR_MEMBERS; m++) {
		self->maps[m] = sops_array(sizeof(struct seen));
		self->progs[m] = watcher(m, self->maps[m]);
		ASSERT_LE(0, self->progs[m]) TH_LOG("%s", members[m].name);
	}
}

FIXTURE_TEARDOWN(same)
{
	size_t m;

	for (m = 0; m < NR_MEMBERS; m++) {
		close(self->maps[m]);
		close(self->progs[m]);
	}
	close(self->sock);
	EXPECT_EQ(0, mod_unload("sops_probe"));
}

/* every member once, with a map that is made now */
static void call_all(struct __test_metadata *_metadata, FIXTURE_DATA(same) *self,
		     bool ours, struct seen *seen)
{
	char text[64];
	struct sops_value v;
	int map = sops_create(&tcp);
	size_t m;

	ASSERT_LE(0, map);
	ASSERT_EQ(ours, sops_ours(map));
	value_init(&v, &tcp);
	value_name(&v, "t_same");
	for (m = 0; m < NR_MEMBERS; m++)
		value_set(&v, members[m].name, self->progs[m]);
	ASSERT_EQ(0, map_update(map, 0, v.bytes, 0));
	ASSERT_EQ(0, sock_set_ca(self->sock, "t_same"));
	for (m = 0; m < NR_MEMBERS; m++) {
		memset(&seen[m], 0, sizeof(seen[m]));
		ASSERT_EQ(0, map_update(self->maps[m], 0, &seen[m], 0));
		snprintf(text, sizeof(text), "call %d %s", self->sock, members[m].name);
		ASSERT_EQ(0, spit(SOPS_PROBE, text));
		ASSERT_EQ(0, map_lookup(self->maps[m], 0, &seen[m]));
		slurp(DEBUGFS "sops_result", text, sizeof(text));
		seen[m].result = strtoull(text, NULL, 16);
	}
	ASSERT_EQ(0, sock_set_ca(self->sock, "cubic"));
	ASSERT_EQ(0, map_delete(map, 0));
	close(map);
}

TEST_F(same, arguments_and_return_values)
{
	static const char *const params[] = {
		"", "preempt_off=tcp_congestion_ops", "generator=1",
	};
	struct seen native[NR_MEMBERS], seen[NR_MEMBERS];
	size_t form, m;

	ASSERT_EQ(0, sops_rmmod());
	call_all(_metadata, self, false, native);
	for (m = 0; m < NR_MEMBERS; m++) {
		EXPECT_EQ(1, native[m].runs) TH_LOG("%s", members[m].name);
		EXPECT_NE(0, native[m].args[0]);
		EXPECT_EQ(members[m].returns ? 0x87654321 + m : 0, native[m].result);
	}
	for (form = 0; form < ARRAY_SIZE(params); form++) {
		ASSERT_EQ(0, mod_load(sops_ko(), params[form]));
		call_all(_metadata, self, true, seen);
		for (m = 0; m < NR_MEMBERS; m++)
			EXPECT_EQ(0, memcmp(&native[m], &seen[m], sizeof(seen[m])))
				TH_LOG("%s: member %zu", params[form], m);
		ASSERT_EQ(0, sops_rmmod());
	}
}

TEST_HARNESS_MAIN
