// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench [calls]	runs in the guest, before and after the module is loaded, and prints a line of JSON for each
 *			number: {"what": ..., "peer": ..., ...}; of calls alone, if asked to
 * bench insmod	what loading the module takes
 * bench code	leaves in out/ what a call of each runs, see code.c
 * bench symbols-native, bench symbols-ours	what reading /proc/kallsyms takes
 * bench paid MAPS	what others do, and what sockets do, with so many maps around, see paid.c
 *
 * A native map is registered first and stays the kernel's; what is registered
 * after insmod is the module's. Both are called by the same loop.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "../../tests/sops.h"
#include "bench.h"

void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int compare(const void *a, const void *b)
{
	long long x = *(long long *)a, y = *(long long *)b;

	return x < y ? -1 : x > y;
}

long long median(long long *tries)
{
	qsort(tries, TRIES, sizeof(*tries), compare);
	return tries[TRIES / 2];
}

long long call(const char *peer, const char *member, const char *context, int sock)
{
	int fd = open("/sys/kernel/debug/sops_bench", O_RDWR);
	long long tries[TRIES];
	char text[64];
	int i, n;

	if (fd < 0)
		die("sops_bench");
	for (i = 0; i < TRIES; i++) {
		n = snprintf(text, sizeof(text), "%s %s %s %d %d", peer, member, context,
			     sock, LOOPS);
		if (write(fd, text, n) != n)
			die("call");
		n = pread(fd, text, sizeof(text) - 1, 0);
		if (n <= 0)
			die("count");
		text[n] = 0;
		tries[i] = strtoull(text, NULL, 10);	/* an address, maybe */
	}
	close(fd);
	return median(tries);
}

static const char *const members[] = { "ssthresh", "cong_avoid", "undo_cwnd" };
static const char *const contexts[] = { "plain", "nested", "bh" };

static void calls(const char *peer, const char *asked, int sock)
{
	unsigned int m, c;

	for (m = 0; m < 3; m++) {
		for (c = 0; c < 3; c++) {
			double all = call(asked, members[m], contexts[c], sock);
			double ret = call("ret", members[m], contexts[c], sock);

			printf("{\"what\": \"call\", \"peer\": \"%s\", \"member\": \"%s\", \"context\": \"%s\", \"body\": %.2f, \"with_caller\": %.2f}\n",
			       peer, members[m], contexts[c], (all - ret) / LOOPS + 2,
			       all / LOOPS);
		}
	}
}

int socket_on(const char *ca)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (s < 0 || setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, ca, strlen(ca)))
		die(ca);
	return s;
}

/* what libbpf made of the value: program fds where the kernel wants them */
struct bench_bpf *load(void)
{
	struct bench_bpf *skel = bench_bpf__open_and_load();

	if (!skel)
		die("load");
	return skel;
}

void unregister(int map)
{
	errno = -map_delete(map, 0);
	if (errno)
		die("unregister");
}

/* calls of a map that is registered now, whoever's it is then */
static void calls_of_map(const char *peer)
{
	struct bench_bpf *skel = load();
	int sock;

	if (!bpf_map__attach_struct_ops(skel->maps.four))
		die(peer);
	sock = socket_on("bench_four");
	calls(peer, "ca", sock);
	memory(peer);
	close(sock);
	unregister(bpf_map__fd(skel->maps.four));
	bench_bpf__destroy(skel);
}

static void registrations(const char *peer)
{
	register_many(peer);
	register_forty(peer);
	thousand(peer);
}

void load_module(const char *params)
{
	long long start = cpu_time();

	errno = -mod_load("/root/struct_ops.ko", params);
	if (errno)
		die("insmod struct_ops.ko");
	printf("{\"what\": \"insmod\", \"params\": \"%s\", \"instructions\": %lld}\n", params,
	       cpu_time() - start);
}

static void calls_and_maps(bool all)
{
	int sock = socket(AF_INET, SOCK_STREAM, 0);

	calls("ret", "ret", sock);
	calls("c", "c", sock);
	close(sock);
	calls_of_map("native");
	if (all)
		registrations("native");

	load_module("");
	calls_of_map("ours");
	if (all)
		registrations("ours");
	if (sops_rmmod())
		die("rmmod struct_ops");

	load_module("preempt_off=tcp_congestion_ops");
	calls_of_map("opt_in");
}

static void symbols_of_ours(void)
{
	load_module("");
	symbols("ours");
}

int main(int argc, char **argv)
{
	struct rlimit files = { 4096, 4096 };

	setlinebuf(stdout);
	libbpf_set_print(NULL);
	setrlimit(RLIMIT_NOFILE, &files);
	errno = -mod_load("/root/sops_bench.ko", "");
	if (errno)
		die("insmod sops_bench.ko");

	/* what a kernel does after boot should be over */
	sleep(20);
	if (argc == 3 && !strcmp(argv[1], "paid"))
		paid(atoi(argv[2]));
	else if (argc == 2 && !strcmp(argv[1], "insmod"))
		load_module("");
	else if (argc == 2 && !strcmp(argv[1], "code"))
		code();
	else if (argc == 2 && !strcmp(argv[1], "symbols-native"))
		symbols("native");
	else if (argc == 2 && !strcmp(argv[1], "symbols-ours"))
		symbols_of_ours();
	else
		calls_and_maps(argc == 1);
	return 0;
}
