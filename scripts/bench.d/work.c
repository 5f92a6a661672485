// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a socket on a BPF congestion control does, and calls of bpf(2) that
 * have nothing to do with one. The control is the last of the list, whoever's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "../../tests/sops.h"
#include "bench.h"

#define CA		"bench_all"
#define LOOPBACK	0x0100007f	/* as it is on the wire */

static const struct sockaddr_in here = {
	.sin_family = AF_INET,
	.sin_port = 5000,
	.sin_addr.s_addr = LOOPBACK,
}, there = {
	.sin_family = AF_INET,
	.sin_port = 5001,
	.sin_addr.s_addr = LOOPBACK,
};

/* on and off again */
static void control(void *arg)
{
	int sock = *(int *)arg;

	if (setsockopt(sock, IPPROTO_TCP, TCP_CONGESTION, CA, strlen(CA)) ||
	    setsockopt(sock, IPPROTO_TCP, TCP_CONGESTION, "reno", 4))
		die("setsockopt");
}

static void option(int sock, int level, int name)
{
	int one = 1;

	if (setsockopt(sock, level, name, &one, sizeof(one)))
		die("option");
}

static int listener(void)
{
	int sock = socket_on(CA);

	option(sock, SOL_SOCKET, SO_REUSEADDR);
	if (bind(sock, (void *)&here, sizeof(here)) || listen(sock, 8))
		die("listen");
	return sock;
}

/* always from the same port: looking for a free one is now longer and now shorter */
static int connection(int lis, int *rx)
{
	const struct linger reset = { .l_onoff = 1 };
	int sock = socket_on(CA);

	option(sock, SOL_SOCKET, SO_REUSEADDR);
	option(sock, IPPROTO_TCP, TCP_NODELAY);
	if (setsockopt(sock, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) ||
	    bind(sock, (void *)&there, sizeof(there)) ||
	    connect(sock, (void *)&here, sizeof(here)))
		die("connect");
	*rx = accept(lis, NULL, NULL);
	if (*rx < 0)
		die("accept");
	return sock;
}

static void transfer(int from, int to, int bytes)
{
	static char buf[65536];
	int n;

	if (write(from, buf, bytes) != bytes)
		die("write");
	for (; bytes; bytes -= n) {
		n = read(to, buf, bytes);
		if (n <= 0)
			die("read");
	}
}

/* a question, an answer, and the asker resets: nothing is left to wait for */
static void exchange(void *arg)
{
	int tx, rx;

	tx = connection(*(int *)arg, &rx);
	transfer(tx, rx, 100);
	transfer(rx, tx, 1000);
	close(tx);
	close(rx);
}

static void megabyte(void *arg)
{
	int *ends = arg, i;

	for (i = 0; i < 16; i++)
		transfer(ends[0], ends[1], 65536);
}

static void lookup(void *arg)
{
	char value[8];

	if (map_lookup(*(int *)arg, 0, value))
		die("lookup");
}

#define CREATES	201

/* what is freed is freed some time later: not meanwhile */
struct arrays {
	int maps[CREATES + CREATES / 10];
	int nr;
};

static void create(void *arg)
{
	struct arrays *a = arg;

	a->maps[a->nr] = sops_array(8);
	if (a->maps[a->nr++] < 0)
		die("create");
}

/* get and put of the reference of a socket's map, where the kernel does it */
static void references(const struct peer *p, int sock)
{
	long long took[TRIES];
	int i;

	for (i = 0; i < TRIES; i++)
		took[i] = call("refs", "-", "-", sock);
	sample_print(p, "get_put", TRIES, took, LOOPS);
}

static void others(const struct peer *p)
{
	static struct arrays a;

	a.nr = 0;
	sample(p, "create", CREATES, create, &a);
	sample(p, "lookup", 1001, lookup, a.maps);
	while (a.nr--)
		close(a.maps[a.nr]);
	sleep(1);
}

static void sockets(const struct peer *p)
{
	int lis, ends[2], sock;

	sock = socket_on(CA);
	references(p, sock);
	sample(p, "setsockopt", 1001, control, &sock);
	close(sock);
	lis = listener();
	sample(p, "connection", 501, exchange, &lis);
	ends[0] = connection(lis, &ends[1]);
	sample(p, "megabyte", 301, megabyte, ends);
	close(ends[0]);
	close(ends[1]);
	close(lis);
}

/* everything that is measured of a side; its maps are spent then */
void work(struct peer *p)
{
	struct bpf_link *link;

	sleep(5);
	others(p);
	link = bpf_map__attach_struct_ops(p->ca->maps.every);
	if (!link)
		die(p->who);
	bpf_link__disconnect(link);
	sockets(p);
	unregister(bpf_map__fd(p->ca->maps.every));
	bpf_link__destroy(link);
	bench_bpf__destroy(p->ca);
	sched_work(p);
	qdisc_work(p);
}
