// SPDX-License-Identifier: GPL-2.0-only
/* Creating a map: every errno, and what a create that failed leaves behind. */
#include "sops.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <kselftest_harness.h>
#include <bpf/btf.h>

FIXTURE(create) {
	union bpf_attr attr;
};

FIXTURE_SETUP(create)
{
	ASSERT_EQ(0, sops_setup());
	ASSERT_EQ(0, sops_wait_empty());
	create_attr(&self->attr, &tcp);
}

FIXTURE_TEARDOWN(create)
{
	/* whatever a case tried: nothing of ours outlives its fds */
	closefrom(3);
	EXPECT_EQ(0, sops_wait_empty());
}

static int create(union bpf_attr *attr)
{
	return sys_bpf(BPF_MAP_CREATE, attr);
}

TEST_F(create, map_is_ours)
{
	struct bpf_map_info info;
	struct sops_row row;
	int map = create(&self->attr);

	ASSERT_LE(0, map);
	ASSERT_EQ(0, map_info(map, &info));
	ASSERT_EQ(0, sops_row(info.id, &row));
	EXPECT_STREQ("t_map", row.name);
	EXPECT_STREQ("tcp_congestion_ops", row.type);
	EXPECT_STREQ("init", row.state);
	EXPECT_EQ(0, row.progs);

	EXPECT_EQ(BPF_MAP_TYPE_STRUCT_OPS, info.type);
	EXPECT_EQ(4, info.key_size);
	EXPECT_EQ(tcp.value_size, info.value_size);
	EXPECT_EQ(1, info.max_entries);
	EXPECT_EQ(0, info.map_flags);
	EXPECT_EQ(tcp.value_id, info.btf_vmlinux_value_type_id);
	EXPECT_STREQ("t_map", info.name);

	close(map);
	EXPECT_EQ(0, sops_wait_gone(info.id));
}

TEST_F(create, every_type_the_kernel_knows)
{
	int map;

	if (!dummy.value_id)
		SKIP(return, "this kernel has no bpf_dummy_ops");
	map = sops_create(&dummy);
	ASSERT_LE(0, map);
	EXPECT_TRUE(sops_ours(map));
}

TEST_F(create, key_size)
{
	static const __u32 bad[] = { 0, 1, 3, 5, 8, ~0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->attr.key_size = bad[i];
		EXPECT_EQ(-EINVAL, create(&self->attr));
	}
}

TEST_F(create, max_entries)
{
	static const __u32 bad[] = { 0, 2, ~0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->attr.max_entries = bad[i];
		EXPECT_EQ(-EINVAL, create(&self->attr));
	}
}

TEST_F(create, flags)
{
	/* BPF_F_LINK and BPF_F_VTYPE_BTF_OBJ_FD */
	__u32 allowed = 1U << 13 | 1U << 15;
	int bit;

	for (bit = 0; bit < 32; bit++) {
		if (allowed & 1U << bit)
			continue;
		self->attr.map_flags = 1U << bit;
		EXPECT_EQ(-EINVAL, create(&self->attr))
			TH_LOG("map_flags bit %d", bit);
	}
}

TEST_F(create, no_value_type)
{
	self->attr.btf_vmlinux_value_type_id = 0;
	EXPECT_EQ(-EINVAL, create(&self->attr));
}

TEST_F(create, unknown_value_type)
{
	__u32 bad[] = {
		0x7fffffff,	/* no such type */
		1,		/* some type, not a struct */
		tcp.id,		/* the struct, not its value */
		btf__find_by_name_kind(sops_btf(), "list_head",
				       BTF_KIND_STRUCT),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->attr.btf_vmlinux_value_type_id = bad[i];
		EXPECT_EQ(-SOPS_ENOTSUPP, create(&self->attr))
			TH_LOG("value type id %u", bad[i]);
	}
}

TEST_F(create, value_size)
{
	__u32 right = self->attr.value_size;
	__u32 bad[] = { 0, 1, tcp.size, right - 1, right + 1, 4096, ~0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->attr.value_size = bad[i];
		EXPECT_EQ(-EINVAL, create(&self->attr))
			TH_LOG("value_size %u", bad[i]);
	}

	/* the type comes first */
	self->attr.value_size = 1;
	self->attr.btf_vmlinux_value_type_id = 0x7fffffff;
	EXPECT_EQ(-SOPS_ENOTSUPP, create(&self->attr));
}

#define UNPRIV "/proc/sys/kernel/unprivileged_bpf_disabled"

static int drop_caps(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {};

	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

/* what an unprivileged create gets, or 1 where it could not be tried */
static int create_unprivileged(union bpf_attr *attr)
{
	union bpf_attr array = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
	};
	int status, *err = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	*err = 1;
	pid = fork();
	if (!pid) {
		/* bpf(2) itself lets this process in: the map's EPERM it is */
		if (!drop_caps() && create(&array) >= 0)
			*err = create(attr);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return *err;
}

TEST_F(create, without_cap_bpf)
{
	char saved[8];

	ASSERT_EQ(0, slurp(UNPRIV, saved, sizeof(saved)));
	if (atoi(saved) == 1)
		SKIP(return, "unprivileged bpf is off until reboot");
	ASSERT_EQ(0, spit(UNPRIV, "0"));

	EXPECT_EQ(-EPERM, create_unprivileged(&self->attr));
	self->attr.btf_vmlinux_value_type_id = 0x7fffffff;
	EXPECT_EQ(-EPERM, create_unprivileged(&self->attr));
	self->attr.key_size = 8;
	EXPECT_EQ(-EINVAL, create_unprivileged(&self->attr));

	EXPECT_EQ(0, spit(UNPRIV, saved));
}

/*
 * What fails after the map was allocated frees it through the map's own
 * map_free: it has to be ours already, and the fixture checks that the list
 * is empty again.
 */
TEST_F(create, bad_name)
{
	memcpy(self->attr.map_name, "not a name", sizeof("not a name"));
	EXPECT_EQ(-EINVAL, create(&self->attr));
	memset(self->attr.map_name, 'x', sizeof(self->attr.map_name));
	EXPECT_EQ(-EINVAL, create(&self->attr));
}

TEST_F(create, bad_object_btf)
{
	union bpf_attr by_id = { .btf_id = 1 };	/* vmlinux is the first */
	int fd = sys_bpf(BPF_BTF_GET_FD_BY_ID, &by_id);

	self->attr.btf_fd = ~0;
	EXPECT_EQ(-EBADF, create(&self->attr));

	ASSERT_LE(0, fd);
	self->attr.btf_fd = fd;
	EXPECT_EQ(-EACCES, create(&self->attr));

	fd = open("/dev/null", O_RDONLY);
	ASSERT_LE(0, fd);
	self->attr.btf_fd = fd;
	EXPECT_EQ(-EINVAL, create(&self->attr));
}

TEST_F(create, no_fd_left)
{
	struct rlimit none, was;
	int i, next = dup(0);

	ASSERT_LE(0, next);
	close(next);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &was));
	none = was;
	none.rlim_cur = next;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(-EMFILE, create(&self->attr));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &was));
}

TEST_F(create, failures_let_the_module_go)
{
	self->attr.map_name[0] = ' ';
	EXPECT_EQ(-EINVAL, create(&self->attr));
	closefrom(3);
	EXPECT_EQ(0, sops_rmmod());
}

TEST_HARNESS_MAIN
