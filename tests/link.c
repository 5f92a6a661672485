// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links that register a map: each errno, moving a registration from map to
 * map under traffic, and every way in which it ends.
 */
#include "newer.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define NAME	"t_link"
#define BPFFS	"/sys/fs/bpf"

static int ready(int ssthresh)
{
	return ca_link_map(NAME, ssthresh);
}

static int get_rdonly(int map)
{
	union bpf_attr attr = {
		.map_id = map_id(map),
		.open_flags = BPF_F_RDONLY,
	};

	return sys_bpf(BPF_MAP_GET_FD_BY_ID, &attr);
}

FIXTURE(link) {
	int map, other, link;
};

FIXTURE_SETUP(link)
{
	ASSERT_EQ(0, sops_setup());
	self->map = ready(4711);
	ASSERT_LE(0, self->map);
	ASSERT_TRUE(sops_ours(self->map));
	self->other = ready(4712);
	ASSERT_LE(0, self->other);
	self->link = link_create(self->map);
	ASSERT_LE(0, self->link);
	ASSERT_TRUE(ca_available(NAME));
}

FIXTURE_TEARDOWN(link)
{
	close(self->link);
	close(self->map);
	close(self->other);
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_FALSE(ca_available(NAME));
}

/* the stack asks a new connection's control for ssthresh: whose answer is it? */
static int answer(void)
{
	struct sock_filter drop_all = { .code = BPF_RET | BPF_K };
	struct sock_fprog deaf = { .len = 1, .filter = &drop_all };
	struct linger reset = { .l_onoff = 1 };
	struct tcp_info ti = {};
	socklen_t len = sizeof(ti);
	struct flow f;
	int err;

	err = flow_open(&f, NAME);
	if (err)
		return err;
	/* what is never acknowledged must not keep the map in use */
	setsockopt(f.tx, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	err = flow_send(&f, 20000);
	if (!err && (setsockopt(f.rx, SOL_SOCKET, SO_ATTACH_FILTER, &deaf,
				sizeof(deaf)) || send(f.tx, "", 1, 0) != 1))
		err = -errno;
	if (!err)
		sops_wait(!getsockopt(f.tx, IPPROTO_TCP, TCP_INFO, &ti, &len) &&
			  ti.tcpi_snd_ssthresh < 0x7fffffff);
	flow_close(&f);
	return err ? err : (int)ti.tcpi_snd_ssthresh;
}

TEST_F(link, ready_until_linked_and_after)
{
	EXPECT_EQ(SOPS_READY, map_state(self->map, &tcp));
	EXPECT_EQ(SOPS_READY, map_state(self->other, &tcp));
	EXPECT_EQ(0, link_detach(self->link));
	EXPECT_EQ(SOPS_READY, map_state(self->map, &tcp));
	EXPECT_FALSE(ca_available(NAME));
}

TEST_F(link, is_updated_once)
{
	struct sops_value v;

	ca_value(&v, NAME);
	EXPECT_EQ(-EBUSY, map_update(self->map, 0, v.bytes, 0));
	EXPECT_EQ(-EBUSY, map_update(self->other, 0, v.bytes, 0));
}

TEST_F(link, delete_is_for_maps_without)
{
	EXPECT_EQ(-EOPNOTSUPP, map_delete(self->map, 0));
	EXPECT_EQ(-EOPNOTSUPP, map_delete(self->map, 1));
	EXPECT_EQ(-EOPNOTSUPP, map_delete(self->other, 0));
	EXPECT_TRUE(ca_available(NAME));
}

/* the value is judged by the update, not by the link: validate */
TEST_F(link, update_validates)
{
	struct sops_value v;
	union bpf_attr attr;
	int map;

	create_attr(&attr, &tcp);
	attr.map_flags = SOPS_F_LINK;
	map = sys_bpf(BPF_MAP_CREATE, &attr);
	ASSERT_LE(0, map);
	ca_value(&v, "t_other");
	value_set(&v, "undo_cwnd", 0);
	EXPECT_EQ(-EINVAL, map_update(map, 0, v.bytes, 0));
	EXPECT_EQ(SOPS_INIT, map_state(map, &tcp));
	EXPECT_EQ(-EINVAL, link_create(map));		/* not ready */
	EXPECT_EQ(-EINVAL, link_update(self->link, map));
	ca_value(&v, "t_other");
	EXPECT_EQ(0, map_update(map, 0, v.bytes, 0));
	EXPECT_FALSE(ca_available("t_other"));
	close(map);
}

TEST_F(link, create_errno)
{
	int plain = sops_create(&tcp), prog = sops_prog(&tcp, "ssthresh", 2);
	int named = ca_register("t_plain");

	ASSERT_LE(0, plain);
	ASSERT_LE(0, prog);
	ASSERT_LE(0, named);
	EXPECT_EQ(-EINVAL, link_create(plain));	/* made without BPF_F_LINK */
	EXPECT_EQ(-EINVAL, link_create(named));
	EXPECT_EQ(-EBADF, link_create(4095));
	EXPECT_EQ(-EINVAL, link_create(prog));	/* an fd, but of no map */
	EXPECT_EQ(-EINVAL, link_create(self->link));
	EXPECT_EQ(0, map_delete(named, 0));
	close(named);
	close(plain);
	close(prog);
}

/* the subsystem's own answer: TCP knows controls by their names */
TEST_F(link, second_link)
{
	EXPECT_EQ(-EEXIST, link_create(self->map));
	EXPECT_EQ(-EEXIST, link_create(self->other));
	EXPECT_TRUE(ca_available(NAME));
	EXPECT_EQ(4711, answer());
	EXPECT_EQ(0, link_detach(self->link));
	close(self->link);
	self->link = link_create(self->other);
	EXPECT_LE(0, self->link);
	EXPECT_EQ(4712, answer());
}

/* a READY map can be registered again and again */
TEST_F(link, link_after_link)
{
	int i;

	for (i = 0; i < 20; i++) {
		close(self->link);
		ASSERT_TRUE(sops_wait(!ca_available(NAME)));
		self->link = link_create(i % 2 ? self->map : self->other);
		ASSERT_LE(0, self->link);
		ASSERT_TRUE(ca_available(NAME));
	}
	EXPECT_EQ(4711, answer());
}

TEST_F(link, traffic_moves_over)
{
	struct flow before, after;
	struct sops_value v;

	ASSERT_EQ(4711, answer());
	ASSERT_EQ(0, flow_open(&before, NAME));
	ASSERT_EQ(0, link_update(self->link, self->other));
	EXPECT_EQ(map_id(self->other), link_map_id(self->link));
	EXPECT_TRUE(ca_available(NAME));
	EXPECT_EQ(4712, answer());
	ASSERT_EQ(0, flow_open(&after, NAME));

	/* each is held by who uses it */
	value_init(&v, &tcp);
	ASSERT_EQ(0, map_lookup(self->map, 0, v.bytes));
	EXPECT_EQ(1, v.refcnt);			/* the old connection */
	ASSERT_EQ(0, map_lookup(self->other, 0, v.bytes));
	EXPECT_LE(2, v.refcnt);			/* the link, the new one */
	EXPECT_EQ(0, flow_send(&before, 200000));
	EXPECT_EQ(0, flow_send(&after, 200000));
	flow_close(&before);
	flow_close(&after);
	EXPECT_EQ(0, link_update(self->link, self->map));
	EXPECT_EQ(4711, answer());
}

TEST_F(link, update_with_the_expected_map)
{
	EXPECT_EQ(-EPERM, link_update_flags(self->link, self->other,
					    BPF_F_REPLACE, self->other));
	EXPECT_EQ(map_id(self->map), link_map_id(self->link));
	EXPECT_EQ(0, link_update_flags(self->link, self->other, BPF_F_REPLACE,
				       self->map));
	EXPECT_EQ(map_id(self->other), link_map_id(self->link));
	EXPECT_EQ(-EPERM, link_update_flags(self->link, self->map,
					    BPF_F_REPLACE, self->map));
	EXPECT_EQ(-EBADF, link_update_flags(self->link, self->map,
					    BPF_F_REPLACE, 4095));
	/* without the flag nobody expects anything */
	EXPECT_EQ(-EINVAL, link_update_flags(self->link, self->map, 0,
					     self->other));
	EXPECT_EQ(4712, answer());
}

TEST_F(link, update_errno)
{
	int renamed = ca_link_map("t_renamed", 2), plain = sops_create(&tcp);
	struct sops_value v;
	int bit;

	ASSERT_LE(0, renamed);
	ASSERT_LE(0, plain);
	/* TCP moves a name from value to value */
	EXPECT_EQ(-EINVAL, link_update(self->link, renamed));
	/* never updated, and then made without BPF_F_LINK */
	EXPECT_EQ(-EINVAL, link_update(self->link, plain));
	ca_value(&v, "t_plain");
	EXPECT_EQ(0, map_update(plain, 0, v.bytes, 0));
	EXPECT_EQ(-EINVAL, link_update(self->link, plain));
	EXPECT_EQ(0, map_delete(plain, 0));

	EXPECT_EQ(-EBADF, link_update(self->link, 4095));
	EXPECT_EQ(-EINVAL, link_update(self->link, self->link));
	EXPECT_EQ(-EBADF, link_update(4095, self->map));
	for (bit = 0; bit < 32; bit++)
		EXPECT_EQ(1U << bit == BPF_F_REPLACE ? -EBADF : -EINVAL,
			  link_update_flags(self->link, self->other, 1U << bit,
					    4095));
	EXPECT_EQ(map_id(self->map), link_map_id(self->link));
	EXPECT_EQ(4711, answer());
	close(renamed);
	close(plain);
}

/* a failed update leaves the new map as free as it was */
TEST_F(link, failed_update_takes_nothing)
{
	int renamed = ca_link_map("t_renamed", 2), link;

	ASSERT_LE(0, renamed);
	EXPECT_EQ(-EINVAL, link_update(self->link, renamed));
	link = link_create(renamed);
	EXPECT_LE(0, link);
	EXPECT_TRUE(ca_available("t_renamed"));
	EXPECT_TRUE(ca_available(NAME));
	close(link);
	close(renamed);
}

/* defect 1: the kernel's own adds to its list twice, and hits a BUG */
TEST_F(link, update_to_the_same_map)
{
	int i;

	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, link_update(self->link, self->map));
	EXPECT_EQ(0, link_update_flags(self->link, self->map, BPF_F_REPLACE,
				       self->map));
	EXPECT_EQ(-EPERM, link_update_flags(self->link, self->map,
					    BPF_F_REPLACE, self->other));
	EXPECT_EQ(map_id(self->map), link_map_id(self->link));
	EXPECT_EQ(4711, answer());
	/* the list is sound: others come and go */
	EXPECT_EQ(0, link_update(self->link, self->other));
	EXPECT_EQ(4712, answer());
}

TEST_F(link, detached)
{
	EXPECT_EQ(0, link_detach(self->link));
	EXPECT_FALSE(ca_available(NAME));
	EXPECT_EQ(0, link_map_id(self->link));
	EXPECT_EQ(0, link_detach(self->link));
	EXPECT_EQ(-ENOLINK, link_update(self->link, self->map));
	EXPECT_EQ(-ENOLINK, link_update(self->link, self->other));
	EXPECT_EQ(-ENOLINK, link_update_flags(self->link, self->map,
					      BPF_F_REPLACE, self->map));
	EXPECT_EQ(-EBADF, link_detach(4095));
	EXPECT_EQ(-EINVAL, link_detach(self->map));
}

/* connections outlive the registration they were made under */
TEST_F(link, detached_under_traffic)
{
	struct flow f, late;

	ASSERT_EQ(0, flow_open(&f, NAME));
	ASSERT_EQ(0, flow_send(&f, 100000));
	EXPECT_EQ(0, link_detach(self->link));
	EXPECT_EQ(-ENOENT, flow_open(&late, NAME));
	close(self->map);
	EXPECT_EQ(0, flow_send(&f, 100000));
	flow_close(&f);
}

static int hup(int fd, int timeout)
{
	struct pollfd p = { .fd = fd };

	poll(&p, 1, timeout);
	return p.revents;
}

TEST_F(link, poll_tells_of_the_end)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), link = dup(self->link), pid, st;
	struct epoll_event ev = {};

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->link, &ev));
	EXPECT_EQ(0, hup(self->link, 0));
	EXPECT_EQ(0, link_update(self->link, self->other));
	EXPECT_EQ(0, hup(self->link, 0));

	/* who waits already is woken */
	pid = fork();
	if (!pid)
		_exit(hup(link, 20000) != POLLHUP);
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 200));
	EXPECT_EQ(0, link_detach(self->link));
	EXPECT_EQ(pid, waitpid(pid, &st, 0));
	EXPECT_EQ(0, st);
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, 20000));
	EXPECT_EQ(EPOLLHUP, ev.events);
	EXPECT_EQ(POLLHUP, hup(self->link, 0));
	close(link);
	close(ep);
}

TEST_F(link, info_and_fdinfo)
{
	struct bpf_link_info info;
	char path[64], want[64];

	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(9, info.type);		/* BPF_LINK_TYPE_STRUCT_OPS */
	EXPECT_LT(0, info.id);
	EXPECT_EQ(0, info.prog_id);
	EXPECT_EQ(map_id(self->map), sops_info_map_id(&info));

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->link);
	snprintf(want, sizeof(want), "\nmap_id:\t%d\n", map_id(self->map));
	EXPECT_TRUE(file_has(path, want));
	EXPECT_TRUE(file_has(path, "\nlink_type:\tstruct_ops\n"));
	EXPECT_EQ(0, link_update(self->link, self->other));
	EXPECT_FALSE(file_has(path, want));
	snprintf(want, sizeof(want), "\nmap_id:\t%d\n", map_id(self->other));
	EXPECT_TRUE(file_has(path, want));
	EXPECT_EQ(0, link_detach(self->link));
	EXPECT_FALSE(file_has(path, "\nmap_id:"));
}

TEST_F(link, found_by_its_id)
{
	struct bpf_link_info info;
	union bpf_attr attr = {};
	int again;

	ASSERT_EQ(0, link_info(self->link, &info));
	attr.link_id = info.id;
	again = sys_bpf(BPF_LINK_GET_FD_BY_ID, &attr);
	ASSERT_LE(0, again);
	close(self->link);
	self->link = again;
	EXPECT_TRUE(ca_available(NAME));
	EXPECT_EQ(0, link_update(again, self->other));
	EXPECT_EQ(4712, answer());
	EXPECT_EQ(0, hup(again, 0));
	EXPECT_EQ(0, link_detach(again));
	EXPECT_EQ(POLLHUP, hup(again, 0));
}

TEST_F(link, close_unregisters)
{
	int map = map_id(self->map);

	close(self->map);
	EXPECT_TRUE(ca_available(NAME));	/* the link holds it */
	EXPECT_EQ(4711, answer());
	close(self->link);
	EXPECT_TRUE(sops_wait(!ca_available(NAME)));
	EXPECT_EQ(0, sops_wait_gone(map));
}

/* what 6.4 brought links for: the process dies, the registration goes */
TEST_F(link, dies_with_its_process)
{
	int st, pid;

	close(self->link);
	EXPECT_TRUE(sops_wait(!ca_available(NAME)));
	pid = fork();
	if (!pid) {
		if (link_create(self->map) < 0 || !ca_available(NAME))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	EXPECT_EQ(pid, waitpid(pid, &st, 0));
	EXPECT_TRUE(WIFSIGNALED(st));
	EXPECT_TRUE(sops_wait(!ca_available(NAME)));
}

TEST_F(link, pinned)
{
	const char *path = BPFFS "/t_link";
	union bpf_attr attr = { .pathname = (uintptr_t)path };

	unlink(path);
	mount("bpf", BPFFS, "bpf", 0, NULL);
	ASSERT_EQ(0, obj_pin(self->link, path));
	close(self->link);
	close(self->map);
	usleep(100000);
	EXPECT_TRUE(ca_available(NAME));
	EXPECT_EQ(4711, answer());
	EXPECT_EQ(-EAGAIN, mod_unload("struct_ops"));
	self->link = sys_bpf(BPF_OBJ_GET, &attr);
	ASSERT_LE(0, self->link);
	EXPECT_EQ(0, link_update(self->link, self->other));
	EXPECT_EQ(4712, answer());
	close(self->link);
	EXPECT_TRUE(ca_available(NAME));
	EXPECT_EQ(0, unlink(path));
	EXPECT_TRUE(sops_wait(!ca_available(NAME)));
}

/* each of them alone is in the way of rmmod, a detached link too */
TEST_F(link, pins_the_module)
{
	close(self->map);
	close(self->other);
	EXPECT_EQ(-EAGAIN, mod_unload("struct_ops"));
	EXPECT_TRUE(ca_available(NAME));
	EXPECT_EQ(4711, answer());
	EXPECT_EQ(0, link_detach(self->link));
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_EQ(-EAGAIN, mod_unload("struct_ops"));
	EXPECT_EQ(POLLHUP, hup(self->link, 0));
	close(self->link);
	EXPECT_EQ(0, sops_rmmod());
	EXPECT_EQ(0, sops_insmod());
}

TEST_F(link, from_two_sides_at_once)
{
	int i, st, pid = fork();

	if (!pid) {
		for (i = 0; i < 300; i++)
			link_update(self->link, i % 2 ? self->map : self->other);
		_exit(0);
	}
	for (i = 0; i < 300; i++) {
		int err = link_update(self->link,
				      i % 2 ? self->other : self->map);

		if (err)
			break;
	}
	EXPECT_EQ(300, i);
	EXPECT_EQ(pid, waitpid(pid, &st, 0));
	EXPECT_TRUE(ca_available(NAME));
	i = answer();
	EXPECT_TRUE(i == 4711 || i == 4712);
}

/*
 * Defect 3: the kernel's own looks neither at the fd's mode nor at flags.
 * Here: refused; with the module absent: the difference.
 */
TEST_F(link, create_wants_a_writable_fd_and_known_flags)
{
	int rdonly = get_rdonly(self->map), bit, link;

	ASSERT_LE(0, rdonly);
	EXPECT_EQ(0, link_detach(self->link));
	EXPECT_EQ(-EPERM, link_create(rdonly));
	for (bit = 0; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, link_create_flags(self->map, 1U << bit));
	EXPECT_FALSE(ca_available(NAME));
	link = link_create(self->map);
	EXPECT_LE(0, link);
	close(link);
	close(rdonly);
	close(self->link);
	close(self->map);
	close(self->other);

	ASSERT_EQ(0, sops_rmmod());
	self->map = ready(1);
	rdonly = get_rdonly(self->map);
	self->link = link_create_flags(rdonly, 0xdeadbeef);
	TH_LOG("the kernel's own: %s, ours: %d",
	       self->link < 0 ? "refused" : "registered", -EPERM);
	EXPECT_EQ(self->link >= 0, ca_available(NAME));
	close(rdonly);
	close(self->link);
	close(self->map);
	EXPECT_TRUE(sops_wait(!ca_available(NAME)));
	ASSERT_EQ(0, sops_insmod());
	self->link = self->map = self->other = -1;
}

/* a link made before insmod stays the kernel's, and keeps to its kind */
TEST_F(link, of_the_kernels_own)
{
	int theirs, theirs2, link;

	close(self->link);
	close(self->map);
	close(self->other);
	self->other = -1;
	ASSERT_EQ(0, sops_rmmod());
	theirs = ready(1111);
	if (theirs == -EINVAL) {
		self->link = self->map = -1;
		ASSERT_EQ(0, sops_insmod());
		SKIP(return, "this kernel makes no such links itself (6.4)");
	}
	theirs2 = ready(1112);
	link = link_create(theirs);
	ASSERT_LE(0, theirs);
	ASSERT_LE(0, theirs2);
	ASSERT_LE(0, link);
	ASSERT_EQ(0, sops_insmod());

	self->map = ready(4711);
	ASSERT_TRUE(sops_ours(self->map));
	EXPECT_FALSE(sops_ours(theirs));
	EXPECT_EQ(-EINVAL, link_update(link, self->map));
	EXPECT_EQ(-EINVAL, link_update_flags(link, self->map, BPF_F_REPLACE,
					     theirs));
	EXPECT_EQ(1111, answer());
	EXPECT_EQ(0, link_update_flags(link, theirs2, BPF_F_REPLACE, theirs));
	EXPECT_EQ(1112, answer());
	EXPECT_EQ(map_id(theirs2), link_map_id(link));

	/* nor does one of ours take a map of theirs */
	EXPECT_EQ(0, link_detach(link));
	EXPECT_EQ(POLLHUP, hup(link, 0));
	self->link = link_create(self->map);
	ASSERT_LE(0, self->link);
	EXPECT_EQ(-EINVAL, link_update(self->link, theirs));
	EXPECT_EQ(-EPERM, link_update_flags(self->link, self->map,
					    BPF_F_REPLACE, theirs));
	EXPECT_EQ(4711, answer());
	close(self->link);
	EXPECT_TRUE(sops_wait(!ca_available(NAME)));

	/* made after insmod, for a map made before */
	self->link = link_create(theirs);
	EXPECT_LE(0, self->link);
	EXPECT_EQ(1111, answer());
	close(link);
	close(theirs);
	close(theirs2);
}

/* links that come, move and go from all sides, under connections that use them */
struct storm {
	int maps[4];
	int shared;		/* a link that all of them move and end */
	volatile bool stop;
	int bad;
};

static void *storm_links(void *arg)
{
	struct storm *s = arg;
	unsigned int seed = (uintptr_t)&seed >> 4;
	int err;

	while (!s->stop) {
		int link = link_create(s->maps[rand_r(&seed) % 4]), i;

		/* another has the name */
		if (link < 0 && link != -EEXIST)
			s->bad = link;
		for (i = rand_r(&seed) % 4; link >= 0 && i; i--) {
			err = link_update(link, s->maps[rand_r(&seed) % 4]);
			if (err && err != -ENOLINK)
				s->bad = err;
		}
		if (link >= 0 && rand_r(&seed) % 2)
			link_detach(link);
		if (link >= 0)
			close(link);
		err = link_update(s->shared, s->maps[rand_r(&seed) % 4]);
		if (err && err != -ENOLINK)
			s->bad = err;
		link_map_id(s->shared);
	}
	return NULL;
}

static void *storm_sockets(void *arg)
{
	struct storm *s = arg;
	struct flow f;

	while (!s->stop) {
		int err = flow_open(&f, NAME);

		if (err == -ENOENT)
			continue;
		err = err ?: flow_send(&f, 20000);
		if (err)
			s->bad = err;
		flow_close(&f);
	}
	return NULL;
}

TEST_F(link, storm)
{
	static void *(*const work[])(void *) = {
		storm_links, storm_links, storm_links, storm_sockets,
	};
	struct storm s = { .shared = self->link };
	pthread_t t[ARRAY_SIZE(work)];
	size_t i;

	for (i = 0; i < 4; i++)
		s.maps[i] = ready(100 + i);
	ASSERT_LE(0, s.maps[3]);
	for (i = 0; i < ARRAY_SIZE(work); i++)
		pthread_create(&t[i], NULL, work[i], &s);
	sleep(1);
	link_detach(s.shared);
	sleep(sops_param("SOPS_SECONDS", 3));
	s.stop = true;
	for (i = 0; i < ARRAY_SIZE(work); i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(0, s.bad);
	/* what was put last is still on its way */
	EXPECT_TRUE(sops_wait(!ca_available(NAME)));
	for (i = 0; i < 4; i++)
		close(s.maps[i]);
}

/* the fd of a map that is not ours becomes one of ours while a link is made */
#define SWAPPED	100

struct swap {
	int theirs, ours;
	bool stop;
};

static void *swap(void *data)
{
	struct swap *s = data;

	while (!s->stop) {
		dup2(s->theirs, SWAPPED);
		dup2(s->ours, SWAPPED);
	}
	return NULL;
}

TEST_F(link, fd_swapped_meanwhile)
{
	struct swap s = { .theirs = sops_array(8), .ours = ca_link_map("t_swap", 1) };
	time_t end = time(NULL) + sops_param("SOPS_SECONDS", 2);
	int made = 0, refused = 0, link;
	pthread_t t;

	ASSERT_LE(0, s.theirs);
	ASSERT_LE(0, s.ours);
	ASSERT_EQ(SWAPPED, dup2(s.theirs, SWAPPED));
	pthread_create(&t, NULL, swap, &s);
	while (time(NULL) < end) {
		link = link_create(SWAPPED);
		if (link >= 0) {
			close(link);
			made++;
		} else {
			/* EBADF: it became another between two looks at it */
			EXPECT_TRUE(link == -EINVAL || link == -EBADF) TH_LOG("%d", link);
			refused++;
		}
	}
	s.stop = true;
	pthread_join(t, NULL);
	TH_LOG("count: fd swapped while a link is made: %d made, %d refused", made, refused);
	EXPECT_LT(0, made);
	EXPECT_LT(0, refused);
	close(SWAPPED);
	close(s.theirs);
	close(s.ours);
	EXPECT_TRUE(sops_wait(!ca_available("t_swap")));
}

#if LIBBPF_MAJOR_VERSION > 1 || LIBBPF_MINOR_VERSION >= 2
#include "link.skel.h"

static struct bpf_link *attach(struct bpf_map *map)
{
	return bpf_map__attach_struct_ops(map);
}

TEST_F(link, libbpf)
{
	struct link_bpf *skel = link_bpf__open_and_load();
	struct bpf_link *link;

	ASSERT_NE(NULL, skel);
	EXPECT_EQ(0, link_detach(self->link));
	ASSERT_TRUE(sops_ours(bpf_map__fd(skel->maps.first)));
	link = attach(skel->maps.first);
	ASSERT_NE(NULL, link);
	EXPECT_EQ(SOPS_READY, map_state(bpf_map__fd(skel->maps.first), &tcp));
	EXPECT_EQ(101, answer());
	EXPECT_EQ(NULL, attach(skel->maps.second));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ(0, bpf_link__update_map(link, skel->maps.second));
	EXPECT_EQ(102, answer());
	EXPECT_EQ(0, bpf_link__update_map(link, skel->maps.second));
	EXPECT_EQ(-EINVAL, bpf_link__update_map(link, skel->maps.another));
	EXPECT_EQ(102, answer());
	EXPECT_EQ(0, bpf_link__destroy(link));
	EXPECT_TRUE(sops_wait(!ca_available(NAME)));
	link_bpf__destroy(skel);
}
#else
TEST_F(link, libbpf)
{
	SKIP(return, "this libbpf knows of no links for maps (1.2)");
}
#endif

TEST_HARNESS_MAIN
