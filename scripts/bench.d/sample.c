// SPDX-License-Identifier: GPL-2.0-only
/*
 * Something is done many times, each time is counted, and the median is said:
 * ticks, RCU and workqueues fall into some of them and do not move it. How far
 * it could have been moved is said as well: low and high are the limits of the
 * median, 95 times of 100, by the order of the counts alone.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "bench.h"

static int compare(const void *a, const void *b)
{
	long long x = *(long long *)a, y = *(long long *)b;

	return x < y ? -1 : x > y;
}

void sample_print(const struct peer *p, const char *what, int times,
		  long long *took, int each)
{
	int mid = times / 2, off = sqrt(times) + 1, i;
	double sum = 0;

	for (i = 0; i < times; i++)
		sum += took[i];
	qsort(took, times, sizeof(*took), compare);
#define AT(i)	((double)took[i] / each)
	printf("{\"what\": \"paid\", \"row\": \"%s\", \"who\": \"%s\", \"maps\": %d, \"median\": %.2f, \"low\": %.2f, \"high\": %.2f, \"quartiles\": [%.2f, %.2f], \"least\": %.2f, \"mean\": %.2f, \"times\": %d}\n",
	       what, p->who, p->nr_alive, AT(mid), AT(mid - off), AT(mid + off),
	       AT(times / 4), AT(times * 3 / 4), AT(0), sum / times / each, times);
}

/* QEMU counts them, and shows them as a clock */
static long long instructions(void)
{
#ifdef __aarch64__
	long long ticks, hz;

	asm volatile("isb; mrs %0, cntvct_el0; mrs %1, cntfrq_el0" : "=r"(ticks), "=r"(hz) : : "memory");
	return ticks * (1000000000 / hz);
#else
	return __builtin_ia32_rdtsc();
#endif
}

void sample(const struct peer *p, const char *what, int times,
	    void (*once)(void *arg), void *arg)
{
	long long *took = calloc(times, sizeof(*took)), start;
	int i;

	if (!took)
		die(what);
	/* the first ones find nothing prepared */
	for (i = 0; i < times / 10; i++)
		once(arg);
	for (i = 0; i < times; i++) {
		start = instructions();
		once(arg);
		took[i] = instructions() - start;
	}
	sample_print(p, what, times, took, 1);
	free(took);
}
