// SPDX-License-Identifier: GPL-2.0-only
/*
 * Updates that a BPF program makes, by the bpf() system call that it may do. It
 * is in the very sections then that an update may have to wait for.
 */
#include "types.h"

#include <pthread.h>

/* a value, and the call that writes it to a map, in the memory of a BPF program */
struct from_program {
	struct {
		__u32 map, pad;
		__u64 key, value, flags;
	} attr;
	__u64 key;
	struct value value;
};

/* does BPF_MAP_UPDATE_ELEM with what @memory has, and returns what it returned */
static int updater(int memory)
{
	struct bpf_insn insns[] = {
		INSN(BPF_LD | BPF_IMM | BPF_DW, 6, BPF_PSEUDO_MAP_VALUE, 0, memory),
		INSN(0, 0, 0, 0, 0),
		MOV(1, 6),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, offsetof(struct from_program, key)),
		STORE(6, 1, offsetof(struct from_program, attr.key)),
		MOV(1, 6),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, offsetof(struct from_program, value)),
		STORE(6, 1, offsetof(struct from_program, attr.value)),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, BPF_MAP_UPDATE_ELEM),
		MOV(2, 6),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, sizeof(((struct from_program *)0)->attr)),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sys_bpf),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return syscall_prog(insns, ARRAY_SIZE(insns));
}

static int update_from(int prog, int memory, int map, const struct value *v)
{
	struct from_program f = { .attr.map = map, .value = *v };
	union bpf_attr attr = { .test.prog_fd = prog };

	return map_update(memory, 0, &f, 0) ?: sys_bpf(BPF_PROG_TEST_RUN, &attr) ?:
	       (int)attr.test.retval;
}

static __u32 state(int map)
{
	struct value v;

	return map_lookup(map, 0, &v) ? ~0U : *(__u32 *)(v.head + 4);
}

/* it runs in the very section that an update may have to wait for */
TEST_F(types, one)
{
	int memory = sops_array(sizeof(struct from_program)), prog = updater(memory);
	int plain = returns(&self->test, "plain", 1, 0);
	int sleepy = returns(&self->test, "sleepy", 1, BPF_F_SLEEPABLE);

	ASSERT_LE(0, prog);
	SET(plain, plain);
	self->v.test.reg_err = EL2HLT;
	EXPECT_EQ(-EL2HLT, update_from(prog, memory, self->map, &self->v));
	EXPECT_EQ(SOPS_INIT, state(self->map));

	/* nobody can tell when the sleeper is out: the map is used up */
	SET(sleepy, sleepy);
	EXPECT_EQ(-EL2HLT, update_from(prog, memory, self->map, &self->v));
	EXPECT_EQ(SOPS_TOBEFREE, state(self->map));
	self->v.test.reg_err = 0;
	EXPECT_EQ(-EBUSY, update(self));
	EXPECT_EQ(-EINPROGRESS, map_delete(self->map, 0));
	close(self->map);
	EXPECT_EQ(0, sops_wait_empty());

	/* which is only so when it fails, and there */
	self->map = create(&self->test, 0);
	self->v.test.reg_err = EL2HLT;
	EXPECT_EQ(-EL2HLT, update(self));
	self->v.test.reg_err = 0;
	EXPECT_EQ(0, update_from(prog, memory, self->map, &self->v));
	EXPECT_EQ(SOPS_INUSE, state(self->map));
	EXPECT_EQ(0, map_delete(self->map, 0));
	close(sleepy);
	close(plain);
	close(prog);
	close(memory);
}

static void *slow_update(void *data)
{
	FIXTURE_DATA(types) *self = data;

	return (void *)(long)update(self);
}

/* an update that holds up others may have to wait for all programs to end */
TEST_F(types, beside_another)
{
	int memory = sops_array(sizeof(struct from_program)), prog = updater(memory);
	int sleepy = returns(&self->test, "sleepy", 1, BPF_F_SLEEPABLE);
	pthread_t thread;
	void *err;

	ASSERT_LE(0, prog);
	SET(sleepy, sleepy);
	self->v.test.slow = 1;
	pthread_create(&thread, NULL, slow_update, self);
	ASSERT_TRUE(sops_wait(is_held()));
	EXPECT_EQ(-EBUSY, update_from(prog, memory, self->map, &self->v));
	EXPECT_EQ(0, ask("release"));
	pthread_join(thread, &err);
	EXPECT_EQ(NULL, err);
	EXPECT_EQ(SOPS_INUSE, state(self->map));
	EXPECT_EQ(0, map_delete(self->map, 0));
	close(sleepy);
	close(prog);
	close(memory);
}

TEST_HARNESS_MAIN
