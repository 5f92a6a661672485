// SPDX-License-Identifier: GPL-2.0-only
/* Registering a value: every errno, their order, and that a failure undoes itself. */
#include "sops.h"

#include <bpf/btf.h>
#include <fcntl.h>
#include <stdlib.h>

#include <kselftest_harness.h>

FIXTURE(update) {
	int map;
	struct sops_value v;
};

FIXTURE_SETUP(update)
{
	ASSERT_EQ(0, sops_setup());
	self->map = sops_create(&tcp);
	ASSERT_LE(0, self->map);
	ASSERT_TRUE(sops_ours(self->map));
	ca_value(&self->v, "t_update");
}

FIXTURE_TEARDOWN(update)
{
	map_delete(self->map, 0);
	close(self->map);
	EXPECT_EQ(0, sops_wait_empty());
}

static int update(FIXTURE_DATA(update) *self)
{
	return map_update(self->map, 0, self->v.bytes, 0);
}

/* nothing of a refused value is left, and nothing of it was registered */
static bool untouched(FIXTURE_DATA(update) *self)
{
	static const unsigned char zero[4096];
	unsigned char is[4096];

	return !map_lookup(self->map, 0, is) &&
	       !memcmp(is, zero, tcp.value_size) && !ca_available("t_update");
}

/* the same map takes a good value afterwards, and it carries traffic */
static int good_again(FIXTURE_DATA(update) *self)
{
	struct flow f;
	int err;

	ca_value(&self->v, "t_update");
	err = update(self) ?: flow_open(&f, "t_update");
	if (err)
		return err;
	err = flow_send(&f, 100000);
	flow_close(&f);
	return err;
}

TEST_F(update, registers)
{
	EXPECT_FALSE(ca_available("t_update"));
	ASSERT_EQ(0, update(self));
	EXPECT_TRUE(ca_available("t_update"));
	EXPECT_TRUE(sops_ours(self->map));
}

TEST_F(update, flags)
{
	int bit;

	for (bit = 0; bit < 64; bit++)
		EXPECT_EQ(-EINVAL, map_update(self->map, 0, self->v.bytes,
					      1ULL << bit));
	EXPECT_TRUE(untouched(self));
	EXPECT_EQ(0, good_again(self));
}

TEST_F(update, key)
{
	EXPECT_EQ(-E2BIG, map_update(self->map, 1, self->v.bytes, 0));
	EXPECT_EQ(-E2BIG, map_update(self->map, ~0, self->v.bytes, 0));
	EXPECT_TRUE(untouched(self));
	EXPECT_EQ(0, good_again(self));
}

/* marks what members cover; every other byte of the value is a hole */
static int holes(unsigned char *hole)
{
	struct sops_member m;
	int i, n = 0;

	memset(hole, 1, tcp.value_size);
	memset(hole, 0, 8);				/* refcnt, state */
	for (i = 0; !sops_member_at(&tcp, i, &m); i++)
		memset(hole + m.offset, 0, m.size);
	for (i = 0; i < (int)tcp.value_size; i++)
		n += hole[i];
	return n;
}

TEST_F(update, holes)
{
	unsigned char hole[4096];
	__u32 i, before = 0, in = 0;

	ASSERT_LT(0, holes(hole));
	for (i = 0; i < tcp.value_size; i++) {
		if (!hole[i])
			continue;
		self->v.bytes[i] = 0x80;
		EXPECT_EQ(-EINVAL, update(self)) TH_LOG("byte %u", i);
		self->v.bytes[i] = 0;
		i < tcp.data ? before++ : in++;
	}
	/* both kinds were there: of the value and of the struct */
	EXPECT_LT(0, before);
	EXPECT_LT(0, in);
	EXPECT_TRUE(untouched(self));
	EXPECT_EQ(0, good_again(self));
}

TEST_F(update, state_and_refcnt)
{
	self->v.state = 1;
	EXPECT_EQ(-EINVAL, update(self));
	self->v.state = 0;
	self->v.refcnt = 1;
	EXPECT_EQ(-EINVAL, update(self));
	EXPECT_TRUE(untouched(self));
	EXPECT_EQ(0, good_again(self));
}

TEST_F(update, second_is_busy)
{
	ASSERT_EQ(0, update(self));
	EXPECT_EQ(-EBUSY, update(self));
	EXPECT_TRUE(ca_available("t_update"));
}

/* flags, key, holes, state: in this order, and all of them before EBUSY */
TEST_F(update, order)
{
	ASSERT_EQ(0, update(self));

	self->v.bytes[8] = 1;	/* the hole between head and struct */
	EXPECT_EQ(-EINVAL, map_update(self->map, 1, self->v.bytes, 1));
	EXPECT_EQ(-E2BIG, map_update(self->map, 1, self->v.bytes, 0));
	EXPECT_EQ(-EINVAL, update(self));
	self->v.bytes[8] = 0;
	self->v.state = 1;
	EXPECT_EQ(-EINVAL, update(self));
	self->v.state = 0;
	/* members are looked at after the state */
	value_set(&self->v, "owner", 1);
	value_set(&self->v, "ssthresh", 1 << 20);
	EXPECT_EQ(-EBUSY, update(self));
}

/* defect 8: the kernel's own returns 1 or 0 and registers nothing */
TEST_F(update, owner)
{
	value_set(&self->v, "owner", 1);
	EXPECT_EQ(-EINVAL, update(self));
	value_set(&self->v, "owner", ~0ULL);
	EXPECT_EQ(-EINVAL, update(self));
	value_set(&self->v, "owner", 1ULL << 63);
	EXPECT_EQ(-EINVAL, update(self));
	EXPECT_TRUE(untouched(self));
	EXPECT_EQ(0, good_again(self));
}

TEST_F(update, init_member_errors)
{
	value_name(&self->v, "");
	EXPECT_EQ(-EINVAL, update(self));
	value_name(&self->v, "no name");
	EXPECT_EQ(-EINVAL, update(self));
	value_name(&self->v, "0123456789abcdef");	/* no room for the NUL */
	EXPECT_EQ(-EINVAL, update(self));
	value_name(&self->v, "cubic");
	EXPECT_EQ(-EEXIST, update(self));
	value_name(&self->v, "t_update");
	value_set(&self->v, "flags", 1U << 31);
	EXPECT_EQ(-EINVAL, update(self));
	EXPECT_TRUE(untouched(self));
	EXPECT_EQ(0, good_again(self));
}

TEST_F(update, name_of_another_map)
{
	int other = ca_register("t_update");

	ASSERT_LE(0, other);
	EXPECT_EQ(-EEXIST, update(self));
	EXPECT_EQ(0, map_delete(other, 0));
	close(other);
	EXPECT_EQ(0, update(self));
}

/* what init_member handled is done: its data may well be non-zero */
TEST_F(update, init_member_handles_data)
{
	struct sops_value got;

	value_set(&self->v, "flags", 1);	/* TCP_CONG_NON_RESTRICTED */
	ASSERT_EQ(0, update(self));
	value_init(&got, &tcp);
	ASSERT_EQ(0, map_lookup(self->map, 0, got.bytes));
	EXPECT_EQ(1, value_get(&got, "flags"));
}

TEST_F(update, other_data_must_be_zero)
{
	static const char *const data[] = { "key", "list" };
	struct sops_member m;
	size_t i;
	__u32 b;

	for (i = 0; i < ARRAY_SIZE(data); i++) {
		ASSERT_EQ(0, sops_member(&tcp, data[i], &m));
		for (b = m.offset; b < m.offset + m.size; b++) {
			self->v.bytes[b] = 1;
			EXPECT_EQ(-EINVAL, update(self))
				TH_LOG("%s byte %u", data[i], b - m.offset);
			self->v.bytes[b] = 0;
		}
	}
	EXPECT_TRUE(untouched(self));
	EXPECT_EQ(0, good_again(self));
}

/* each of these in a required member, an optional one and the last one */
static const char *const members[] = { "ssthresh", "pkts_acked", "release" };

#define EXPECT_REFUSED(err, fd) do {					\
	size_t __m;							\
									\
	for (__m = 0; __m < ARRAY_SIZE(members); __m++) {		\
		ca_value(&self->v, "t_update");				\
		value_set(&self->v, members[__m], fd);			\
		EXPECT_EQ(-(err), update(self))				\
			TH_LOG("member %s", members[__m]);		\
		EXPECT_TRUE(untouched(self));				\
	}								\
} while (0)

TEST_F(update, bad_fd)
{
	int fd = dup(0);

	EXPECT_REFUSED(EBADF, 4095);
	EXPECT_REFUSED(EBADF, 0x7fffffff);
	ASSERT_LE(0, fd);
	close(fd);
	EXPECT_REFUSED(EBADF, fd);
	EXPECT_EQ(0, good_again(self));
}

TEST_F(update, fd_of_something_else)
{
	int file = open("/dev/null", O_RDONLY);

	ASSERT_LE(0, file);
	EXPECT_REFUSED(EINVAL, file);
	EXPECT_REFUSED(EINVAL, self->map);
	EXPECT_EQ(0, good_again(self));
}

TEST_F(update, program_of_another_kind)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)"GPL",
	};
	int prog = sys_bpf(BPF_PROG_LOAD, &attr);

	ASSERT_LE(0, prog);
	EXPECT_REFUSED(EINVAL, prog);
	EXPECT_EQ(0, good_again(self));
}

/* bpf_dummy_ops' first member: same index as ssthresh, another struct */
TEST_F(update, program_of_another_type)
{
	struct sops_member m;
	int prog;

	if (!dummy.id)
		SKIP(return, "this kernel has no bpf_dummy_ops");
	ASSERT_EQ(0, sops_member_at(&dummy, 0, &m));
	prog = sops_prog(&dummy, m.name, 0);
	ASSERT_LE(0, prog);
	EXPECT_REFUSED(EINVAL, prog);
	EXPECT_EQ(0, good_again(self));
}

TEST_F(update, program_of_another_member)
{
	int prog = sops_prog(&tcp, "sndbuf_expand", 2);

	ASSERT_LE(0, prog);
	EXPECT_REFUSED(EINVAL, prog);
	EXPECT_EQ(0, good_again(self));
}

/* defect 17: the kernel's own takes the low half, and 0x100000000 for none */
TEST_F(update, value_that_fits_no_fd)
{
	int prog = sops_prog(&tcp, "ssthresh", 2);

	ASSERT_LE(0, prog);
	EXPECT_REFUSED(EINVAL, 1ULL << 32);
	EXPECT_REFUSED(EINVAL, 1ULL << 63);
	EXPECT_REFUSED(EBADF, ~0ULL);			/* -1 as a long */
	EXPECT_REFUSED(EBADF, 0xffffffffULL);		/* -1 as an int */
	EXPECT_REFUSED(EBADF, 1ULL << 31);

	ca_value(&self->v, "t_update");
	value_set(&self->v, "ssthresh", (1ULL << 32) | prog);
	EXPECT_EQ(-EINVAL, update(self));
	value_set(&self->v, "ssthresh", (1ULL << 63) | prog);
	EXPECT_EQ(-EINVAL, update(self));
	EXPECT_TRUE(untouched(self));
	EXPECT_EQ(0, good_again(self));
}

/* the subsystem has the last word: it wants these three */
TEST_F(update, registration_fails)
{
	static const char *const required[] = {
		"ssthresh", "cong_avoid", "undo_cwnd",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(required); i++) {
		ca_value(&self->v, "t_update");
		value_set(&self->v, required[i], 0);
		EXPECT_EQ(-EINVAL, update(self)) TH_LOG("no %s", required[i]);
		EXPECT_TRUE(untouched(self));
	}
	EXPECT_EQ(0, good_again(self));
}

TEST_F(update, registration_fails_again_and_again)
{
	long before;
	int i;

	before = jit_current();
	if (before == -ENOENT)
		SKIP(return, NO_JIT_CURRENT);
	for (i = 0; i < 10; i++) {
		ca_value(&self->v, "t_update");
		value_set(&self->v, "undo_cwnd", 0);
		ASSERT_EQ(-EINVAL, update(self));
	}
	EXPECT_EQ(0, good_again(self));
	EXPECT_EQ(0, map_delete(self->map, 0));
	close(self->map);
	EXPECT_EQ(0, sops_wait_empty());
	/* what it charged in between it has given back: at most one image */
	EXPECT_TRUE(sops_wait(jit_current() <= before));
}

/* a failed update neither keeps a program nor spoils it for another map */
TEST_F(update, failure_gives_programs_back)
{
	int prog = sops_prog(&tcp, "ssthresh", 2), id = prog_id(prog);
	struct sops_value shared;
	struct flow f;
	int other;

	ASSERT_LT(0, id);
	other = sops_create(&tcp);
	ASSERT_LE(0, other);
	ca_value(&shared, "t_shared");
	value_set(&shared, "ssthresh", prog);
	ASSERT_EQ(0, map_update(other, 0, shared.bytes, 0));
	ASSERT_EQ(0, flow_open(&f, "t_shared"));

	value_set(&self->v, "ssthresh", prog);
	value_set(&self->v, "undo_cwnd", 4095);
	EXPECT_EQ(-EBADF, update(self));
	value_set(&self->v, "undo_cwnd", 0);
	EXPECT_EQ(-EINVAL, update(self));

	EXPECT_EQ(0, flow_send(&f, 100000));
	flow_close(&f);
	EXPECT_EQ(0, map_delete(other, 0));
	close(other);
	close(prog);

	/* our map is still there, but holds nothing of the refused value */
	EXPECT_TRUE(sops_wait(!prog_alive(id)));
}

TEST_F(update, programs_live_as_long_as_the_map)
{
	int prog = sops_prog(&tcp, "ssthresh", 2), id = prog_id(prog);
	struct bpf_map_info info;

	ASSERT_LT(0, id);
	value_set(&self->v, "ssthresh", prog);
	ASSERT_EQ(0, update(self));
	ASSERT_EQ(0, map_info(self->map, &info));
	close(prog);
	EXPECT_TRUE(prog_alive(id));

	EXPECT_EQ(0, map_delete(self->map, 0));
	close(self->map);
	EXPECT_EQ(0, sops_wait_gone(info.id));
	EXPECT_TRUE(sops_wait(!prog_alive(id)));
}

/* one program may serve two maps */
TEST_F(update, shared_programs)
{
	int other = ca_register("t_other");

	ASSERT_LE(0, other);
	ASSERT_EQ(0, update(self));	/* the same three programs */
	EXPECT_EQ(0, map_delete(other, 0));
	close(other);
	EXPECT_TRUE(ca_available("t_update"));
}

TEST_F(update, type_that_refuses_registration)
{
	struct sops_value v;
	struct sops_member m;
	int map;

	if (!dummy.value_id)
		SKIP(return, "this kernel has no bpf_dummy_ops");
	map = sops_create(&dummy);
	ASSERT_LE(0, map);
	ASSERT_TRUE(sops_ours(map));
	value_init(&v, &dummy);
	EXPECT_EQ(-EOPNOTSUPP, map_update(map, 0, v.bytes, 0));
	ASSERT_EQ(0, sops_member_at(&dummy, 0, &m));
	value_set(&v, m.name, sops_prog(&dummy, m.name, 0));
	EXPECT_EQ(-EOPNOTSUPP, map_update(map, 0, v.bytes, 0));
	EXPECT_EQ(-ENOENT, map_delete(map, 0));
	close(map);
}

TEST_F(update, read_only_fd)
{
	union bpf_attr attr = { .open_flags = BPF_F_RDONLY };
	struct bpf_map_info info;
	int fd;

	ASSERT_EQ(0, map_info(self->map, &info));
	attr.map_id = info.id;
	fd = sys_bpf(BPF_MAP_GET_FD_BY_ID, &attr);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EPERM, map_update(fd, 0, self->v.bytes, 0));
	EXPECT_EQ(-EPERM, map_delete(fd, 0));
	close(fd);
	EXPECT_TRUE(untouched(self));
}

TEST_F(update, unreadable_value)
{
	EXPECT_EQ(-EFAULT, map_update(self->map, 0, (void *)8, 0));
	EXPECT_TRUE(untouched(self));
	EXPECT_EQ(0, good_again(self));
}

TEST_HARNESS_MAIN
