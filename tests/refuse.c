// SPDX-License-Identifier: GPL-2.0-only
/* When the module must not load: it says why, and leaves nothing behind. */
#include "sops.h"

#include <sys/mount.h>

#include <kselftest_harness.h>

#define FUNCTIONS "/sys/kernel/tracing/enabled_functions"

FIXTURE(refuse) {
	bool able;
	char ko[PATH_MAX];
};

FIXTURE_SETUP(refuse)
{
	ASSERT_EQ(0, sops_setup_absent());
	if (access(FUNCTIONS, R_OK))
		mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	self->able = !beside("sops_owner.ko", self->ko);
}

FIXTURE_TEARDOWN(refuse)
{
	if (mod_loaded("sops_owner")) {
		EXPECT_EQ(0, mod_unload_wait("sops_owner"));
	}
}

/* the harness of 6.1 runs a case that its setup has skipped */
#define NEED_OWNER() do {						\
	if (!self->able)						\
		SKIP(return, "no sops_owner.ko beside this test");	\
} while (0)

/* what is redirected on every kernel */
static const char *const functions[] = {
	"bpf_struct_ops_map_alloc",
	"bpf_struct_ops_map_free",
};

TEST_F(refuse, redirect_of_another_owner)
{
	static char before[1 << 16], after[1 << 16];
	size_t i;

	NEED_OWNER();
	for (i = 0; i < ARRAY_SIZE(functions); i++) {
		char params[64], line[256] = "";
		int log = kmsg_open(), map;

		snprintf(params, sizeof(params), "function=%s", functions[i]);
		ASSERT_EQ(0, mod_load(self->ko, params));
		ASSERT_EQ(0, slurp(FUNCTIONS, before, sizeof(before)));
		EXPECT_EQ(-EBUSY, sops_insmod());
		EXPECT_LE(1, kmsg_count(log, functions[i], line, sizeof(line)));
		TH_LOG("%s", line);
		close(log);

		ASSERT_EQ(0, slurp(FUNCTIONS, after, sizeof(after)));
		EXPECT_STREQ(before, after);
		EXPECT_FALSE(mod_loaded("struct_ops"));
		EXPECT_EQ(-1, access("/sys/kernel/debug/struct_ops", F_OK));

		/* the kernel's own serves, undisturbed */
		map = ca_register("t_refuse");
		EXPECT_LE(0, map);
		EXPECT_EQ(0, map_delete(map, 0));
		close(map);
		ASSERT_EQ(0, mod_unload_wait("sops_owner"));
	}

	EXPECT_FALSE(file_has("/proc/kallsyms", "[struct_ops]"));

	/* and once nobody else owns them, it loads */
	EXPECT_EQ(0, sops_insmod());
}

/* what live maps go through is nobody's */
TEST_F(refuse, others_own_the_rest)
{
	static const char *const rest[] = {
		"bpf_struct_ops_map_update_elem", "bpf_struct_ops_put",
	};
	char params[64];
	size_t i;
	int map;

	NEED_OWNER();
	for (i = 0; i < ARRAY_SIZE(rest); i++) {
		snprintf(params, sizeof(params), "function=%s", rest[i]);
		ASSERT_EQ(0, mod_load(self->ko, params));
		ASSERT_EQ(0, sops_insmod());
		map = ca_register("t_refuse");
		EXPECT_LE(0, map);
		EXPECT_TRUE(sops_ours(map));
		EXPECT_EQ(0, map_delete(map, 0));
		close(map);
		ASSERT_EQ(0, sops_rmmod());
		ASSERT_EQ(0, mod_unload_wait("sops_owner"));
	}
}

/* nothing can be redirected then, and nobody else is to blame */
TEST_F(refuse, ftrace_switched_off)
{
	char line[256] = "";
	int log;

	if (spit("/proc/sys/kernel/ftrace_enabled", "0"))
		SKIP(return, "this kernel's ftrace cannot be switched off");
	log = kmsg_open();
	EXPECT_EQ(-EBUSY, sops_insmod());
	EXPECT_EQ(1, kmsg_count(log, "kernel.ftrace_enabled", line, sizeof(line)));
	TH_LOG("%s", line);
	close(log);
	log = kmsg_open();
	EXPECT_EQ(-EBUSY, sops_insmod());
	EXPECT_EQ(0, kmsg_count(log, "another module", line, sizeof(line)));
	close(log);
	EXPECT_FALSE(mod_loaded("struct_ops"));
	EXPECT_EQ(0, spit("/proc/sys/kernel/ftrace_enabled", "1"));
	EXPECT_EQ(0, sops_insmod());
}

/* the other way round: what we own, a livepatch is refused */
TEST_F(refuse, second_owner)
{
	NEED_OWNER();
	ASSERT_EQ(0, sops_insmod());
	EXPECT_EQ(-EBUSY, mod_load(self->ko, ""));
	EXPECT_EQ(0, sops_rmmod());
	EXPECT_EQ(0, mod_load(self->ko, ""));
}

/* a borrowed function, one of a hook, and the first that is bound of all */
static const char *const symbols[] = {
	"bpf_ksym_add", "bpf_struct_ops_map_free", "kallsyms_on_each_match_symbol",
};

TEST_F(refuse, missing_symbol)
{
	char params[64], what[96], line[256] = "";
	size_t i;

	if (!sops_test_build())
		SKIP(return, "struct_ops.ko was built without SOPS_TEST=y");
	for (i = 0; i < ARRAY_SIZE(symbols); i++) {
		int log = kmsg_open();

		snprintf(params, sizeof(params), "missing=%s", symbols[i]);
		snprintf(what, sizeof(what), "no %s: it needs a kernel with CONFIG_",
			 symbols[i]);
		EXPECT_EQ(-ENOENT, mod_load(sops_ko(), params));
		EXPECT_EQ(1, kmsg_count(log, what, line, sizeof(line)));
		TH_LOG("%s", line);
		close(log);

		EXPECT_FALSE(mod_loaded("struct_ops"));
		EXPECT_EQ(-1, access("/sys/kernel/debug/struct_ops", F_OK));
	}
	EXPECT_FALSE(file_has("/proc/kallsyms", "[struct_ops]"));
	EXPECT_EQ(0, sops_insmod());
}

TEST_HARNESS_MAIN
