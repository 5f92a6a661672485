/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Maps, links and sockets that live, of the kernel's own and of ours, and
 * whether each is still served, and by whom it was served before. For tests
 * that do something to the kernel under them.
 */
#ifndef SOPS_TESTS_LIVE_H
#define SOPS_TESTS_LIVE_H

#include "newer.h"

#include <string.h>

/* a registered map, and a connection that uses it */
struct served {
	int map;
	bool ours;
	char name[SOPS_NAME_LEN];
	struct flow flow;
};

struct live {
	struct served old, new;	/* from before insmod, and from after */
	struct flow linked;	/* a connection by way of the link */
	int ready[2], link;	/* the link moves between the two; all -1 where there are none */
};

#define LIVE_NONE ((struct live){ .old.map = -1, .new.map = -1, .ready = { -1, -1 }, .link = -1 })

static int served_start(struct served *s, const char *name, bool ours)
{
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->ours = ours;
	s->map = ca_register(name);
	if (s->map < 0)
		return s->map;
	return sops_ours(s->map) == ours ? flow_open(&s->flow, name) : -ENOTUNIQ;
}

/* every operation on a registered map, and the references of its sockets */
static void served_check(struct __test_metadata *_metadata, struct served *s, const char *when)
{
	char path[64], text[1024];
	struct bpf_map_info info;
	struct sops_value v;
	__u32 next = 1;

	EXPECT_EQ(s->ours, sops_ours(s->map)) TH_LOG("%s: %s", when, s->name);
	value_init(&v, &tcp);
	EXPECT_EQ(0, map_lookup(s->map, 0, v.bytes)) TH_LOG("%s: %s", when, s->name);
	EXPECT_EQ(SOPS_INUSE, v.state) TH_LOG("%s: %s", when, s->name);
	EXPECT_EQ(2, v.refcnt) TH_LOG("%s: %s", when, s->name);
	EXPECT_EQ(0, map_next_key(s->map, NULL, &next)) TH_LOG("%s: %s", when, s->name);
	EXPECT_EQ(0, next);
	ca_value(&v, s->name);
	EXPECT_EQ(-EBUSY, map_update(s->map, 0, v.bytes, 0)) TH_LOG("%s: %s", when, s->name);
	EXPECT_EQ(0, map_info(s->map, &info)) TH_LOG("%s: %s", when, s->name);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", s->map);
	EXPECT_EQ(0, slurp(path, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "memlock:"));

	/* put and get */
	EXPECT_EQ(0, sock_set_ca(s->flow.tx, "cubic")) TH_LOG("%s: %s", when, s->name);
	value_init(&v, &tcp);
	EXPECT_EQ(0, map_lookup(s->map, 0, v.bytes));
	EXPECT_EQ(1, v.refcnt) TH_LOG("%s: %s", when, s->name);
	EXPECT_EQ(0, sock_set_ca(s->flow.tx, s->name)) TH_LOG("%s: %s", when, s->name);
	EXPECT_EQ(0, flow_send(&s->flow, 3000)) TH_LOG("%s: %s", when, s->name);
}

static void served_stop(struct __test_metadata *_metadata, struct served *s)
{
	if (s->map < 0)
		return;
	EXPECT_EQ(0, map_delete(s->map, 0));
	EXPECT_EQ(-EINPROGRESS, map_delete(s->map, 0));
	/* the socket's reference is the last one then */
	close(s->map);
	s->map = -1;
	EXPECT_EQ(0, flow_send(&s->flow, 3000));
	flow_close(&s->flow);
}

/* what has to be there before insmod */
static void live_start_old(struct __test_metadata *_metadata, struct live *l)
{
	ASSERT_EQ(0, served_start(&l->old, "t_old", false));
}

static int live_ready(const char *name)
{
	struct sops_value v;

	ca_value(&v, name);
	return ca_map(&v, SOPS_F_LINK);
}

/* and what has to be there after */
static void live_start(struct __test_metadata *_metadata, struct live *l)
{
	int i;

	ASSERT_EQ(0, served_start(&l->new, "t_live", true));
	for (i = 0; i < 2; i++) {
		l->ready[i] = live_ready("t_link");
		if (l->ready[i] == -EINVAL)	/* before 6.4 */
			return;
		ASSERT_LE(0, l->ready[i]);
		ASSERT_TRUE(sops_ours(l->ready[i]));
	}
	l->link = link_create(l->ready[0]);
	ASSERT_LE(0, l->link);
	ASSERT_EQ(0, flow_open(&l->linked, "t_link"));
}

static void live_check_link(struct __test_metadata *_metadata, struct live *l, const char *when)
{
	char path[64], text[1024];
	int i;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", l->link);
	EXPECT_EQ(0, slurp(path, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "map_id:"));
	for (i = 1; i >= 0; i--) {
		EXPECT_EQ(0, link_update(l->link, l->ready[i])) TH_LOG("%s", when);
		EXPECT_EQ(map_id(l->ready[i]), link_map_id(l->link)) TH_LOG("%s", when);
		/* the reference of the map before is put, and one on this one taken */
		EXPECT_EQ(0, sock_set_ca(l->linked.tx, "cubic")) TH_LOG("%s", when);
		EXPECT_EQ(0, sock_set_ca(l->linked.tx, "t_link")) TH_LOG("%s", when);
	}
	EXPECT_EQ(0, flow_send(&l->linked, 3000)) TH_LOG("%s", when);
}

/* is what lives served as before? */
static void live_check(struct __test_metadata *_metadata, struct live *l, const char *when)
{
	if (l->old.map >= 0)
		served_check(_metadata, &l->old, when);
	if (l->new.map >= 0)
		served_check(_metadata, &l->new, when);
	if (l->link >= 0)
		live_check_link(_metadata, l, when);
}

/* the whole life of a new map, and of a new link */
static void live_check_new(struct __test_metadata *_metadata, bool ours, const char *when)
{
	int map = sops_create(&tcp), link;
	struct sops_value v;
	union bpf_attr attr;

	ASSERT_LE(0, map) TH_LOG("%s", when);
	EXPECT_EQ(ours, sops_ours(map)) TH_LOG("%s", when);
	ca_value(&v, "t_new");
	EXPECT_EQ(0, map_update(map, 0, v.bytes, 0)) TH_LOG("%s", when);
	EXPECT_TRUE(ca_available("t_new")) TH_LOG("%s", when);
	EXPECT_EQ(0, map_delete(map, 0)) TH_LOG("%s", when);
	EXPECT_EQ(-EINPROGRESS, map_delete(map, 0)) TH_LOG("%s", when);
	close(map);

	/* made, and given up by the kernel before it has an fd */
	create_attr(&attr, &tcp);
	attr.btf_fd = -1;
	EXPECT_EQ(-EBADF, sys_bpf(BPF_MAP_CREATE, &attr)) TH_LOG("%s", when);
	/* not even made */
	create_attr(&attr, &tcp);
	attr.max_entries = 2;
	EXPECT_EQ(-EINVAL, sys_bpf(BPF_MAP_CREATE, &attr)) TH_LOG("%s", when);

	map = live_ready("t_new");
	if (map == -EINVAL)
		return;
	ASSERT_LE(0, map) TH_LOG("%s", when);
	EXPECT_EQ(ours, sops_ours(map)) TH_LOG("%s", when);
	link = link_create(map);
	EXPECT_LE(0, link) TH_LOG("%s", when);
	EXPECT_TRUE(ca_available("t_new")) TH_LOG("%s", when);
	EXPECT_EQ(0, link_detach(link)) TH_LOG("%s", when);
	EXPECT_FALSE(ca_available("t_new")) TH_LOG("%s", when);
	close(link);
	close(map);
}

/* ours come to their end; the kernel's go on */
static void live_stop(struct __test_metadata *_metadata, struct live *l)
{
	served_stop(_metadata, &l->new);
	if (l->link >= 0) {
		close(l->link);
		flow_close(&l->linked);
	}
	close(l->ready[0]);
	close(l->ready[1]);
	l->link = l->ready[0] = l->ready[1] = -1;
	EXPECT_TRUE(sops_wait(!ca_available("t_live") && !ca_available("t_link")));
	EXPECT_EQ(0, sops_wait_empty());
}

static void live_stop_old(struct __test_metadata *_metadata, struct live *l)
{
	served_stop(_metadata, &l->old);
	EXPECT_FALSE(ca_available("t_old"));
}

#endif
