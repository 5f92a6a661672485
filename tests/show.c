// SPDX-License-Identifier: GPL-2.0-only
/* What people see of a map: bpffs, fdinfo, map info and bpftool. */
#include "sops.h"

#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <kselftest_harness.h>

FIXTURE(show) {
	int map;
	struct bpf_map_info info;
	struct sops_value v;
	char out[1 << 16], cmd[PATH_MAX + 64];
};

FIXTURE_SETUP(show)
{
	ASSERT_EQ(0, sops_setup());
	self->map = sops_create(&tcp);
	ASSERT_LE(0, self->map);
	ASSERT_TRUE(sops_ours(self->map));
	ASSERT_EQ(0, map_info(self->map, &self->info));
	ca_value(&self->v, "t_show");
}

FIXTURE_TEARDOWN(show)
{
	map_delete(self->map, 0);
	close(self->map);
	EXPECT_EQ(0, sops_wait_empty());
}

#define BPFTOOL(...) ({							\
	int __n = snprintf(self->cmd, sizeof(self->cmd),		\
			   "bpftool " __VA_ARGS__);			\
									\
	strncat(self->cmd, " 2>&1", sizeof(self->cmd) - __n - 1);	\
	run(self->cmd, self->out, sizeof(self->out));			\
})

#define NEED_BPFTOOL() do {						\
	if (BPFTOOL("version"))						\
		SKIP(return, "no bpftool here");			\
} while (0)

#define EXPECT_IN_OUT(text)						\
	EXPECT_NE(NULL, strstr(self->out, text)) TH_LOG("%s", self->out)

TEST_F(show, pinned_map_reads_as_text)
{
	char dir[] = "/tmp/t_bpffs.XXXXXX", pin[64];
	const char *err;

	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, mount("bpf", dir, "bpf", 0, NULL));
	snprintf(pin, sizeof(pin), "%s/map", dir);
	ASSERT_EQ(0, obj_pin(self->map, pin));

	/* before: a value of nothing */
	ASSERT_EQ(0, slurp(pin, self->out, sizeof(self->out)));
	EXPECT_IN_OUT("BPF_STRUCT_OPS_STATE_INIT");
	EXPECT_NULL(strstr(self->out, "'t'"));

	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));
	ASSERT_EQ(0, slurp(pin, self->out, sizeof(self->out)));
	EXPECT_IN_OUT("BPF_STRUCT_OPS_STATE_INUSE");
	EXPECT_IN_OUT("['t','_','s','h','o','w',]");

	ASSERT_EQ(0, map_delete(self->map, 0));
	ASSERT_EQ(0, slurp(pin, self->out, sizeof(self->out)));
	EXPECT_IN_OUT("BPF_STRUCT_OPS_STATE_TOBEFREE");

	err = unlink(pin) ? "unlink" : umount(dir) ? "umount" : "";
	EXPECT_STREQ("", err);
	rmdir(dir);
}

TEST_F(show, fdinfo)
{
	char path[64], want[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->map);
	ASSERT_EQ(0, slurp(path, self->out, sizeof(self->out)));
	EXPECT_IN_OUT("map_type:\t26\n");
	EXPECT_IN_OUT("key_size:\t4\n");
	EXPECT_IN_OUT("max_entries:\t1\n");
	EXPECT_IN_OUT("frozen:\t0\n");
	EXPECT_IN_OUT("memlock:\t");
	snprintf(want, sizeof(want), "value_size:\t%u\n", tcp.value_size);
	EXPECT_IN_OUT(want);
	snprintf(want, sizeof(want), "map_id:\t%u\n", self->info.id);
	EXPECT_IN_OUT(want);
}

TEST_F(show, map_info)
{
	EXPECT_EQ(BPF_MAP_TYPE_STRUCT_OPS, self->info.type);
	EXPECT_EQ(4, self->info.key_size);
	EXPECT_EQ(tcp.value_size, self->info.value_size);
	EXPECT_EQ(1, self->info.max_entries);
	EXPECT_EQ(0, self->info.map_flags);
	EXPECT_STREQ("t_map", self->info.name);
	EXPECT_EQ(0, self->info.ifindex);
	EXPECT_EQ(tcp.value_id, self->info.btf_vmlinux_value_type_id);
	EXPECT_LT(0, self->info.btf_id);
	EXPECT_EQ(0, self->info.btf_key_type_id);
	EXPECT_EQ(0, self->info.btf_value_type_id);
}

TEST_F(show, bpftool_map)
{
	char want[64];

	NEED_BPFTOOL();
	ASSERT_EQ(0, BPFTOOL("map show id %u", self->info.id));
	EXPECT_IN_OUT("struct_ops");
	EXPECT_IN_OUT("name t_map");
	snprintf(want, sizeof(want), "key 4B  value %uB  max_entries 1",
		 tcp.value_size);
	EXPECT_IN_OUT(want);
}

TEST_F(show, bpftool_show_and_dump)
{
	char want[64];

	NEED_BPFTOOL();
	ASSERT_EQ(0, map_update(self->map, 0, self->v.bytes, 0));

	ASSERT_EQ(0, BPFTOOL("struct_ops show id %u", self->info.id));
	EXPECT_IN_OUT("t_map");
	EXPECT_IN_OUT("tcp_congestion_ops");
	ASSERT_EQ(0, BPFTOOL("struct_ops list"));
	snprintf(want, sizeof(want), "%u: t_map", self->info.id);
	EXPECT_IN_OUT(want);

	ASSERT_EQ(0, BPFTOOL("struct_ops dump id %u", self->info.id));
	EXPECT_IN_OUT("\"name\": \"t_show\"");
	EXPECT_IN_OUT("\"state\": \"BPF_STRUCT_OPS_STATE_INUSE\"");
	snprintf(want, sizeof(want), "prog_id:%d\"",
		 prog_id(value_get(&self->v, "undo_cwnd")));
	EXPECT_IN_OUT(want);
	ASSERT_EQ(0, BPFTOOL("struct_ops dump name t_map"));
	EXPECT_IN_OUT("t_show");
}

TEST_F(show, bpftool_register_unregister)
{
	char ca[PATH_MAX];
	int i;

	NEED_BPFTOOL();
	ASSERT_EQ(0, beside("ca.bpf.o", ca));

	for (i = 0; i < 2; i++) {
		struct sops_row rows[8];
		int n, r, full = -1;

		/* all three of the object's; by id the first time */
		ASSERT_EQ(0, BPFTOOL("struct_ops register %s", ca)) TH_LOG("%s", self->out);
		EXPECT_IN_OUT("Registered tcp_congestion_ops t_full");
		EXPECT_IN_OUT("Registered tcp_congestion_ops t_switch");
		EXPECT_TRUE(ca_available("t_full"));
		n = sops_rows(rows, 8);
		EXPECT_EQ(4, n);
		for (r = 0; r < n; r++)
			if (!strcmp(rows[r].name, "t_full"))
				full = rows[r].id;
		EXPECT_LT(0, full);

		ASSERT_EQ(0, i ? BPFTOOL("struct_ops unregister name t_full") :
			  BPFTOOL("struct_ops unregister id %d", full));
		EXPECT_IN_OUT("Unregistered tcp_congestion_ops t_full");
		EXPECT_FALSE(ca_available("t_full"));
		EXPECT_EQ(0, sops_wait_gone(full));
		EXPECT_EQ(0, BPFTOOL("struct_ops unregister name t_control"));
		EXPECT_EQ(0, BPFTOOL("struct_ops unregister name t_switch"));
	}
}

TEST_HARNESS_MAIN
