/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the benchmark share. */
#ifndef SOPS_BENCH_H
#define SOPS_BENCH_H

#include "bench.skel.h"

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

#endif
