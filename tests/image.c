// SPDX-License-Identifier: GPL-2.0-only
/* Executable memory as the processor sees it: the kernel's own page tables. */
#include "sops.h"

#include <pthread.h>
#include <stdatomic.h>

#include <kselftest_harness.h>

#include "ca.h"
#include "ca.skel.h"

#ifdef __aarch64__
/* where all is mapped that is no memory as such: modules, programs, trampolines among it */
#define TEXT_START	0xffff800000000000UL
#define TEXT_END	0xfffffc0000000000UL

#define UPPER_HALF	true	/* is what the tables are of */
#define FRAME		0x0003fffffffff000UL
#define IS_TABLE	(1UL << 1)
#define READ_ONLY	(1UL << 7)
#define MAY_BE_DIRTIED	(1UL << 51)
#define NO_EXEC		(1UL << 53)
#define TABLE_READ_ONLY	(1UL << 62)
#define TABLE_NO_EXEC	(1UL << 59)

static bool is_table(unsigned long entry)
{
	return entry & IS_TABLE;
}

static bool may_write(unsigned long entry, bool table)
{
	return table ? !(entry & TABLE_READ_ONLY) :
		       !(entry & READ_ONLY) || (entry & MAY_BE_DIRTIED);
}

static bool may_execute(unsigned long entry, bool table)
{
	return !(entry & (table ? TABLE_NO_EXEC : NO_EXEC));
}

/* how many bits of an address count */
static int address_bits(void)
{
	/* memory is at the lower end of the upper half */
	return 64 - __builtin_clzl(~kcore_start());
}
#else
/* where modules, programs and trampolines live, without KASLR */
#define TEXT_START	0xffffffffa0000000UL
#define TEXT_END	0xffffffffff000000UL

#define UPPER_HALF	false
#define FRAME		0x000ffffffffff000UL
#define WRITE		(1UL << 1)
#define HUGE		(1UL << 7)
#define NX		(1UL << 63)

static bool is_table(unsigned long entry)
{
	return !(entry & HUGE);
}

static bool may_write(unsigned long entry, bool table)
{
	return entry & WRITE;
}

static bool may_execute(unsigned long entry, bool table)
{
	return !(entry & NX);
}

static int address_bits(void)
{
	unsigned long is_l5 = 0;

	kcore_note("NUMBER(pgtable_l5_enabled)=", 0, &is_l5);
	return is_l5 ? 57 : 48;
}
#endif

#define PRESENT		(1UL << 0)

static unsigned long top;
static int bits, levels;

static int tables_init(void)
{
	bits = address_bits();
	/* 12 of a page, 9 of each table but for the top one, which may be smaller */
	levels = (bits - 12 + 8) / 9;
	return kcore_note("SYMBOL(swapper_pg_dir)=", 16, &top);
}

struct scan {
	unsigned long wx;	/* pages writable and executable */
	unsigned long x;	/* executable ones */
	unsigned long first;	/* the first of the former */
};

/* the sign is extended above what counts; there may be no tables but those of the upper half */
static unsigned long canonical(unsigned long at)
{
	return UPPER_HALF || at >> (bits - 1) & 1 ? at | -1UL << bits : at;
}

/* rights add up on the way down: one level without write is enough */
static void scan_table(struct scan *s, unsigned long table, int level,
		       unsigned long base, bool write, bool execute,
		       unsigned long start, unsigned long end)
{
	unsigned long size = 1UL << (12 + 9 * (level - 1)), entry[512], at;
	int i, nr = level == levels ? 1 << (bits - 12 - 9 * (level - 1)) : 512;

	if (kcore_read(table, entry, nr * sizeof(*entry)))
		return;
	for (i = 0; i < nr; i++) {
		bool down = level > 1 && is_table(entry[i]);
		bool w = write && may_write(entry[i], down), x = execute && may_execute(entry[i], down);

		at = canonical(base + i * size);
		if (at + (size - 1) < start || at >= end || !(entry[i] & PRESENT))
			continue;
		if (down) {
			scan_table(s, kcore_virt(entry[i] & FRAME), level - 1, at, w, x, start, end);
			continue;
		}
		if (!x)
			continue;
		s->x++;
		if (w && !s->wx++)
			s->first = at;
	}
}

static struct scan scan(unsigned long start, unsigned long end)
{
	struct scan s = {};

	scan_table(&s, top, levels, 0, true, true, start, end);
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
