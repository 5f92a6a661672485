// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module with types comes and goes, while others make maps, programs and
 * links for its types, call the members and have the subsystem detach them.
 */
#include "storm.h"
#include "types.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#define TAGS	3

static atomic_bool leave;	/* the module wants to go */
static atomic_long comings, maps, links, moves, calls, detached, late;

/* how the kernel says that a module, or its BTF, is not there any more */
#define ENOTSUPP	524
#define GONE		-ENOENT, -EINVAL, -ENODEV, -ENOTSUPP

/* how debugfs does that of a file */
#define NO_FILE		-ENOENT, -ENODEV, -ENXIO, -EIO

static int map_of(const struct type *t, unsigned int *seed, __u32 flags)
{
	int map, prog, err;
	struct value v = {};

	map = create(t, flags);
	if (MAY(map < 0 ? map : 0, 0, GONE)) {
		late++;
		return map;
	}
	maps++;
	prog = returns(t, "plain", 42, 0);
	if (MAY(prog < 0 ? prog : 0, 0, GONE)) {
		late++;
		close(map);
		return prog;
	}
	v.slots[SLOT(plain)] = prog;
	v.test.tag = 1 + rand_r(seed) % TAGS;
	/* registered at once without a link, and its tag may be taken */
	err = MAY(map_update(map, 0, &v, 0), 0, -EEXIST);
	close(prog);
	if (err) {
		close(map);
		return err;
	}
	return map;
}

static void linked(const struct type *t, unsigned int *seed)
{
	int map = map_of(t, seed, SOPS_F_LINK), other, link;

	if (map < 0)
		return;
	link = link_create(map);
	if (!MAY(link < 0 ? link : 0, 0, -EEXIST)) {
		links++;
		other = map_of(t, seed, SOPS_F_LINK);
		if (other >= 0) {
			/* the subsystem of another thread may have detached it */
			if (!MAY(link_update(link, other), 0, -ENOLINK))
				moves++;
			close(other);
		}
		if (rand_r(seed) % 2)
			MAY(link_detach(link), 0);
		close(link);
	}
	close(map);
}

static void plain(const struct type *t, unsigned int *seed)
{
	int map = map_of(t, seed, 0);

	if (map < 0)
		return;
	MAY(map_delete(map, 0), 0);
	close(map);
}

static void *user(void *arg)
{
	unsigned int seed = (uintptr_t)arg;
	struct type t;

	while (!stop) {
		if (leave) {
			usleep(1000);
			/* some come too late, and not only while it is gone */
			if (rand_r(&seed) % 16)
				continue;
		}
		t = (struct type){ .btf = -1 };
		if (type_get(&t, KO, "sops_test_ops"))
			late++;
		else if (rand_r(&seed) % 4)
			linked(&t, &seed);
		else
			plain(&t, &seed);
		type_put(&t);
	}
	return NULL;
}

/* the subsystem calls what is registered, and ends links by itself */
static void *subsystem(void *arg)
{
	unsigned int seed = (uintptr_t)arg;
	int tag;

	while (!stop) {
		tag = 1 + rand_r(&seed) % TAGS;
		if (!MAY(ask("call %d plain", tag), 0, -ESRCH, NO_FILE))
			calls++;
		if (!(rand_r(&seed) % 4) &&
		    !MAY(ask("detach %d", tag), 0, -ESRCH, NO_FILE))
			detached++;
		usleep(rand_r(&seed) % 2000);
	}
	return NULL;
}

static bool some_of_all(void)
{
	return maps && links && moves && calls && detached;
}

FIXTURE(typestorm) {
};

FIXTURE_SETUP(typestorm)
{
	ASSERT_EQ(0, sops_setup());
	ASSERT_EQ(0, ko_load(KO));
}

FIXTURE_TEARDOWN(typestorm)
{
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_EQ(0, mod_unload_wait(KO));
	EXPECT_EQ(0, sops_rmmod());
}

TEST_F_TIMEOUT(typestorm, while_the_module_comes_and_goes, 3600)
{
	static void *(*const work[])(void *) = {
		user, user, user, subsystem,
	};
	time_t end = time(NULL) + SECONDS;
	pthread_t t[ARRAY_SIZE(work)];
	size_t i;

	ASSERT_NE(NULL, sops_btf());
	for (i = 0; i < ARRAY_SIZE(work); i++)
		pthread_create(&t[i], NULL, work[i], (void *)(i + 1));
	do {
		usleep(200000);
		/* in the middle of things most of the time: it is in use then */
		MAY(mod_unload(KO), 0, -EAGAIN, -ENOENT);
		leave = true;
		MAY(mod_unload_wait(KO), 0, -ENOENT);
		usleep(5000);
		leave = false;
		if (MAY(ko_load(KO), 0))
			break;
		comings++;
	} while (!unexpected && (time(NULL) < end || !some_of_all()));
	stop = 1;
	for (i = 0; i < ARRAY_SIZE(work); i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(0, unexpected) TH_LOG("at line %d", where);
	TH_LOG("count: types come and go: %ld times, %ld maps, %ld links, %ld moved, %ld calls, %ld detached, %ld too late",
	       (long)comings, (long)maps, (long)links, (long)moves,
	       (long)calls, (long)detached, (long)late);
	EXPECT_TRUE(some_of_all());
}

TEST_HARNESS_MAIN
