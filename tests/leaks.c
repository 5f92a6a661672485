// SPDX-License-Identifier: GPL-2.0-only
/*
 * What many maps leave behind, by the kernel's own counts, and on a kernel with
 * kmemleak what all the tests before left. It is the last in the list.
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

/*
 * The kernel's own: kmem_cache_create() does not put the kobject of a cache that
 * could not be added to sysfs, and its name is lost. Only failing allocations
 * get there (faults).
 */
static bool is_the_kernels(const char *object)
{
	return strstr(object, "sysfs_slab_add");
}

/* how many of those there are, for scripts/splats: kmemleak's line in the log counts all */
static int lost;

/* prints an object that nothing points to, if there is one and it counts, and returns whether */
static int tell(const char *object)
{
	const char *line, *end;

	if (!*object)
		return 0;
	if (is_the_kernels(object)) {
		lost++;
		return 0;
	}
	for (line = object; (end = strchr(line, '\n')); line = end + 1)
		printf("# %.*s\n", (int)(end - line), line);
	return 1;
}

/* tells of every object that nothing points to, and returns how many */
static int scan(void)
{
	char line[256], object[1 << 14] = "";
	size_t used = 0;
	int i, n = 0;
	FILE *f;

	lost = 0;
	/* one scan can be wrong about a pointer on the move; young objects do not count */
	for (i = 0; i < 2; i++) {
		sleep(6);
		if (spit(KMEMLEAK, "scan"))
			return -1;
	}
	f = fopen(KMEMLEAK, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "unreferenced object", 19)) {
			n += tell(object);
			used = 0;
		}
		used += snprintf(object + used, sizeof(object) - used, "%s", line);
		if (used >= sizeof(object))
			used = sizeof(object) - 1;
	}
	if (f)
		fclose(f);
	n += tell(object);
	if (lost) {
		snprintf(line, sizeof(line), "leaks: %d names of caches were lost by the kernel\n", lost);
		spit("/dev/kmsg", line);
	}
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

#define ROUNDS	200
#define CACHES	512

/* active objects of every slab cache */
struct slabs {
	int n;
	struct {
		char name[64];
		long active;
		int per_slab;
	} caches[CACHES];
};

static void read_slabs(struct slabs *s)
{
	FILE *f = fopen("/proc/slabinfo", "re");
	char line[256];

	s->n = 0;
	while (f && s->n < CACHES && fgets(line, sizeof(line), f))
		if (line[0] != '#' && sscanf(line, "%63s %ld %*d %*d %d", s->caches[s->n].name,
					     &s->caches[s->n].active,
					     &s->caches[s->n].per_slab) == 3)
			s->n++;
	if (f)
		fclose(f);
}

/*
 * To shrink one cache after the other takes from some of them again, and of a
 * slab at hand all counts: 512 objects of kmalloc-8. Those are asked alone.
 */
static void read_shrunk(struct slabs *s)
{
	static struct slabs alone;
	int i;

	shrink_slabs();
	read_slabs(s);
	for (i = 0; i < s->n; i++) {
		if (s->caches[i].per_slab < ROUNDS / 2)
			continue;
		shrink_slab(s->caches[i].name);
		read_slabs(&alone);
		if (i < alone.n && !strcmp(s->caches[i].name, alone.caches[i].name))
			s->caches[i].active = alone.caches[i].active;
	}
}

/* a cache with an object more for every other round */
static const char *grown(const struct slabs *before, const struct slabs *now)
{
	int i, j;

	for (i = 0; i < now->n; i++)
		for (j = 0; j < before->n; j++)
			if (!strcmp(now->caches[i].name, before->caches[j].name) &&
			    now->caches[i].active - before->caches[j].active >= ROUNDS / 2)
				return now->caches[i].name;
	return NULL;
}

static int map_areas(void)
{
	return file_count("/proc/vmallocinfo", "bpf") +
	       file_count("/proc/vmallocinfo", "[struct_ops]");
}

FIXTURE(rounds) {
	char expedited[8];
};

FIXTURE_VARIANT(rounds) {
	int (*round)(void);
};

static int created(void)
{
	int map = sops_create(&tcp);

	close(map);
	return map < 0 ? map : 0;
}

static int refused(void)
{
	int map = sops_create(&tcp), err;
	struct sops_value v;

	ca_value(&v, "t_leaks");
	value_set(&v, "release", 4095);
	err = map_update(map, 0, v.bytes, 0);
	close(map);
	return err == -EBADF ? 0 : -EDOM;
}

static int registered(void)
{
	int map = ca_register("t_leaks"), err = map_delete(map, 0);

	close(map);
	return err;
}

FIXTURE_VARIANT_ADD(rounds, created) {
	.round = created,
};

FIXTURE_VARIANT_ADD(rounds, refused) {
	.round = refused,
};

FIXTURE_VARIANT_ADD(rounds, registered) {
	.round = registered,
};

#define EXPEDITED "/sys/kernel/rcu_expedited"

FIXTURE_SETUP(rounds)
{
	ASSERT_EQ(0, sops_setup());
	/* how long registering takes is not what is tested */
	slurp(EXPEDITED, self->expedited, sizeof(self->expedited));
	spit(EXPEDITED, "1");
}

FIXTURE_TEARDOWN(rounds)
{
	spit(EXPEDITED, self->expedited);
	EXPECT_EQ(0, sops_wait_empty());
}

TEST_F_TIMEOUT(rounds, leave_nothing, 600)
{
	static struct slabs before, now;
	const char *cache = NULL;
	long jit = 0, is = 0, areas = 0;
	bool freed = false;
	int i, batch;

	/* what is made once is made now */
	ASSERT_EQ(0, variant->round());
	ASSERT_EQ(0, sops_wait_empty());

	/* what others do meanwhile, or what fills up once, does so once; a leak each time */
	for (batch = 0; batch < 3 && (cache || !freed); batch++) {
		jit = jit_settled();
		/* without it memory is counted all the same */
		ASSERT_TRUE(jit > 0 || jit == -ENOENT);
		areas = map_areas();
		read_shrunk(&before);
		EXPECT_LT(20, before.n);
		for (i = 0; i < ROUNDS; i++)
			ASSERT_EQ(0, variant->round());
		ASSERT_EQ(0, sops_wait_empty());

		/* what is freed by callbacks may be late */
		for (i = 0; i < 20; i++) {
			read_shrunk(&now);
			cache = grown(&before, &now);
			if (!cache)
				break;
			usleep(100000);
		}
		freed = sops_wait((is = jit_current()) == jit);
	}
	EXPECT_TRUE(freed) TH_LOG("%ld bytes, then %ld", jit, is);
	EXPECT_TRUE(sops_wait(map_areas() <= areas));
	EXPECT_TRUE(sops_wait(file_has("/sys/module/struct_ops/refcnt", "\n0\n")));
	EXPECT_EQ(NULL, cache) TH_LOG("slab cache %s has grown", cache);
}

TEST_HARNESS_MAIN
