// SPDX-License-Identifier: GPL-2.0-only
/*
 * What fails below us: memory. Each operation is tried with its first
 * allocation failing, then with its second, and so on until it has no more of
 * them. Each time it has to say so or do without, leave nothing behind, and
 * work the next time.
 */
#include "faults.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define NTH	"/proc/thread-self/fail-nth"

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

FIXTURE(faults) {
	bool able;
	long jit;
	char refs[16];
};

FIXTURE_SETUP(faults)
{
	struct sops_value v;

	self->able = !nth_open();
	if (!self->able)
		return;
	ASSERT_EQ(0, sops_setup());
	/* programs that stay, and what is made once, are made now */
	close(sops_create(&tcp));
	all_members(&v, 64);
	ASSERT_EQ(0, sops_wait_empty());
	self->jit = jit_settled();
	ASSERT_LT(0, self->jit);
	ASSERT_EQ(0, slurp("/sys/module/struct_ops/refcnt", self->refs,
			   sizeof(self->refs)));
}

/* nothing left: no map, no executable memory, no reference on the module */
FIXTURE_TEARDOWN(faults)
{
	char refs[16];

	if (!self->able)
		return;
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
	REPORT(&t, "create", "allocations");
}

static void update(struct __test_metadata *_metadata, int members)
{
	struct sops_value v;
	struct tally t = {};
	int n, err, map;
	char what[32];

	members = all_members(&v, members);
	map = sops_create(&tcp);
	ASSERT_LE(0, map);
	EACH(t, n, err, map_update(map, 0, v.bytes, 0)) {
		if (err) {
			EXPECT_EQ(-ENOMEM, err) TH_LOG("allocation %d", n);
			update_again(_metadata, map, &v);
		}
		map = next_map(_metadata, map);
		ASSERT_LE(0, map);
	}
	EXPECT_GT(ROUNDS, n);
	EXPECT_LT(0, t.refused);
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	snprintf(what, sizeof(what), "update with %d programs", members);
	REPORT(&t, what, "allocations");
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
	REPORT(&t, "lookup", "allocations");
	REPORT(&ti, "info", "allocations");
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
	REPORT(&t, "delete", "allocations");
}

TEST_F_TIMEOUT(faults, link_create, 600)
{
	struct tally t = {};
	int n, err, map;

	NEED_FAULTS();
	map = READY("t_fault");
	EACH(t, n, err, link_create(map)) {
		if (err < 0) {
			EXPECT_EQ(-ENOMEM, err) TH_LOG("allocation %d", n);
			EXPECT_TRUE(gone("t_fault"));
			err = link_create(map);
			EXPECT_LE(0, err);
		}
		EXPECT_TRUE(ca_available("t_fault"));
		close(err);
		EXPECT_TRUE(gone("t_fault"));
	}
	EXPECT_LT(0, t.refused);
	close(err);
	close(map);
	EXPECT_TRUE(gone("t_fault"));
	REPORT(&t, "link create", "allocations");
}

TEST_F_TIMEOUT(faults, link_update, 600)
{
	int n, err, maps[2], link, at = 0;
	struct tally t = {};

	NEED_FAULTS();
	maps[0] = READY("t_fault");
	maps[1] = ready("t_fault");
	link = link_create(maps[0]);
	ASSERT_LE(0, link);
	EACH(t, n, err, link_update(link, maps[!at])) {
		if (err) {
			EXPECT_EQ(-ENOMEM, err) TH_LOG("allocation %d", n);
			EXPECT_EQ(map_id(maps[at]), link_map_id(link));
			EXPECT_EQ(0, link_update(link, maps[!at]));
		}
		at = !at;
		EXPECT_EQ(map_id(maps[at]), link_map_id(link));
	}
	EXPECT_EQ(0, err);
	close(link);
	close(maps[0]);
	close(maps[1]);
	EXPECT_TRUE(gone("t_fault"));
	REPORT(&t, "link update", "allocations");
}

TEST_F_TIMEOUT(faults, link_detach, 600)
{
	struct tally t = {};
	int n, err, map, link;

	NEED_FAULTS();
	map = READY("t_fault");
	link = link_create(map);
	ASSERT_LE(0, link);
	EACH(t, n, err, link_detach(link)) {
		if (err)
			EXPECT_EQ(0, link_detach(link)) TH_LOG("allocation %d", n);
		EXPECT_FALSE(ca_available("t_fault"));
		close(link);
		link = link_create(map);
		ASSERT_LE(0, link);
	}
	EXPECT_EQ(0, err);
	close(link);
	close(map);
	REPORT(&t, "link detach", "allocations");
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
	REPORT(&t, "read pinned", "allocations");
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
	REPORT(&t, "list", "allocations");
}

TEST_F_TIMEOUT(faults, insmod, 3600)
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
			/* the next round goes further than this one; to the end now and then */
			if (n % 8)
				continue;
			ASSERT_EQ(0, sops_insmod());
		}
		EXPECT_EQ(0, sops_rmmod());
	}
	EXPECT_EQ(0, err);
	EXPECT_GT(ROUNDS, n);
	EXPECT_LT(0, t.refused);
	/* the last one succeeded */
	EXPECT_EQ(0, sops_rmmod());
	EXPECT_TRUE(no_symbols_left());
	ASSERT_EQ(0, sops_insmod());
	EXPECT_EQ(0, mod_unload("sops_fault"));
	REPORT(&t, "insmod", "allocations");
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
	REPORT(&t, "rmmod", "allocations");
}

TEST_HARNESS_MAIN
