// SPDX-License-Identifier: GPL-2.0-only
/* Which map a program goes with (7.0 and later), as a kfunc would ask. */
#include "types.h"

/* defect 11: an update that fails spoils the programs it named for others */
TEST_F(types, failed_update_leaves_association)
{
	int plain = returns(&self->test, "plain", 1, 0), map, is;

	ASSERT_LE(0, plain);
	is = assoc(plain);
	if (is == -EOPNOTSUPP)
		SKIP(return, "programs go with no map on this kernel (7.0)");
	EXPECT_EQ(0, is);
	SET(plain, plain);
	ASSERT_EQ(0, update(self));
	EXPECT_EQ(1, assoc(plain));

	map = create(&self->test, 0);
	self->v.test.tag = 2;
	self->v.test.reg_err = EL2HLT;
	EXPECT_EQ(-EL2HLT, map_update(map, 0, &self->v, 0));
	EXPECT_EQ(1, assoc(plain));
	self->v.test.reg_err = 0;
	self->v.test.validate_err = EBADSLT;
	EXPECT_EQ(-EBADSLT, map_update(map, 0, &self->v, 0));
	EXPECT_EQ(1, assoc(plain));
	self->v.test.validate_err = 0;
	self->v.test.tag = 1;			/* taken */
	EXPECT_EQ(-EEXIST, map_update(map, 0, &self->v, 0));
	EXPECT_EQ(1, assoc(plain));
	/* in two maps at once it goes with neither */
	self->v.test.tag = 2;
	EXPECT_EQ(0, map_update(map, 0, &self->v, 0));
	EXPECT_EQ(0, assoc(plain));
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	close(plain);
}

/* a map that went leaves its programs free for the next */
TEST_F(types, association_ends_with_the_map)
{
	int plain = returns(&self->test, "plain", 1, 0), is, i;

	ASSERT_LE(0, plain);
	is = assoc(plain);
	if (is == -EOPNOTSUPP)
		SKIP(return, "programs go with no map on this kernel (7.0)");
	for (i = 1; i < 4; i++) {
		self->v.test.tag = i;
		SET(plain, plain);
		ASSERT_EQ(0, update(self));
		EXPECT_EQ(i, assoc(plain));
		EXPECT_EQ(0, map_delete(self->map, 0));
		close(self->map);
		EXPECT_EQ(0, sops_wait_empty());
		EXPECT_EQ(0, assoc(plain));
		self->map = create(&self->test, i % 2 ? SOPS_F_LINK : 0);
		ASSERT_LE(0, self->map);
		if (i % 2) {
			EXPECT_EQ(0, update(self));
			EXPECT_EQ(i, assoc(plain));
			close(self->map);
			EXPECT_EQ(0, sops_wait_empty());
			self->map = create(&self->test, 0);
		}
	}
	close(plain);
}

#define PROG_ASSOC_STRUCT_OPS	38	/* a command of bpf(2), 7.0 */

static int assoc_with(int prog, int map)
{
	union bpf_attr attr = {};

	*sops_word(&attr, 0) = map;
	*sops_word(&attr, 4) = prog;
	return sys_bpf(PROG_ASSOC_STRUCT_OPS, &attr);
}

/* a program of another kind can be told to go with a map, and holds it */
TEST_F(types, association_of_another_program)
{
	struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	int prog = syscall_prog(insns, 2), id = map_id(self->map), is;
	int plain = returns(&self->test, "plain", 1, 0), other, i;

	ASSERT_LE(0, prog);
	is = assoc(prog);
	if (is == -EOPNOTSUPP)
		SKIP(return, "programs go with no map on this kernel (7.0)");
	EXPECT_EQ(0, is);
	SET(plain, plain);
	ASSERT_EQ(0, update(self));
	EXPECT_EQ(0, assoc_with(prog, self->map));
	EXPECT_EQ(1, assoc(prog));
	EXPECT_EQ(0, assoc_with(prog, self->map));
	other = create(&self->test, 0);
	EXPECT_EQ(-EBUSY, assoc_with(prog, other));
	EXPECT_EQ(-EINVAL, assoc_with(plain, other));
	EXPECT_EQ(-EINVAL, assoc_with(prog, self->seen));
	EXPECT_EQ(1, assoc(prog));
	close(other);

	EXPECT_EQ(0, map_delete(self->map, 0));
	close(self->map);
	self->map = -1;
	/* others that were freed after it have gone */
	for (i = 0; i < 2; i++) {
		other = create(&self->test, 0);
		is = map_id(other);
		ASSERT_LT(0, is);
		close(other);
		ASSERT_EQ(0, sops_wait_gone(is));
	}
	EXPECT_EQ(1, assoc(prog));
	EXPECT_EQ(-EAGAIN, mod_unload("struct_ops"));
	close(prog);
	EXPECT_EQ(0, sops_wait_gone(id));
	close(plain);
}

TEST_HARNESS_MAIN
