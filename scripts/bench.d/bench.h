/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the benchmark share. */
#ifndef SOPS_BENCH_H
#define SOPS_BENCH_H

#include "bench.skel.h"

struct sched_bpf;
struct qdisc_bpf;

/* who waits for a grace period sees others at work meanwhile, now more and now less: many */
#define TRIES	31

_Noreturn void die(const char *what);
long long median(long long *tries);	/* of TRIES, which get sorted */
struct bench_bpf *load(void);
void unregister(int map);

void register_many(const char *peer);	/* register.c */
void register_forty(const char *peer);
void memory(const char *peer);		/* memory.c */
void thousand(const char *peer);
void symbols(const char *peer);

/*
 * Maps of one side, loaded and not registered: whose they are was decided when
 * they were made. Of types that a kernel does not have there are none.
 */
struct peer {
	const char *who;
	int nr_alive;		/* maps that are there and do nothing */
	struct bench_bpf *ca;
	struct sched_bpf *sched;
	struct qdisc_bpf *qdisc;
};

void paid(int nr_alive);		/* paid.c */
void code(void);			/* code.c */
void work(struct peer *p);		/* work.c */
void sched_load(struct peer *p);	/* sched.c */
void sched_work(struct peer *p);
void qdisc_load(struct peer *p);	/* qdisc.c */
void qdisc_work(struct peer *p);

/* what it takes to do something once, of so many times; printed */
void sample(const struct peer *p, const char *what, int times,
	    void (*once)(void *arg), void *arg);
/* the same of what was counted by others, each count for so many */
void sample_print(const struct peer *p, const char *what, int times,
		  long long *took, int each);

#define LOOPS	1000

long long cpu_time(void);		/* of this task alone; register.c */

long long call(const char *peer, const char *member, const char *context, int sock);
int socket_on(const char *ca);
void load_module(const char *params);

#endif
