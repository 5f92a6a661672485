// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the lists in debugfs tell: what holds a map, for how long it has been on
 * its way out, and the programs of its members.
 */
#include "newer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NAME		"t_list"
#define MEMBERS		"/sys/kernel/debug/struct_ops/members"
#define DEFAULT_CA	"/proc/sys/net/ipv4/tcp_congestion_control"
#define STATS		"/proc/sys/kernel/bpf_stats_enabled"

FIXTURE(list) {
	char default_ca[SOPS_NAME_LEN + 1];
};

FIXTURE_SETUP(list)
{
	ASSERT_EQ(0, sops_setup());
	ASSERT_EQ(0, slurp(DEFAULT_CA, self->default_ca, sizeof(self->default_ca)));
}

FIXTURE_TEARDOWN(list)
{
	EXPECT_EQ(0, spit(DEFAULT_CA, self->default_ca));
	EXPECT_EQ(0, spit(STATS, "0"));
	EXPECT_EQ(0, sops_wait_empty());
}

static const char *held_by(int id)
{
	static struct sops_row row;

	return sops_row(id, &row) ? "no such map" : row.held_by;
}

/* registered by its update; then a socket, and the default of this network namespace */
TEST_F(list, update)
{
	int map = ca_register(NAME), id = map_id(map), sock;
	struct sops_row row;

	ASSERT_LE(0, map);
	EXPECT_STREQ("update", held_by(id));
	sock = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, sock_set_ca(sock, NAME));
	EXPECT_STREQ("update+others:1", held_by(id));
	ASSERT_EQ(0, spit(DEFAULT_CA, NAME));
	EXPECT_STREQ("update+default:1+others:1", held_by(id));
	ASSERT_EQ(0, sops_row(id, &row));
	EXPECT_STREQ("-", row.tobefree_s);

	/* ../shared/cases/03-default-cc-rmmod: deleted, and the default still */
	ASSERT_EQ(0, map_delete(map, 0));
	EXPECT_STREQ("default:1+others:1", held_by(id));
	close(sock);
	EXPECT_TRUE(sops_wait(!strcmp("default:1", held_by(id))));
	EXPECT_TRUE(sops_wait(!sops_row(id, &row) && atol(row.tobefree_s) > 0));
	EXPECT_STREQ("tobefree", row.state);
	close(map);
	EXPECT_STREQ("default:1", held_by(id));
	ASSERT_EQ(0, spit(DEFAULT_CA, self->default_ca));
	EXPECT_EQ(0, sops_wait_gone(id));
}

/* a map for links is "ready", attached or not */
TEST_F(list, links)
{
	int map = ca_link_map(NAME, 4711), other = ca_link_map(NAME, 4712), link;
	struct bpf_link_info info;
	char want[32];

	ASSERT_LE(0, map);
	ASSERT_LE(0, other);
	EXPECT_STREQ("-", held_by(map_id(map)));
	link = link_create(map);
	ASSERT_LE(0, link);
	ASSERT_EQ(0, link_info(link, &info));
	snprintf(want, sizeof(want), "link:%u", info.id);
	EXPECT_STREQ(want, held_by(map_id(map)));
	EXPECT_STREQ("-", held_by(map_id(other)));

	ASSERT_EQ(0, link_update(link, other));
	EXPECT_STREQ("-", held_by(map_id(map)));
	EXPECT_STREQ(want, held_by(map_id(other)));
	ASSERT_EQ(0, link_detach(link));
	EXPECT_STREQ("-", held_by(map_id(other)));
	close(link);
	close(map);
	close(other);
}

/* one line of members, of that map and member; its program, or -ENOENT */
static int member(int map, const char *member, char name[64], long *count, long *time)
{
	char line[512], is[64], type[64];
	FILE *f = fopen(MEMBERS, "re");
	int id, prog, found = -ENOENT;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%d %63s %63s %d %63s %ld %ld", &id, type, is, &prog, name,
			   count, time) != 7 || id != map || strcmp(is, member))
			continue;
		found = strcmp(type, "tcp_congestion_ops") ? -EBADMSG : prog;
		break;
	}
	if (f)
		fclose(f);
	return found;
}

TEST_F(list, members)
{
	int prog = sops_prog(&tcp, "ssthresh", 10), map, id;
	long count = -1, time = -1;
	struct sops_value v;
	struct flow f;
	char name[64];

	ca_value(&v, NAME);
	value_set(&v, "ssthresh", prog);
	map = sops_create(&tcp);
	ASSERT_LE(0, map);
	id = map_id(map);
	EXPECT_EQ(-ENOENT, member(id, "ssthresh", name, &count, &time));
	ASSERT_EQ(0, map_update(map, 0, v.bytes, 0));
	EXPECT_EQ(prog_id(prog), member(id, "ssthresh", name, &count, &time));
	EXPECT_EQ(0, count);
	EXPECT_EQ(prog_id(value_get(&v, "cong_avoid")),
		  member(id, "cong_avoid", name, &count, &time));
	EXPECT_EQ(-ENOENT, member(id, "pkts_acked", name, &count, &time));

	ASSERT_EQ(0, spit(STATS, "1"));
	ASSERT_EQ(0, flow_open(&f, NAME));
	ASSERT_EQ(0, flow_send(&f, 1 << 20));
	flow_close(&f);
	EXPECT_LT(0, member(id, "cong_avoid", name, &count, &time));
	EXPECT_LT(0, count);
	EXPECT_LT(0, time);
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	EXPECT_EQ(0, sops_wait_gone(id));
	EXPECT_EQ(-ENOENT, member(id, "ssthresh", name, &count, &time));
	close(prog);
}

TEST_HARNESS_MAIN
