// SPDX-License-Identifier: GPL-2.0-only
/* The kernel selftests' own congestion controls, as they are, on our maps. */
#include "sops.h"

#include <stdlib.h>

#include <kselftest_harness.h>

#include <bpf/libbpf.h>

FIXTURE(upstream) {
	char path[PATH_MAX];
};

FIXTURE_VARIANT(upstream) {
	const char *name;
	const char *map;
};

FIXTURE_VARIANT_ADD(upstream, bpf_cubic) {
	.name = "bpf_cubic",
	.map = "cubic",
};

FIXTURE_VARIANT_ADD(upstream, bpf_dctcp) {
	.name = "bpf_dctcp",
	.map = "dctcp",
};

FIXTURE_SETUP(upstream)
{
	char file[32];

	ASSERT_EQ(0, sops_setup());
	snprintf(file, sizeof(file), "%s.bpf.o", variant->name);
	ASSERT_EQ(0, beside(file, self->path));
}

FIXTURE_TEARDOWN(upstream)
{
	EXPECT_EQ(0, sops_wait_empty());
}

static int traffic(const char *ca)
{
	struct flow f;
	int err = flow_open(&f, ca);

	if (!err) {
		err = flow_send(&f, 2 << 20);
		flow_close(&f);
	}
	return err;
}

TEST_F(upstream, libbpf)
{
	struct bpf_object *obj = bpf_object__open_file(self->path, NULL);
	struct bpf_link *link;
	struct bpf_map *map;

	ASSERT_NE(NULL, obj);
	ASSERT_EQ(0, bpf_object__load(obj));
	map = bpf_object__find_map_by_name(obj, variant->map);
	ASSERT_NE(NULL, map);
	ASSERT_TRUE(sops_ours(bpf_map__fd(map)));
	link = bpf_map__attach_struct_ops(map);
	ASSERT_NE(NULL, link);
	EXPECT_EQ(0, traffic(variant->name));
	EXPECT_EQ(0, bpf_link__destroy(link));
	EXPECT_FALSE(ca_available(variant->name));
	bpf_object__close(obj);
}

TEST_F(upstream, bpftool)
{
	char cmd[PATH_MAX + 64], out[8192];
	struct sops_row rows[4];
	int i, n, found = 0;

	if (run("bpftool version", out, sizeof(out)))
		SKIP(return, "no bpftool here");
	/* its exit status is an error: the second one in bpf_dctcp.c is void */
	snprintf(cmd, sizeof(cmd), "bpftool struct_ops register %s 2>&1",
		 self->path);
	run(cmd, out, sizeof(out));
	n = sops_rows(rows, 4);
	for (i = 0; i < n; i++)
		if (!strcmp(rows[i].name, variant->map) &&
		    !strcmp(rows[i].state, "inuse"))
			found = rows[i].id;
	ASSERT_LT(0, found) TH_LOG("%s", out);
	EXPECT_EQ(0, traffic(variant->name));
	snprintf(cmd, sizeof(cmd), "bpftool struct_ops unregister id %u 2>&1",
		 found);
	EXPECT_EQ(0, run(cmd, out, sizeof(out))) TH_LOG("%s", out);
	EXPECT_FALSE(ca_available(variant->name));
}

TEST_HARNESS_MAIN
