// SPDX-License-Identifier: GPL-2.0-only
/* What it costs to register a map and to unregister it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "../../tests/mod/sops_types.h"
#include "../../tests/modtype.h"
#include "../../tests/sops.h"
#include "bench.h"

/* CPU time of this task alone: with one instruction a nanosecond, a count */
long long cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void print(const char *peer, const char *map, bool purged, long long *reg, long long *unreg)
{
	printf("{\"what\": \"register\", \"peer\": \"%s\", \"map\": \"%s\", \"purged\": %s, \"register\": %lld, \"unregister\": %lld}\n",
	       peer, map, purged ? "true" : "false", median(reg), median(unreg));
}

/*
 * Virtual addresses that were freed are kept until somebody wants to change
 * the protection of some, and that one gives all of them back, others' too.
 */
static void purge(void)
{
	errno = -spit("/sys/kernel/debug/sops_bench", "purge");
	if (errno)
		die("purge");
}

static void register_one(const char *peer, bool every, bool purged)
{
	long long reg[TRIES], unreg[TRIES], start;
	unsigned int i;

	for (i = 0; i < TRIES; i++) {
		struct bench_bpf *skel = load();
		struct bpf_map *map = every ? skel->maps.every : skel->maps.four;
		struct bpf_link *link;

		if (purged)
			purge();
		start = cpu_time();
		link = bpf_map__attach_struct_ops(map);
		reg[i] = cpu_time() - start;
		if (!link)
			die("register");
		bpf_link__disconnect(link);
		start = cpu_time();
		unregister(bpf_map__fd(map));
		unreg[i] = cpu_time() - start;
		bpf_link__destroy(link);
		bench_bpf__destroy(skel);
		usleep(200000);
	}
	print(peer, every ? "every" : "four", purged, reg, unreg);
}

/* congestion controls: of four members, and of every one */
void register_many(const char *peer)
{
	register_one(peer, false, false);
	register_one(peer, true, false);
	register_one(peer, false, true);
	register_one(peer, true, true);
}

#define FORTY	40

/* no type of 6.1 or 6.12 has as many: one of a test module, where modules may have types */
void register_forty(const char *peer)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 2 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	long long reg[TRIES], unreg[TRIES], start;
	struct {
		char head[64];
		union {
			__u64 slots[SOPS_NR_WIDE + 1];
			struct sops_wide_ops ops;
		};
		char tail[64];
	} value = {};
	char member[8];
	struct type t = {};
	int i, map;

	if (mod_load("/root/sops_types.ko", "")) {
		printf("{\"what\": \"none\", \"peer\": \"%s\", \"map\": \"forty\", \"why\": \"modules have no types on this kernel\"}\n",
		       peer);
		return;
	}
	if (type_get(&t, "sops_types", "sops_wide_ops"))
		die("sops_wide_ops");
	for (i = 0; i < FORTY; i++) {
		snprintf(member, sizeof(member), "m%d", i);
		value.slots[i] = load_prog(&t, member, insns, 2, 0);
	}
	for (i = 0; i < TRIES; i++) {
		map = create(&t, 0);
		start = cpu_time();
		errno = -map_update(map, 0, &value, 0);
		reg[i] = cpu_time() - start;
		if (errno)
			die("register forty");
		start = cpu_time();
		unregister(map);
		unreg[i] = cpu_time() - start;
		close(map);
		usleep(200000);
	}
	print(peer, "forty", false, reg, unreg);
	for (i = 0; i < FORTY; i++)
		close(value.slots[i]);
	type_put(&t);
	if (mod_unload_wait("sops_types"))
		die("rmmod sops_types");
}
