// SPDX-License-Identifier: GPL-2.0-only
/* The way most users come: a skeleton, attach, traffic, detach. */
#include "sops.h"

#include <stdlib.h>

#include <kselftest_harness.h>

#include "ca.h"
#include "ca.skel.h"

FIXTURE(libbpf) {
	struct ca_bpf *skel;
};

FIXTURE_SETUP(libbpf)
{
	ASSERT_EQ(0, sops_setup());
	libbpf_set_print(NULL);
	self->skel = ca_bpf__open();
	ASSERT_NE(NULL, self->skel);
}

FIXTURE_TEARDOWN(libbpf)
{
	ca_bpf__destroy(self->skel);
	EXPECT_EQ(0, sops_wait_empty());
}

TEST_F(libbpf, end_to_end)
{
	struct bpf_link *link;
	struct flow f;
	int map;

	ASSERT_EQ(0, ca_bpf__load(self->skel));
	map = bpf_map__fd(self->skel->maps.t_full);
	ASSERT_TRUE(sops_ours(map));
	EXPECT_FALSE(ca_available("t_full"));
	link = bpf_map__attach_struct_ops(self->skel->maps.t_full);
	ASSERT_NE(NULL, link);
	EXPECT_TRUE(ca_available("t_full"));
	ASSERT_EQ(0, flow_open(&f, "t_full"));
	EXPECT_EQ(0, flow_send(&f, 1 << 20));
	EXPECT_EQ(1, self->skel->bss->calls[CALL_INIT]);
	EXPECT_EQ(0, self->skel->bss->bad_args);
	EXPECT_EQ(0, bpf_link__destroy(link));
	EXPECT_FALSE(ca_available("t_full"));
	EXPECT_EQ(0, flow_send(&f, 1 << 20));
	flow_close(&f);
}

/* destroying the link leaves a map that is done: one life */
TEST_F(libbpf, attach_twice)
{
	struct bpf_link *link;

	ASSERT_EQ(0, ca_bpf__load(self->skel));
	link = bpf_map__attach_struct_ops(self->skel->maps.t_full);
	ASSERT_NE(NULL, link);
	EXPECT_NULL(bpf_map__attach_struct_ops(self->skel->maps.t_full));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(0, bpf_link__destroy(link));
	EXPECT_NULL(bpf_map__attach_struct_ops(self->skel->maps.t_full));
	EXPECT_EQ(EBUSY, errno);
}

TEST_F(libbpf, several_from_one_object)
{
	struct bpf_link *links[3];
	struct bpf_map *maps[] = {
		self->skel->maps.t_full,
		self->skel->maps.t_control,
		self->skel->maps.t_switch,
	};
	int i;

	ASSERT_EQ(0, ca_bpf__load(self->skel));
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(sops_ours(bpf_map__fd(maps[i])));
		links[i] = bpf_map__attach_struct_ops(maps[i]);
		ASSERT_NE(NULL, links[i]);
		EXPECT_TRUE(ca_available(bpf_map__name(maps[i])));
	}
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, bpf_link__destroy(links[i]));
		EXPECT_FALSE(ca_available(bpf_map__name(maps[i])));
	}
}

TEST_F(libbpf, error_reaches_the_caller)
{
	int other = ca_register("t_full");

	ASSERT_LE(0, other);
	ASSERT_EQ(0, ca_bpf__load(self->skel));
	EXPECT_NULL(bpf_map__attach_struct_ops(self->skel->maps.t_full));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ(0, map_delete(other, 0));
	close(other);
	EXPECT_NE(NULL, bpf_map__attach_struct_ops(self->skel->maps.t_full));
	EXPECT_EQ(0, map_delete(bpf_map__fd(self->skel->maps.t_full), 0));
}

TEST_HARNESS_MAIN
