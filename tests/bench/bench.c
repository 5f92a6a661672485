// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs in the guest, before and after the module is loaded, and prints a line
 * of JSON for each number: {"what": ..., "peer": ..., ...}.
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
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "bench.skel.h"

#define LOOPS	1000
#define TRIES	9

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void run(const char *command)
{
	if (system(command)) {
		fprintf(stderr, "bench: %s failed\n", command);
		exit(1);
	}
}

/* CPU time of this task alone: with one instruction a nanosecond, a count */
static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	long long x = *(long long *)a, y = *(long long *)b;

	return x < y ? -1 : x > y;
}

static long long median(long long *v)
{
	qsort(v, TRIES, sizeof(*v), compare);
	return v[TRIES / 2];
}

static long long call(const char *peer, const char *member, const char *context, int sock)
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
		tries[i] = atoll(text);
	}
	close(fd);
	return median(tries);
}

static const char *const members[] = { "ssthresh", "cong_avoid" };
static const char *const contexts[] = { "plain", "nested", "bh" };

static void calls(const char *peer, int sock)
{
	const char *asked = strcmp(peer, "c") ? "ca" : "c";
	unsigned int m, c;

	for (m = 0; m < 2; m++) {
		for (c = 0; c < 3; c++) {
			double all = call(asked, members[m], contexts[c], sock);
			double empty = call("empty", members[m], contexts[c], sock);

			printf("{\"what\": \"call\", \"peer\": \"%s\", \"member\": \"%s\", \"context\": \"%s\", \"body\": %.2f, \"with_caller\": %.2f}\n",
			       peer, members[m], contexts[c], (all - empty) / LOOPS + 1,
			       all / LOOPS);
		}
	}
}

static int socket_on(const char *ca)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (s < 0 || setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, ca, strlen(ca)))
		die(ca);
	return s;
}

/* what libbpf made of the value: program fds where the kernel wants them */
static struct bench_bpf *load(void)
{
	struct bench_bpf *skel = bench_bpf__open_and_load();

	if (!skel)
		die("load");
	return skel;
}

static void unregister(const struct bpf_map *map)
{
	__u32 zero = 0;

	if (bpf_map_delete_elem(bpf_map__fd(map), &zero))
		die("unregister");
}

static void register_many(const char *peer)
{
	static const char *const which[] = { "four", "every" };
	long long reg[TRIES], unreg[TRIES];
	unsigned int w, i;

	for (w = 0; w < 2; w++) {
		for (i = 0; i < TRIES; i++) {
			struct bench_bpf *skel = load();
			struct bpf_map *map = w ? skel->maps.every : skel->maps.four;
			struct bpf_link *link;
			long long start;

			start = now();
			link = bpf_map__attach_struct_ops(map);
			reg[i] = now() - start;
			if (!link)
				die("register");
			bpf_link__disconnect(link);
			start = now();
			unregister(map);
			unreg[i] = now() - start;
			bpf_link__destroy(link);
			bench_bpf__destroy(skel);
			usleep(200000);
		}
		printf("{\"what\": \"register\", \"peer\": \"%s\", \"map\": \"%s\", \"register\": %lld, \"unregister\": %lld}\n",
		       peer, which[w], median(reg), median(unreg));
	}
}

/* the module says what a map takes; the kernel's own takes a page at least */
static void memory(const char *map)
{
	FILE *f = fopen("/sys/kernel/debug/struct_ops/maps", "r");
	char name[64], line[256];
	long bytes, progs;

	if (!f)
		die("maps");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*u %63s %*s %*s %*d %ld %ld", name, &progs, &bytes) == 3 &&
		    !strcmp(name, map))
			printf("{\"what\": \"memory\", \"peer\": \"ours\", \"map\": \"%s\", \"progs\": %ld, \"bytes\": %ld}\n",
			       name, progs, bytes);
	fclose(f);
}

int main(void)
{
	struct bench_bpf *native, *ours;
	int c, sock_native, sock_ours;

	setvbuf(stdout, NULL, _IOLBF, 0);
	setlinebuf(stdout);
	libbpf_set_print(NULL);
	run("insmod sops_bench.ko");

	native = load();
	if (!bpf_map__attach_struct_ops(native->maps.four))
		die("native");
	sock_native = socket_on("bench_four");

	/* what a kernel does after boot should be over */
	sleep(20);
	calls("native", sock_native);
	unregister(native->maps.four);
	register_many("native");

	run("insmod struct_ops.ko");
	ours = load();
	if (!bpf_map__attach_struct_ops(ours->maps.four))
		die("ours");
	sock_ours = socket_on("bench_four");
	c = socket(AF_INET, SOCK_STREAM, 0);
	calls("c", c);
	calls("ours", sock_ours);

	memory("four");
	unregister(ours->maps.four);
	register_many("ours");
	return 0;
}
