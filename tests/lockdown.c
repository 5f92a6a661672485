// SPDX-License-Identifier: GPL-2.0-only
/*
 * A locked down kernel. There is no way back: it runs after all others, and
 * the module is loaded before, since the kernel takes signed modules only then.
 */
#include "sops.h"

#include <sys/mount.h>

#include <kselftest_harness.h>

#define SECURITYFS	"/sys/kernel/security"
#define LOCKDOWN	SECURITYFS "/lockdown"

enum { KERNELS, OURS, NR_SIDES };
enum { INTEGRITY, CONFIDENTIALITY, NR_LEVELS };

static const char *const levels[] = { "integrity", "confidentiality" };

/* of each implementation one registered map, and one to update for each level */
struct side {
	int map, idle[NR_LEVELS];
	char name[16];
};

static int make(struct side *s, const char *name)
{
	int i;

	snprintf(s->name, sizeof(s->name), "%s", name);
	s->map = ca_register(name);
	if (s->map < 0)
		return s->map;
	for (i = 0; i < NR_LEVELS; i++) {
		s->idle[i] = sops_create(&tcp);
		if (s->idle[i] < 0)
			return s->idle[i];
	}
	return 0;
}

static int traffic(const char *name)
{
	struct flow f;
	int err = flow_open(&f, name);

	if (err)
		return err;
	err = flow_send(&f, 20000);
	flow_close(&f);
	return err;
}

/* every operation on one side, in the same order */
static void operate(struct side *s, int level, int answers[8])
{
	struct sops_value v, got;
	struct bpf_map_info info;
	char name[16];
	__u32 next;

	snprintf(name, sizeof(name), "%s%d", s->name, level);
	ca_value(&v, name);
	value_init(&got, &tcp);
	answers[0] = map_lookup(s->map, 0, got.bytes);
	answers[1] = map_next_key(s->map, NULL, &next);
	answers[2] = map_info(s->map, &info);
	answers[3] = map_update(s->idle[level], 0, v.bytes, 0);
	answers[4] = traffic(name);
	answers[5] = traffic(s->name);
	answers[6] = map_delete(s->idle[level], 0);
	answers[7] = got.state;
}

static int create_one(void)
{
	int map = sops_create(&tcp);

	close(map);
	return map < 0 ? map : 0;
}

FIXTURE(lockdown) {
};

FIXTURE_SETUP(lockdown)
{
	ASSERT_EQ(0, sops_setup());
	ASSERT_EQ(0, sops_wait_empty());
	if (access(LOCKDOWN, F_OK))
		mount("securityfs", SECURITYFS, "securityfs", 0, NULL);
}

FIXTURE_TEARDOWN(lockdown)
{
	if (mod_loaded("struct_ops")) {
		EXPECT_EQ(0, sops_wait_empty());
		EXPECT_EQ(0, sops_rmmod());
	}
}

TEST_F_TIMEOUT(lockdown, as_the_kernels_own, 300)
{
	int level, side, i, answers[NR_SIDES][8], created[NR_LEVELS], same = 0;
	struct side sides[NR_SIDES];
	struct sops_value v;

	if (access(LOCKDOWN, W_OK))
		SKIP(return, "this kernel has no CONFIG_SECURITY_LOCKDOWN_LSM");
	ca_value(&v, "t_");	/* its programs */
	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, make(&sides[KERNELS], "t_lkern"));
	ASSERT_EQ(0, sops_insmod());
	ASSERT_EQ(0, make(&sides[OURS], "t_lours"));
	EXPECT_FALSE(sops_ours(sides[KERNELS].map));
	EXPECT_TRUE(sops_ours(sides[OURS].map));

	for (level = 0; level < NR_LEVELS; level++) {
		ASSERT_EQ(0, spit(LOCKDOWN, levels[level]));
		for (side = 0; side < NR_SIDES; side++)
			operate(&sides[side], level, answers[side]);
		for (i = 0; i < 8; i++) {
			EXPECT_EQ(answers[KERNELS][i], answers[OURS][i])
				TH_LOG("%s, operation %d", levels[level], i);
			same += answers[KERNELS][i] == answers[OURS][i];
		}
		created[level] = create_one();
	}

	for (side = 0; side < NR_SIDES; side++) {
		EXPECT_EQ(0, map_delete(sides[side].map, 0));
		close(sides[side].map);
		for (i = 0; i < NR_LEVELS; i++)
			close(sides[side].idle[i]);
	}
	EXPECT_EQ(0, sops_rmmod());
	EXPECT_EQ(create_one(), created[CONFIDENTIALITY]);
	TH_LOG("count: lockdown: %d of %d operations answered as the kernel's own",
	       same, 8 * NR_LEVELS);
}

TEST_HARNESS_MAIN
