// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that may sleep, for a member that is called in softirq. Since 6.3
 * the verifier lets them in (defect 6); nothing but the update is left to
 * refuse them.
 */
#include "newer.h"

#include <kselftest_harness.h>

FIXTURE(sleepable) {
	int prog, map;
	struct sops_value v;
};

static int load(const char *member)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_STRUCT_OPS,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)"GPL",
		.prog_flags = BPF_F_SLEEPABLE,
		.attach_btf_id = tcp.id,
	};
	struct sops_member m;

	if (sops_member(&tcp, member, &m))
		return -ENOENT;
	attr.expected_attach_type = m.index;
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

FIXTURE_SETUP(sleepable)
{
	ASSERT_EQ(0, sops_setup());
	self->map = -1;
	self->prog = load("cong_avoid");
	if (self->prog < 0)
		SKIP(return, "this kernel's verifier refuses the program");
	ca_value(&self->v, "t_sleep");
	value_set(&self->v, "cong_avoid", self->prog);
}

FIXTURE_TEARDOWN(sleepable)
{
	close(self->prog);
	close(self->map);
	EXPECT_EQ(0, sops_wait_empty());
}

TEST_F(sleepable, update_refuses)
{
	static const char *const members[] = {
		"ssthresh", "cong_avoid", "set_state", "cwnd_event",
		"in_ack_event", "pkts_acked", "min_tso_segs", "undo_cwnd",
		"sndbuf_expand", "cong_control", "init", "release",
	};
	size_t i;

	self->map = sops_create(&tcp);
	ASSERT_LE(0, self->map);
	ASSERT_TRUE(sops_ours(self->map));
	for (i = 0; i < ARRAY_SIZE(members); i++) {
		int prog = load(members[i]);

		ASSERT_LE(0, prog) TH_LOG("member %s", members[i]);
		ca_value(&self->v, "t_sleep");
		value_set(&self->v, members[i], prog);
		EXPECT_EQ(-EINVAL, map_update(self->map, 0, self->v.bytes, 0))
			TH_LOG("member %s", members[i]);
		EXPECT_FALSE(ca_available("t_sleep"));
		close(prog);
	}
	/* the map is as good as new */
	ca_value(&self->v, "t_sleep");
	EXPECT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	EXPECT_EQ(0, map_delete(self->map, 0));
}

/* with the module absent the same value is registered; nobody uses it */
TEST_F(sleepable, the_kernels_own_takes_it)
{
	int err;

	ASSERT_EQ(0, sops_rmmod());
	self->map = sops_create(&tcp);
	ASSERT_LE(0, self->map);
	err = map_update(self->map, 0, self->v.bytes, 0);
	TH_LOG("the kernel's own: %d, ours: %d", err, -EINVAL);
	map_delete(self->map, 0);
	close(self->map);
	self->map = -1;
	EXPECT_EQ(0, sops_insmod());
}

TEST_HARNESS_MAIN
