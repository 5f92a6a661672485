/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Types that a module brings (sops_types.ko): finding them, programs for their
 * members, and the fixture of the tests of them.
 */
#ifndef SOPS_TESTS_TYPES_H
#define SOPS_TESTS_TYPES_H

#include "newer.h"

#include <bpf/btf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "mod/sops_types.h"

#define KO	"sops_types"
#define TWIN	"sops_twins"
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

/* which value a program goes with: tag, or 0 for none or no longer one */
static int assoc(int prog)
{
	int err = ask("assoc %d", prog);

	return err ? err : (int)result();
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
		SKIP_TEST("modules have no types on this kernel (6.9)");
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

#endif
