// SPDX-License-Identifier: GPL-2.0-only
/*
 * ftrace has died under live maps. There is no way back before the next boot,
 * so this has a guest of its own.
 *
 * It dies without a word. With SOPS_ACCIDENT in the environment it dies by the
 * accident that BPF programs on a redirected function are on 6.1, on one that
 * is not ours; the kernel warns then, once:
 *
 *   SOPS_GUEST_ENV="export SOPS_ACCIDENT=1" SOPS_VM_OPTIONS="-t 1500 --allow-splats" \
 *	SOPS_PROGRAMS=dead scripts/check 6.1
 */
#include "live.h"
#include "trace.h"

#include <fcntl.h>
#include <stdlib.h>

#include <kselftest_harness.h>

FIXTURE(dead) {
	struct live l;
	int idle, ready;
	long jit;
	int log;
};

static void kill_ftrace(struct __test_metadata *_metadata)
{
	char path[PATH_MAX];

	ASSERT_EQ(0, beside("sops_kill.ko", path));
	ASSERT_EQ(0, mod_load(path, ""));
}

#define ELSEWHERE "__x64_sys_getpgid"

static void kill_ftrace_as_bpf_does(struct __test_metadata *_metadata)
{
	int counter = sops_array(8), id = func_btf_id(ELSEWHERE), log = kmsg_open();
	char path[PATH_MAX];

	ASSERT_EQ(0, beside("sops_owner.ko", path));
	ASSERT_EQ(0, mod_load(path, "function=" ELSEWHERE));
	ASSERT_LE(0, trace_btf(id, false, counter));
	ASSERT_LE(0, trace_btf(id, true, counter));
	getpgid(0);
	EXPECT_EQ(1, kmsg_count(log, "WARNING: ", NULL, 0));
	close(log);
}

FIXTURE_SETUP(dead)
{
	struct sops_value v;

	ASSERT_EQ(0, sops_setup());
	self->l = LIVE_NONE;
	/* programs are loaded once, and stay; as will the module, with code of its own */
	live_check_new(_metadata, true, "before");
	ASSERT_EQ(0, sops_wait_empty());
	self->jit = jit_settled();
	ASSERT_EQ(0, sops_rmmod());
	live_start_old(_metadata, &self->l);
	ASSERT_EQ(0, sops_insmod());
	live_start(_metadata, &self->l);
	self->log = kmsg_open();
	/* what is still to be registered */
	ca_value(&v, "t_idle");
	self->idle = sops_create(&tcp);
	ASSERT_LE(0, self->idle);
	ASSERT_TRUE(sops_ours(self->idle));
	self->ready = live_ready("t_ready");

	if (!getenv("SOPS_ACCIDENT")) {
		kill_ftrace(_metadata);
	} else if (takes_direct_call()) {
		/* its two programs are there to the end, and the last of the kernel's trampolines for them */
		self->jit -= jit_current();
		kill_ftrace_as_bpf_does(_metadata);
		self->jit += jit_settled();
	} else {
		SKIP_TEST("it is no accident on this kernel (6.4)");
	}
}

FIXTURE_TEARDOWN(dead)
{
	close(self->log);
}

#define SAYS "struct_ops: ftrace"

static long refcnt(void)
{
	char text[16] = "-1";

	slurp("/sys/module/struct_ops/refcnt", text, sizeof(text));
	return atol(text);
}

TEST_F_TIMEOUT(dead, all_goes_on_to_its_end, 300)
{
	char line[256] = "";
	struct sops_value v;
	struct flow f;
	int link, i, n = 0;

	/* nothing that lives depends on ftrace */
	live_check(_metadata, &self->l, "ftrace is dead");
	for (i = 0; i < 5; i++)
		live_check_new(_metadata, false, "ftrace is dead");

	/* and what was made before has its whole life still */
	ca_value(&v, "t_idle");
	EXPECT_EQ(0, map_update(self->idle, 0, v.bytes, 0));
	EXPECT_EQ(0, flow_open(&f, "t_idle"));
	EXPECT_EQ(0, flow_send(&f, 100000));
	EXPECT_EQ(0, map_delete(self->idle, 0));
	EXPECT_EQ(0, flow_send(&f, 100000));
	flow_close(&f);
	close(self->idle);
	if (self->ready >= 0) {
		link = link_create(self->ready);
		EXPECT_LE(0, link);
		EXPECT_EQ(map_id(self->ready), link_map_id(link));
		EXPECT_EQ(0, flow_open(&f, "t_ready"));
		EXPECT_EQ(0, flow_send(&f, 100000));
		EXPECT_EQ(0, link_detach(link));
		EXPECT_FALSE(ca_available("t_ready"));
		flow_close(&f);
		close(link);
		close(self->ready);
	}

	/* it finds out by itself, says so once, and cannot be removed */
	EXPECT_TRUE(sops_wait((n += kmsg_count(self->log, SAYS, line, sizeof(line)))));
	if (!n)
		return;		/* rmmod could wait for ever */
	TH_LOG("%s", line);
	EXPECT_EQ(-EAGAIN, mod_unload("struct_ops"));

	/* every map is freed, the module's own reference is all that is left */
	live_stop(_metadata, &self->l);
	EXPECT_TRUE(sops_wait(refcnt() == 1)) TH_LOG("%ld", refcnt());
	EXPECT_EQ(-EAGAIN, mod_unload("struct_ops"));
	EXPECT_EQ(-EAGAIN, mod_unload("struct_ops"));
	EXPECT_TRUE(file_has("/proc/kallsyms", "[struct_ops]"));

	/* the kernel's own: as if nothing had been */
	live_check(_metadata, &self->l, "after ours");
	for (i = 0; i < 20; i++)
		live_check_new(_metadata, false, "after ours");
	live_stop_old(_metadata, &self->l);
	EXPECT_TRUE(sops_wait(jit_current() == self->jit));
	EXPECT_EQ(self->jit, jit_current());
	EXPECT_EQ(0, n - 1 + kmsg_count(self->log, SAYS, line, sizeof(line)))
		TH_LOG("%s", line);
}

TEST_HARNESS_MAIN
