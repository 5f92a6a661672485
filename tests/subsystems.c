// SPDX-License-Identifier: GPL-2.0-only
/*
 * Subsystems other than TCP whose struct_ops types are in the kernel: one
 * program for each, at work. What a kernel does not have is skipped.
 */
#include "newer.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/uhid.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <kselftest_harness.h>

#if __has_include("sched.skel.h")
#define HAVE_SCHED
#include "sched.skel.h"
#endif
#if __has_include("sched_cid.skel.h")
#define HAVE_SCHED_CID
#include "sched_cid.skel.h"
#endif
#if __has_include("qdisc.skel.h")
#define HAVE_QDISC
#include "qdisc.skel.h"
#endif
#if __has_include("hid.skel.h")
#define HAVE_HID
#include "hid.skel.h"
#endif
#if __has_include("uring.skel.h")
#define HAVE_URING
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include "uring.skel.h"
#endif

FIXTURE(subsystems) {
};

FIXTURE_SETUP(subsystems)
{
	ASSERT_EQ(0, sops_setup());
}

FIXTURE_TEARDOWN(subsystems)
{
	EXPECT_EQ(0, sops_wait_empty());
}

/* built without the program for it, but the kernel has the type: no skip */
#define EXPECT_NO_TYPE(name) \
	EXPECT_GT(0, btf__find_by_name_kind(sops_btf(),			\
		"bpf_struct_ops_" name, BTF_KIND_STRUCT))

static bool is(const char *path, const char *want)
{
	char text[128];

	if (slurp(path, text, sizeof(text)))
		return false;
	text[strcspn(text, "\n")] = 0;
	return !strcmp(text, want);
}

/* not by sh: busybox' runs an ip and a modprobe of its own */
#define BASH(script)	"bash -c '" script "' 2>&1"

/* work for a scheduler: some that compute, some that sleep and wake */
static int load(int ms)
{
	int pid[8], i, st, bad = 0;

	for (i = 0; i < 8; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			int n;

			for (n = 0; n < ms; n++) {
				volatile long spin = i % 2 ? 0 : 200000;

				while (spin > 0)
					spin--;
				usleep(1000);
			}
			_exit(0);
		}
	}
	for (i = 0; i < 8; i++)
		if (waitpid(pid[i], &st, 0) != pid[i] || st)
			bad++;
	return bad;
}

#define SCX		"/sys/kernel/sched_ext"
#define EXIT_UNREG	64	/* enum scx_exit_kind */
#define EXIT_ERROR	1024

/* processors that are out of its reach (isolcpus=): it refuses to run beside that */
static bool has_isolated(void)
{
	char cpus[64] = "";

	return !slurp("/sys/devices/system/cpu/isolated", cpus, sizeof(cpus)) && cpus[0] > ' ';
}

#define SKIP_ISOLATED()							\
do {									\
	if (has_isolated())						\
		SKIP(return, "the kernel has no sched_ext beside isolcpus="); \
} while (0)

#ifdef HAVE_SCHED

TEST_F(subsystems, sched_ext)
{
	struct sched_bpf *skel;
	struct bpf_link *link;
	char ops[64];
	__u64 before;

	SKIP_ISOLATED();
	skel = sched_bpf__open_and_load();
	ASSERT_NE(NULL, skel);
	ASSERT_TRUE(is(SCX "/state", "disabled"));
	ASSERT_TRUE(sops_ours(bpf_map__fd(skel->maps.t_sched)));
	link = bpf_map__attach_struct_ops(skel->maps.t_sched);
	ASSERT_NE(NULL, link);
	EXPECT_TRUE(is(SCX "/state", "enabled"));
	EXPECT_TRUE(is(SCX "/root/ops", "t_sched"));
	before = skel->bss->running;
	EXPECT_EQ(0, load(300));
	EXPECT_LT(before + 500, skel->bss->running);
	EXPECT_LT(0, skel->bss->enqueued);

	/* one at a time, and no other in its place: the kernel's rule */
	EXPECT_EQ(NULL, bpf_map__attach_struct_ops(skel->maps.t_sched_other));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-EBUSY, link_create(bpf_map__fd(skel->maps.t_sched)));
	EXPECT_EQ(-EOPNOTSUPP, bpf_link__update_map(link,
						    skel->maps.t_sched_other));
	EXPECT_TRUE(is(SCX "/state", "enabled"));
	EXPECT_EQ(0, load(20));

	EXPECT_EQ(0, bpf_link__destroy(link));
	EXPECT_TRUE(sops_wait(is(SCX "/state", "disabled")));
	EXPECT_EQ(EXIT_UNREG, skel->bss->exit_kind);
	EXPECT_EQ(0, load(20));

	/* and again, of the same map and of the other */
	link = bpf_map__attach_struct_ops(skel->maps.t_sched);
	ASSERT_NE(NULL, link);
	EXPECT_EQ(0, load(50));
	EXPECT_EQ(0, bpf_link__destroy(link));
	EXPECT_TRUE(sops_wait(is(SCX "/state", "disabled")));
	link = bpf_map__attach_struct_ops(skel->maps.t_sched_other);
	ASSERT_NE(NULL, link);
	slurp(SCX "/root/ops", ops, sizeof(ops));
	EXPECT_STREQ("t_sched_other\n", ops);
	EXPECT_EQ(0, load(50));
	EXPECT_EQ(0, bpf_link__destroy(link));
	EXPECT_TRUE(sops_wait(is(SCX "/state", "disabled")));
	sched_bpf__destroy(skel);
}

/* a scheduler that errs is thrown out; its link stays until it is closed */
TEST_F(subsystems, sched_ext_ejected)
{
	struct sched_bpf *skel;
	struct bpf_link *link;

	SKIP_ISOLATED();
	skel = sched_bpf__open_and_load();
	ASSERT_NE(NULL, skel);
	link = bpf_map__attach_struct_ops(skel->maps.t_sched);
	ASSERT_NE(NULL, link);
	EXPECT_EQ(0, load(20));
	skel->bss->wrong_queue = true;
	EXPECT_EQ(0, load(20));
	EXPECT_TRUE(sops_wait(is(SCX "/state", "disabled")));
	EXPECT_TRUE(sops_wait(skel->bss->exit_kind == EXIT_ERROR ||
			      skel->bss->exit_kind == EXIT_ERROR + 1));
	EXPECT_EQ(0, load(50));
	EXPECT_EQ(-EAGAIN, mod_unload("struct_ops"));
	EXPECT_EQ(0, bpf_link__destroy(link));

	/* the place is free again */
	skel->bss->wrong_queue = false;
	link = bpf_map__attach_struct_ops(skel->maps.t_sched_other);
	ASSERT_NE(NULL, link);
	EXPECT_TRUE(is(SCX "/state", "enabled"));
	EXPECT_EQ(0, load(20));
	EXPECT_EQ(0, bpf_link__destroy(link));
	EXPECT_TRUE(sops_wait(is(SCX "/state", "disabled")));
	sched_bpf__destroy(skel);
}
#else
TEST_F(subsystems, sched_ext)
{
	EXPECT_NO_TYPE("sched_ext_ops");
	SKIP(return, "this kernel has no sched_ext_ops");
}
#endif

#ifdef HAVE_SCHED_CID
TEST_F(subsystems, sched_ext_cid)
{
	struct sched_cid_bpf *skel;
	struct bpf_link *link;
	__u64 before;

	SKIP_ISOLATED();
	skel = sched_cid_bpf__open_and_load();
	ASSERT_NE(NULL, skel);
	ASSERT_TRUE(sops_ours(bpf_map__fd(skel->maps.t_sched)));
	link = bpf_map__attach_struct_ops(skel->maps.t_sched);
	ASSERT_NE(NULL, link);
	EXPECT_TRUE(is(SCX "/state", "enabled"));
	before = skel->bss->running;
	EXPECT_EQ(0, load(100));
	EXPECT_LT(before + 100, skel->bss->running);
	EXPECT_EQ(0, bpf_link__destroy(link));
	EXPECT_TRUE(sops_wait(is(SCX "/state", "disabled")));
	EXPECT_EQ(EXIT_UNREG, skel->bss->exit_kind);
	sched_cid_bpf__destroy(skel);
}
#else
TEST_F(subsystems, sched_ext_cid)
{
	EXPECT_NO_TYPE("sched_ext_ops_cid");
	SKIP(return, "this kernel has no sched_ext_ops_cid");
}
#endif

#ifdef HAVE_QDISC
#define QDISC_UP							\
	"modprobe veth && ip netns add t_net && "			\
	"ip link add t_veth0 type veth peer name t_veth1 netns t_net && " \
	"ip addr add 10.99.0.1/24 dev t_veth0 && ip link set t_veth0 up && " \
	"ip -n t_net addr add 10.99.0.2/24 dev t_veth1 && "		\
	"ip -n t_net link set t_veth1 up && ip -n t_net link set lo up && " \
	"tc qdisc add dev t_veth0 root t_fifo"
#define QDISC_DOWN							\
	"ip link del t_veth0; ip netns del t_net"
#define TRAFFIC								\
	"ip netns exec t_net iperf3 -s -1 -D; "				\
	"for i in 1 2 3 4 5 6 7 8 9 10; do "				\
	"iperf3 -c 10.99.0.2 -n 2M && exit 0; sleep 0.5; done; exit 1"

TEST_F(subsystems, qdisc)
{
	struct qdisc_bpf *skel = qdisc_bpf__open_and_load();
	struct bpf_link *link;
	struct sops_row row;
	char out[8192];
	int id;

	ASSERT_NE(NULL, skel);
	id = map_id(bpf_map__fd(skel->maps.t_fifo));
	ASSERT_TRUE(sops_ours(bpf_map__fd(skel->maps.t_fifo)));
	link = bpf_map__attach_struct_ops(skel->maps.t_fifo);
	ASSERT_NE(NULL, link);
	EXPECT_EQ(-EEXIST, link_create(bpf_map__fd(skel->maps.t_fifo)));
	run(BASH(QDISC_DOWN), out, sizeof(out));
	ASSERT_EQ(0, run(BASH(QDISC_UP), out, sizeof(out))) TH_LOG("%s", out);
	EXPECT_LE(1, skel->bss->inits);
	ASSERT_EQ(0, run(BASH(TRAFFIC), out, sizeof(out))) TH_LOG("%s", out);
	/* 2 MiB in packets of at most 64 KiB, and there is more than data */
	EXPECT_LT(32, skel->bss->sent);
	EXPECT_LE(skel->bss->sent, skel->bss->queued);
	EXPECT_EQ(0, run(BASH("tc -s qdisc show dev t_veth0"), out, sizeof(out)));
	EXPECT_NE(NULL, strstr(out, "qdisc t_fifo"));

	/* unregistered, it serves on where it is in use, and goes with that */
	EXPECT_EQ(0, bpf_link__destroy(link));
	EXPECT_NE(0, run(BASH("tc qdisc add dev lo root t_fifo"), out,
			 sizeof(out)));
	ASSERT_EQ(0, run(BASH(TRAFFIC), out, sizeof(out))) TH_LOG("%s", out);
	EXPECT_EQ(0, sops_row(id, &row));
	run(BASH(QDISC_DOWN), out, sizeof(out));
	EXPECT_TRUE(sops_wait(skel->bss->destroys >= 1));
	qdisc_bpf__destroy(skel);
	EXPECT_EQ(0, sops_wait_gone(id));
}
#else
TEST_F(subsystems, qdisc)
{
	EXPECT_NO_TYPE("Qdisc_ops");
	SKIP(return, "this kernel has no Qdisc_ops");
}
#endif

#ifdef HAVE_HID
#define HID_VENDOR	0x5095
#define HID_PRODUCT	0x0001

/* a mouse: three buttons in a byte, then x and y in a byte each */
static const unsigned char mouse[] = {
	0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00,
	0x05, 0x09, 0x19, 0x01, 0x29, 0x03, 0x15, 0x00, 0x25, 0x01,
	0x95, 0x03, 0x75, 0x01, 0x81, 0x02, 0x95, 0x01, 0x75, 0x05,
	0x81, 0x01, 0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x81,
	0x25, 0x7f, 0x75, 0x08, 0x95, 0x02, 0x81, 0x06, 0xc0, 0xc0,
};

static int mouse_new(void)
{
	struct uhid_event ev = {
		.type = UHID_CREATE2,
		.u.create2 = {
			.name = SOPS_PREFIX "mouse",
			.rd_size = sizeof(mouse),
			.bus = 3,	/* USB */
			.vendor = HID_VENDOR,
			.product = HID_PRODUCT,
		},
	};
	int fd = open("/dev/uhid", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	memcpy(ev.u.create2.rd_data, mouse, sizeof(mouse));
	if (write(fd, &ev, sizeof(ev)) == sizeof(ev))
		return fd;
	close(fd);
	return -EIO;
}

/* the HID core's number of the mouse, and the file that has its reports */
static int mouse_find(char *raw, size_t size)
{
	const char *dir = "/sys/bus/hid/devices";
	unsigned int bus, vendor, product, id;
	struct dirent *d, *r;
	char path[300];
	int found = -ENOENT;
	DIR *devices = opendir(dir), *raws;

	while (devices && (d = readdir(devices))) {
		if (sscanf(d->d_name, "%x:%x:%x.%x", &bus, &vendor, &product,
			   &id) != 4 || vendor != HID_VENDOR)
			continue;
		snprintf(path, sizeof(path), "%s/%s/hidraw", dir, d->d_name);
		raws = opendir(path);
		while (raws && (r = readdir(raws))) {
			if (strncmp(r->d_name, "hidraw", 6))
				continue;
			snprintf(raw, size, "/dev/%.32s", r->d_name);
			found = id;
		}
		if (raws)
			closedir(raws);
	}
	if (devices)
		closedir(devices);
	return found;
}

/*
 * The mouse moves by @x: what do those hear who listen? They have it when
 * write() returns, or never: the HID core drops a report while it probes the
 * device (its driver_input_lock), and hidraw's file is there before that ends.
 */
static int mouse_move(int uhid, int raw, unsigned char x)
{
	struct uhid_event ev = {
		.type = UHID_INPUT2,
		.u.input2 = { .size = 3, .data = { 1, x, 2 } },
	};
	unsigned char got[8];
	int size;

	if (write(uhid, &ev, sizeof(ev)) != sizeof(ev))
		return -errno;
	size = read(raw, got, sizeof(got));
	if (size < 0)
		return -errno;
	if (size != 3 || got[0] != 1 || got[2] != 2)
		return -EBADMSG;
	return got[1];
}

TEST_F(subsystems, hid_bpf)
{
	struct hid_bpf *skel;
	struct bpf_link *link;
	char path[64], out[256];
	int uhid, raw, id, map;
	size_t size;

	run(BASH("modprobe -a uhid hid-generic"), out, sizeof(out));
	uhid = mouse_new();
	if (uhid == -ENOENT)
		SKIP(return, "no user-space HID devices here (uhid)");
	ASSERT_LE(0, uhid);
	ASSERT_TRUE(sops_wait((id = mouse_find(path, sizeof(path))) >= 0));
	ASSERT_TRUE(sops_wait((raw = open(path, O_RDWR | O_CLOEXEC |
					  O_NONBLOCK)) >= 0));
	ASSERT_TRUE(sops_wait(mouse_move(uhid, raw, 10) == 10));

	skel = hid_bpf__open();
	ASSERT_NE(NULL, skel);
	*(int *)bpf_map__initial_value(skel->maps.t_hid, &size) = id;
	ASSERT_EQ(0, hid_bpf__load(skel));
	map = bpf_map__fd(skel->maps.t_hid);
	ASSERT_TRUE(sops_ours(map));
	EXPECT_EQ(10, mouse_move(uhid, raw, 10));
	link = bpf_map__attach_struct_ops(skel->maps.t_hid);
	ASSERT_NE(NULL, link);
	EXPECT_EQ(17, mouse_move(uhid, raw, 10));
	EXPECT_EQ(27, mouse_move(uhid, raw, 20));
	EXPECT_EQ(2, skel->bss->events);
	/* no update in this type; and one registration of a value */
	EXPECT_EQ(-EOPNOTSUPP, link_update(bpf_link__fd(link), map));
	EXPECT_EQ(-EBUSY, link_create(map));
	EXPECT_EQ(17, mouse_move(uhid, raw, 10));
	EXPECT_EQ(0, bpf_link__destroy(link));
	EXPECT_TRUE(sops_wait(mouse_move(uhid, raw, 10) == 10));

	/* the device goes first: nothing is left for the link to unregister */
	link = bpf_map__attach_struct_ops(skel->maps.t_hid);
	ASSERT_NE(NULL, link);
	EXPECT_EQ(17, mouse_move(uhid, raw, 10));
	close(raw);
	close(uhid);
	EXPECT_TRUE(sops_wait(mouse_find(path, sizeof(path)) < 0));
	EXPECT_EQ(0, bpf_link__destroy(link));
	hid_bpf__destroy(skel);
}
#else
TEST_F(subsystems, hid_bpf)
{
	EXPECT_NO_TYPE("hid_bpf_ops");
	SKIP(return, "this kernel has no hid_bpf_ops");
}
#endif

#ifdef HAVE_URING
TEST_F(subsystems, io_uring)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	};
	int ring = syscall(__NR_io_uring_setup, 8, &params);
	struct uring_bpf *skel = uring_bpf__open();
	struct bpf_link *link;
	size_t size;

#define ENTER() syscall(__NR_io_uring_enter, ring, 0, 0, \
			IORING_ENTER_GETEVENTS, NULL, 0)
	ASSERT_NE(NULL, skel);
	if (ring < 0 && errno == EPERM)
		SKIP(return, "io_uring is switched off here");
	ASSERT_LE(0, ring);
	/* the member after the one that is a function */
	((int *)bpf_map__initial_value(skel->maps.t_uring, &size))[2] = ring;
	ASSERT_EQ(0, uring_bpf__load(skel));
	ASSERT_TRUE(sops_ours(bpf_map__fd(skel->maps.t_uring)));
	link = bpf_map__attach_struct_ops(skel->maps.t_uring);
	ASSERT_NE(NULL, link);
	EXPECT_EQ(0, ENTER());
	EXPECT_EQ(10, skel->bss->steps);
	EXPECT_EQ(0, ENTER());
	EXPECT_EQ(20, skel->bss->steps);
	EXPECT_EQ(-EBUSY, link_create(bpf_map__fd(skel->maps.t_uring)));

	EXPECT_EQ(0, bpf_link__detach(link));
	EXPECT_EQ(0, ENTER());
	EXPECT_EQ(20, skel->bss->steps);
	EXPECT_EQ(0, bpf_link__destroy(link));

	/* the ring goes first */
	link = bpf_map__attach_struct_ops(skel->maps.t_uring);
	ASSERT_NE(NULL, link);
	EXPECT_EQ(0, ENTER());
	EXPECT_EQ(30, skel->bss->steps);
	close(ring);
	EXPECT_EQ(0, bpf_link__destroy(link));
	uring_bpf__destroy(skel);
}
#else
TEST_F(subsystems, io_uring)
{
	EXPECT_NO_TYPE("io_uring_bpf_ops");
	SKIP(return, "this kernel has no io_uring_bpf_ops");
}
#endif

TEST_HARNESS_MAIN
