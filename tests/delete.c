// SPDX-License-Identifier: GPL-2.0-only
/* Unregistering: every errno, and what keeps a deleted map alive. */
#include "sops.h"

#include <kselftest_harness.h>

FIXTURE(delete) {
	int map;
	__u32 id;
	struct sops_value v;
};

FIXTURE_SETUP(delete)
{
	struct bpf_map_info info;

	ASSERT_EQ(0, sops_setup());
	self->map = sops_create(&tcp);
	ASSERT_LE(0, self->map);
	ASSERT_TRUE(sops_ours(self->map));
	ASSERT_EQ(0, map_info(self->map, &info));
	self->id = info.id;
	ca_value(&self->v, "t_delete");
}

FIXTURE_TEARDOWN(delete)
{
	map_delete(self->map, 0);
	close(self->map);
	EXPECT_EQ(0, sops_wait_empty());
}

static const char *state(FIXTURE_DATA(delete) *self)
{
	static struct sops_row row;

	return sops_row(self->id, &row) ? "gone" : row.state;
}

TEST_F(delete, not_registered)
{
	EXPECT_EQ(-ENOENT, map_delete(self->map, 0));
	EXPECT_STREQ("init", state(self));
	/* and it is none the worse for it */
	EXPECT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
}

/* defect 16: the kernel's own takes any key */
TEST_F(delete, key)
{
	EXPECT_EQ(-ENOENT, map_delete(self->map, 1));
	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	EXPECT_EQ(-ENOENT, map_delete(self->map, 12345));
	EXPECT_EQ(-ENOENT, map_delete(self->map, ~0));
	EXPECT_STREQ("inuse", state(self));
	EXPECT_TRUE(ca_available("t_delete"));
}

TEST_F(delete, unregisters)
{
	struct sops_value got;

	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	EXPECT_EQ(0, map_delete(self->map, 0));
	EXPECT_FALSE(ca_available("t_delete"));
	EXPECT_STREQ("tobefree", state(self));
	value_init(&got, &tcp);
	ASSERT_EQ(0, map_lookup(self->map, 0, got.bytes));
	EXPECT_EQ(SOPS_TOBEFREE, got.state);
	EXPECT_EQ(0, got.refcnt);
}

TEST_F(delete, again)
{
	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	ASSERT_EQ(0, map_delete(self->map, 0));
	EXPECT_EQ(-EINPROGRESS, map_delete(self->map, 0));
	EXPECT_EQ(-EINPROGRESS, map_delete(self->map, 0));
	EXPECT_EQ(-ENOENT, map_delete(self->map, 1));
}

/* defect 23, by design: one life per map */
TEST_F(delete, no_second_life)
{
	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	ASSERT_EQ(0, map_delete(self->map, 0));
	EXPECT_EQ(-EBUSY, map_update(self->map, 0, self->v.bytes, 0));
	EXPECT_FALSE(ca_available("t_delete"));
}

TEST_F(delete, fds_do_not_unregister)
{
	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	close(self->map);
	EXPECT_TRUE(ca_available("t_delete"));
	EXPECT_STREQ("inuse", state(self));
	self->map = map_by_id(self->id);
	EXPECT_LE(0, self->map);
}

/* freed by the last of them, whichever that is: here the socket */
TEST_F(delete, socket_keeps_it_alive)
{
	struct flow f;

	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	ASSERT_EQ(0, flow_open(&f, "t_delete"));
	ASSERT_EQ(0, flow_send(&f, 50000));
	ASSERT_EQ(0, map_delete(self->map, 0));
	close(self->map);
	self->map = -1;

	EXPECT_STREQ("tobefree", state(self));
	EXPECT_EQ(0, flow_send(&f, 50000));
	usleep(200000);		/* nothing may have gone meanwhile */
	EXPECT_STREQ("tobefree", state(self));
	EXPECT_EQ(0, flow_send(&f, 50000));
	flow_close(&f);
	EXPECT_EQ(0, sops_wait_gone(self->id));
}

TEST_F(delete, switching_the_socket_lets_it_go)
{
	struct flow f;

	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	ASSERT_EQ(0, flow_open(&f, "t_delete"));
	ASSERT_EQ(0, map_delete(self->map, 0));
	close(self->map);
	self->map = -1;
	EXPECT_EQ(0, sock_set_ca(f.tx, "cubic"));
	EXPECT_EQ(0, sops_wait_gone(self->id));
	EXPECT_EQ(0, flow_send(&f, 50000));
	flow_close(&f);
}

TEST_F(delete, name_is_free_again)
{
	int other;

	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	ASSERT_EQ(0, map_delete(self->map, 0));
	other = ca_register("t_delete");
	ASSERT_LE(0, other);
	EXPECT_TRUE(ca_available("t_delete"));
	EXPECT_EQ(-EINPROGRESS, map_delete(self->map, 0));
	EXPECT_TRUE(ca_available("t_delete"));
	EXPECT_EQ(0, map_delete(other, 0));
	close(other);
}

TEST_HARNESS_MAIN
