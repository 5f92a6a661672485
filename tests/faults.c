// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failing allocations. Each operation is tried with its first allocation
 * failing, then with its second, and so on until it has no more of them. Each
 * time it has to say so or do without, leave nothing behind, and work the
 * next time.
 */
#include "sops.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <kselftest_harness.h>

#define NTH	"/proc/thread-self/fail-nth"
#define ROUNDS	2000	/* no operation has that many */

/* what one operation went through */
struct tally {
	int refused;	/* an error came back */
	int done;	/* done nevertheless */
	int errnos[8];	/* the different errors */
};

static int nth_fd = -1;

static void nth_set(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	if (pwrite(nth_fd, text, strlen(text), 0) < 0)
		abort();
}

/* which one is still to fail: 0 when it did */
static int nth_left(void)
{
	char text[16] = "";

	if (pread(nth_fd, text, sizeof(text) - 1, 0) < 0)
		abort();
	return atoi(text);
}

/* all kinds of allocation, and no talk about it */
static int nth_open(void)
{
	static const char *const set[][2] = {
		{ "failslab/verbose", "0" },
		{ "failslab/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
	};
	char path[64];
	size_t i;

	nth_fd = open(NTH, O_RDWR | O_CLOEXEC);
	for (i = 0; nth_fd >= 0 && i < ARRAY_SIZE(set); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", set[i][0]);
		if (spit(path, set[i][1]))
			return -ENOENT;
	}
	return nth_fd < 0 ? -ENOENT : 0;
}

/* a program for each member that takes one, up to @max; loaded once */
static int all_members(struct sops_value *v, int max)
{
	static int progs[64];
	struct sops_member m;
	int i, n = 3;		/* what ca_value() sets */

	ca_value(v, "t_fault");
	for (i = 0; n < max && !sops_member_at(&tcp, i, &m); i++) {
		if (!m.func || value_get(v, m.name))
			continue;
		if (!progs[i])
			progs[i] = sops_prog(&tcp, m.name, 0);
		if (progs[i] < 0)
			continue;
		value_set(v, m.name, progs[i]);
		n++;
	}
	return n;
}

FIXTURE(faults) {
	bool able;
	long jit;
	char refs[16];
};

FIXTURE_SETUP(faults)
{
	struct sops_value v;

	ASSERT_EQ(0, sops_setup());
	self->able = !nth_open();
	if (access("/sys/kernel/tracing/enabled_functions", F_OK))
		mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	if (!self->able)
		return;
	/* programs that stay, and what is made once, are made now */
	close(sops_create(&tcp));
	all_members(&v, 64);
	ASSERT_EQ(0, sops_wait_empty());
	self->jit = jit_current();
	ASSERT_EQ(0, slurp("/sys/module/struct_ops/refcnt", self->refs,
			   sizeof(self->refs)));
}

/* nothing left: no map, no executable memory, no reference on the module */
FIXTURE_TEARDOWN(faults)
{
	char refs[16];

	if (!self->able) {
		EXPECT_EQ(0, sops_rmmod());
		return;
	}
	EXPECT_EQ(0, sops_wait_empty());
	/* a map leaves the list before it gives back what it has */
	sops_wait(jit_current() == self->jit);
	EXPECT_EQ(self->jit, jit_current());
	sops_wait(slurp("/sys/module/struct_ops/refcnt", refs, sizeof(refs)) ||
		  !strcmp(self->refs, refs));
	EXPECT_STREQ(self->refs, refs);
	EXPECT_EQ(0, sops_rmmod());
	close(nth_fd);
}

#define NEED_FAULTS() do {						\
	if (!self->able)						\
		SKIP(return, "this kernel has no CONFIG_FAILSLAB and CONFIG_FAIL_PAGE_ALLOC with debugfs"); \
} while (0)

/* one more answer; false when @n was beyond the last allocation */
static bool note(struct tally *t, int err, int left)
{
	size_t i;

	if (left)
		return false;
	if (err >= 0) {
		t->done++;
		return true;
	}
	t->refused++;
	for (i = 0; i < ARRAY_SIZE(t->errnos); i++) {
		if (!t->errnos[i])
			t->errnos[i] = err;
		if (t->errnos[i] == err)
			break;
	}
	return true;
}

#define REPORT(t, what) do {						\
	char __s[128] = "";						\
	size_t __i;							\
									\
	for (__i = 0; __i < ARRAY_SIZE((t)->errnos) && (t)->errnos[__i]; __i++) \
		sprintf(__s + strlen(__s), " %s", strerrorname_np(-(t)->errnos[__i])); \
	TH_LOG("count: %s: %d allocations failed, %d refused (%s ), %d done without", \
	       what, (t)->refused + (t)->done, (t)->refused, __s, (t)->done); \
} while (0)

/* @op with its n-th allocation failing, for each n: every statement once */
#define EACH(t, n, err, op)						\
	for (n = 1; n < ROUNDS &&					\
	     (nth_set(n), err = (op), note(&(t), err, ({		\
			int __left = nth_left();			\
									\
			nth_set(0);					\
			__left;						\
	     }))); n++)

TEST_F_TIMEOUT(faults, create, 600)
{
	struct tally t = {};
	union bpf_attr attr;
	int n, err, map;

	NEED_FAULTS();
	create_attr(&attr, &tcp);
	EACH(t, n, err, sys_bpf(BPF_MAP_CREATE, &attr)) {
		if (err >= 0) {
			close(err);
			continue;
		}
		EXPECT_EQ(-ENOMEM, err) TH_LOG("allocation %d", n);
		map = sops_create(&tcp);
		EXPECT_LE(0, map);
		close(map);
	}
	EXPECT_GT(ROUNDS, n);
	EXPECT_LT(0, t.refused);
	close(err);
	REPORT(&t, "create");
}

static void update(struct __test_metadata *_metadata, int members)
{
	struct sops_value v, got;
	struct tally t = {};
	int n, err, map;
	char what[32];

	members = all_members(&v, members);
	map = sops_create(&tcp);
	ASSERT_LE(0, map);
	EACH(t, n, err, map_update(map, 0, v.bytes, 0)) {
		if (err) {
			EXPECT_EQ(-ENOMEM, err) TH_LOG("allocation %d", n);
			value_init(&got, &tcp);
			EXPECT_EQ(0, map_lookup(map, 0, got.bytes));
			EXPECT_EQ(SOPS_INIT, got.state);
			EXPECT_FALSE(ca_available("t_fault"));
			EXPECT_EQ(0, map_update(map, 0, v.bytes, 0));
		}
		EXPECT_TRUE(ca_available("t_fault"));
		EXPECT_EQ(0, map_delete(map, 0));
		close(map);
		map = sops_create(&tcp);
		ASSERT_LE(0, map);
	}
	EXPECT_GT(ROUNDS, n);
	EXPECT_LT(members, t.refused);
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	snprintf(what, sizeof(what), "update with %d programs", members);
	REPORT(&t, what);
}

TEST_F_TIMEOUT(faults, update_with_few, 600)
{
	NEED_FAULTS();
	update(_metadata, 3);
}

TEST_F_TIMEOUT(faults, update_with_all, 600)
{
	NEED_FAULTS();
	update(_metadata, 64);
}

TEST_F_TIMEOUT(faults, lookup_and_info, 600)
{
	struct bpf_map_info info;
	struct sops_value v;
	struct tally t = {}, ti = {};
	int n, err, map;

	NEED_FAULTS();
	map = ca_register("t_fault");
	ASSERT_LE(0, map);
	EACH(t, n, err, map_lookup(map, 0, v.bytes)) {
		if (err)
			EXPECT_EQ(-ENOMEM, err) TH_LOG("allocation %d", n);
		value_init(&v, &tcp);
		EXPECT_EQ(0, map_lookup(map, 0, v.bytes));
		EXPECT_EQ(SOPS_INUSE, v.state);
	}
	EACH(ti, n, err, map_info(map, &info))
		EXPECT_EQ(0, map_info(map, &info));
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	REPORT(&t, "lookup");
	REPORT(&ti, "info");
}

TEST_F_TIMEOUT(faults, delete, 600)
{
	struct tally t = {};
	int n, err, map;

	NEED_FAULTS();
	map = ca_register("t_fault");
	ASSERT_LE(0, map);
	EACH(t, n, err, map_delete(map, 0)) {
		if (err)
			EXPECT_EQ(0, map_delete(map, 0));
		EXPECT_FALSE(ca_available("t_fault"));
		close(map);
		map = ca_register("t_fault");
		ASSERT_LE(0, map);
	}
	close(map);
	REPORT(&t, "delete");
}

/* the whole of it, as cat does */
static int read_all(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + len, size - 1 - len)) > 0)
		len += n;
	if (n < 0)
		n = -errno;
	text[len] = 0;
	close(fd);
	return n;
}

TEST_F_TIMEOUT(faults, read_pinned, 600)
{
	char dir[] = "/tmp/t_bpffs.XXXXXX", pin[64];
	static char text[65536];
	struct tally t = {};
	int n, err, map;

	NEED_FAULTS();
	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, mount("bpf", dir, "bpf", 0, NULL));
	snprintf(pin, sizeof(pin), "%s/map", dir);
	map = ca_register("t_fault");
	ASSERT_LE(0, map);
	ASSERT_EQ(0, obj_pin(map, pin));
	EACH(t, n, err, read_all(pin, text, sizeof(text))) {
		if (err)
			EXPECT_EQ(-ENOMEM, err) TH_LOG("allocation %d", n);
		EXPECT_EQ(0, read_all(pin, text, sizeof(text)));
		EXPECT_NE(NULL, strstr(text, "BPF_STRUCT_OPS_STATE_INUSE"));
	}
	EXPECT_GT(ROUNDS, n);
	EXPECT_EQ(0, unlink(pin));
	EXPECT_EQ(0, umount(dir));
	rmdir(dir);
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	REPORT(&t, "read pinned");
}

TEST_F_TIMEOUT(faults, list, 600)
{
	static char text[65536];
	struct tally t = {};
	int n, err, map;

	NEED_FAULTS();
	map = ca_register("t_fault");
	ASSERT_LE(0, map);
	EACH(t, n, err, read_all("/sys/kernel/debug/struct_ops/maps", text,
				 sizeof(text)))
		EXPECT_TRUE(sops_ours(map));
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	REPORT(&t, "list");
}

/* nothing of the module left in the kernel */
static bool nothing_left(void)
{
	return !mod_loaded("struct_ops") &&
	       !file_has("/proc/kallsyms", "[struct_ops]") &&
	       access("/sys/kernel/debug/struct_ops", F_OK) &&
	       !file_has("/sys/kernel/tracing/enabled_functions",
			 "bpf_struct_ops_");
}

TEST_F_TIMEOUT(faults, insmod, 1200)
{
	char path[PATH_MAX], text[16];
	struct tally t = {};
	int n, err = 0;

	NEED_FAULTS();
	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, beside("sops_fault.ko", path));
	ASSERT_EQ(0, mod_load(path, ""));
	for (n = 1; n < ROUNDS; n++) {
		int left;

		snprintf(text, sizeof(text), "%d", n);
		ASSERT_EQ(0, spit("/sys/module/sops_fault/parameters/nth", text));
		err = sops_insmod();
		left = nth_left();
		nth_set(0);
		ASSERT_EQ(0, spit("/sys/module/sops_fault/parameters/nth", "0"));
		if (!note(&t, err, left))
			break;
		if (err) {
			EXPECT_EQ(-ENOMEM, err) TH_LOG("allocation %d", n);
			EXPECT_TRUE(nothing_left()) TH_LOG("allocation %d", n);
			ASSERT_EQ(0, sops_insmod());
		}
		EXPECT_EQ(0, sops_rmmod());
	}
	EXPECT_EQ(0, err);
	EXPECT_GT(ROUNDS, n);
	EXPECT_LT(0, t.refused);
	EXPECT_EQ(0, mod_unload("sops_fault"));
	REPORT(&t, "insmod");
}

#define BORROWED "__SCT__sops_borrowed_"

/* what the module, while it is there, has bound and redirected */
static int symbols(char names[][64], int max)
{
	char line[512], name[128];
	int n = 0;
	FILE *f;

	f = fopen("/proc/kallsyms", "re");
	while (f && n < max && fgets(line, sizeof(line), f))
		if (strstr(line, "[struct_ops]") &&
		    sscanf(line, "%*s %*c " BORROWED "%63s", names[n]) == 1)
			n++;
	if (f)
		fclose(f);
	f = fopen("/sys/kernel/tracing/enabled_functions", "re");
	while (f && n < max && fgets(line, sizeof(line), f))
		if (sscanf(line, "%127s", name) == 1 && strstr(name, "struct_ops"))
			snprintf(names[n++], 64, "%.63s", name);
	if (f)
		fclose(f);
	return n;
}

/* each of them not there: a refusal that names it, and nothing left */
TEST_F_TIMEOUT(faults, unbound_symbols, 600)
{
	static char names[128][64];
	char params[128], line[256];
	int i, n, err, log, refused = 0;

	n = symbols(names, 128);
	EXPECT_LT(30, n);
	ASSERT_EQ(0, sops_rmmod());
	for (i = 0; i < n; i++) {
		snprintf(params, sizeof(params), "missing=%.63s", names[i]);
		log = kmsg_open();
		err = mod_load(sops_ko(), params);
		EXPECT_EQ(-ENOENT, err) TH_LOG("%s", params);
		EXPECT_EQ(1, kmsg_count(log, names[i], line, sizeof(line)));
		close(log);
		EXPECT_TRUE(nothing_left()) TH_LOG("%s", params);
		if (err)
			refused++;
		else
			sops_rmmod();
	}
	ASSERT_EQ(0, sops_insmod());
	TH_LOG("count: binding: %d symbols missing one by one, %d refused", n, refused);
}

TEST_F_TIMEOUT(faults, rmmod, 600)
{
	struct tally t = {};
	int n, err;

	NEED_FAULTS();
	EACH(t, n, err, mod_unload("struct_ops")) {
		if (err)
			EXPECT_EQ(0, sops_rmmod());
		EXPECT_TRUE(nothing_left());
		ASSERT_EQ(0, sops_insmod());
	}
	EXPECT_EQ(0, err);
	ASSERT_EQ(0, sops_insmod());
	REPORT(&t, "rmmod");
}

TEST_HARNESS_MAIN
