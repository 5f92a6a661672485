/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of failures have in common: how an operation is tried again
 * and again, and what is looked at after each time.
 */
#ifndef SOPS_TESTS_FAULTS_H
#define SOPS_TESTS_FAULTS_H

#include "newer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kselftest_harness.h>

#define ROUNDS	2000	/* no operation has that many */

/* what one operation went through */
struct tally {
	int refused;	/* an error came back */
	int done;	/* done nevertheless */
	int errnos[8];	/* the different errors */
};

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

#endif
