// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other tests, with trampolines that are not the default: those that hold
 * preemption off, and the kernel's generator.
 */
#include "newer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kselftest_harness.h>

FIXTURE(forms) {
};

FIXTURE_VARIANT(forms) {
	const char *params;
};

FIXTURE_VARIANT_ADD(forms, preempt_off) {
	.params = "preempt_off=tcp_congestion_ops,sops_test_ops,sops_wide_ops",
};

FIXTURE_VARIANT_ADD(forms, generator) {
	.params = "generator=1",
};

FIXTURE_SETUP(forms)
{
	bool own = sops_own_tramps();

	if (mod_loaded("struct_ops"))
		ASSERT_EQ(0, sops_rmmod());
	if (!own)
		SKIP_TEST("trampolines are the generator's on this kernel");
	setenv("SOPS_PARAMS", variant->params, 1);
	/* enough to see all of it once */
	setenv("SOPS_SECONDS", "1", 1);
}

FIXTURE_TEARDOWN(forms)
{
	/* or the next test would go on with these */
	if (mod_loaded("struct_ops"))
		EXPECT_EQ(0, sops_rmmod());
}

static int test(const char *name, char *says, size_t size)
{
	char path[PATH_MAX], command[PATH_MAX + 8];
	int err = beside(name, path);

	snprintf(command, sizeof(command), "%s 2>&1", path);
	return err ? err : run(command, says, size);
}

#define FORMS_TEST(name)						\
TEST_F_TIMEOUT(forms, name, 300)					\
{									\
	static char says[1 << 16];					\
	int code = test(#name, says, sizeof(says));			\
	char *line;							\
									\
	/* a test can have nothing to do on a kernel: all is skipped */	\
	if (code == KSFT_SKIP)						\
		SKIP(return, "it is skipped as a whole");		\
	EXPECT_EQ(0, code);						\
	/* not as results of ours */					\
	for (line = strtok(says, "\n"); code && line; line = strtok(NULL, "\n")) \
		TH_LOG("%s", line);					\
}

FORMS_TEST(traffic)
FORMS_TEST(types)
FORMS_TEST(storm)

TEST_HARNESS_MAIN
