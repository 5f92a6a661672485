// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what: every operation by everybody, on the kernel's own maps with
 * the module absent, then on ours. The answers are to be the same, or stricter.
 */
#include "sops.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <kselftest_harness.h>

#define UNPRIV	"/proc/sys/kernel/unprivileged_bpf_disabled"

enum who {
	ROOT, NO_BPF, NO_PERFMON, NO_NET_ADMIN, NO_CAPS, NOBODY, USERNS,
	READER, WRITER, NR_WHO,
};

static const char *const whos[] = {
	[ROOT] = "root",
	[NO_BPF] = "no CAP_BPF",
	[NO_PERFMON] = "no CAP_PERFMON",
	[NO_NET_ADMIN] = "no CAP_NET_ADMIN",
	[NO_CAPS] = "no capability",
	[NOBODY] = "nobody",
	[USERNS] = "root of a userns",
	[READER] = "read-only fd",
	[WRITER] = "write-only fd",
};

/* those that change the map they act on come last */
enum op {
	CREATE, PROG_LOAD, LOOKUP, NEXT_KEY, INFO, FREEZE, PIN, BY_ID, GET_PIN,
	UPDATE, DELETE, NR_OPS,
};

static const char *const ops[] = {
	[CREATE] = "create",
	[PROG_LOAD] = "program load",
	[UPDATE] = "update",
	[LOOKUP] = "lookup",
	[NEXT_KEY] = "next key",
	[DELETE] = "delete",
	[INFO] = "info",
	[FREEZE] = "freeze",
	[PIN] = "pin",
	[BY_ID] = "fd by id",
	[GET_PIN] = "fd by pin",
};

/* what an operation acts on, made by root beforehand */
struct target {
	struct sops_value value;
	int map, idle;		/* registered; not yet */
	__u32 id;
	char dir[32], pin[64], other[64];
};

static struct target target;

/* without any of @caps, now and after */
static int drop(__u64 caps)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	int i;

	if (syscall(SYS_capget, &head, data))
		return -errno;
	for (i = 0; i < 2; i++) {
		data[i].effective &= ~(caps >> i * 32);
		data[i].permitted &= ~(caps >> i * 32);
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

#define CAP(n)	(1ULL << CAP_##n)

static int reopen(int map, __u32 flags)
{
	union bpf_attr attr = {};
	struct bpf_map_info info;

	if (map_info(map, &info))
		return -1;
	attr.map_id = info.id;
	attr.open_flags = flags;
	return sys_bpf(BPF_MAP_GET_FD_BY_ID, &attr);
}

static int become(enum who who)
{
	__u32 flags;

	switch (who) {
	case NO_BPF:
		return drop(CAP(BPF) | CAP(SYS_ADMIN));
	case NO_PERFMON:
		return drop(CAP(PERFMON) | CAP(SYS_ADMIN));
	case NO_NET_ADMIN:
		return drop(CAP(NET_ADMIN) | CAP(SYS_ADMIN));
	case NO_CAPS:
		return drop(~0ULL);
	case NOBODY:
		return setresgid(65534, 65534, 65534) ||
		       setresuid(65534, 65534, 65534) ? -errno : 0;
	case USERNS:
		if (setresgid(65534, 65534, 65534) ||
		    setresuid(65534, 65534, 65534))
			return -errno;
		return unshare(CLONE_NEWUSER) ? -errno : 0;
	case READER:
	case WRITER:
		flags = who == READER ? BPF_F_RDONLY : BPF_F_WRONLY;
		target.map = reopen(target.map, flags);
		target.idle = reopen(target.idle, flags);
		return 0;
	default:
		return 0;
	}
}

static int act(enum op op)
{
	struct bpf_map_info info;
	union bpf_attr attr = {};
	struct sops_value v;
	__u32 next;

	switch (op) {
	case CREATE:
		return sops_create(&tcp);
	case PROG_LOAD:
		return sops_prog(&tcp, "init", 0);
	case UPDATE:
		return map_update(target.idle, 0, target.value.bytes, 0);
	case LOOKUP:
		return map_lookup(target.map, 0, v.bytes);
	case NEXT_KEY:
		return map_next_key(target.map, NULL, &next);
	case DELETE:
		return map_delete(target.map, 0);
	case INFO:
		return map_info(target.map, &info);
	case FREEZE:
		attr.map_fd = target.idle;
		return sys_bpf(BPF_MAP_FREEZE, &attr);
	case PIN:
		return obj_pin(target.map, target.other);
	case BY_ID:
		return map_by_id(target.id);
	case GET_PIN:
		attr.pathname = (uintptr_t)target.pin;
		return sys_bpf(BPF_OBJ_GET, &attr);
	default:
		return -EDOM;
	}
}

/* made by root, for one of the others to act on */
static int target_make(void)
{
	struct bpf_map_info info;

	target.map = ca_register("t_priv");
	target.idle = sops_create(&tcp);
	if (target.map < 0 || target.idle < 0 || map_info(target.map, &info))
		return -EDOM;
	target.id = info.id;
	ca_value(&target.value, "t_priv2");
	strcpy(target.dir, "/tmp/t_priv.XXXXXX");
	if (!mkdtemp(target.dir) || chmod(target.dir, 0755) ||
	    mount("bpf", target.dir, "bpf", 0, "mode=0777"))
		return -EDOM;
	snprintf(target.pin, sizeof(target.pin), "%s/map", target.dir);
	snprintf(target.other, sizeof(target.other), "%s/new", target.dir);
	return obj_pin(target.map, target.pin);
}

static void target_clear(void)
{
	umount(target.dir);
	rmdir(target.dir);
	map_delete(target.map, 0);
	map_delete(target.idle, 0);
	close(target.map);
	close(target.idle);
}

/* a process for each operation, which becomes somebody and acts */
static int act_as(enum who who, enum op op)
{
	int status, err;
	int *ret;
	pid_t pid;

	ret = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		   -1, 0);
	if (ret == MAP_FAILED)
		return -EDOM;
	*ret = -EDOM;
	pid = fork();
	if (!pid) {
		*ret = become(who) ? -EDOM : act(op);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	err = *ret > 0 ? 0 : *ret;
	munmap(ret, 4096);
	return err;
}

static int answers[2][NR_WHO][NR_OPS];

static int fill(int which)
{
	enum who who;
	enum op op;
	int err;

	for (who = 0; who < NR_WHO; who++) {
		err = target_make();
		for (op = 0; op < NR_OPS; op++)
			answers[which][who][op] = act_as(who, op);
		target_clear();
		if (err)
			return err;
	}
	return 0;
}

static const char *text(int err)
{
	return err ? strerrorname_np(-err) ?: "524" : "ok";
}

FIXTURE(privilege) {
	char unpriv[8];
};

FIXTURE_SETUP(privilege)
{
	struct sops_value v;

	ASSERT_EQ(0, sops_setup());
	ca_value(&v, "t_priv");
	ASSERT_EQ(0, sops_wait_empty());
	slurp(UNPRIV, self->unpriv, sizeof(self->unpriv));
}

FIXTURE_TEARDOWN(privilege)
{
	spit(UNPRIV, self->unpriv);
	if (mod_loaded("struct_ops")) {
		EXPECT_EQ(0, sops_wait_empty());
		EXPECT_EQ(0, sops_rmmod());
	}
}

static void compare(struct __test_metadata *_metadata)
{
	int same = 0, stricter = 0, looser = 0;
	enum who who;
	enum op op;

	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, fill(0));
	ASSERT_EQ(0, sops_insmod());
	ASSERT_EQ(0, fill(1));

	for (who = 0; who < NR_WHO; who++) {
		for (op = 0; op < NR_OPS; op++) {
			int kernels = answers[0][who][op];
			int ours = answers[1][who][op];

			TH_LOG("%-18s %-12s %-8s %s", whos[who], ops[op],
			       text(kernels), ours == kernels ? "same" : text(ours));
			EXPECT_NE(-EDOM, kernels);
			EXPECT_NE(-EDOM, ours);
			if (kernels == ours)
				same++;
			else if (!kernels || ours)
				stricter++;
			else
				looser++;
		}
	}
	/* whoever has every right must get what the kernel gives */
	for (op = 0; op < NR_OPS; op++)
		EXPECT_EQ(answers[0][ROOT][op], answers[1][ROOT][op]);
	EXPECT_EQ(0, looser);
	TH_LOG("count: privilege: %d operations by others, %d answered as the kernel's own, %d stricter, %d looser",
	       same + stricter + looser, same, stricter, looser);
}

TEST_F_TIMEOUT(privilege, bpf_for_all, 600)
{
	if (spit(UNPRIV, "0"))
		SKIP(return, "kernel.unprivileged_bpf_disabled cannot be switched off any more");
	compare(_metadata);
}

TEST_F_TIMEOUT(privilege, bpf_for_the_privileged, 600)
{
	if (spit(UNPRIV, "2"))
		SKIP(return, "kernel.unprivileged_bpf_disabled cannot be changed any more");
	compare(_metadata);
}

TEST_HARNESS_MAIN
