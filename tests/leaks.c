// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tests before this one left behind, on a kernel with kmemleak. It is
 * the last in the list.
 */
#include "sops.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <kselftest_harness.h>

#define KMEMLEAK "/sys/kernel/debug/kmemleak"

FIXTURE(leaks) {
};

FIXTURE_SETUP(leaks)
{
}

FIXTURE_TEARDOWN(leaks)
{
}

/* prints every object that nothing points to, and returns how many */
static int scan(void)
{
	char line[256];
	int i, n = 0;
	FILE *f;

	/* one scan can be wrong about a pointer on the move; young objects do not count */
	for (i = 0; i < 2; i++) {
		sleep(6);
		if (spit(KMEMLEAK, "scan"))
			return -1;
	}
	f = fopen(KMEMLEAK, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "unreferenced object", 19))
			n++;
		printf("# %s", line);
	}
	if (f)
		fclose(f);
	return n;
}

TEST_F_TIMEOUT(leaks, after_the_tests, 600)
{
	if (access(KMEMLEAK, W_OK))
		SKIP(return, "this kernel has no CONFIG_DEBUG_KMEMLEAK");
	ASSERT_EQ(0, sops_setup());
	EXPECT_EQ(0, scan());
}

TEST_F_TIMEOUT(leaks, after_rmmod, 600)
{
	if (access(KMEMLEAK, W_OK))
		SKIP(return, "this kernel has no CONFIG_DEBUG_KMEMLEAK");
	ASSERT_EQ(0, sops_wait_empty());
	ASSERT_EQ(0, sops_rmmod());
	EXPECT_EQ(0, scan());
}

TEST_HARNESS_MAIN
