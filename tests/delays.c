// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long it takes, of what waits for grace periods: printed, not judged.
 * With rcu_nocbs=all on the kernel's command line, where a plain call_rcu() is
 * lazy, it would show:
 *
 *   VM_APPEND=rcu_nocbs=all SOPS_PROGRAMS=delays scripts/check 7.3
 */
#include "sops.h"

#include <stdlib.h>

#include <kselftest_harness.h>

#define TIMES 3

FIXTURE(delays) {
};

FIXTURE_SETUP(delays)
{
	ASSERT_EQ(0, sops_setup());
}

FIXTURE_TEARDOWN(delays)
{
}

/* a name that is taken: the subsystem refuses, and everything is undone */
static long refused(struct __test_metadata *_metadata)
{
	int taken = ca_register("t_delay"), map = sops_create(&tcp);
	struct sops_value v;
	long start;

	ASSERT_LE(0, taken);
	ASSERT_LE(0, map);
	ca_value(&v, "t_delay");
	start = sops_now();
	EXPECT_EQ(-EEXIST, map_update(map, 0, v.bytes, 0));
	start = sops_now() - start;
	/* nothing is changed by it */
	ca_value(&v, "t_other");
	EXPECT_EQ(0, map_update(map, 0, v.bytes, 0));
	EXPECT_EQ(0, map_delete(map, 0));
	EXPECT_EQ(0, map_delete(taken, 0));
	close(map);
	close(taken);
	return start;
}

TEST_F_TIMEOUT(delays, refused_update, 300)
{
	long worst[2] = {};
	int i, loaded;

	for (loaded = 1; loaded >= 0; loaded--) {
		for (i = 0; i < TIMES; i++) {
			long took = refused(_metadata);

			if (took > worst[loaded])
				worst[loaded] = took;
		}
		if (loaded)
			ASSERT_EQ(0, sops_rmmod());
	}
	TH_LOG("count: delays: a refused update: %ld ms, the kernel's own %ld ms",
	       worst[1], worst[0]);
}

/* from the last close of the last map */
TEST_F_TIMEOUT(delays, rmmod_after_close, 300)
{
	long worst = 0, start;
	int i, map;

	for (i = 0; i < TIMES; i++) {
		map = ca_register("t_delay");
		ASSERT_LE(0, map);
		ASSERT_TRUE(sops_ours(map));
		ASSERT_EQ(0, map_delete(map, 0));
		start = sops_now();
		close(map);
		ASSERT_EQ(0, sops_rmmod());
		start = sops_now() - start;
		if (start > worst)
			worst = start;
		ASSERT_EQ(0, sops_insmod());
	}
	TH_LOG("count: delays: rmmod done after the last close: %ld ms", worst);
}

TEST_HARNESS_MAIN
