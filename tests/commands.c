// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands of bpf() that name a map or a link of ours, as user space can write
 * them: sizes, tails, flags, fds of all kinds, memory that is not there; by the
 * 32-bit entry and by a BPF program; and that others' commands are as ever.
 *
 * Where the kernel has no links of maps (before 6.4) the module stands in for
 * its syscall; the answers are the newest kernel's everywhere.
 */
#include "modtype.h"
#include "newer.h"
#include "trace.h"

#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NAME	"t_command"
#define PAGE	4096

/* as user space lays them out, with room for what no kernel knows */
struct words {
	__u32 w[2 * PAGE / 4];
};

static long raw(int cmd, const void *attr, unsigned int size)
{
	long ret = syscall(__NR_bpf, cmd, attr, size);

	return ret < 0 ? -errno : ret;
}

static int ready(int ssthresh)
{
	return ca_link_map(NAME, ssthresh);
}

/* a program of another kind: it lets everything pass */
static int xdp_prog(void)
{
	struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)"GPL",
	};

	return sys_bpf(BPF_PROG_LOAD, &attr);
}

FIXTURE(commands) {
	int map, other, xdp;
	struct words *a;
};

FIXTURE_SETUP(commands)
{
	ASSERT_EQ(0, sops_setup());
	ASSERT_EQ(0, sops_setup_net());
	self->map = ready(2);
	self->other = ready(3);
	self->xdp = xdp_prog();
	ASSERT_LE(0, self->map);
	ASSERT_LE(0, self->other);
	ASSERT_LE(0, self->xdp);
	ASSERT_TRUE(sops_ours(self->map));
	self->a = calloc(1, sizeof(*self->a));
	ASSERT_NE(NULL, self->a);
}

FIXTURE_TEARDOWN(commands)
{
	free(self->a);
	close(self->map);
	close(self->other);
	close(self->xdp);
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_FALSE(ca_available(NAME));
}

/* the words of LINK_CREATE and of LINK_UPDATE */
enum { MAP_FD = 0, ATTACH_TYPE = 2, FLAGS = 3 };
enum { LINK_FD = 0, NEW_MAP_FD = 1, UPDATE_FLAGS = 2, OLD_MAP_FD = 3 };

/* closes the link of a command that is to succeed */
#define EXPECT_LINK(call) do {						\
	int __link = (call);						\
									\
	EXPECT_LE(0, __link);						\
	EXPECT_TRUE(ca_available(NAME));				\
	close(__link);							\
	EXPECT_TRUE(sops_wait(!ca_available(NAME)));			\
} while (0)

/* not zero behind all that the kernel knows, or that the command does */
#define EXPECT_TAIL(call) do {						\
	long __err = (call);						\
									\
	EXPECT_TRUE(__err == -E2BIG || __err == -EINVAL) TH_LOG("%ld", __err); \
} while (0)

TEST_F(commands, sizes_and_tails_of_link_create)
{
	__u32 *w = self->a->w;
	int i;

	w[MAP_FD] = self->map;
	w[ATTACH_TYPE] = SOPS_ATTACH_TYPE;
	EXPECT_EQ(-E2BIG, raw(BPF_LINK_CREATE, w, PAGE + 1));
	EXPECT_EQ(-EINVAL, raw(BPF_LINK_CREATE, w, 8));
	EXPECT_GT(0, raw(BPF_LINK_CREATE, w, 0));
	EXPECT_LINK(raw(BPF_LINK_CREATE, w, 12));
	EXPECT_LINK(raw(BPF_LINK_CREATE, w, 16));
	EXPECT_LINK(raw(BPF_LINK_CREATE, w, 144));
	EXPECT_LINK(raw(BPF_LINK_CREATE, w, PAGE));
	for (i = 64; i < PAGE; i = i * 2 - 1) {
		((char *)w)[i] = 1;
		EXPECT_TAIL(raw(BPF_LINK_CREATE, w, PAGE));
		((char *)w)[i] = 0;
	}
	EXPECT_FALSE(ca_available(NAME));
	EXPECT_EQ(-EFAULT, raw(BPF_LINK_CREATE, NULL, 144));
	EXPECT_EQ(-EFAULT, raw(BPF_LINK_CREATE, (void *)0xffff888000000000, 144));
}

TEST_F(commands, fds_of_link_create)
{
	int prog = sops_prog(&tcp, "ssthresh", 2), array = sops_array(8);
	__u32 *w = self->a->w, i;

	w[ATTACH_TYPE] = SOPS_ATTACH_TYPE;
	w[MAP_FD] = self->xdp;
	EXPECT_EQ(-EINVAL, raw(BPF_LINK_CREATE, w, 144));
	w[MAP_FD] = prog;
	EXPECT_EQ(-EINVAL, raw(BPF_LINK_CREATE, w, 144));
	w[MAP_FD] = array;
	EXPECT_EQ(-EINVAL, raw(BPF_LINK_CREATE, w, 144));
	w[MAP_FD] = 1;
	EXPECT_EQ(-EINVAL, raw(BPF_LINK_CREATE, w, 144));
	w[MAP_FD] = -1;
	EXPECT_EQ(-EBADF, raw(BPF_LINK_CREATE, w, 144));
	/* of all types of attachments it is the one */
	w[MAP_FD] = self->map;
	for (i = 0; i < 70; i++) {
		w[ATTACH_TYPE] = i;
		if (i == SOPS_ATTACH_TYPE)
			continue;
		EXPECT_GT(0, raw(BPF_LINK_CREATE, w, 144)) TH_LOG("type %u", i);
	}
	for (i = 0; i < 32; i++) {
		w[ATTACH_TYPE] = SOPS_ATTACH_TYPE;
		w[FLAGS] = 1U << i;
		EXPECT_EQ(-EINVAL, raw(BPF_LINK_CREATE, w, 144));
	}
	EXPECT_FALSE(ca_available(NAME));
	close(prog);
	close(array);
}

TEST_F(commands, link_update)
{
	__u32 *w = self->a->w;
	int link = link_create(self->map), i;

	ASSERT_LE(0, link);
	w[LINK_FD] = link;
	w[NEW_MAP_FD] = self->other;
	EXPECT_EQ(-E2BIG, raw(BPF_LINK_UPDATE, w, PAGE + 1));
	for (i = 16; i < PAGE; i = i * 2 - 1) {
		((char *)w)[i] = 1;
		EXPECT_TAIL(raw(BPF_LINK_UPDATE, w, PAGE));
		((char *)w)[i] = 0;
	}
	EXPECT_EQ(map_id(self->map), link_map_id(link));
	EXPECT_EQ(0, raw(BPF_LINK_UPDATE, w, 8));
	EXPECT_EQ(map_id(self->other), link_map_id(link));
	w[NEW_MAP_FD] = self->map;
	EXPECT_EQ(0, raw(BPF_LINK_UPDATE, w, PAGE));
	EXPECT_EQ(map_id(self->map), link_map_id(link));

	w[NEW_MAP_FD] = self->xdp;
	EXPECT_EQ(-EINVAL, raw(BPF_LINK_UPDATE, w, 32));
	w[NEW_MAP_FD] = 4095;
	EXPECT_EQ(-EBADF, raw(BPF_LINK_UPDATE, w, 32));
	w[NEW_MAP_FD] = self->other;
	w[OLD_MAP_FD] = self->map;
	EXPECT_EQ(-EINVAL, raw(BPF_LINK_UPDATE, w, 32));
	w[UPDATE_FLAGS] = BPF_F_REPLACE;
	w[OLD_MAP_FD] = self->xdp;
	EXPECT_EQ(-EINVAL, raw(BPF_LINK_UPDATE, w, 32));
	w[OLD_MAP_FD] = self->map;
	EXPECT_EQ(0, raw(BPF_LINK_UPDATE, w, 16));
	EXPECT_EQ(map_id(self->other), link_map_id(link));
	w[LINK_FD] = self->map;
	EXPECT_EQ(-EINVAL, raw(BPF_LINK_UPDATE, w, 16));
	w[LINK_FD] = 4095;
	EXPECT_EQ(-EBADF, raw(BPF_LINK_UPDATE, w, 16));
	close(link);
}

TEST_F(commands, map_create)
{
	union bpf_attr attr;
	int bit, map;

	for (bit = 0; bit < 32; bit++) {
		create_attr(&attr, &tcp);
		attr.map_flags = 1U << bit;
		map = sys_bpf(BPF_MAP_CREATE, &attr);
		if (attr.map_flags == SOPS_F_LINK) {
			EXPECT_LE(0, map);
		} else {
			EXPECT_GT(0, map) TH_LOG("bit %d", bit);
		}
		if (map >= 0)
			close(map);
	}
	/* both bits, and an fd that is none of BTF */
	create_attr(&attr, &tcp);
	attr.map_flags = SOPS_F_LINK | SOPS_F_VTYPE_BTF_OBJ_FD;
	sops_attr_vtype_fd(&attr) = 4095;
	EXPECT_EQ(-EBADF, sys_bpf(BPF_MAP_CREATE, &attr));
	sops_attr_vtype_fd(&attr) = self->map;
	EXPECT_EQ(-EINVAL, sys_bpf(BPF_MAP_CREATE, &attr));
	/* without its flag: of no matter to who knows the word, one too many to others */
	attr.map_flags = SOPS_F_LINK;
	map = sys_bpf(BPF_MAP_CREATE, &attr);
	if (map >= 0)
		close(map);
	else
		EXPECT_EQ(-EINVAL, map);
	/* an id that no type has, flags or not */
	for (bit = 0; bit < 2; bit++) {
		create_attr(&attr, &tcp);
		attr.map_flags = bit ? SOPS_F_LINK : 0;
		attr.numa_node = SOPS_F_LINK;
		attr.btf_vmlinux_value_type_id |= 1U << 31;
		EXPECT_EQ(-SOPS_ENOTSUPP, sys_bpf(BPF_MAP_CREATE, &attr));
	}
	/* words that mean nothing here change nothing */
	create_attr(&attr, &tcp);
	attr.numa_node = SOPS_F_LINK;
	map = sys_bpf(BPF_MAP_CREATE, &attr);
	EXPECT_LE(0, map);
	EXPECT_EQ(-EINVAL, link_create(map));
	close(map);
	/* the flags are of this kind of maps */
	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = attr.value_size = 4;
	attr.max_entries = 1;
	attr.map_flags = SOPS_F_VTYPE_BTF_OBJ_FD;
	EXPECT_GT(0, sys_bpf(BPF_MAP_CREATE, &attr));
}

static int info(int fd, void *buf, __u32 *len)
{
	union bpf_attr attr = {
		.info = { .bpf_fd = fd, .info_len = *len, .info = (uintptr_t)buf },
	};
	int err = sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);

	*len = attr.info.info_len;
	return err;
}

TEST_F(commands, info)
{
	int link = link_create(self->map);
	__u32 *w = self->a->w, len;

	ASSERT_LE(0, link);
	/* of a map: as far as there is room */
	len = 80;
	EXPECT_EQ(0, info(self->map, w, &len));
	EXPECT_EQ(80, len);
	EXPECT_EQ(SOPS_F_LINK, w[5]);
	EXPECT_EQ(1, sops_info_vmlinux_id(w));
	memset(w, 0, 256);
	len = 76;
	EXPECT_EQ(0, info(self->map, w, &len));
	EXPECT_EQ(76, len);
	EXPECT_EQ(0, sops_info_vmlinux_id(w));
	len = 80;
	EXPECT_EQ(-EFAULT, info(self->map, (void *)8, &len));

	/* of a link */
	memset(w, 0, 256);
	len = 8;
	EXPECT_EQ(0, info(link, w, &len));
	EXPECT_EQ(8, len);
	EXPECT_EQ(9, w[0]);			/* BPF_LINK_TYPE_STRUCT_OPS */
	EXPECT_EQ(0, sops_info_map_id(w));
	len = 20;
	EXPECT_EQ(0, info(link, w, &len));
	EXPECT_EQ(map_id(self->map), sops_info_map_id(w));
	memset(w, 0, PAGE);
	((char *)w)[PAGE - 1] = 1;
	len = PAGE;
	EXPECT_EQ(-E2BIG, info(link, w, &len));
	len = 20;
	EXPECT_EQ(-EFAULT, info(link, (void *)8, &len));
	close(link);
}

/* attributes that nobody has read yet: their page comes with the first look */
TEST_F(commands, memory_that_is_not_there_yet)
{
	int mem = memfd_create("attr", 0), link = -1, cmd;
	__u32 *w = self->a->w;
	char *at;

	ASSERT_EQ(0, ftruncate(mem, 2 * PAGE));
	for (cmd = 0; cmd < 3; cmd++) {
		at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, mem, 0);
		ASSERT_NE(MAP_FAILED, at);
		if (cmd == 0) {
			w[MAP_FD] = self->map;
			w[ATTACH_TYPE] = SOPS_ATTACH_TYPE;
			ASSERT_EQ(16, pwrite(mem, w, 16, PAGE - 16));
			link = raw(BPF_LINK_CREATE, at + PAGE - 16, 144);
			ASSERT_LE(0, link);
		} else if (cmd == 1) {
			w[LINK_FD] = link;
			w[NEW_MAP_FD] = self->other;
			w[UPDATE_FLAGS] = w[OLD_MAP_FD] = 0;
			ASSERT_EQ(16, pwrite(mem, w, 16, PAGE - 16));
			EXPECT_EQ(0, raw(BPF_LINK_UPDATE, at + PAGE - 16, 144));
			EXPECT_EQ(map_id(self->other), link_map_id(link));
		} else {
			/* and across the end of what there is */
			munmap(at + PAGE, PAGE);
			EXPECT_EQ(-EFAULT, raw(BPF_LINK_UPDATE, at + PAGE - 16, 144));
			EXPECT_EQ(0, raw(BPF_LINK_UPDATE, at + PAGE - 16, 16));
		}
		munmap(at, 2 * PAGE);
	}
	close(link);
	close(mem);
}

/* links of other kinds, and what they are told */
TEST_F(commands, of_others)
{
	int second = xdp_prog(), link, lo = if_nametoindex("lo");
	__u32 *w = self->a->w, len = 64;

	w[0] = self->xdp;
	w[1] = lo;
	w[ATTACH_TYPE] = BPF_XDP;
	link = raw(BPF_LINK_CREATE, w, 144);
	ASSERT_LE(0, link);
	EXPECT_EQ(0, link_update(link, second));
	EXPECT_EQ(-EINVAL, link_update(link, self->map));
	EXPECT_EQ(-EBADF, link_update(link, 4095));
	EXPECT_EQ(0, info(link, w, &len));
	EXPECT_EQ(BPF_LINK_TYPE_XDP, w[0]);
	EXPECT_EQ(0, link_detach(link));
	close(link);
	memset(w, 0, 64);
	w[0] = self->xdp;
	w[1] = lo;
	w[ATTACH_TYPE] = BPF_XDP;
	w[FLAGS] = 0xf0000000;
	EXPECT_EQ(-EINVAL, raw(BPF_LINK_CREATE, w, 144));
	w[FLAGS] = 0;
	((char *)w)[143] = 1;
	EXPECT_EQ(-EINVAL, raw(BPF_LINK_CREATE, w, 144));
	EXPECT_EQ(-EINVAL, raw(1000, w, 64));
	close(second);
}

/* how often it was called by one call of ours; looking is one more each time */
#define EXPECT_ASKED_ONCE(array, call) do {				\
	__u64 __before, __after;					\
									\
	ASSERT_EQ(0, map_lookup(array, 0, &__before));			\
	call;								\
	ASSERT_EQ(0, map_lookup(array, 0, &__after));			\
	EXPECT_EQ(2, __after - __before) TH_LOG(#call);			\
} while (0)

TEST_F(commands, security_modules_are_asked_once)
{
	int array, asked, link, xdp;
	__u32 *w = self->a->w;
	union bpf_attr attr = {};
	struct bpf_map_info mi;
	struct bpf_link_info li;

	if (!has_fentry())
		SKIP(return, "this kernel has no fentry for functions of its own");
	array = sops_array(8);
	asked = trace_btf(func_btf_id("security_bpf"), false, array);
	ASSERT_LE(0, asked);
	EXPECT_ASKED_ONCE(array, link = link_create(self->map));
	ASSERT_LE(0, link);
	EXPECT_ASKED_ONCE(array, link_create_flags(self->map, 1));
	EXPECT_ASKED_ONCE(array, link_create(self->xdp));
	EXPECT_ASKED_ONCE(array, link_create(4095));
	EXPECT_ASKED_ONCE(array, link_update(link, self->other));
	EXPECT_ASKED_ONCE(array, link_update(link, self->xdp));
	EXPECT_ASKED_ONCE(array, link_update(4095, self->xdp));
	EXPECT_ASKED_ONCE(array, map_info(self->map, &mi));
	EXPECT_ASKED_ONCE(array, map_info(array, &mi));
	EXPECT_ASKED_ONCE(array, link_info(link, &li));
	attr.link_id = li.id;
	EXPECT_ASKED_ONCE(array, close(sys_bpf(BPF_LINK_GET_FD_BY_ID, &attr)));
	attr.link_id = 0x7ffffff;
	EXPECT_ASKED_ONCE(array, sys_bpf(BPF_LINK_GET_FD_BY_ID, &attr));
	EXPECT_ASKED_ONCE(array, link_detach(link));
	w[0] = self->xdp;
	w[1] = if_nametoindex("lo");
	w[ATTACH_TYPE] = BPF_XDP;
	EXPECT_ASKED_ONCE(array, xdp = raw(BPF_LINK_CREATE, w, 144));
	EXPECT_ASKED_ONCE(array, link_info(xdp, &li));
	EXPECT_ASKED_ONCE(array, link_update(xdp, self->xdp));
	close(xdp);
	close(link);
	close(asked);
	close(array);
}

/* the entry of 32-bit programs, which a 64-bit one can take too on x86 alone */
static long raw32(int cmd, const void *attr, unsigned int size)
{
	long ret = -EOPNOTSUPP;

#ifdef __x86_64__
	asm volatile("int $0x80" : "=a"(ret) : "a"(357), "b"(cmd), "c"(attr), "d"(size)
		     : "memory", "r8", "r9", "r10", "r11");
#endif
	return (int)ret;
}

#ifndef MAP_32BIT
#define MAP_32BIT	0
#endif

/* without CONFIG_IA32_EMULATION it is a fault */
static bool takes_32_bits(void)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(raw32(1000, NULL, 0) != -EINVAL);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

TEST_F(commands, of_32_bits)
{
	__u32 *w = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int link;

	ASSERT_NE(MAP_FAILED, w);
	if (!takes_32_bits())
		SKIP(return, "a 64-bit program cannot call as one of 32 bits does (x86, CONFIG_IA32_EMULATION)");
	w[MAP_FD] = self->map;
	w[ATTACH_TYPE] = SOPS_ATTACH_TYPE;
	w[FLAGS] = 1;
	EXPECT_EQ(-EINVAL, raw32(BPF_LINK_CREATE, w, 144));
	w[FLAGS] = 0;
	link = raw32(BPF_LINK_CREATE, w, 144);
	ASSERT_LE(0, link);
	memset(w, 0, 64);
	w[LINK_FD] = link;
	w[NEW_MAP_FD] = self->other;
	EXPECT_EQ(0, raw32(BPF_LINK_UPDATE, w, 16));
	EXPECT_EQ(map_id(self->other), link_map_id(link));
	munmap(w, PAGE);
	close(link);
}

/* a program that makes one call of bpf() with attributes in an array */
static int caller(int cmd, int array)
{
	struct bpf_insn insns[] = {
		INSN(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_MAP_VALUE, 0, array),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, cmd),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 64),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sys_bpf),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SYSCALL,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)"GPL",
		.prog_flags = BPF_F_SLEEPABLE,
	};

	return sys_bpf(BPF_PROG_LOAD, &attr);
}

static int run_caller(int prog)
{
	union bpf_attr attr = { .test.prog_fd = prog };

	return sys_bpf(BPF_PROG_TEST_RUN, &attr) ?: (int)attr.test.retval;
}

TEST_F(commands, by_a_program)
{
	int array = sops_array(64), prog = caller(BPF_LINK_CREATE, array), link;
	__u32 w[16] = { self->map, 0, SOPS_ATTACH_TYPE, 1 };

	ASSERT_LE(0, prog);
	ASSERT_EQ(0, map_update(array, 0, w, 0));
	EXPECT_EQ(-EINVAL, run_caller(prog));
	w[FLAGS] = 0;
	ASSERT_EQ(0, map_update(array, 0, w, 0));
	link = run_caller(prog);
	EXPECT_LE(0, link);
	EXPECT_TRUE(ca_available(NAME));
	EXPECT_EQ(map_id(self->map), link_map_id(link));
	close(link);
	close(prog);

	/* and a map to be linked, which needs CAP_BPF and no more */
	prog = caller(BPF_MAP_CREATE, array);
	ASSERT_LE(0, prog);
	{
		union bpf_attr attr;

		create_attr(&attr, &tcp);
		attr.map_flags = SOPS_F_LINK;
		/* what it has behind 64 bytes is zero, but for the type's id */
		if (attr.btf_vmlinux_value_type_id &&
		    offsetof(union bpf_attr, btf_vmlinux_value_type_id) + 4 <= 64) {
			ASSERT_EQ(0, map_update(array, 0, &attr, 0));
			link = run_caller(prog);
			EXPECT_LE(0, link);
			EXPECT_TRUE(sops_ours(link));
			close(link);
		}
	}
	close(prog);
	close(array);
}

static atomic_int stop, unexpected;
static atomic_long made, refused, others;
/* does the kernel itself make maps for links? */
static bool native;

/* a map for links now and then: it can be linked, and leaves the module time to go */
static void *linker(void *arg)
{
	struct sops_value v;
	unsigned int seed = 1;
	int map, link;

	ca_value(&v, "t_coming");
	while (!stop) {
		usleep(rand_r(&seed) % 400000);
		map = ca_map(&v, SOPS_F_LINK);
		if (map < 0) {
			if (native || (map != -EINVAL && map != -SOPS_ENOTSUPP))
				unexpected = map;
			refused++;
			continue;
		}
		/* one of the kernel's own would be registered by now, and for good */
		if (!native && !sops_ours(map))
			unexpected = 1;
		made++;
		link = link_create(map);
		if (link < 0)
			unexpected = link;
		else
			close(link);
		close(map);
	}
	return NULL;
}

/* the same, of a size that whoever makes maps refuses, all the time */
static void *knocker(void *arg)
{
	union bpf_attr attr;
	unsigned int seed = 2;
	int err;

	while (!stop) {
		/* inside it holds the module, which is to go some time */
		usleep(rand_r(&seed) % 1000);
		create_attr(&attr, &tcp);
		attr.map_flags = SOPS_F_LINK;
		attr.value_size++;
		err = sys_bpf(BPF_MAP_CREATE, &attr);
		if (err != -EINVAL && err != -SOPS_ENOTSUPP)
			unexpected = err;
		refused++;
	}
	return NULL;
}

/* links of another kind, in the meantime */
static void *bystander(void *arg)
{
	int xdp = *(int *)arg, link;
	struct bpf_link_info info;
	union bpf_attr attr;

	while (!stop) {
		memset(&attr, 0, sizeof(attr));
		attr.link_create.prog_fd = xdp;
		attr.link_create.target_ifindex = if_nametoindex("lo");
		attr.link_create.attach_type = BPF_XDP;
		link = sys_bpf(BPF_LINK_CREATE, &attr);
		if (link < 0 || link_info(link, &info) || info.type != BPF_LINK_TYPE_XDP ||
		    link_update(link, xdp) || link_detach(link))
			unexpected = 2;
		close(link);
		others++;
		usleep(1000);
	}
	return NULL;
}

/*
 * What the module accepts must not be carried out by the kernel, which may not
 * know what it was asked for: 6.1 would make a map that never goes.
 */
TEST_F_TIMEOUT(commands, while_the_module_comes_and_goes, 3600)
{
	static void *(*const work[])(void *) = { bystander, linker, knocker };
	int rounds = sops_param("SOPS_ROUNDS", 5), i, tries;
	pthread_t t[ARRAY_SIZE(work)];
	size_t n;

	native = ksym("bpf_struct_ops_link_create");
	close(self->map);
	close(self->other);
	self->map = self->other = -1;
	for (n = 0; n < ARRAY_SIZE(work); n++)
		pthread_create(&t[n], NULL, work[n], &self->xdp);
	for (i = 0; i < rounds && !unexpected; i++) {
		usleep(50000);
		for (tries = 0; tries < 20000 && mod_unload("struct_ops") == -EAGAIN; tries++)
			usleep(1000);
		ASSERT_FALSE(mod_loaded("struct_ops"));
		usleep(10000);
		ASSERT_EQ(0, sops_insmod());
	}
	EXPECT_TRUE(sops_wait(made && others));
	stop = 1;
	for (n = 0; n < ARRAY_SIZE(work); n++)
		pthread_join(t[n], NULL);
	EXPECT_EQ(0, unexpected);
	EXPECT_TRUE(sops_wait(!ca_available("t_coming")));
	TH_LOG("count: coming and going: %d times, %ld maps for links, %ld refused, %ld other links",
	       i, (long)made, (long)refused, (long)others);
}

TEST_HARNESS_MAIN
