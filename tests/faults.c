// SPDX-License-Identifier: GPL-2.0-only
/*
 * What fails below us. Each operation is tried with its first allocation
 * failing, then with its second, and so on until it has no more of them; and
 * the same with each call of what we borrow that can fail. Each time it has to
 * say so or do without, leave nothing behind, and work the next time.
 */
#include "newer.h"

#include <ctype.h>
#include <fcntl.h>
#include <libelf.h>
#include <pthread.h>
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

/* the same, without failing allocations */
FIXTURE(denied) {
};

FIXTURE_SETUP(denied)
{
	ASSERT_EQ(0, sops_setup());
	if (access("/sys/kernel/tracing/enabled_functions", F_OK))
		mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
}

FIXTURE_TEARDOWN(denied)
{
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_EQ(0, sops_rmmod());
	if (mod_loaded("sops_deny"))
		EXPECT_EQ(0, mod_unload_wait("sops_deny"));
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

#define REPORT(t, what, failed) do {						\
	char __s[128] = "";						\
	size_t __i;							\
									\
	for (__i = 0; __i < ARRAY_SIZE((t)->errnos) && (t)->errnos[__i]; __i++) \
		sprintf(__s + strlen(__s), " %s", strerrorname_np(-(t)->errnos[__i])); \
	TH_LOG("count: %s: %d %s failed, %d refused (%s ), %d done without", \
	       what, (t)->refused + (t)->done, failed, (t)->refused, __s, (t)->done); \
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

/* a refused update changes nothing, and the next one works */
static void update_again(struct __test_metadata *_metadata, int map, struct sops_value *v)
{
	struct sops_value got;

	value_init(&got, &tcp);
	EXPECT_EQ(0, map_lookup(map, 0, got.bytes));
	EXPECT_EQ(SOPS_INIT, got.state);
	EXPECT_FALSE(ca_available("t_fault"));
	EXPECT_EQ(0, map_update(map, 0, v->bytes, 0));
}

/* the registered @map comes to its end; a new one */
static int next_map(struct __test_metadata *_metadata, int map)
{
	EXPECT_TRUE(ca_available("t_fault"));
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	map = sops_create(&tcp);
	EXPECT_LE(0, map);
	return map;
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

/* a map for links, past its update */
static int ready(const char *name)
{
	struct sops_value v;

	ca_value(&v, name);
	return ca_map(&v, SOPS_F_LINK);
}

#define READY(name) ({							\
	int __map = ready(name);					\
									\
	if (__map == -EINVAL)						\
		SKIP(return, "this kernel has no links for maps (6.4)"); \
	ASSERT_LE(0, __map);						\
	__map;								\
})

/* the last reference to a link is not always put at once */
static bool gone(const char *name)
{
	return sops_wait(!ca_available(name));
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

/* nothing of the module left in the kernel */
static bool nothing_left(void)
{
	return !mod_loaded("struct_ops") &&
	       access("/sys/kernel/debug/struct_ops", F_OK) &&
	       !file_has("/sys/kernel/tracing/enabled_functions",
			 "bpf_struct_ops_");
}

/* a second's reading: after many rounds, each of which would have left some */
static bool no_symbols_left(void)
{
	return !file_has("/proc/kallsyms", "[struct_ops]");
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

#define DENY "/sys/module/sops_deny/parameters/"

static int deny_set(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	return spit(DENY "nth", text);
}

/* how many calls are still to come before the one that is denied */
static int deny_left(void)
{
	char text[16] = "";
	int err = slurp(DENY "nth", text, sizeof(text));

	deny_set(0);
	return err ? err : atoi(text);
}


static int deny_calls(void)
{
	char text[16] = "0";

	slurp(DENY "denied", text, sizeof(text));
	return atoi(text);
}

/* @op with the n-th call denied, for each n: every statement once */
#define DENIED(t, n, err, op)						\
	for (n = 1; n < ROUNDS &&					\
	     (deny_set(n), err = (op), note(&(t), err, deny_left())); n++)

/* a function that we call, what it says when it fails, and what we say then */
struct denial {
	const char *function;
	long answer;
	int err;
};

/* before the module that it looks for */
static int deny_load(void)
{
	char path[PATH_MAX];

	return beside("sops_deny.ko", path) ?: mod_load(path, "");
}

/* a kernel has some of them only; those are tried */
static int deny(const struct denial *d)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", d->answer);
	return spit(DENY "answer", text) ?: spit(DENY "function", d->function);
}

/* executable memory, and the subsystem */
static const struct denial update_denials[] = {
	{ "bpf_jit_charge_modmem", -EPERM, -EPERM },
	{ "bpf_jit_alloc_exec", 0, -ENOMEM },
	{ "arch_alloc_bpf_trampoline", 0, -ENOMEM },
	{ "arch_prepare_bpf_trampoline", -E2BIG, -E2BIG },
	{ "set_memory_ro", -ENOMEM, -ENOMEM },
	{ "set_memory_x", -ENOMEM, -ENOMEM },
	{ "arch_protect_bpf_trampoline", -EACCES, -EACCES },
	{ "bpf_prog_pack_alloc", 0, -ENOMEM },
	{ "bpf_arch_text_copy", -EINVAL, -EINVAL },
	{ "bpf_tcp_ca_init_member", -EUCLEAN, -EUCLEAN },
	{ "bpf_tcp_ca_validate", -EUCLEAN, -EUCLEAN },
	{ "bpf_tcp_ca_reg", -EEXIST, -EEXIST },
};

static void update_denied(struct __test_metadata *_metadata, const struct denial *d,
			  long *jit, struct tally *t)
{
	struct sops_value v;
	char refs[16] = "";
	int n, err, map;

	all_members(&v, 64);
	err = deny(d);
	if (err == -ENOENT)
		return;
	ASSERT_EQ(0, err) TH_LOG("%s", d->function);
	map = sops_create(&tcp);
	ASSERT_LE(0, map);
	DENIED(*t, n, err, map_update(map, 0, v.bytes, 0)) {
		EXPECT_EQ(d->err, err) TH_LOG("%s, call %d", d->function, n);
		update_again(_metadata, map, &v);
		map = next_map(_metadata, map);
		ASSERT_LE(0, map);
	}
	EXPECT_EQ(0, err);
	EXPECT_GT(ROUNDS, n);
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	EXPECT_EQ(0, sops_wait_empty());
	/* what cannot be written cannot be freed on kernels where it would say its size */
	if (strcmp(d->function, "bpf_arch_text_copy") || ksym("arch_protect_bpf_trampoline")) {
		sops_wait(jit_current() == *jit);
		EXPECT_EQ(*jit, jit_current()) TH_LOG("%s", d->function);
	} else {
		*jit = jit_settled();
	}
	/* nothing that would keep it from going */
	sops_wait(slurp("/sys/module/struct_ops/refcnt", refs, sizeof(refs)) ||
		  !strcmp(refs, "0\n"));
	EXPECT_STREQ("0\n", refs) TH_LOG("%s", d->function);
}

static void updates_denied(struct __test_metadata *_metadata, const char *params,
			   const char *what)
{
	struct sops_value v;
	struct tally t = {};
	size_t i;
	long jit;

	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, deny_load());
	ASSERT_EQ(0, mod_load(sops_ko(), params));
	all_members(&v, 64);	/* programs that stay */
	jit = jit_settled();
	for (i = 0; i < ARRAY_SIZE(update_denials); i++)
		update_denied(_metadata, &update_denials[i], &jit, &t);
	/* to be gone when they fail no more; the fixture's go without them */
	EXPECT_EQ(0, mod_unload_wait("sops_deny"));
	EXPECT_LT(10, t.refused);
	EXPECT_EQ(0, t.done);
	REPORT(&t, what, "calls");
}

TEST_F_TIMEOUT(denied, update, 600)
{
	updates_denied(_metadata, "", "update, borrowed functions");
}

TEST_F_TIMEOUT(denied, update_with_generator, 600)
{
	if (!sops_own_tramps())
		SKIP(return, "trampolines are the generator's on this kernel");
	updates_denied(_metadata, "generator=1", "update, borrowed functions, by the generator");
}

static const struct denial link_denials[] = {
	{ "bpf_link_prime", -EMFILE, -EMFILE },
	{ "bpf_tcp_ca_reg", -EEXIST, -EEXIST },
	{ "bpf_tcp_ca_update", -EUCLEAN, -EUCLEAN },
};

/* a link is made, moved and detached, with each of these failing */
TEST_F_TIMEOUT(denied, link, 600)
{
	int n, err, maps[2], link, kinds = 0;
	struct tally t = {};
	size_t i;

	close(READY("t_fault"));
	ASSERT_EQ(0, sops_wait_empty());
	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, deny_load());
	ASSERT_EQ(0, sops_insmod());
	for (i = 0; i < ARRAY_SIZE(link_denials); i++) {
		const struct denial *d = &link_denials[i];

		err = deny(d);
		/* 6.4: before, the update is the module's own */
		if (err == -ENOENT && !strcmp(d->function, "bpf_tcp_ca_update"))
			continue;
		ASSERT_EQ(0, err);
		kinds++;
		maps[0] = ready("t_fault");
		maps[1] = ready("t_fault");
		DENIED(t, n, err, (link = link_create(maps[0])) < 0 ? link :
		       link_update(link, maps[1])) {
			EXPECT_EQ(d->err, err) TH_LOG("%s, call %d", d->function, n);
			EXPECT_EQ(link >= 0, ca_available("t_fault"));
			if (link < 0) {
				link = link_create(maps[0]);
			} else {
				EXPECT_EQ(map_id(maps[0]), link_map_id(link));
				EXPECT_EQ(0, link_update(link, maps[1]));
			}
			EXPECT_EQ(0, link_detach(link));
			close(link);
		}
		EXPECT_EQ(0, err);
		close(link);
		close(maps[0]);
		close(maps[1]);
		EXPECT_TRUE(gone("t_fault"));
		EXPECT_EQ(0, sops_wait_empty());
	}
	EXPECT_EQ(0, sops_rmmod());
	EXPECT_EQ(0, mod_unload_wait("sops_deny"));
	ASSERT_EQ(0, sops_insmod());
	EXPECT_LE(kinds, t.refused);
	REPORT(&t, "link create and update, borrowed functions", "calls");
}

/*
 * What takes the module's calls out of the kernel cannot, again and again:
 * rmmod stays until it can, and nothing goes away under a caller meanwhile.
 */
static const struct denial rmmod_denials[] = {
	{ "unregister_ftrace_function", -ENODEV, 0 },
	{ "unregister_ftrace_direct_multi", -ENODEV, 0 },
};

static void *rmmod_thread(void *err)
{
	*(int *)err = mod_unload("struct_ops");
	return NULL;
}

TEST_F_TIMEOUT(denied, rmmod, 600)
{
	int i, n, map, log, err, before, waited = 0;
	pthread_t thread;
	char line[256] = "";

	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, deny_load());
	for (i = 0; i < (int)ARRAY_SIZE(rmmod_denials); i++) {
		const struct denial *d = &rmmod_denials[i];

		/* called by that name before 6.4 */
		if (!ksym(d->function))
			continue;
		ASSERT_EQ(0, deny(d)) TH_LOG("%s", d->function);
		before = deny_calls();
		ASSERT_EQ(0, sops_insmod());
		log = kmsg_open();
		ASSERT_EQ(0, deny_set(0));
		ASSERT_EQ(0, spit(DENY "all", "Y"));
		err = 1;
		ASSERT_EQ(0, pthread_create(&thread, NULL, rmmod_thread, &err));
		/* where the module does not call this one it is gone at once */
		n = 0;
		sops_wait((n = deny_calls() - before) || err != 1);
		if (n) {
			waited++;
			EXPECT_TRUE(sops_wait(deny_calls() - before >= n + 2));
			EXPECT_EQ(1, err);
			EXPECT_TRUE(mod_loaded("struct_ops"));
			EXPECT_TRUE(file_has("/proc/kallsyms", "[struct_ops]"));
			EXPECT_EQ(1, kmsg_count(log, "struct_ops: ", line, sizeof(line)));
			EXPECT_NE(NULL, strstr(line, "rmmod waits")) TH_LOG("%s", line);
			/* calls that may still lead here */
			map = ca_register("t_fault");
			EXPECT_LE(0, map);
			EXPECT_EQ(0, map_delete(map, 0));
			close(map);
		}
		ASSERT_EQ(0, spit(DENY "all", "N"));
		pthread_join(thread, NULL);
		EXPECT_EQ(0, err) TH_LOG("%s", d->function);
		EXPECT_TRUE(nothing_left()) TH_LOG("%s", d->function);
		close(log);
	}
	EXPECT_LT(0, waited);
	EXPECT_EQ(0, mod_unload_wait("sops_deny"));
	ASSERT_EQ(0, sops_insmod());
	TH_LOG("count: rmmod: waited for %d of %zu functions", waited, ARRAY_SIZE(rmmod_denials));
}

/* zero: done without, by the kernel's generator */
static const struct denial insmod_denials[] = {
	{ "register_kprobe", -EINVAL, -EINVAL },
	{ "debugfs_create_dir", -ENOMEM, -ENOMEM },
	{ "bpf_prog_pack_alloc", 0, 0 },
	{ "bpf_jit_charge_modmem", -EPERM, 0 },
	{ "ftrace_set_filter_ip", -ENOMEM, -ENOMEM },
	{ "register_ftrace_function", -ENODEV, -ENODEV },
	{ "register_ftrace_direct_multi", -ENOMEM, -ENOMEM },
};

TEST_F_TIMEOUT(denied, insmod, 1200)
{
	struct tally t = {};
	size_t i;
	int n, err;

	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, deny_load());
	for (i = 0; i < ARRAY_SIZE(insmod_denials); i++) {
		const struct denial *d = &insmod_denials[i];

		if (!ksym(d->function))
			continue;
		ASSERT_EQ(0, deny(d)) TH_LOG("%s", d->function);
		/* one call is enough where each does the same as the one before */
		for (n = 1; n <= 4; n++) {
			deny_set(n);
			err = sops_insmod();
			if (!note(&t, err, deny_left()))
				break;
			EXPECT_EQ(d->err, err) TH_LOG("%s, call %d", d->function, n);
			if (!err)
				EXPECT_EQ(0, sops_rmmod());
			EXPECT_TRUE(nothing_left()) TH_LOG("%s, call %d", d->function, n);
		}
		if (mod_loaded("struct_ops"))
			EXPECT_EQ(0, sops_rmmod());
	}
	EXPECT_TRUE(no_symbols_left());
	EXPECT_EQ(0, mod_unload_wait("sops_deny"));
	ASSERT_EQ(0, sops_insmod());
	EXPECT_LE(4, t.refused);
	REPORT(&t, "insmod, borrowed functions", "calls");
}

#define BORROWED "__SCK__sops_borrowed_"

/* what the module binds: not every kernel has all of its symbols in kallsyms */
static int borrowed(char names[][64], int max)
{
	Elf_Scn *scn = NULL;
	int fd, n = 0;
	Elf *elf;

	elf_version(EV_CURRENT);
	fd = open(sops_ko(), O_RDONLY | O_CLOEXEC);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	while ((scn = elf_nextscn(elf, scn))) {
		Elf64_Shdr *sh = elf64_getshdr(scn);
		Elf_Data *data = sh->sh_type == SHT_SYMTAB ? elf_getdata(scn, NULL) : NULL;
		Elf64_Sym *sym = data ? data->d_buf : NULL, *end = data ? data->d_buf + data->d_size : NULL;

		for (; sym < end && n < max; sym++) {
			const char *name = elf_strptr(elf, sh->sh_link, sym->st_name);

			if (name && sscanf(name, BORROWED "%63s", names[n]) == 1)
				n++;
		}
	}
	elf_end(elf);
	close(fd);
	return n;
}

/* what the module, while it is there, has bound and redirected */
static int symbols(char names[][64], int max)
{
	int n = borrowed(names, max);
	char line[512], name[128];
	FILE *f;

	f = fopen("/sys/kernel/tracing/enabled_functions", "re");
	while (f && n < max && fgets(line, sizeof(line), f))
		/* not the lines that say where one goes */
		if (!isspace(line[0]) && sscanf(line, "%127s", name) == 1 &&
		    strstr(name, "struct_ops"))
			snprintf(names[n++], 64, "%.63s", name);
	if (f)
		fclose(f);
	return n;
}

/* each of them not there: a refusal that names it, and nothing left */
TEST_F_TIMEOUT(denied, unbound_symbols, 600)
{
	static char names[128][64];
	char params[128], line[256];
	/* all of them take a while: when there is time */
	int step = sops_param("SOPS_ROUNDS", 5) < 100 ? 4 : 1;
	int i, n, err, log, tried = 0, refused = 0;

	if (!sops_test_build())
		SKIP(return, "struct_ops.ko was built without SOPS_TEST=y");
	n = symbols(names, 128);
	EXPECT_LT(30, n);
	ASSERT_EQ(0, sops_rmmod());
	for (i = 0; i < n; i += step, tried++) {
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
	EXPECT_TRUE(no_symbols_left());
	ASSERT_EQ(0, sops_insmod());
	TH_LOG("count: binding: %d of %d symbols missing one by one, %d refused",
	       tried, n, refused);
}

/* what our own trampolines need: the kernel's generator instead, and it says so */
TEST_F_TIMEOUT(denied, symbols_done_without, 600)
{
	static const char *const names[] = {
		"bpf_prog_pack_alloc", "bpf_prog_pack_free", "bpf_arch_text_copy",
		"bpf_trampoline_enter", "bpf_trampoline_exit",
		"bpf_stats_enabled_key", "runqueues", "migrate_enable",
		"__rcu_read_unlock", "__bpf_prog_enter", "__bpf_prog_exit",
		"__bpf_prog_enter_sleepable", "__bpf_prog_exit_sleepable",
	};
	char params[128], line[256];
	size_t i;
	int log, map;

	if (!sops_own_tramps())
		SKIP(return, "trampolines are the generator's on this kernel");
	if (!sops_test_build())
		SKIP(return, "struct_ops.ko was built without SOPS_TEST=y");
	ASSERT_EQ(0, sops_rmmod());
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(params, sizeof(params), "missing=%s", names[i]);
		log = kmsg_open();
		ASSERT_EQ(0, mod_load(sops_ko(), params)) TH_LOG("%s", params);
		EXPECT_EQ(1, kmsg_count(log, "trampolines are the kernel's", line, sizeof(line)))
			TH_LOG("%s", params);
		close(log);
		map = ca_register("t_fault");
		EXPECT_LE(0, map);
		EXPECT_TRUE(sops_ours(map));
		EXPECT_EQ(0, map_delete(map, 0));
		close(map);
		ASSERT_EQ(0, sops_rmmod());
	}
	ASSERT_EQ(0, sops_insmod());
	TH_LOG("count: binding: %zu symbols missing one by one, all done without", i);
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
