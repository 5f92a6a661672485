// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hostile input: bpf() calls that reach the module with values, keys, flags,
 * sizes, ids, fds and memory that nobody in their senses would pass.
 *
 *   SOPS_SEED	where it starts (default 1): every thread's calls are the same
 *		for the same seed, the order of the threads' calls is not
 *   SOPS_UPDATES	how many updates (default 3000)
 */
#include "newer.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* many, because a refusal by the subsystem waits for grace periods */
#define THREADS	16
#define DECOYS	32

FIXTURE(fuzz) {
};

FIXTURE_SETUP(fuzz)
{
	ASSERT_EQ(0, sops_setup());
	ASSERT_EQ(0, sops_wait_empty());
}

FIXTURE_TEARDOWN(fuzz)
{
	sops_sweep("");	/* whatever its name */
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_EQ(0, sops_rmmod());
}

/* looked up once: a million values are made of them */
static struct sops_member members[64], name;
static struct sops_value good;

/* bytes of the value that no member has, and that have to be zero */
static bool hole[4096];

static void look_up(void)
{
	int i;

	ca_value(&good, "");
	sops_member(&tcp, "name", &name);
	memset(hole, 1, sizeof(hole));
	memset(hole, 0, 8);	/* refcnt and state */
	for (i = 0; !sops_member_at(&tcp, i, &members[i]); i++)
		memset(hole + members[i].offset, 0, members[i].size);
}

/* a good value of that name; only what the kernel looks at is set */
static void good_value(struct sops_value *v, const char *called)
{
	memcpy(v->bytes, good.bytes, tcp.value_size);
	strcpy((char *)v->bytes + name.offset, called);
}

static bool in_hole(const unsigned char *value)
{
	__u32 i;

	for (i = 0; i < tcp.value_size; i++)
		if (hole[i] && value[i])
			return true;
	return false;
}

static __u64 value_get_head(const unsigned char *value)
{
	__u64 head;

	memcpy(&head, value, sizeof(head));
	return head;
}

/* what has to come before anything that depends on the state of the map */
static int early(const unsigned char *value, __u32 key, __u64 flags)
{
	if (flags)
		return -EINVAL;
	if (key)
		return -E2BIG;
	if (in_hole(value) || value_get_head(value))
		return -EINVAL;
	return 0;
}

static atomic_long done[16], answers[1024];
static atomic_int wrong, wrong_at;
enum { UPDATES, REGISTERED, OTHERS, CREATES };

#define WRONG(cond) do {						\
	if (cond) {							\
		wrong = 1;						\
		wrong_at = __LINE__;					\
	}								\
} while (0)

/* updates @map, checks the answer and what is left; true when it registered */
static bool try_update(int map, const struct sops_value *v, __u32 key, __u64 flags)
{
	int must = early(v->bytes, key, flags), got;
	struct sops_value is;

	got = map_update(map, key, v->bytes, flags);
	done[UPDATES]++;
	answers[-got & 1023]++;
	WRONG(must && got != must);
	WRONG(map_lookup(map, 0, is.bytes));
	WRONG(is.state != (got ? SOPS_INIT : SOPS_INUSE));
	if (!got)
		done[REGISTERED]++;
	return !got;
}

/* the next one: what was registered once cannot be again */
static int again(int map)
{
	WRONG(map_delete(map, 0));
	close(map);
	return sops_create(&tcp);
}

static void report(struct __test_metadata *_metadata, const char *what)
{
	char text[512] = "";
	int i;

	for (i = 0; i < 1024; i++)
		if (answers[i])
			snprintf(text + strlen(text), sizeof(text) - strlen(text),
				 " %s %ld", i ? strerrorname_np(i) ?: "?" : "0",
				 (long)answers[i]);
	TH_LOG("count: %s: %ld updates, %ld registered, %ld creates, %ld other calls; answers:%s",
	       what, (long)done[UPDATES], (long)done[REGISTERED],
	       (long)done[CREATES], (long)done[OTHERS], text);
}

/* every byte of the value in turn */
static void *one_byte(void *arg)
{
	long n = (long)arg, all = sops_param("SOPS_UPDATES", 3000) >= 100000;
	struct sops_value v;
	char called[16];
	int map, i, b;

	snprintf(called, sizeof(called), "t_byte%ld", n);
	map = sops_create(&tcp);
	for (i = n; i < (int)tcp.value_size; i += THREADS) {
		for (b = 1; b < 256; b = all ? b + 1 : b << 1) {
			good_value(&v, called);
			v.bytes[i] ^= b;
			if (try_update(map, &v, 0, 0))
				map = again(map);
		}
	}
	close(map);
	return NULL;
}

static void threads(void *(*work)(void *))
{
	pthread_t t[THREADS];
	long i;

	for (i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, work, (void *)i);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

TEST_F_TIMEOUT(fuzz, every_byte, 3600)
{
	look_up();
	threads(one_byte);
	EXPECT_EQ(0, wrong) TH_LOG("at line %d", wrong_at);
	report(_metadata, "every byte");
}

/* xorshift: the same everywhere */
static __u64 rnd(__u64 *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static atomic_int decoys[DECOYS];

static int decoy(__u64 *s)
{
	union bpf_attr attr = {};

	switch (rnd(s) % 12) {
	case 0:
		return eventfd(0, EFD_CLOEXEC);
	case 1:
		return epoll_create1(EPOLL_CLOEXEC);
	case 2:
		return open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	case 3:
		return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	case 4:
		return open("/", O_PATH | O_CLOEXEC);
	case 5:
		return sops_prog(&tcp, "init", 0);
	case 6:
		return sops_prog(&dummy, "test_1", 0);
	case 7:
		return memfd_create("t", MFD_CLOEXEC);
	case 8:
		attr.map_type = BPF_MAP_TYPE_ARRAY;
		attr.key_size = 4;
		attr.value_size = 512;
		attr.max_entries = 1;
		return sys_bpf(BPF_MAP_CREATE, &attr);
	case 9:
		return sops_prog(&tcp, "ssthresh", 2);
	case 10:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	default:
		return sops_create(&tcp);
	}
}

/* a number that an fd, a pointer or a length may be mistaken for */
static __u64 odd(__u64 *s)
{
	static const __u64 odds[] = {
		0, 1, -1ULL, INT_MAX, 1ULL << 31, 1ULL << 32, 1ULL << 63,
		0xffff888000000000, 0xffffffff81000000, 0x7ffffffff000, 4096,
		0xdead4ead00000000, 4095,
	};
	int fd = decoys[rnd(s) % DECOYS];

	switch (rnd(s) % 6) {
	case 0:
	case 1:
		return fd;
	case 2:
		return (1ULL << 32) | fd;
	case 3:
		return odds[rnd(s) % ARRAY_SIZE(odds)];
	case 4:
		return rnd(s) % 64;
	default:
		return rnd(s);
	}
}

static void mutate(struct sops_value *v, __u64 *s)
{
	const struct sops_member *m;
	int n = 1 + rnd(s) % 3;
	__u64 x;

	while (n--) {
		switch (rnd(s) % 8) {
		case 0:		/* any byte */
			v->bytes[rnd(s) % tcp.value_size] = rnd(s);
			break;
		case 1:		/* any bit */
			v->bytes[rnd(s) % tcp.value_size] ^= 1 << rnd(s) % 8;
			break;
		case 2:		/* any word */
			x = rnd(s);
			memcpy(v->bytes + rnd(s) % (tcp.value_size - 8), &x, 8);
			break;
		case 3:		/* the name */
			v->bytes[name.offset + rnd(s) % name.size] = rnd(s);
			break;
		default:	/* any member */
			m = &members[rnd(s) % tcp.vlen];
			x = odd(s);
			memcpy(v->bytes + m->offset, &x, m->size < 8 ? m->size : 8);
		}
	}
}

/* a page that comes and goes while the kernel reads from it */
static unsigned char *shaky;
static atomic_int stop;

static void *shake(void *unused)
{
	__u64 s = 99;
	int i;

	while (!stop) {
		mmap(shaky, 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		for (i = 0; i < 50 && !stop; i++)
			shaky[rnd(&s) % 4096] = rnd(&s);
		munmap(shaky, 4096);
		usleep(200);
	}
	return NULL;
}

/* fds go and their numbers come back as something else */
static void *swap_decoys(void *unused)
{
	__u64 s = 7;
	int old;

	while (!stop) {
		old = atomic_exchange(&decoys[rnd(&s) % DECOYS], decoy(&s));
		map_delete(old, 0);
		close(old);
		usleep(2000);
	}
	return NULL;
}

/* any of the commands that can reach a struct_ops map, with any arguments */
static void any_call(__u64 *s, int map)
{
	static const int cmds[] = {
		BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
		BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_AND_DELETE_ELEM,
		BPF_MAP_FREEZE, BPF_MAP_LOOKUP_BATCH, BPF_MAP_UPDATE_BATCH,
		BPF_MAP_DELETE_BATCH, BPF_OBJ_GET_INFO_BY_FD,
		BPF_LINK_CREATE, BPF_LINK_UPDATE, BPF_PROG_BIND_MAP,
		BPF_MAP_GET_FD_BY_ID,
	};
	unsigned char buf[8192];
	__u64 where[] = {
		(uintptr_t)buf, (uintptr_t)shaky, (uintptr_t)shaky + 4096 - 4,
		0, -1ULL, 0xffff888000000000,
	};
	union bpf_attr attr;
	int cmd = cmds[rnd(s) % ARRAY_SIZE(cmds)], i;
	unsigned int size = sizeof(attr);
	long fd;

	memset(&attr, 0, sizeof(attr));
	memset(buf, 0, 8);
	attr.map_fd = rnd(s) % 2 ? map : decoys[rnd(s) % DECOYS];
	attr.key = rnd(s) % 4 ? (uintptr_t)buf : where[rnd(s) % ARRAY_SIZE(where)];
	attr.value = where[rnd(s) % ARRAY_SIZE(where)];
	attr.flags = rnd(s) % 4 ? 0 : odd(s);
	switch (cmd) {
	case BPF_OBJ_GET_INFO_BY_FD:
		attr.info.bpf_fd = map;
		attr.info.info_len = rnd(s) % 4 ? sizeof(struct bpf_map_info) : odd(s);
		attr.info.info = where[rnd(s) % ARRAY_SIZE(where)];
		break;
	case BPF_MAP_UPDATE_ELEM:
		/* not with a good value: the caller counts what it registers */
		buf[4] = 1;
		break;
	case BPF_MAP_GET_FD_BY_ID:
		attr.map_id = odd(s);
		attr.open_flags = rnd(s) % 2 ? 0 : odd(s);
		break;
	}
	for (i = rnd(s) % 3; i > 0 && rnd(s) % 2; i--) {
		__u64 x = odd(s);

		memcpy((char *)&attr + rnd(s) % (sizeof(attr) - 8), &x, 8);
	}
	if (!(rnd(s) % 8))
		size = rnd(s) % (sizeof(attr) + 64);
	fd = syscall(__NR_bpf, cmd, &attr, size);
	if (fd > 2 && (cmd == BPF_MAP_GET_FD_BY_ID || cmd == BPF_LINK_CREATE))
		close(fd);
	done[OTHERS]++;
}

static void any_create(__u64 *s)
{
	union bpf_attr attr;
	int n = rnd(s) % 3, fd;
	__u64 x;

	create_attr(&attr, &tcp);
	while (n--) {
		switch (rnd(s) % 3) {
		case 0:
			attr.btf_vmlinux_value_type_id = rnd(s) % 140000;
			break;
		case 1:
			x = odd(s);
			memcpy((char *)&attr + 4 + rnd(s) % 68, &x, 4);
			break;
		case 2:
			attr.value_size += (int)(rnd(s) % 17) - 8;
			break;
		}
	}
	/* of another type it would not be ours, and perhaps big */
	attr.map_type = BPF_MAP_TYPE_STRUCT_OPS;
	fd = sys_bpf(BPF_MAP_CREATE, &attr);
	if (fd >= 0)
		close(fd);
	done[CREATES]++;
}

static void *random_calls(void *arg)
{
	long n = sops_param("SOPS_UPDATES", 3000) / THREADS;
	__u64 s = sops_param("SOPS_SEED", 1) * 0x9e3779b97f4a7c15 + (long)arg * 7919 + 1;
	int map = sops_create(&tcp);
	struct sops_value v;
	char called[16];
	bool other;

	snprintf(called, sizeof(called), "t_rnd%ld", (long)arg);
	while (n-- > 0 && !wrong) {
		good_value(&v, called);
		mutate(&v, &s);
		if (try_update(map, &v, rnd(&s) % 64 ? 0 : odd(&s),
			       rnd(&s) % 64 ? 0 : odd(&s)))
			map = again(map);
		other = !(rnd(&s) % 4);
		if (other)
			any_call(&s, map);
		if (!(rnd(&s) % 16))
			any_create(&s);
		/* from memory that goes away meanwhile: refused, or a hole's byte */
		if (!(rnd(&s) % 16)) {
			union bpf_attr attr = {
				.map_fd = map,
				.key = (uintptr_t)&(__u32){ 0 },
				.value = (uintptr_t)shaky + rnd(&s) % 4096,
			};

			sys_bpf(BPF_MAP_UPDATE_ELEM, &attr);
			done[OTHERS]++;
			other = true;
		}
		/* these may have registered or deleted it */
		if (other && (map_lookup(map, 0, v.bytes) || v.state != SOPS_INIT)) {
			map_delete(map, 0);
			close(map);
			map = sops_create(&tcp);
		}
	}
	close(map);
	return NULL;
}

TEST_F_TIMEOUT(fuzz, random, 7200)
{
	pthread_t shaker, swapper;
	__u64 s = 5;
	int i;

	look_up();
	shaky = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shaky);
	shaky += 4096;
	for (i = 0; i < DECOYS; i++)
		decoys[i] = decoy(&s);
	pthread_create(&shaker, NULL, shake, NULL);
	pthread_create(&swapper, NULL, swap_decoys, NULL);
	threads(random_calls);
	stop = 1;
	pthread_join(shaker, NULL);
	pthread_join(swapper, NULL);
	EXPECT_EQ(0, wrong) TH_LOG("at line %d", wrong_at);
	for (i = 0; i < DECOYS; i++) {
		map_delete(decoys[i], 0);
		close(decoys[i]);
	}
	report(_metadata, "random");
}

/* two maps for links, of one name; closed by the caller */
static bool link_maps(int maps[2], const char *called)
{
	struct sops_value v;

	good_value(&v, called);
	maps[0] = ca_map(&v, SOPS_F_LINK);
	maps[1] = ca_map(&v, SOPS_F_LINK);
	return maps[0] >= 0 && maps[1] >= 0;
}

/* the attributes of one of these commands, with some of their words wrong or none */
static bool link_attr(__u64 *s, union bpf_attr *attr, int cmd, int link, int map)
{
	__u32 *w = (void *)attr;
	int wrongs = rnd(s) % 2 ? 0 : 1 + rnd(s) % 2, i;

	memset(attr, 0, sizeof(*attr));
	switch (cmd) {
	case BPF_LINK_CREATE:
		w[0] = map;
		w[2] = SOPS_ATTACH_TYPE;
		break;
	case BPF_LINK_UPDATE:
		w[0] = link;
		w[1] = map;
		break;
	case BPF_MAP_CREATE:
		create_attr(attr, &tcp);
		attr->map_flags = SOPS_F_LINK;
		break;
	}
	for (i = 0; i < wrongs; i++) {
		/* small numbers are fds of the other threads' */
		__u32 at = rnd(s) % (rnd(s) % 2 ? 8 : sizeof(*attr) / 4), x = odd(s);

		if (at || cmd != BPF_MAP_CREATE)
			w[at] = x < 4096 && at < 4 ? decoys[rnd(s) % DECOYS] : x;
	}
	return !wrongs;
}

/* what is right must be done, what is not must leave the link on one of its maps */
static void *random_links(void *arg)
{
	long n = sops_param("SOPS_UPDATES", 3000) / THREADS;
	__u64 s = sops_param("SOPS_SEED", 1) * 0x9e3779b97f4a7c15 + (long)arg * 104729 + 1;
	static const int cmds[] = { BPF_LINK_CREATE, BPF_LINK_UPDATE, BPF_MAP_CREATE };
	int maps[2], link = -1, cmd, got, id;
	union bpf_attr attr;
	unsigned int size;
	char called[16];
	bool good;

	snprintf(called, sizeof(called), "t_lnk%ld", (long)arg);
	WRONG(!link_maps(maps, called));
	while (n-- > 0 && !wrong) {
		cmd = link < 0 ? BPF_LINK_CREATE : cmds[rnd(&s) % 3];
		good = link_attr(&s, &attr, cmd, link, maps[rnd(&s) % 2]);
		size = sizeof(attr);
		if (!(rnd(&s) % 16)) {
			size = rnd(&s) % (sizeof(attr) + 64);
			good = false;
		}
		got = syscall(__NR_bpf, cmd, &attr, size);
		got = got < 0 ? -errno : got;
		answers[got < 0 ? -got & 1023 : 0]++;
		done[OTHERS]++;
		switch (cmd) {
		case BPF_LINK_CREATE:
			if (good)
				WRONG(link < 0 ? got < 0 : got != -EEXIST);
			if (got < 0)
				break;
			WRONG(link >= 0);
			link = got;
			done[REGISTERED]++;
			break;
		case BPF_LINK_UPDATE:
			WRONG(good && got);
			break;
		case BPF_MAP_CREATE:
			WRONG(good && got < 0);
			if (got >= 0)
				close(got);
			break;
		}
		if (link < 0)
			continue;
		id = link_map_id(link);
		WRONG(id != map_id(maps[0]) && id != map_id(maps[1]));
		if (!(rnd(&s) % 32)) {
			WRONG(link_detach(link));
			close(link);
			link = -1;
		}
	}
	close(link);
	close(maps[0]);
	close(maps[1]);
	return NULL;
}

TEST_F_TIMEOUT(fuzz, links, 7200)
{
	__u64 s = 5;
	int i;

	look_up();
	for (i = 0; i < DECOYS; i++)
		decoys[i] = decoy(&s);
	threads(random_links);
	EXPECT_EQ(0, wrong) TH_LOG("at line %d", wrong_at);
	for (i = 0; i < DECOYS; i++) {
		map_delete(decoys[i], 0);
		close(decoys[i]);
	}
	report(_metadata, "links");
}

TEST_HARNESS_MAIN
