// SPDX-License-Identifier: GPL-2.0-only
/* Why something was refused: said once, in debugfs and by a tracepoint. */
#include "newer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define REFUSED	"/sys/kernel/debug/struct_ops/refused"
#define TRACING	"/sys/kernel/tracing/"
#define KEPT	64

FIXTURE(why) {
	int map;
	struct sops_value v;
};

FIXTURE_SETUP(why)
{
	ASSERT_EQ(0, sops_setup());
	if (access(TRACING "trace", F_OK))
		mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	/* what was there goes by the open */
	ASSERT_LE(0, close(open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC)));
	ASSERT_EQ(0, spit(TRACING "events/struct_ops/enable", "1"));
	self->map = sops_create(&tcp);
	ASSERT_LE(0, self->map);
	ca_value(&self->v, "t_why");
}

FIXTURE_TEARDOWN(why)
{
	map_delete(self->map, 0);
	close(self->map);
	EXPECT_EQ(0, spit(TRACING "events/struct_ops/enable", "0"));
	EXPECT_EQ(0, sops_wait_empty());
}

static int create_for_links(void)
{
	union bpf_attr attr;

	create_attr(&attr, &tcp);
	attr.map_flags = SOPS_F_LINK;
	return sys_bpf(BPF_MAP_CREATE, &attr);
}

static char text[1 << 18];

/* the last line of the list */
static const char *last(void)
{
	static char line[512];
	char *at;

	if (slurp(REFUSED, text, sizeof(text)))
		return "";
	at = strrchr(text, '\n');
	if (!at)
		return "";
	*at = '\0';
	at = strrchr(text, '\n');
	snprintf(line, sizeof(line), "%.511s", at ? at + 1 : text);
	return line;
}

/* both say it: the operation, the member, the errno and the reason */
static bool said(const char *op, const char *member, int err, const char *reason)
{
	char l_op[16], l_member[64], want[256];
	int pid, l_err, n = 0;
	const char *line = last();

	if (sscanf(line, "%*s %d %*s %15s %*u %*s %*s %63s %*u %d %n",
		   &pid, l_op, l_member, &l_err, &n) != 4 ||
	    pid != getpid() || strcmp(l_op, op) || strcmp(l_member, member) ||
	    l_err != err || strcmp(line + n, reason)) {
		printf("# the list says: %s\n", line);
		return false;
	}
	snprintf(want, sizeof(want), "errno=%d reason=%s", err, reason);
	return file_has(TRACING "trace", want);
}

static int update(FIXTURE_DATA(why) *self)
{
	return map_update(self->map, 0, self->v.bytes, 0);
}

TEST_F(why, value)
{
	EXPECT_EQ(-EINVAL, map_update(self->map, 0, self->v.bytes, 1));
	EXPECT_TRUE(said("update", "-", -EINVAL, "flags must be zero"));
	EXPECT_EQ(-E2BIG, map_update(self->map, 1, self->v.bytes, 0));
	EXPECT_TRUE(said("update", "-", -E2BIG, "the one key is 0"));
	self->v.bytes[8] = 1;
	EXPECT_EQ(-EINVAL, update(self));
	EXPECT_TRUE(said("update", "-", -EINVAL, "a hole between members is not zero"));
	self->v.bytes[8] = 0;
	self->v.state = 1;
	EXPECT_EQ(-EINVAL, update(self));
	EXPECT_TRUE(said("update", "-", -EINVAL, "state and refcnt of the value must be zero"));
}

TEST_F(why, members)
{
	value_set(&self->v, "owner", 1);
	EXPECT_EQ(-EINVAL, update(self));
	EXPECT_TRUE(said("update", "owner", -EINVAL,
			 "the owner must be zero: it is set by us"));
	value_set(&self->v, "owner", 0);
	value_set(&self->v, "key", 1);
	EXPECT_EQ(-EINVAL, update(self));
	EXPECT_TRUE(said("update", "key", -EINVAL,
			 "data that the type does not take: it must be zero"));
	value_set(&self->v, "key", 0);
	value_name(&self->v, "no name");
	EXPECT_EQ(-EINVAL, update(self));
	EXPECT_TRUE(said("update", "name", -EINVAL,
			 "the type's init_member refuses what is there"));
}

TEST_F(why, programs)
{
	int other = sops_prog(&tcp, "undo_cwnd", 1);

	ASSERT_LE(0, other);
	value_set(&self->v, "ssthresh", 4095);
	EXPECT_EQ(-EBADF, update(self));
	EXPECT_TRUE(said("update", "ssthresh", -EBADF, "no file is open at the fd that is there"));
	value_set(&self->v, "ssthresh", self->map);
	EXPECT_EQ(-EINVAL, update(self));
	EXPECT_TRUE(said("update", "ssthresh", -EINVAL,
			 "the fd is of no BPF program, or of one of another kind than struct_ops"));
	value_set(&self->v, "ssthresh", 1ULL << 32);
	EXPECT_EQ(-EINVAL, update(self));
	EXPECT_TRUE(said("update", "ssthresh", -EINVAL,
			 "what is there is too big for the fd of a program"));
	value_set(&self->v, "ssthresh", other);
	EXPECT_EQ(-EINVAL, update(self));
	EXPECT_TRUE(said("update", "ssthresh", -EINVAL,
			 "the program was loaded for another member"));
	close(other);
}

TEST_F(why, states)
{
	EXPECT_EQ(-ENOENT, map_delete(self->map, 0));
	EXPECT_TRUE(said("delete", "-", -ENOENT, "it is not registered"));
	ASSERT_EQ(0, update(self));
	EXPECT_TRUE(file_has(TRACING "trace", " registered: map="));
	EXPECT_EQ(-EBUSY, update(self));
	EXPECT_TRUE(said("update", "-", -EBUSY, "it was updated before: a map takes one value"));
	EXPECT_EQ(0, map_delete(self->map, 0));
	EXPECT_TRUE(file_has(TRACING "trace", " unregistered: map="));
	EXPECT_EQ(-EINPROGRESS, map_delete(self->map, 0));
	EXPECT_TRUE(said("delete", "-", -EINPROGRESS,
			 "it was deleted before, and somebody holds it still"));
}

TEST_F(why, subsystem)
{
	int other = ca_register("t_why");

	ASSERT_LE(0, other);
	EXPECT_EQ(-EEXIST, update(self));
	EXPECT_TRUE(strstr(last(), "refuses") != NULL);
	EXPECT_EQ(0, map_delete(other, 0));
	close(other);
}

TEST_F(why, links)
{
	int map = ca_link_map("t_why", 2), other = ca_link_map("t_why", 3), link;
	struct sops_value v;

	ASSERT_LE(0, map);
	ASSERT_LE(0, other);
	EXPECT_EQ(-EINVAL, link_create(self->map));
	EXPECT_TRUE(said("link", "-", -EINVAL,
			 "the map is without BPF_F_LINK, or not updated yet"));
	EXPECT_EQ(-EINVAL, link_create_flags(map, 1));
	EXPECT_TRUE(said("link", "-", -EINVAL, "flags must be zero"));
	link = link_create(map);
	ASSERT_LE(0, link);
	EXPECT_TRUE(file_has(TRACING "trace", " linked: map="));
	EXPECT_EQ(-EEXIST, link_create(other));
	EXPECT_TRUE(said("link", "-", -EEXIST, "the subsystem refuses to register it"));
	EXPECT_EQ(-EPERM, link_update_flags(link, other, BPF_F_REPLACE, other));
	EXPECT_TRUE(said("link_update", "-", -EPERM,
			 "the link is not at the map that was expected"));
	EXPECT_EQ(-EINVAL, link_update(link, self->map));
	EXPECT_TRUE(said("link_update", "-", -EINVAL,
			 "the new map is without BPF_F_LINK, or not updated yet"));
	EXPECT_EQ(-EOPNOTSUPP, map_delete(map, 0));
	EXPECT_TRUE(said("delete", "-", -EOPNOTSUPP, "links register it: detach those"));
	EXPECT_EQ(0, link_update(link, other));
	EXPECT_TRUE(file_has(TRACING "trace", " updated: map="));
	EXPECT_EQ(0, link_detach(link));
	EXPECT_EQ(-ENOLINK, link_update(link, map));
	EXPECT_TRUE(said("link_update", "-", -ENOLINK, "the link is detached"));
	close(link);
	close(map);
	close(other);

	/* a value that TCP finds incomplete, before any link */
	value_init(&v, &tcp);
	value_name(&v, "t_why");
	map = create_for_links();
	ASSERT_LE(0, map);
	EXPECT_EQ(-EINVAL, map_update(map, 0, v.bytes, 0));
	EXPECT_TRUE(said("update", "-", -EINVAL, "the type's validate refuses the value"));
	close(map);
}

/* what is chosen freely is no way to write a line of the list */
TEST_F(why, words_of_others)
{
	union bpf_attr attr;

	create_attr(&attr, &tcp);
	attr.value_size++;
	memcpy(attr.map_name, "a b", 3);
	sys_bpf(BPF_MAP_CREATE, &attr);
	ASSERT_EQ(0, slurp(REFUSED, text, sizeof(text)));
	EXPECT_NULL(strstr(text, "a b"));
	memcpy(attr.map_name, "\n1", 2);
	sys_bpf(BPF_MAP_CREATE, &attr);
	ASSERT_EQ(0, slurp(REFUSED, text, sizeof(text)));
	EXPECT_NULL(strstr(text, "\n1 "));
}

/* it holds for those without CAP_BPF, who were handed the map */
TEST_F(why, jit_limit)
{
	static const char limit[] = "/proc/sys/net/core/bpf_jit_limit";
	int prog = sops_prog(&tcp, "ssthresh", 2), status;
	char was[32];
	pid_t pid;

	ASSERT_LE(0, prog);
	ASSERT_EQ(0, slurp(limit, was, sizeof(was)));
	value_set(&self->v, "ssthresh", prog);
	ASSERT_EQ(0, spit(limit, "1"));
	pid = fork();
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(0);
		_exit(-update(self));
	}
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, spit(limit, was));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(EPERM, WEXITSTATUS(status));
	EXPECT_NE(NULL, strstr(last(), "net.core.bpf_jit_limit"));
	close(prog);
}

TEST_F(why, create)
{
	union bpf_attr attr;

	create_attr(&attr, &tcp);
	attr.value_size++;
	EXPECT_EQ(-EINVAL, sys_bpf(BPF_MAP_CREATE, &attr));
	EXPECT_TRUE(said("create", "-", -EINVAL,
			 "value_size is not the size of the type's value"));
	EXPECT_TRUE(file_has(TRACING "trace", " created: map="));
}

/* more than there is room for: the last ones stay, and no more than those */
TEST_F(why, bounded)
{
	int i, lines = 0;
	char *at;

	for (i = 0; i < 3 * KEPT; i++)
		ASSERT_EQ(-E2BIG, map_update(self->map, 1, self->v.bytes, 0));
	ASSERT_EQ(-EINVAL, map_update(self->map, 0, self->v.bytes, 1));
	ASSERT_EQ(0, slurp(REFUSED, text, sizeof(text)));
	for (at = text; (at = strchr(at, '\n')); at++)
		lines++;
	EXPECT_EQ(1 + KEPT, lines);
	EXPECT_TRUE(said("update", "-", -EINVAL, "flags must be zero"));
}

TEST_F(why, root_only)
{
	int status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(2);
		_exit(open(REFUSED, O_RDONLY) >= 0 || errno != EACCES);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
