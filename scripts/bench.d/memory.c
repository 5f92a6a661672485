// SPDX-License-Identifier: GPL-2.0-only
/* What maps take. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "../../tests/sops.h"
#include "bench.h"

/* the module says what a map takes; the kernel's own takes a page at least */
void memory(const char *peer)
{
	struct sops_row rows[16];
	int n = sops_rows(rows, 16), i;

	for (i = 0; i < n; i++)
		if (!strcmp(rows[i].name, "four"))
			printf("{\"what\": \"memory\", \"peer\": \"%s\", \"map\": \"four\", \"progs\": %ld, \"bytes\": %ld}\n",
			       peer, rows[i].progs, rows[i].image_bytes);
}

/* pages that nobody has, those that wait at the processor for the next to ask among them */
static long long free_memory(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	long pages, sum = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " nr_free_pages %ld", &pages) == 1 ||
		    sscanf(line, " count: %ld", &pages) == 1)
			sum += pages;
	if (f)
		fclose(f);
	return sum * 4096;
}

/* pages where the kernel keeps code that is not its own */
static long long code_memory(void)
{
	FILE *f = fopen("/proc/vmallocinfo", "r");
	unsigned long long from;
	long pages, sum = 0;
	char line[512], *at;

	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, " pages=");
		if (sscanf(line, "%llx-", &from) == 1 && from >= 0xffffffffa0000000 &&
		    at && sscanf(at, " pages=%ld", &pages) == 1)
			sum += pages;
	}
	if (f)
		fclose(f);
	return sum * 4096;
}

#define MAPS	5000

static int maps[MAPS];

/* all of the same programs */
static void register_maps(struct bench_bpf *skel, int nr)
{
	struct sops_value v;
	char name[16];
	int i;

	value_init(&v, &tcp);
	value_set(&v, "init", bpf_program__fd(skel->progs.b_init));
	value_set(&v, "ssthresh", bpf_program__fd(skel->progs.b_ssthresh));
	value_set(&v, "cong_avoid", bpf_program__fd(skel->progs.b_cong_avoid));
	value_set(&v, "undo_cwnd", bpf_program__fd(skel->progs.b_undo_cwnd));
	for (i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "b%d", i);
		value_name(&v, name);
		maps[i] = sops_create(&tcp);
		errno = maps[i] < 0 ? -maps[i] : -map_update(maps[i], 0, v.bytes, 0);
		if (errno)
			die("one of many maps");
	}
}

#define THOUSAND	1000

void thousand(const char *peer)
{
	struct bench_bpf *skel = load();
	static struct sops_row rows[THOUSAND + 16];
	long long memory, code;
	long images = 0, charged;
	int i, n;

	/* or addresses are not to be seen */
	spit("/proc/sys/kernel/kptr_restrict", "1");
	charged = jit_current();
	register_maps(skel, THOUSAND);
	charged = jit_current() - charged;
	sleep(5);
	shrink_slabs();
	memory = free_memory();
	code = code_memory();
	n = mod_loaded("struct_ops") ? sops_rows(rows, THOUSAND + 16) : 0;
	for (i = 0; i < n; i++)
		images += rows[i].image_bytes;
	for (i = 0; i < THOUSAND; i++) {
		unregister(maps[i]);
		close(maps[i]);
	}
	/*
	 * By what is free again, since others' leftovers were being freed before.
	 * The kernel frees its own maps one after the other.
	 */
	sleep(600);
	shrink_slabs();
	printf("{\"what\": \"maps\", \"peer\": \"%s\", \"maps\": %d, \"memory\": %lld, \"code\": %lld, \"charged\": %ld, \"images\": %ld}\n",
	       peer, THOUSAND, free_memory() - memory, code - code_memory(), charged, images);
	bench_bpf__destroy(skel);
}

static long long read_symbols(void)
{
	static char buf[65536];
	long long start = cpu_time();
	FILE *f = fopen("/proc/kallsyms", "r");

	if (!f)
		die("kallsyms");
	while (fread(buf, 1, sizeof(buf), f))
		;
	fclose(f);
	return cpu_time() - start;
}

/* what reading the kernel's symbols takes, with so many maps registered */
void symbols(const char *peer)
{
	static const int counts[] = { 0, 1000, MAPS };
	struct rlimit files = { 2 * MAPS, 2 * MAPS };
	struct bench_bpf *skel;
	unsigned int i;
	int j;

	setrlimit(RLIMIT_NOFILE, &files);
	skel = load();
	for (i = 0; i < 3; i++) {
		register_maps(skel, counts[i]);
		printf("{\"what\": \"kallsyms\", \"peer\": \"%s\", \"maps\": %d, \"read\": %lld}\n",
		       peer, counts[i], read_symbols());
		for (j = 0; j < counts[i]; j++) {
			unregister(maps[j]);
			close(maps[j]);
		}
		/* as above */
		if (i < 2)
			sleep(counts[i]);
	}
}
