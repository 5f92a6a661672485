// SPDX-License-Identifier: GPL-2.0-only
/* Executable memory as the processor sees it: the kernel's own page tables. */
#include "sops.h"

#include <pthread.h>
#include <stdatomic.h>

#include <kselftest_harness.h>

#include "ca.h"
#include "ca.skel.h"

/* where modules, programs and trampolines live on x86-64, without KASLR */
#define TEXT_START	0xffffffffa0000000UL
#define TEXT_END	0xffffffffff000000UL

#define PRESENT		(1UL << 0)
#define WRITE		(1UL << 1)
#define HUGE		(1UL << 7)
#define NX		(1UL << 63)
#define FRAME		0x000ffffffffff000UL

static unsigned long top, direct_map;
static int levels;

static int tables_init(void)
{
	unsigned long base = ksym("page_offset_base");
	unsigned long l5 = ksym("__pgtable_l5_enabled");
	unsigned int is_l5 = 0;

	top = ksym("init_top_pgt");
	if (!top)
		return -ENOENT;
	if (l5)
		kcore_read(l5, &is_l5, sizeof(is_l5));
	levels = is_l5 ? 5 : 4;
	/* a variable only where it is random */
	direct_map = is_l5 ? 0xff11000000000000 : 0xffff888000000000;
	return base ? kcore_read(base, &direct_map, sizeof(direct_map)) : 0;
}

struct scan {
	unsigned long wx;	/* pages writable and executable */
	unsigned long x;	/* executable ones */
	unsigned long first;	/* the first of the former */
};

/* rights add up on the way down: one level without write is enough */
static void scan_table(struct scan *s, unsigned long table, int level,
		       unsigned long at, unsigned long rights,
		       unsigned long start, unsigned long end)
{
	unsigned long size = 1UL << (12 + 9 * (level - 1)), entry[512], is;
	int i;

	if (kcore_read(table, entry, sizeof(entry)))
		return;
	for (i = 0; i < 512; i++, at += size) {
		/* the sign is extended above the top level */
		if (i == 256 && level == levels)
			at = -256 * size;
		if (at + (size - 1) < start || at >= end ||
		    !(entry[i] & PRESENT))
			continue;
		is = (rights & entry[i] & WRITE) | ((rights | entry[i]) & NX);
		if (level > 1 && !(entry[i] & HUGE)) {
			scan_table(s, direct_map + (entry[i] & FRAME),
				   level - 1, at, is, start, end);
			continue;
		}
		if (is & NX)
			continue;
		s->x++;
		if (is & WRITE) {
			if (!s->wx++)
				s->first = at;
		}
	}
}

static struct scan scan(unsigned long start, unsigned long end)
{
	struct scan s = {};

	scan_table(&s, top, levels, 0, WRITE, start, end);
	return s;
}

FIXTURE(image) {
	const char *unable;
};

FIXTURE_SETUP(image)
{
	ASSERT_EQ(0, sops_setup());
	self->unable = tables_init() ?
		       "no page tables to be had from /proc/kcore" :
		       scan(TEXT_START, TEXT_END).wx ?
		       "this kernel has such pages already" : NULL;
}

FIXTURE_TEARDOWN(image)
{
	EXPECT_EQ(0, sops_wait_empty());
}

/* the harness of 6.1 runs a case that its setup has skipped */
#define NEED_TABLES() do {						\
	if (self->unable)						\
		SKIP(return, "%s", self->unable);			\
} while (0)

TEST_F(image, executable_and_not_writable)
{
	struct bpf_link *link;
	unsigned long image;
	struct ca_bpf *skel;
	struct flow f;
	struct scan s;

	NEED_TABLES();
	skel = ca_bpf__open_and_load();
	ASSERT_NE(NULL, skel);
	link = bpf_map__attach_struct_ops(skel->maps.t_full);
	ASSERT_NE(NULL, link);
	ASSERT_TRUE(sops_ours(bpf_map__fd(skel->maps.t_full)));
	ASSERT_EQ(0, flow_open(&f, "t_full"));
	image = skel->bss->image;
	ASSERT_LE(TEXT_START, image);
	ASSERT_GT(TEXT_END, image);

	s = scan(image & ~4095UL, (image & ~4095UL) + 4096);
	EXPECT_EQ(1, s.x);
	EXPECT_EQ(0, s.wx);
	flow_close(&f);
	bpf_link__destroy(link);
	ca_bpf__destroy(skel);
}

static atomic_int stop;
static atomic_long wx, scans;

static void *watch(void *unused)
{
	while (!stop) {
		wx += scan(TEXT_START, TEXT_END).wx;
		scans++;
	}
	return NULL;
}

/* looked at again and again while images are made, refused and thrown away */
TEST_F(image, never_both)
{
	struct sops_value v;
	pthread_t t;
	int i, map;

	NEED_TABLES();
	ASSERT_EQ(0, pthread_create(&t, NULL, watch, NULL));
	for (i = 0; i < 100 || (scans < 20 && i < 2000); i++) {
		map = sops_create(&tcp);
		ASSERT_LE(0, map);
		ca_value(&v, "t_image");
		value_set(&v, "release", 4095);
		EXPECT_EQ(-EBADF, map_update(map, 0, v.bytes, 0));
		if (i % 20 == 0) {
			ca_value(&v, "t_image");
			value_set(&v, "undo_cwnd", 0);
			EXPECT_EQ(-EINVAL, map_update(map, 0, v.bytes, 0));
		}
		ca_value(&v, "t_image");
		EXPECT_EQ(0, map_update(map, 0, v.bytes, 0));
		EXPECT_EQ(0, map_delete(map, 0));
		close(map);
	}
	stop = 1;
	pthread_join(t, NULL);
	EXPECT_LE(20, scans);
	EXPECT_EQ(0, wx);
}

TEST_HARNESS_MAIN
