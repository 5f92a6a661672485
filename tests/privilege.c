// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what: every operation by everybody, on the kernel's own maps with
 * the module absent, then on ours. The answers are the same, errno for errno,
 * but for the differences that are listed here.
 */
#include "newer.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* commands of bpf(2), and a flag: 6.9 and 7.0 */
#define TOKEN_CREATE		36
#define PROG_ASSOC_STRUCT_OPS	38
#define F_TOKEN_FD		(1U << 16)

#define UNPRIV	"/proc/sys/kernel/unprivileged_bpf_disabled"

enum who {
	ROOT, NO_BPF, NO_PERFMON, NO_NET_ADMIN, NO_CAPS, NOBODY, USERNS,
	TOKEN, READER, WRITER, NR_WHO,
};

static const char *const whos[] = {
	[ROOT] = "root",
	[NO_BPF] = "no CAP_BPF",
	[NO_PERFMON] = "no CAP_PERFMON",
	[NO_NET_ADMIN] = "no CAP_NET_ADMIN",
	[NO_CAPS] = "no capability",
	[NOBODY] = "nobody",
	[USERNS] = "root of a userns",
	[TOKEN] = "userns with token",
	[READER] = "read-only fd",
	[WRITER] = "write-only fd",
};

/* those that change the map they act on come last */
enum op {
	CREATE, PROG_LOAD, LOOKUP, NEXT_KEY, INFO, FREEZE, PIN, BY_ID, GET_PIN,
	ASSOC, LINK_CREATE, LINK_UPDATE, LINK_DETACH, UPDATE, DELETE, NR_OPS,
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
	[ASSOC] = "associate",
	[LINK_CREATE] = "link create",
	[LINK_UPDATE] = "link update",
	[LINK_DETACH] = "link detach",
};

/* where ours answers otherwise on purpose */
static const struct difference {
	enum who who;
	enum op op;
	int kernels, ours;
	const char *why;
} differences[] = {
	{ READER, LINK_CREATE, 0, -EPERM, "registering is writing" },
	{ READER, LINK_UPDATE, 0, -EPERM, "registering is writing" },
};

/* what an operation acts on, made by root beforehand */
struct target {
	struct sops_value value;
	int map, idle;		/* registered; not yet */
	int link, from, to;	/* a link, its map, one it can be moved to */
	int unlinked;		/* a map without a link */
	int prog;		/* one that can go with a map */
	int token;		/* for who has one */
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

/* shared with the process that acts */
struct hands {
	int ret, fs;
	atomic_int step;
};

static void await(struct hands *h, int step)
{
	while (h->step < step)
		usleep(1000);
}

/* a user namespace's own bpffs, to which root delegates; and a token from it */
static int token_create(struct hands *h)
{
	union bpf_attr attr = {};
	int err, mnt;

	h->fs = fsopen("bpf", FSOPEN_CLOEXEC);
	h->step = 1;
	await(h, 2);
	/* the mount is a path, the command wants it opened */
	mnt = fsmount(h->fs, FSMOUNT_CLOEXEC, 0);
	*sops_word(&attr, 4) = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = sys_bpf(TOKEN_CREATE, &attr);
	target.token = err;
	return err < 0 ? err : 0;
}

static void token_delegate(struct hands *h, pid_t pid)
{
	static const char *const what[] = {
		"delegate_cmds", "delegate_maps", "delegate_progs", "delegate_attachs",
	};
	int pidfd, fs;
	size_t i;

	await(h, 1);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	fs = syscall(SYS_pidfd_getfd, pidfd, h->fs, 0);
	for (i = 0; i < ARRAY_SIZE(what); i++)
		fsconfig(fs, FSCONFIG_SET_STRING, what[i], "any", 0);
	fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	close(fs);
	close(pidfd);
	h->step = 2;
}

/* older kernels do not know the command */
static bool tokens(void)
{
	union bpf_attr attr = {};

	*sops_word(&attr, 4) = -1;
	return sys_bpf(TOKEN_CREATE, &attr) == -EBADF;
}

static int become(enum who who, struct hands *h)
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
	case TOKEN:
		if (setresgid(65534, 65534, 65534) ||
		    setresuid(65534, 65534, 65534) ||
		    unshare(CLONE_NEWUSER | CLONE_NEWNS)) {
			h->step = 1;
			return -errno;
		}
		return token_create(h);
	case READER:
	case WRITER:
		flags = who == READER ? BPF_F_RDONLY : BPF_F_WRONLY;
		target.map = reopen(target.map, flags);
		target.idle = reopen(target.idle, flags);
		target.to = reopen(target.to, flags);
		target.unlinked = reopen(target.unlinked, flags);
		return 0;
	default:
		return 0;
	}
}

static int create(void)
{
	union bpf_attr attr;

	create_attr(&attr, &tcp);
	if (target.token) {
		attr.map_flags |= F_TOKEN_FD;
		*sops_word(&attr, 76) = target.token;
	}
	return sys_bpf(BPF_MAP_CREATE, &attr);
}

static int prog_load(void)
{
	struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	/* longer than the attributes of Debian 12 */
	union {
		union bpf_attr attr;
		char bytes[148];
	} a = {};
	struct sops_member m;

	if (!target.token)
		return sops_prog(&tcp, "init", 0);
	if (sops_member(&tcp, "init", &m))
		return -EDOM;
	a.attr.prog_type = BPF_PROG_TYPE_STRUCT_OPS;
	a.attr.insns = (uintptr_t)insns;
	a.attr.insn_cnt = 2;
	a.attr.license = (uintptr_t)"GPL";
	a.attr.prog_flags = F_TOKEN_FD;
	a.attr.attach_btf_id = tcp.id;
	a.attr.expected_attach_type = m.index;
	*sops_word(&a, 144) = target.token;
	return syscall(__NR_bpf, BPF_PROG_LOAD, &a, sizeof(a)) < 0 ? -errno : 0;
}

static int act(enum op op)
{
	struct bpf_map_info info;
	union bpf_attr attr = {};
	struct sops_value v;
	__u32 next;

	switch (op) {
	case CREATE:
		return create();
	case PROG_LOAD:
		return prog_load();
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
	case ASSOC:
		*sops_word(&attr, 0) = target.map;
		*sops_word(&attr, 4) = target.prog;
		return sys_bpf(PROG_ASSOC_STRUCT_OPS, &attr);
	case LINK_CREATE:
		return link_create(target.unlinked);
	case LINK_UPDATE:
		return link_update(target.link, target.to);
	case LINK_DETACH:
		return link_detach(target.link);
	default:
		return -EDOM;
	}
}

/* a map for links, where the kernel has them */
static int link_map(const char *name)
{
	struct sops_value v;

	ca_value(&v, name);
	return ca_map(&v, SOPS_F_LINK);
}

/* made by root, for one of the others to act on */
static int target_make(void)
{
	struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SYSCALL,
		.insns = (uintptr_t)insns,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
		.prog_flags = BPF_F_SLEEPABLE,
	};
	struct bpf_map_info info;

	target.prog = sys_bpf(BPF_PROG_LOAD, &attr);
	target.from = link_map("t_priv3");
	target.to = link_map("t_priv3");
	target.unlinked = link_map("t_priv4");
	target.link = target.from < 0 ? -1 : link_create(target.from);
	if (target.prog < 0 || (target.from >= 0 && target.link < 0))
		return -EDOM;
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
	close(target.link);
	close(target.from);
	close(target.to);
	close(target.unlinked);
	close(target.prog);
	close(target.map);
	close(target.idle);
}

/* a process for each operation, which becomes somebody and acts */
static int act_as(enum who who, enum op op)
{
	int status, err;
	struct hands *h;
	pid_t pid;

	h = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		 -1, 0);
	if (h == MAP_FAILED)
		return -EDOM;
	h->ret = -EDOM;
	pid = fork();
	if (!pid) {
		h->ret = become(who, h) ? -EDOM : act(op);
		_exit(0);
	}
	if (who == TOKEN)
		token_delegate(h, pid);
	waitpid(pid, &status, 0);
	err = h->ret > 0 ? 0 : h->ret;
	munmap(h, 4096);
	return err;
}

static int answers[2][NR_WHO][NR_OPS];

/* Where the kernel has no links ours are the newest one's: who has an fd may. */
static bool is_link(enum op op)
{
	return op == LINK_CREATE || op == LINK_UPDATE || op == LINK_DETACH;
}

static int fill(int which)
{
	enum who who;
	enum op op;
	int err;

	for (who = 0; who < NR_WHO; who++) {
		if (who == TOKEN && !tokens())
			continue;
		err = target_make();
		for (op = 0; op < NR_OPS; op++)
			answers[which][who][op] = target.from < 0 && is_link(op) ?
				0 : act_as(who, op);
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

static bool on_purpose(enum who who, enum op op, int kernels, int ours)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(differences); i++)
		if (differences[i].who == who && differences[i].op == op &&
		    differences[i].kernels == kernels && differences[i].ours == ours)
			return true;
	return false;
}

static void compare(struct __test_metadata *_metadata)
{
	int same = 0, listed = 0, other = 0;
	enum who who;
	enum op op;

	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, fill(0));
	ASSERT_EQ(0, sops_insmod());
	ASSERT_EQ(0, fill(1));

	for (who = 0; who < NR_WHO; who++) {
		if (who == TOKEN && !tokens())
			continue;
		for (op = 0; op < NR_OPS; op++) {
			int kernels = answers[0][who][op];
			int ours = answers[1][who][op];

			TH_LOG("%-18s %-12s %-8s %s", whos[who], ops[op],
			       text(kernels), ours == kernels ? "same" : text(ours));
			EXPECT_NE(-EDOM, kernels);
			EXPECT_NE(-EDOM, ours);
			if (kernels == ours)
				same++;
			else if (on_purpose(who, op, kernels, ours))
				listed++;
			else
				other++;
		}
	}
	EXPECT_EQ(0, other);
	TH_LOG("count: privilege: %d operations by others, %d answered as the kernel's own, %d otherwise on purpose, %d otherwise",
	       same + listed + other, same, listed, other);
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
