// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types that a module brings (sops_types.ko): what their members are called
 * with and return, what becomes of each answer that a type can give, and that
 * programs of one BTF stay away from another's.
 */
#include "newer.h"

#include <bpf/btf.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <kselftest_harness.h>

#include "mod/sops_types.h"

#define KO	"sops_types"
#define TWIN	"sops_twin"
#define HEAD	64			/* of a value, before the struct */

/* what BTF says of one type, and which module says it */
struct type {
	int btf;			/* fd */
	__u32 btf_id;
	const char *name;
	int id, value_id;
	__u32 value_size;
	struct btf *desc;
};

static int btf_by_id(__u32 id)
{
	union bpf_attr attr = { .btf_id = id };

	return sys_bpf(BPF_BTF_GET_FD_BY_ID, &attr);
}

static int btf_of_module(const char *module, __u32 *id)
{
	union bpf_attr attr = {};
	char name[64];

	while (!sys_bpf(BPF_BTF_GET_NEXT_ID, &attr)) {
		struct bpf_btf_info info = {
			.name = (uintptr_t)name,
			.name_len = sizeof(name),
		};
		union bpf_attr get = {};
		int fd = btf_by_id(attr.next_id);

		attr.start_id = attr.next_id;
		if (fd < 0)
			continue;
		get.info.bpf_fd = fd;
		get.info.info = (uintptr_t)&info;
		get.info.info_len = sizeof(info);
		if (!sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &get) &&
		    info.kernel_btf && !strcmp(name, module)) {
			*id = info.id;
			return fd;
		}
		close(fd);
	}
	return -ENOENT;
}

static int type_get(struct type *t, const char *module, const char *name)
{
	char value[64];

	t->name = name;
	t->btf = btf_of_module(module, &t->btf_id);
	if (t->btf < 0)
		return t->btf;
	t->desc = btf__load_from_kernel_by_id_split(t->btf_id,
						    (struct btf *)sops_btf());
	if (!t->desc)
		return -errno;
	snprintf(value, sizeof(value), "bpf_struct_ops_%s", name);
	t->id = btf__find_by_name_kind(t->desc, name, BTF_KIND_STRUCT);
	t->value_id = btf__find_by_name_kind(t->desc, value, BTF_KIND_STRUCT);
	if (t->id < 0 || t->value_id < 0)
		return -ENOENT;
	t->value_size = btf__type_by_id(t->desc, t->value_id)->size;
	return 0;
}

static void type_put(struct type *t)
{
	btf__free(t->desc);
	close(t->btf);
}

static int member_index(const struct type *t, const char *member)
{
	const struct btf_type *s = btf__type_by_id(t->desc, t->id);
	int i;

	for (i = 0; i < btf_vlen(s); i++)
		if (!strcmp(btf__name_by_offset(t->desc,
						btf_members(s)[i].name_off),
			    member))
			return i;
	return -ENOENT;
}

static int create(const struct type *t, __u32 flags)
{
	union bpf_attr attr;

	create_attr(&attr, &tcp);
	attr.map_flags = flags | SOPS_F_VTYPE_BTF_OBJ_FD;
	attr.value_size = t->value_size;
	attr.btf_vmlinux_value_type_id = t->value_id;
	sops_attr_vtype_fd(&attr) = t->btf;
	return sys_bpf(BPF_MAP_CREATE, &attr);
}

/* what a program saw: its arguments as they come, and how often it ran */
#define SEEN_ARGS	14

struct seen {
	__u64 args[SEEN_ARGS];
	__u64 calls;
};

static int seen_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = sizeof(struct seen),
		.max_entries = 1,
	};

	return sys_bpf(BPF_MAP_CREATE, &attr);
}

#define INSN(c, d, s, o, i) ((struct bpf_insn){				\
	.code = c, .dst_reg = d, .src_reg = s, .off = o, .imm = i })
#define LOAD(d, s, o)	INSN(BPF_LDX | BPF_MEM | BPF_DW, d, s, o, 0)
#define STORE(d, s, o)	INSN(BPF_STX | BPF_MEM | BPF_DW, d, s, o, 0)
#define MOV(d, s)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)

static int load(const struct type *t, const char *member,
		const struct bpf_insn *insns, int n, __u32 flags)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_STRUCT_OPS,
		.insns = (uintptr_t)insns,
		.insn_cnt = n,
		.license = (uintptr_t)"GPL",
		.prog_flags = flags,
		.attach_btf_id = t->id,
		.attach_btf_obj_fd = t->btf,
		.expected_attach_type = member_index(t, member),
	};

	return sys_bpf(BPF_PROG_LOAD, &attr);
}

/* notes @nargs words of arguments in @seen and returns @ret */
static int watcher(const struct type *t, const char *member, int seen,
		   int nargs, __u64 ret, __u32 flags)
{
	struct bpf_insn insns[64];
	int n = 0, i;

	insns[n++] = MOV(6, 1);
	insns[n++] = INSN(BPF_LD | BPF_IMM | BPF_DW, 7, BPF_PSEUDO_MAP_VALUE, 0, seen);
	insns[n++] = INSN(0, 0, 0, 0, 0);
	for (i = 0; i < nargs; i++) {
		insns[n++] = LOAD(0, 6, i * 8);
		insns[n++] = STORE(7, 0, i * 8);
	}
	insns[n++] = LOAD(0, 7, offsetof(struct seen, calls));
	insns[n++] = INSN(BPF_ALU64 | BPF_ADD | BPF_K, 0, 0, 0, 1);
	insns[n++] = STORE(7, 0, offsetof(struct seen, calls));
	insns[n++] = INSN(BPF_LD | BPF_IMM | BPF_DW, 0, 0, 0, (__u32)ret);
	insns[n++] = INSN(0, 0, 0, 0, ret >> 32);
	insns[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return load(t, member, insns, n, flags);
}

static int returns(const struct type *t, const char *member, int ret,
		   __u32 flags)
{
	struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, ret),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return load(t, member, insns, 2, flags);
}

static int ask_of(const char *module, const char *fmt, ...)
{
	char path[128], text[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/ask", module);
	return spit(path, text);
}

#define ask(...) ask_of(KO, __VA_ARGS__)

static __u64 result(void)
{
	char text[32] = "";

	slurp("/sys/kernel/debug/" KO "/result", text, sizeof(text));
	return strtoull(text, NULL, 16);
}

static int ko_load(const char *name)
{
	char ko[PATH_MAX], file[64];
	int err;

	snprintf(file, sizeof(file), "%s.ko", name);
	err = beside(file, ko) ?: mod_load(ko, "");
	return err == -EEXIST ? 0 : err;
}

struct value {
	unsigned char head[HEAD];
	union {
		struct sops_test_ops test;
		struct sops_wide_ops wide;
		/* function members take fds, where pointers are later */
		__u64 slots[SOPS_NR_WIDE + 1];
	};
	/* a value type ends at the end of its last cache line */
	unsigned char tail[64];
};

FIXTURE(types) {
	struct type test, wide;
	struct value v;
	int map, seen;
};

FIXTURE_SETUP(types)
{
	int err;

	ASSERT_EQ(0, sops_setup());
	err = ko_load(KO);
	if (err == -EOPNOTSUPP)
		SKIP(return, "modules have no types on this kernel (6.9)");
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, type_get(&self->test, KO, "sops_test_ops"));
	ASSERT_EQ(0, type_get(&self->wide, KO, "sops_wide_ops"));
	memset(&self->v, 0, sizeof(self->v));
	self->v.test.tag = 1;
	self->seen = seen_map();
	ASSERT_LE(0, self->seen);
	self->map = create(&self->test, 0);
	ASSERT_LE(0, self->map);
	ASSERT_TRUE(sops_ours(self->map));
}

FIXTURE_TEARDOWN(types)
{
	map_delete(self->map, 0);
	close(self->map);
	close(self->seen);
	type_put(&self->test);
	type_put(&self->wide);
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_EQ(0, mod_unload_wait(KO));
}

#define SLOT(member)	(offsetof(struct sops_test_ops, member) / 8)
#define SET(member, to)	(self->v.slots[SLOT(member)] = (to))

static int update(FIXTURE_DATA(types) *self)
{
	return map_update(self->map, 0, &self->v, 0);
}

#define EXPECT_SEEN(i, want, mask) \
	EXPECT_EQ((__u64)(want) & (mask), seen.args[i] & (mask))

/* a program for @member that notes its arguments and returns @ret */
#define WATCH(member, nargs, ret) do {					\
	int __fd = watcher(&self->test, #member, self->seen, nargs, ret, 0); \
									\
	ASSERT_LE(0, __fd) TH_LOG("member %s", #member);		\
	SET(member, __fd);						\
} while (0)

#define CALL(member) do {						\
	ASSERT_EQ(0, ask("call 1 " #member));				\
	ASSERT_EQ(0, map_lookup(self->seen, 0, &seen));			\
} while (0)

TEST_F(types, arguments_and_return_values)
{
	struct seen seen;

	WATCH(plain, 1, 42);
	WATCH(regs, 6, 0xfedcba9876543210);
	WATCH(pair, 4, 1ULL << 63);
	WATCH(narrow, 0, 0x1234567f);
	WATCH(nothing, 1, 0);
	ASSERT_EQ(0, update(self));

	CALL(plain);
	EXPECT_EQ(42, result());
	EXPECT_SEEN(0, -7, 0xffffffff);

	CALL(regs);
	EXPECT_EQ(0xfedcba9876543210, result());
	EXPECT_SEEN(0, SOPS_A, ~0ULL);
	EXPECT_SEEN(1, SOPS_B, 0xffffffff);
	EXPECT_SEEN(2, SOPS_C, 0xffff);
	EXPECT_SEEN(3, SOPS_D, 0xff);
	EXPECT_SEEN(4, SOPS_E, ~0ULL);
	EXPECT_SEEN(5, SOPS_F, ~0ULL);

	CALL(pair);
	EXPECT_EQ(1ULL << 63, result());
	EXPECT_SEEN(0, SOPS_A, ~0ULL);
	EXPECT_SEEN(1, SOPS_B, ~0ULL);
	EXPECT_SEEN(2, SOPS_C, ~0ULL);
	EXPECT_SEEN(3, SOPS_D, ~0ULL);

	CALL(narrow);
	EXPECT_EQ(0x7f, result());
	CALL(nothing);
	EXPECT_SEEN(0, SOPS_A, ~0ULL);
	EXPECT_EQ(5, seen.calls);
	EXPECT_EQ(-ENOENT, ask("call 1 sleepy"));	/* left empty */
	EXPECT_EQ(0, map_delete(self->map, 0));
	EXPECT_EQ(-ESRCH, ask("call 1 plain"));
}

/*
 * More than there are registers for. The generator of 6.12 takes them from
 * one word too far up: then it is better to have no such map.
 */
TEST_F(types, arguments_on_the_stack)
{
	struct seen seen;
	int err;

	WATCH(stack, 12, 0x0123456789abcdef);
	WATCH(late_pair, 8, 77);
	err = update(self);
	if (err == -EOPNOTSUPP)
		SKIP(return, "refused: this kernel's generator gets them wrong");
	ASSERT_EQ(0, err);

	CALL(stack);
	EXPECT_EQ(0x0123456789abcdef, result());
	EXPECT_SEEN(0, SOPS_A, ~0ULL);
	EXPECT_SEEN(1, SOPS_B, ~0ULL);
	EXPECT_SEEN(2, SOPS_C, ~0ULL);
	EXPECT_SEEN(3, SOPS_D, ~0ULL);
	EXPECT_SEEN(4, SOPS_E, ~0ULL);
	EXPECT_SEEN(5, SOPS_F, ~0ULL);
	EXPECT_SEEN(6, SOPS_G, 0xffffffff);
	EXPECT_SEEN(7, SOPS_H, ~0ULL);
	EXPECT_SEEN(8, SOPS_I, 0xff);
	EXPECT_SEEN(9, SOPS_J, ~0ULL);
	EXPECT_SEEN(10, SOPS_K, ~0ULL);
	EXPECT_SEEN(11, SOPS_L, ~0ULL);

	/* one register is left, and half of a struct never goes there */
	CALL(late_pair);
	EXPECT_EQ(77, result());
	EXPECT_SEEN(0, SOPS_A, ~0ULL);
	EXPECT_SEEN(4, SOPS_I, ~0ULL);
	EXPECT_SEEN(5, SOPS_B, ~0ULL);
	EXPECT_SEEN(6, SOPS_C, ~0ULL);
	EXPECT_SEEN(7, SOPS_D, ~0ULL);
}

/* the argument may be NULL: no program that does not look, and both arrive */
TEST_F(types, nullable_argument)
{
	struct bpf_insn insns[] = {
		LOAD(1, 1, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 55),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1, 0),
		LOAD(0, 1, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	int prog = load(&self->test, "maybe", insns, 5, 0);

	ASSERT_LE(0, prog);
	insns[2] = MOV(0, 0);
	EXPECT_EQ(-EACCES, load(&self->test, "maybe", insns, 5, 0));
	SET(maybe, prog);
	ASSERT_EQ(0, update(self));
	ASSERT_EQ(0, ask("call 1 maybe"));
	EXPECT_EQ(SOPS_A, result());
	ASSERT_EQ(0, ask("call 1 maybe_null"));
	EXPECT_EQ(55, result());
	close(prog);
}

#define MAP_TYPE_ARENA	33		/* 6.9 */

/* an arena, which has a place in this process */
static int arena_new(void)
{
	union bpf_attr attr = {
		.map_type = MAP_TYPE_ARENA,
		.max_entries = 1,		/* page */
		.map_flags = BPF_F_MMAPABLE,
	};
	int fd = sys_bpf(BPF_MAP_CREATE, &attr);

	if (fd >= 0 && mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0) == MAP_FAILED)
		return -errno;
	return fd;
}

/* as a watcher of one argument, of a program that has an arena */
static int arena_watcher(const struct type *t, const char *member, int seen,
			 int arena)
{
	struct bpf_insn insns[] = {
		MOV(6, 1),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, arena),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 7, BPF_PSEUDO_MAP_VALUE, 0, seen),
		INSN(0, 0, 0, 0, 0),
		LOAD(0, 6, 0),
		STORE(7, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 66),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return load(t, member, insns, ARRAY_SIZE(insns), 0);
}

/* a kernel address in the arena comes as the offset that programs know it by */
TEST_F(types, arena_argument)
{
	int arena = arena_new(), prog, null;
	struct seen seen;
	__u64 first;

	prog = watcher(&self->test, "arena", self->seen, 1, 0, 0);
	if (arena < 0 || prog >= 0)
		SKIP(return, "no arena arguments on this kernel (7.3)");
	prog = arena_watcher(&self->test, "arena", self->seen, arena);
	null = arena_watcher(&self->test, "arena_null", self->seen, arena);
	ASSERT_LE(0, prog);
	ASSERT_LE(0, null);
	SET(arena, prog);
	SET(arena_null, null);
	ASSERT_EQ(0, update(self));
	CALL(arena);
	EXPECT_EQ(66, result());
	first = seen.args[0];
	EXPECT_EQ(0, first >> 32);
	CALL(arena_off);
	EXPECT_EQ((__u32)(first + SOPS_ARENA_OFF), seen.args[0]);
	CALL(arena_null);
	EXPECT_EQ(0, seen.args[0]);
	EXPECT_EQ(66, result());
	close(prog);
	close(null);
	close(arena);
}

TEST_F(types, info)
{
	struct bpf_map_info info;
	struct sops_row row;

	ASSERT_EQ(0, map_info(self->map, &info));
	EXPECT_EQ(self->test.btf_id, sops_info_vmlinux_id(&info));
	EXPECT_EQ(self->test.value_id, info.btf_vmlinux_value_type_id);
	EXPECT_EQ(self->test.value_size, info.value_size);
	EXPECT_EQ(SOPS_F_VTYPE_BTF_OBJ_FD, info.map_flags);
	ASSERT_EQ(0, sops_row(info.id, &row));
	EXPECT_STREQ("sops_test_ops", row.type);

	/* a type of the kernel's: its own BTF */
	close(self->map);
	self->map = sops_create(&tcp);
	ASSERT_EQ(0, map_info(self->map, &info));
	EXPECT_EQ(1, sops_info_vmlinux_id(&info));
}

TEST_F(types, create_errno)
{
	struct type t = self->test;
	__u32 size = t.value_size;
	union bpf_attr attr;

	t.value_size = size + 1;
	EXPECT_EQ(-EINVAL, create(&t, 0));
	t.value_size = size;
	t.value_id = t.id;			/* a struct, but no value */
	EXPECT_EQ(-SOPS_ENOTSUPP, create(&t, 0));
	t.value_id = 0;
	EXPECT_EQ(-EINVAL, create(&t, 0));
	t.value_id = 0x7ffffff;
	EXPECT_EQ(-SOPS_ENOTSUPP, create(&t, 0));
	t = self->test;
	t.btf = 4095;
	EXPECT_EQ(-EBADF, create(&t, 0));
	t.btf = self->map;
	EXPECT_EQ(-EINVAL, create(&t, 0));
	t.btf = btf_by_id(1);			/* the kernel's, by fd */
	ASSERT_LE(0, t.btf);
	EXPECT_EQ(-EINVAL, create(&t, 0));
	close(t.btf);

	/* the fd without the flag that asks for it */
	create_attr(&attr, &tcp);
	attr.value_size = self->test.value_size;
	attr.btf_vmlinux_value_type_id = self->test.value_id;
	sops_attr_vtype_fd(&attr) = self->test.btf;
	EXPECT_GT(0, sys_bpf(BPF_MAP_CREATE, &attr));
}

/* more than a register to return: no map of it, whoever notices first */
TEST_F(types, big_return_value)
{
	struct type big;

	ASSERT_EQ(0, type_get(&big, KO, "sops_big_ops"));
	EXPECT_EQ(-SOPS_ENOTSUPP, create(&big, 0));
	type_put(&big);
}

TEST_F(types, holds_the_module)
{
	EXPECT_EQ(-EAGAIN, mod_unload(KO));
	close(self->map);
	EXPECT_EQ(0, sops_wait_empty());
	/* BTF and its fd alone do not */
	EXPECT_EQ(0, mod_unload_wait(KO));
	EXPECT_EQ(-EINVAL, create(&self->test, 0));
	ASSERT_EQ(0, ko_load(KO));
	EXPECT_GT(0, create(&self->test, 0));	/* that was another load's */
	type_put(&self->test);
	ASSERT_EQ(0, type_get(&self->test, KO, "sops_test_ops"));
	self->map = create(&self->test, 0);
	EXPECT_LE(0, self->map);
}

TEST_F(types, member_without_stub)
{
	int prog = returns(&self->test, "stubless", 1, 0);
	int plain = returns(&self->test, "plain", 1, 0);

	/* refused at load; a program of another member all the more */
	EXPECT_EQ(-SOPS_ENOTSUPP, prog);
	SET(stubless, plain);
	EXPECT_EQ(-EINVAL, update(self));
	SET(stubless, 0);
	SET(plain, plain);
	EXPECT_EQ(0, update(self));
	ASSERT_EQ(0, ask("call 1 plain"));
	EXPECT_EQ(1, result());
	close(plain);
}

TEST_F(types, answers_of_the_type)
{
	int plain = returns(&self->test, "plain", 1, 0);

	ASSERT_LE(0, plain);
	SET(plain, plain);
	self->v.test.init_err = ENOANO;
	EXPECT_EQ(-ENOANO, update(self));
	self->v.test.init_err = 0;
	self->v.test.refused = 1;
	EXPECT_EQ(-EINVAL, update(self));
	self->v.test.refused = 0;
	self->v.test.validate_err = EBADSLT;
	EXPECT_EQ(-EBADSLT, update(self));
	self->v.test.validate_err = 0;
	self->v.test.reg_err = EL2HLT;
	EXPECT_EQ(-EL2HLT, update(self));
	self->v.test.reg_err = 0;
	EXPECT_EQ(-ESRCH, ask("call 1 plain"));
	SET(owner, 1);
	EXPECT_EQ(-EINVAL, update(self));
	SET(owner, 0);
	EXPECT_EQ(0, update(self));
	ASSERT_EQ(0, ask("call 1 plain"));
	EXPECT_EQ(1, result());
	close(plain);
}

static int link_map(const struct type *t, struct value *v, __u32 tag, int plain)
{
	int map = create(t, SOPS_F_LINK), err;

	if (map < 0)
		return map;
	v->test.tag = tag;
	v->slots[SLOT(plain)] = plain;
	err = map_update(map, 0, v, 0);
	if (!err)
		return map;
	close(map);
	return err;
}

TEST_F(types, link)
{
	int one = returns(&self->test, "plain", 101, 0);
	int two = returns(&self->test, "plain", 102, 0);
	int a, b, wide, link, refused;

	self->v.test.validate_err = EBADSLT;
	EXPECT_EQ(-EBADSLT, link_map(&self->test, &self->v, 1, one));
	self->v.test.validate_err = 0;
	a = link_map(&self->test, &self->v, 1, one);
	b = link_map(&self->test, &self->v, 2, two);
	self->v.test.reg_err = EL2HLT;
	self->v.test.update_err = EL3RST;
	refused = link_map(&self->test, &self->v, 3, two);
	ASSERT_LE(0, a);
	ASSERT_LE(0, b);
	ASSERT_LE(0, refused);		/* to register is up to a link */
	EXPECT_EQ(-ESRCH, ask("call 1 plain"));
	EXPECT_EQ(-EL2HLT, link_create(refused));

	link = link_create(a);
	ASSERT_LE(0, link);
	ASSERT_EQ(0, ask("call 1 plain"));
	EXPECT_EQ(101, result());
	/* the type's own answer, and nothing has changed */
	EXPECT_EQ(-EL3RST, link_update(link, refused));
	EXPECT_EQ(map_id(a), link_map_id(link));
	/* it is told value, value before and link: else -ESTALE */
	EXPECT_EQ(0, link_update(link, b));
	EXPECT_EQ(-ESRCH, ask("call 1 plain"));
	ASSERT_EQ(0, ask("call 2 plain"));
	EXPECT_EQ(102, result());

	/* another type; and one that has no update */
	wide = create(&self->wide, SOPS_F_LINK);
	ASSERT_LE(0, wide);
	memset(&self->v, 0, sizeof(self->v));
	self->v.wide.tag = 4;
	EXPECT_EQ(0, map_update(wide, 0, &self->v, 0));
	EXPECT_EQ(-EOPNOTSUPP, link_update(link, wide));

	/* the subsystem ends it */
	EXPECT_EQ(0, ask("detach 2"));
	EXPECT_EQ(0, link_map_id(link));
	EXPECT_EQ(-ENOLINK, link_update(link, a));
	EXPECT_EQ(-ESRCH, ask("call 2 plain"));
	close(link);
	close(a);
	close(b);
	close(wide);
	close(refused);
	close(one);
	close(two);
}

/* of a type that nothing is known of, a value is registered once */
TEST_F(types, second_link_is_busy)
{
	int one = returns(&self->test, "plain", 101, 0);
	int a = link_map(&self->test, &self->v, 1, one);
	int b = link_map(&self->test, &self->v, 2, one);
	int link = link_create(a), other;

	ASSERT_LE(0, link);
	EXPECT_EQ(-EBUSY, link_create(a));
	other = link_create(b);
	ASSERT_LE(0, other);
	EXPECT_EQ(-EBUSY, link_update(link, b));	/* it has one */
	EXPECT_EQ(-EBUSY, link_update(other, a));
	ASSERT_EQ(0, ask("call 1 plain"));
	ASSERT_EQ(0, ask("call 2 plain"));

	/* free again once it is over, however it ended */
	EXPECT_EQ(0, link_detach(other));
	EXPECT_EQ(0, link_update(link, b));
	close(other);
	other = link_create(a);
	EXPECT_LE(0, other);
	EXPECT_EQ(-EBUSY, link_create(b));
	close(link);
	EXPECT_TRUE(sops_wait((link = link_create(b)) != -EBUSY));
	EXPECT_LE(0, link);
	close(link);
	close(other);
	close(a);
	close(b);
	close(one);
}

/* defect 2: the same ids in another module's BTF, and another type */
TEST_F(types, twin)
{
	struct type twin;
	int theirs, ours;

	ASSERT_EQ(0, ko_load(TWIN));
	ASSERT_EQ(0, type_get(&twin, TWIN, "sops_test_ops"));
	if (twin.id != self->test.id)
		SKIP(goto out, "the twins' BTF ids differ");
	theirs = returns(&twin, "plain", 1, 0);
	ours = returns(&self->test, "plain", 2, 0);
	ASSERT_LE(0, theirs);
	ASSERT_LE(0, ours);
	SET(plain, theirs);
	EXPECT_EQ(-EINVAL, update(self));
	SET(plain, ours);
	EXPECT_EQ(0, update(self));
	ASSERT_EQ(0, ask("call 1 plain"));
	EXPECT_EQ(2, result());

	/* both types are there at the same time, each in its place */
	map_delete(self->map, 0);
	close(self->map);
	self->map = create(&twin, 0);
	ASSERT_LE(0, self->map);
	EXPECT_EQ(-EINVAL, update(self));
	SET(plain, theirs);
	EXPECT_EQ(0, update(self));
	EXPECT_EQ(-ESRCH, ask("call 1 plain"));
	EXPECT_EQ(0, ask_of(TWIN, "call 1 plain"));
	EXPECT_EQ(-EAGAIN, mod_unload(TWIN));
	EXPECT_EQ(0, map_delete(self->map, 0));
	close(self->map);
	self->map = -1;
	close(theirs);
	close(ours);
out:
	type_put(&twin);
	EXPECT_EQ(0, mod_unload_wait(TWIN));
}

/* addresses of a map's trampolines, as kallsyms has them */
static int symbols(int map, unsigned long *addr, int max)
{
	char line[512], sym[256], suffix[32];
	FILE *f = fopen("/proc/kallsyms", "re");
	int n = 0;

	snprintf(suffix, sizeof(suffix), "_%d", map);
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long at;
		size_t len;

		if (sscanf(line, "%lx %*c %255s", &at, sym) != 2)
			continue;
		len = strlen(sym);
		if (strncmp(sym, "bpf__sops_wide_ops_m", 20) ||
		    len < strlen(suffix) ||
		    strcmp(sym + len - strlen(suffix), suffix))
			continue;
		if (n < max)
			addr[n] = at;
		n++;
	}
	if (f)
		fclose(f);
	return n;
}

static long memlock(int map)
{
	char path[64], text[4096], *at;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map);
	if (slurp(path, text, sizeof(text)))
		return -1;
	at = strstr(text, "memlock:");
	return at ? atol(at + strlen("memlock:")) : -1;
}

static int wide_fill(FIXTURE_DATA(types) *self, __u32 tag)
{
	char member[8];
	int i;

	memset(&self->v, 0, sizeof(self->v));
	self->v.wide.tag = tag;
	for (i = 0; i < SOPS_NR_WIDE; i++) {
		snprintf(member, sizeof(member), "m%d", i);
		self->v.slots[i] = returns(&self->wide, member, 1000 + i, 0);
		if ((int)self->v.slots[i] < 0)
			return (int)self->v.slots[i];
	}
	return 0;
}

TEST_F(types, image_of_several_pages)
{
	unsigned long addr[SOPS_NR_WIDE + 1];
	struct sops_row row;
	long before, after;
	int map, i, id;

	map = create(&self->wide, 0);
	ASSERT_LE(0, map);
	id = map_id(map);
	before = memlock(map);
	EXPECT_LT(0, before);
	ASSERT_EQ(0, wide_fill(self, 5));
	ASSERT_EQ(0, map_update(map, 0, &self->v, 0));
	for (i = 0; i < SOPS_NR_WIDE; i++) {
		ASSERT_EQ(0, ask("call 5 m%d", i));
		EXPECT_EQ(1000 + i, result()) TH_LOG("member m%d", i);
		close(self->v.slots[i]);
	}

	ASSERT_EQ(0, sops_row(id, &row));
	EXPECT_EQ(SOPS_NR_WIDE, row.progs);
	EXPECT_LT(sysconf(_SC_PAGESIZE), row.image_bytes);
	after = memlock(map);
	EXPECT_EQ(row.image_bytes, after - before);

	/* each has its name, and no two the same place */
	ASSERT_EQ(SOPS_NR_WIDE, symbols(id, addr, SOPS_NR_WIDE));
	for (i = 1; i < SOPS_NR_WIDE; i++)
		EXPECT_NE(addr[i - 1], addr[i]);
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	EXPECT_EQ(0, sops_wait_gone(id));
	EXPECT_EQ(0, symbols(id, addr, SOPS_NR_WIDE));
}

/* two maps of one type: names that tell them apart; and a failed one has none */
TEST_F(types, symbols_are_unique)
{
	char name[64], other[64];
	int plain = returns(&self->test, "plain", 1, 0), map;

	ASSERT_LE(0, plain);
	SET(plain, plain);
	self->v.test.reg_err = EL2HLT;
	EXPECT_EQ(-EL2HLT, update(self));
	snprintf(name, sizeof(name), "bpf__sops_test_ops_plain_%d",
		 map_id(self->map));
	EXPECT_EQ(0, ksym(name));
	self->v.test.reg_err = 0;
	ASSERT_EQ(0, update(self));

	map = create(&self->test, 0);
	self->v.test.tag = 2;
	ASSERT_EQ(0, map_update(map, 0, &self->v, 0));
	snprintf(other, sizeof(other), "bpf__sops_test_ops_plain_%d",
		 map_id(map));
	EXPECT_NE(0, ksym(name));
	EXPECT_NE(0, ksym(other));
	EXPECT_NE(ksym(name), ksym(other));
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	EXPECT_TRUE(sops_wait(!ksym(other)));
	EXPECT_NE(0, ksym(name));
	close(plain);
}

static void *slow_link(void *link)
{
	*(int *)link = link_create(*(int *)link);
	return NULL;
}

static bool is_held(void)
{
	return file_has("/sys/kernel/debug/" KO "/held", "\nY");
}

/* defect 13: a subsystem that takes its time, and others that do not wait */
TEST_F(types, subsystems_do_not_wait_for_each_other)
{
	int plain = returns(&self->test, "plain", 1, 0), slow, ca;
	struct sops_value v;
	union bpf_attr attr;
	pthread_t thread;
	int map, link;

	self->v.test.slow = 1;
	slow = map = link_map(&self->test, &self->v, 1, plain);
	ASSERT_LE(0, map);
	pthread_create(&thread, NULL, slow_link, &slow);
	ASSERT_TRUE(sops_wait(is_held()));

	create_attr(&attr, &tcp);
	attr.map_flags = SOPS_F_LINK;
	ca = sys_bpf(BPF_MAP_CREATE, &attr);
	ca_value(&v, "t_quick");
	EXPECT_EQ(0, map_update(ca, 0, v.bytes, 0));
	link = link_create(ca);
	EXPECT_LE(0, link);
	EXPECT_TRUE(ca_available("t_quick"));
	EXPECT_EQ(0, link_detach(link));
	EXPECT_TRUE(is_held());
	EXPECT_EQ(0, ask("release"));
	pthread_join(thread, NULL);
	EXPECT_LE(0, slow);
	EXPECT_EQ(0, ask("call 1 plain"));
	close(link);
	close(ca);
	close(slow);
	close(map);
	close(plain);
}

static void *hold(void *err)
{
	*(int *)err = ask("hold");
	return NULL;
}

/* defect 5: the kernel frees the image under a program that sleeps */
TEST_F(types, sleeping_programs_are_waited_for)
{
	int prog = watcher(&self->test, "sleepy", self->seen, 1, 9,
			   BPF_F_SLEEPABLE);
	int id = prog_id(prog), err = 1, plain, other, map;
	pthread_t thread;

	/* the type lets no other member's program sleep */
	EXPECT_EQ(-EINVAL, returns(&self->test, "plain", 1, BPF_F_SLEEPABLE));
	ASSERT_LE(0, prog);
	SET(sleepy, prog);
	ASSERT_EQ(0, update(self));
	ASSERT_EQ(0, ask("call 1 sleepy"));
	EXPECT_EQ(9, result());
	close(prog);

	/* beside it a map whose programs cannot sleep: it need not wait */
	plain = returns(&self->test, "plain", 1, 0);
	other = prog_id(plain);
	memset(&self->v, 0, sizeof(self->v));
	self->v.test.tag = 2;
	SET(plain, plain);
	pthread_create(&thread, NULL, hold, &err);
	ASSERT_TRUE(sops_wait(is_held()));
	map = create(&self->test, 0);
	EXPECT_EQ(0, map_update(map, 0, &self->v, 0));
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	close(plain);
	EXPECT_EQ(0, map_delete(self->map, 0));
	close(self->map);
	self->map = -1;
	EXPECT_TRUE(sops_wait(!prog_alive(other)));
	usleep(300000);		/* time enough to free it wrongly */
	EXPECT_TRUE(is_held());
	EXPECT_TRUE(prog_alive(id));
	EXPECT_EQ(0, ask("release"));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, err);
	EXPECT_TRUE(sops_wait(!prog_alive(id)));
}

/* which value a program goes with: tag, or 0 for none or no longer one */
static int assoc(int prog)
{
	int err = ask("assoc %d", prog);

	return err ? err : (int)result();
}

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

/* what can be shown of it safely, with the module absent */
TEST_F(types, the_kernels_own)
{
	int plain = returns(&self->test, "plain", 1, 0), theirs, map, err;
	struct type twin;

	close(self->map);
	EXPECT_EQ(0, sops_wait_empty());
	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, ko_load(TWIN));
	ASSERT_EQ(0, type_get(&twin, TWIN, "sops_test_ops"));
	theirs = returns(&twin, "plain", 2, 0);

	self->map = create(&self->test, 0);
	SET(plain, theirs);
	err = update(self);
	TH_LOG("defect 2, a program of another module: %d, ours: %d", err,
	       -EINVAL);
	if (!err && !map_delete(self->map, 0)) {
		close(self->map);
		self->map = create(&self->test, 0);
	}

	SET(plain, plain);
	ASSERT_EQ(0, update(self));
	if (assoc(plain) == 1) {
		map = create(&self->test, 0);
		self->v.test.reg_err = EL2HLT;
		EXPECT_EQ(-EL2HLT, map_update(map, 0, &self->v, 0));
		TH_LOG("defect 11, goes with map after another's failure: %d, ours: 1",
		       assoc(plain));
		close(map);
	}
	EXPECT_EQ(0, map_delete(self->map, 0));
	close(self->map);
	self->map = -1;
	close(theirs);
	close(plain);
	type_put(&twin);
	EXPECT_EQ(0, mod_unload_wait(TWIN));
	ASSERT_EQ(0, sops_insmod());
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
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SYSCALL,
		.insns = (uintptr_t)insns,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
		.prog_flags = BPF_F_SLEEPABLE,
	};
	int prog = sys_bpf(BPF_PROG_LOAD, &attr), id = map_id(self->map), is;
	int plain = returns(&self->test, "plain", 1, 0), other;

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
	usleep(300000);		/* time enough to free it wrongly */
	EXPECT_EQ(1, assoc(prog));
	EXPECT_EQ(-EAGAIN, mod_unload("struct_ops"));
	close(prog);
	EXPECT_EQ(0, sops_wait_gone(id));
	close(plain);
}

/* what perf is told of trampolines: name, place and true size of each */
struct symbol {
	char name[256];
	__u64 addr;
	__u32 len;
};

#define RING_PAGES	16

static int perf_open(void **ring)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.size = sizeof(attr),
		.ksymbol = 1,
		.sample_period = 1,
	};
	int fd = syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0);

	if (fd < 0)
		return -errno;
	*ring = mmap(NULL, (RING_PAGES + 1) * sysconf(_SC_PAGESIZE),
		     PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return *ring == MAP_FAILED ? -errno : fd;
}

/* those of a map that came from this task, in the order of their coming */
static int perf_read(void *ring, int map, struct symbol *s, int max)
{
	struct perf_event_mmap_page *page = ring;
	char *data = (char *)ring + page->data_offset;
	__u64 at = page->data_tail, end = page->data_head;
	char want[32];
	int n = 0;

	snprintf(want, sizeof(want), "_%d", map);
	while (at < end && n < max) {
		struct {
			struct perf_event_header header;
			__u64 addr;
			__u32 len;
			__u16 type, flags;
			char name[256];
		} rec;
		size_t i, len;

		for (i = 0; i < sizeof(rec.header); i++)
			((char *)&rec)[i] = data[(at + i) % page->data_size];
		len = rec.header.size < sizeof(rec) ? rec.header.size :
						      sizeof(rec);
		for (; i < len; i++)
			((char *)&rec)[i] = data[(at + i) % page->data_size];
		at += rec.header.size;
		len = strlen(rec.name);
		if (rec.header.type != PERF_RECORD_KSYMBOL ||
		    strncmp(rec.name, "bpf__sops_", 10) ||
		    len < strlen(want) ||
		    strcmp(rec.name + len - strlen(want), want))
			continue;
		snprintf(s[n].name, sizeof(s[n].name), "%s", rec.name);
		s[n].addr = rec.addr;
		s[n].len = rec.len;
		n++;
	}
	page->data_tail = at;
	return n;
}

/* defect 20: the kernel claims a page for each, and they overlap */
TEST_F(types, perf_symbols)
{
	unsigned long addr[SOPS_NR_WIDE];
	struct symbol s[SOPS_NR_WIDE + 1];
	int perf, map, id, i, j, n;
	char name[64];
	void *ring;

	perf = perf_open(&ring);
	if (perf < 0)
		SKIP(return, "no perf events: %d", perf);
	map = create(&self->wide, 0);
	id = map_id(map);
	ASSERT_EQ(0, wide_fill(self, 5));
	ASSERT_EQ(0, map_update(map, 0, &self->v, 0));
	n = perf_read(ring, id, s, SOPS_NR_WIDE + 1);
	ASSERT_EQ(SOPS_NR_WIDE, n);
	ASSERT_EQ(n, symbols(id, addr, n));
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "bpf__sops_wide_ops_m%d_%d", i, id);
		EXPECT_STREQ(name, s[i].name);
		for (j = 0; j < n && addr[j] != s[i].addr; j++)
			;
		EXPECT_NE(n, j) TH_LOG("%s is not in kallsyms", name);
		EXPECT_LT(0, s[i].len);
		for (j = 0; j < i; j++)
			EXPECT_TRUE(s[i].addr + s[i].len <= s[j].addr ||
				    s[j].addr + s[j].len <= s[i].addr)
				TH_LOG("%s and %s", s[i].name, s[j].name);
		close(self->v.slots[i]);
	}
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	EXPECT_EQ(0, sops_wait_gone(id));
	munmap(ring, (RING_PAGES + 1) * sysconf(_SC_PAGESIZE));
	close(perf);
}

TEST_HARNESS_MAIN
