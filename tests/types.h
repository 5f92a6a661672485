/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Types that a module brings (sops_types.ko): finding them, programs for their
 * members, and the fixture of the tests of them.
 */
#ifndef SOPS_TESTS_TYPES_H
#define SOPS_TESTS_TYPES_H

#include "modtype.h"
#include "newer.h"

#include <bpf/btf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "mod/sops_types.h"

#define KO	"sops_types"
#define TWIN	"sops_twins"
#define HEAD	64			/* of a value, before the struct */

/* what a program saw: its arguments as they come, and how often it ran */
#define SEEN_ARGS	14

struct seen {
	__u64 args[SEEN_ARGS];
	__u64 calls;
};

#define MOV(d, s)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)

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
	return load_prog(t, member, insns, n, flags);
}

static int returns(const struct type *t, const char *member, int ret,
		   __u32 flags)
{
	struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, ret),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return load_prog(t, member, insns, 2, flags);
}

/* a program that BPF_PROG_TEST_RUN runs, and that may call bpf() */
static int syscall_prog(const struct bpf_insn *insns, size_t n)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SYSCALL,
		.insns = (uintptr_t)insns,
		.insn_cnt = n,
		.license = (uintptr_t)"GPL",
		.prog_flags = BPF_F_SLEEPABLE,
	};

	return sys_bpf(BPF_PROG_LOAD, &attr);
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
	/* found out as long as no map holds the module */
	sops_own_tramps();
	ASSERT_EQ(0, sops_setup());
	ASSERT_EQ(0, ko_load(KO));
	ASSERT_EQ(0, type_get(&self->test, KO, "sops_test_ops"));
	ASSERT_EQ(0, type_get(&self->wide, KO, "sops_wide_ops"));
	memset(&self->v, 0, sizeof(self->v));
	self->v.test.tag = 1;
	self->seen = sops_array(sizeof(struct seen));
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

/* is the type's registration held up, as a value may ask for? */
static bool is_held(void)
{
	return file_has("/sys/kernel/debug/" KO "/held", "\nY");
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
