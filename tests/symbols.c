// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where trampolines are, by what the kernel tells of them: kallsyms, perf, and
 * the memory that a map says it takes.
 */
#include "types.h"

#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* how many symbols the trampolines of the wide type have */
static bool right_number(int nr)
{
	if (sops_member_symbols())
		return nr == SOPS_NR_WIDE;
	/* the generator fills pages, each with a symbol */
	return nr == 1 || (!sops_own_tramps() && nr > 1 && nr < SOPS_NR_WIDE);
}

/* addresses of a map's trampolines, as kallsyms has them */
static int symbols(int map, unsigned long *addr, int max)
{
	const char *name = text_of("/proc/kallsyms");
	char suffix[32];
	int n = 0;

	snprintf(suffix, sizeof(suffix), "_%d\t", map);
	while ((name = strstr(name, " bpf__sops_wide_ops_"))) {
		size_t len = strcspn(++name, "\t\n") + 1;

		if (len < strlen(suffix) ||
		    strncmp(name + len - strlen(suffix), suffix, strlen(suffix)))
			continue;
		if (n < max)
			addr[n] = strtoul(name - SYMBOL_NAME, NULL, 16);
		n++;
	}
	return n;
}

/* 6.4: maps do; before, the kernel estimates it from the size of a value */
#define tells_memory()	kernel_has("bpf_map_ops", "map_mem_usage")

static long memlock(int map)
{
	char path[64], text[4096], *at;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map);
	if (slurp(path, text, sizeof(text)))
		return -1;
	at = strstr(text, "memlock:");
	return at ? atol(at + strlen("memlock:")) : -1;
}

static int wide_fill(FIXTURE_DATA(types) *self, __u32 tag)
{
	char member[8];
	int i;

	memset(&self->v, 0, sizeof(self->v));
	self->v.wide.tag = tag;
	for (i = 0; i < SOPS_NR_WIDE; i++) {
		snprintf(member, sizeof(member), "m%d", i);
		self->v.slots[i] = returns(&self->wide, member, 1000 + i, 0);
		if ((int)self->v.slots[i] < 0)
			return (int)self->v.slots[i];
	}
	return 0;
}

TEST_F(types, image_of_several_pages)
{
	unsigned long addr[SOPS_NR_WIDE + 1];
	struct sops_row row;
	long before, after;
	int map, i, id, n;

	map = create(&self->wide, 0);
	ASSERT_LE(0, map);
	id = map_id(map);
	before = memlock(map);
	EXPECT_LT(0, before);
	ASSERT_EQ(0, wide_fill(self, 5));
	ASSERT_EQ(0, map_update(map, 0, &self->v, 0));
	for (i = 0; i < SOPS_NR_WIDE; i++) {
		ASSERT_EQ(0, ask("call 5 m%d", i));
		EXPECT_EQ(1000 + i, result()) TH_LOG("member m%d", i);
		close(self->v.slots[i]);
	}

	ASSERT_EQ(0, sops_row(id, &row));
	EXPECT_EQ(SOPS_NR_WIDE, row.progs);
	EXPECT_LT(sysconf(_SC_PAGESIZE), row.image_bytes);
	/* and what is known of each trampoline, its name above all */
	after = memlock(map);
	if (tells_memory()) {
		EXPECT_LT(row.image_bytes, after - before);
		EXPECT_GT(row.image_bytes + SOPS_NR_WIDE * 1024, after - before);
	}

	/* no two are at the same place */
	n = symbols(id, addr, SOPS_NR_WIDE);
	ASSERT_TRUE(right_number(n)) TH_LOG("%d", n);
	for (i = 1; i < n; i++)
		EXPECT_NE(addr[i - 1], addr[i]);
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	EXPECT_EQ(0, sops_wait_gone(id));
	EXPECT_EQ(0, symbols(id, addr, SOPS_NR_WIDE));
}

/* two maps of one type: names that tell them apart; and a failed one has none */
TEST_F(types, symbols_are_unique)
{
	const char *member = sops_member_symbols() ? "plain_" : "";
	char name[64], other[64];
	int plain = returns(&self->test, "plain", 1, 0), map;

	ASSERT_LE(0, plain);
	SET(plain, plain);
	self->v.test.reg_err = EL2HLT;
	EXPECT_EQ(-EL2HLT, update(self));
	snprintf(name, sizeof(name), "bpf__sops_test_ops_%s%d", member,
		 map_id(self->map));
	EXPECT_EQ(0, ksym(name));
	self->v.test.reg_err = 0;
	ASSERT_EQ(0, update(self));

	map = create(&self->test, 0);
	self->v.test.tag = 2;
	ASSERT_EQ(0, map_update(map, 0, &self->v, 0));
	snprintf(other, sizeof(other), "bpf__sops_test_ops_%s%d", member,
		 map_id(map));
	EXPECT_NE(0, ksym(name));
	EXPECT_NE(0, ksym(other));
	EXPECT_NE(ksym(name), ksym(other));
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	EXPECT_TRUE(sops_wait(!ksym(other)));
	EXPECT_NE(0, ksym(name));
	close(plain);
}

/* what perf is told of trampolines: name, place and true size of each */
struct symbol {
	char name[256];
	__u64 addr;
	__u32 len;
};

#define RING_PAGES	16

static int perf_open(void **ring)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.size = sizeof(attr),
		.ksymbol = 1,
		.sample_period = 1,
	};
	int fd = syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0);

	if (fd < 0)
		return -errno;
	*ring = mmap(NULL, (RING_PAGES + 1) * sysconf(_SC_PAGESIZE),
		     PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return *ring == MAP_FAILED ? -errno : fd;
}

/* those of a map that came from this task, in the order of their coming */
static int perf_read(void *ring, int map, struct symbol *s, int max)
{
	struct perf_event_mmap_page *page = ring;
	char *data = (char *)ring + page->data_offset;
	__u64 at = page->data_tail, end = page->data_head;
	char want[32];
	int n = 0;

	snprintf(want, sizeof(want), "_%d", map);
	while (at < end && n < max) {
		struct {
			struct perf_event_header header;
			__u64 addr;
			__u32 len;
			__u16 type, flags;
			char name[256];
		} rec;
		size_t i, len;

		for (i = 0; i < sizeof(rec.header); i++)
			((char *)&rec)[i] = data[(at + i) % page->data_size];
		len = rec.header.size < sizeof(rec) ? rec.header.size :
						      sizeof(rec);
		for (; i < len; i++)
			((char *)&rec)[i] = data[(at + i) % page->data_size];
		at += rec.header.size;
		len = strlen(rec.name);
		if (rec.header.type != PERF_RECORD_KSYMBOL ||
		    strncmp(rec.name, "bpf__sops_", 10) ||
		    len < strlen(want) ||
		    strcmp(rec.name + len - strlen(want), want))
			continue;
		snprintf(s[n].name, sizeof(s[n].name), "%s", rec.name);
		s[n].addr = rec.addr;
		s[n].len = rec.len;
		n++;
	}
	page->data_tail = at;
	return n;
}

/* defect 20: the kernel claims a page for each, and they overlap */
TEST_F(types, perf_symbols)
{
	unsigned long addr[SOPS_NR_WIDE];
	struct symbol s[SOPS_NR_WIDE + 1];
	int perf, map, id, i, j, n;
	char name[64];
	void *ring;

	perf = perf_open(&ring);
	if (perf < 0)
		SKIP(return, "no perf events: %d", perf);
	map = create(&self->wide, 0);
	id = map_id(map);
	ASSERT_EQ(0, wide_fill(self, 5));
	ASSERT_EQ(0, map_update(map, 0, &self->v, 0));
	n = perf_read(ring, id, s, SOPS_NR_WIDE + 1);
	ASSERT_TRUE(right_number(n)) TH_LOG("%d", n);
	ASSERT_EQ(n, symbols(id, addr, n));
	for (i = 0; i < n; i++) {
		if (sops_member_symbols())
			snprintf(name, sizeof(name), "bpf__sops_wide_ops_m%d_%d", i, id);
		else
			snprintf(name, sizeof(name), "bpf__sops_wide_ops_%d", id);
		EXPECT_STREQ(name, s[i].name);
		for (j = 0; j < n && addr[j] != s[i].addr; j++)
			;
		EXPECT_NE(n, j) TH_LOG("%s is not in kallsyms", name);
		EXPECT_LT(0, s[i].len);
		for (j = 0; j < i; j++)
			EXPECT_TRUE(s[i].addr + s[i].len <= s[j].addr ||
				    s[j].addr + s[j].len <= s[i].addr)
				TH_LOG("%s and %s", s[i].name, s[j].name);
	}
	for (i = 0; i < SOPS_NR_WIDE; i++)
		close(self->v.slots[i]);
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	EXPECT_EQ(0, sops_wait_gone(id));
	munmap(ring, (RING_PAGES + 1) * sysconf(_SC_PAGESIZE));
	close(perf);
}

TEST_HARNESS_MAIN
