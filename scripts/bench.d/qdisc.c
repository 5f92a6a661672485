// SPDX-License-Identifier: GPL-2.0-only
/* Packets through a queueing discipline in BPF, to a device that drops them. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"

#if __has_include("qdisc.skel.h")
#include "qdisc.skel.h"

/* not by sh: busybox' runs an ip of its own */
#define UP	"bash -c 'modprobe dummy && ip link add b_dummy type dummy && "	\
		"ip addr add 10.98.0.1/24 dev b_dummy && ip link set b_dummy up && " \
		"tc qdisc add dev b_dummy root t_fifo'"
#define DOWN	"bash -c 'ip link del b_dummy'"

void qdisc_load(struct peer *p)
{
	p->qdisc = qdisc_bpf__open_and_load();
	if (!p->qdisc)
		die("load a queueing discipline");
}

static void packet(void *arg)
{
	char data[100] = "";

	if (write(*(int *)arg, data, sizeof(data)) != sizeof(data))
		die("packet");
}

void qdisc_work(struct peer *p)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(5000),
		.sin_addr.s_addr = inet_addr("10.98.0.2"),
	};
	struct bpf_link *link = bpf_map__attach_struct_ops(p->qdisc->maps.t_fifo);
	int sock = socket(AF_INET, SOCK_DGRAM, 0), before;

	if (!link || system(UP) || connect(sock, (void *)&to, sizeof(to)))
		die("a queueing discipline");
	before = p->qdisc->bss->sent;
	sample(p, "packet", 2001, packet, &sock);
	if (p->qdisc->bss->sent - before < 2001)
		die("packets through it");
	close(sock);
	if (system(DOWN))
		die("no queueing discipline");
	bpf_link__destroy(link);
	qdisc_bpf__destroy(p->qdisc);
}
#else
void qdisc_load(struct peer *p)
{
}

void qdisc_work(struct peer *p)
{
}
#endif
