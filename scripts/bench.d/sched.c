// SPDX-License-Identifier: GPL-2.0-only
/* Two tasks that wait for each other, under a scheduler in BPF. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../../tests/sops.h"
#include "bench.h"

#if __has_include("sched.skel.h")
#include "sched.skel.h"

#define STATE	"/sys/kernel/sched_ext/state"

void sched_load(struct peer *p)
{
	p->sched = sched_bpf__open_and_load();
	if (!p->sched)
		die("load a scheduler");
}

static void round_trip(void *arg)
{
	int *ends = arg;
	char c = 0;

	if (write(ends[1], &c, 1) != 1 || read(ends[0], &c, 1) != 1)
		die("round trip");
}

static pid_t echo(int ends[2])
{
	int to[2], from[2];
	char c;
	pid_t pid;

	if (pipe(to) || pipe(from))
		die("pipe");
	pid = fork();
	if (!pid) {
		close(to[1]);
		while (read(to[0], &c, 1) == 1 && write(from[1], &c, 1) == 1)
			;
		_exit(0);
	}
	if (pid < 0)
		die("fork");
	close(to[0]);
	close(from[1]);
	ends[0] = from[0];
	ends[1] = to[1];
	return pid;
}

void sched_work(struct peer *p)
{
	struct bpf_link *link = bpf_map__attach_struct_ops(p->sched->maps.t_sched);
	int ends[2];
	pid_t pid;

	if (!link || !sops_wait(file_has(STATE, "enabled")))
		die("a scheduler");
	pid = echo(ends);
	sample(p, "round_trip", 2001, round_trip, ends);
	if (!file_has(STATE, "enabled"))
		die("a scheduler to the end");
	close(ends[0]);
	close(ends[1]);
	waitpid(pid, NULL, 0);
	bpf_link__destroy(link);
	if (!sops_wait(file_has(STATE, "disabled")))
		die("no scheduler");
	sched_bpf__destroy(p->sched);
}
#else
void sched_load(struct peer *p)
{
}

void sched_work(struct peer *p)
{
}
#endif
