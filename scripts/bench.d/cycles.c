// SPDX-License-Identifier: GPL-2.0-only
/*
 * cycles FILE	how many cycles of the processor at hand a call takes, caller included, when the code that it runs is that
 *		in FILE, from the memory of a kernel (scripts/bench.d/code.c)
 *
 * The kernel's uppermost 2 GiB are moved to BASE, so what is reached by the
 * distance to it is where it was. Per-cpu variables are reached by the GS
 * register, by that distance or by an address, as the code has it; each way has
 * its own copy. A page comes when it is first touched; one that is neither in
 * the file nor per-cpu ends the run. Nothing in the code is changed but what
 * compares at an address, see by_distance().
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <x86intrin.h>

#define CALLS	100000
#define ROUNDS	301

#define PAGE	4096UL
#define GIB	(1UL << 30)
#define TOP	(-2 * GIB)	/* where the kernel's text, data and modules are */
#define BASE	(4 * GIB)	/* and where they are here */
#define GS	(64 * GIB)
/* per-cpu variables by an address, and by the distance to the code */
#define BY_ADDRESS(var)		(GS + (var))
#define BY_DISTANCE(var)	(GS + (var) - TOP + BASE)

struct page {
	uint64_t addr;
	unsigned char bytes[PAGE];
};

static struct page *pages;
static size_t nr_pages;
static uint64_t func, thunk, current_task, preempt_count, this_cpu_off;
static unsigned int cpus_ptr, cpus_mask;
static uint64_t task[4096] __attribute__((aligned(4096)));

static _Noreturn void die(const char *what, uint64_t addr)
{
	fprintf(stderr, "cycles: %s (%lx)\n", what, addr);
	_exit(1);
}

static void map(uint64_t addr, const void *bytes)
{
	void *at = mmap((void *)addr, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (at != (void *)addr)
		die("no memory", addr);
	if (bytes)
		memcpy(at, bytes, PAGE);
}

/*
 * Makes "cmpl $0, address" the same by the distance, which is a byte shorter:
 * a prefix without meaning fills it up.
 */
static bool by_distance(unsigned char *insn)
{
	int32_t distance;
	int64_t addr;

	if (insn[0] != 0x83 || insn[1] != 0x3c || insn[2] != 0x25)
		return false;
	memcpy(&distance, insn + 3, 4);
	addr = distance;
	distance = addr - TOP + BASE - (uint64_t)(insn + 8);
	insn[0] = 0x3e;
	insn[1] = 0x83;
	insn[2] = 0x3d;
	memcpy(insn + 3, &distance, 4);
	return true;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	uint64_t addr = (uint64_t)info->si_addr & -PAGE;
	uint64_t ip = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	size_t i;

	if (addr >= TOP && ip >= BASE && ip < BASE + 2 * GIB && by_distance((void *)ip))
		return;
	if (addr >= GS - 2 * GIB && addr < GS + BASE + 4 * GIB) {
		map(addr, NULL);
		return;
	}
	for (i = 0; i < nr_pages; i++) {
		if (pages[i].addr - TOP + BASE == addr) {
			map(addr, pages[i].bytes);
			return;
		}
	}
	die("this code goes where none was taken along", (uint64_t)info->si_addr - BASE + TOP);
}

static void read_page(const char *at)
{
	struct page *p;
	unsigned int i, byte;

	pages = realloc(pages, (nr_pages + 1) * sizeof(*pages));
	if (!pages)
		die("no memory", 0);
	p = &pages[nr_pages++];
	p->addr = strtoul(at, (char **)&at, 16);
	for (i = 0; i < PAGE; i++) {
		if (sscanf(at + 1 + 2 * i, "%2x", &byte) != 1)
			die("a page that is none", p->addr);
		p->bytes[i] = byte;
	}
}

static void read_file(const char *path)
{
	static char line[4 * PAGE];
	FILE *f = fopen(path, "r");
	bool retpolines = false;
	unsigned int offset;
	uint64_t addr;
	char name[64];

	if (!f)
		die(path, 0);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "page ", 5))
			read_page(line + 5);
		else if (!strncmp(line, "retpolines", 10))
			retpolines = true;
		else if (sscanf(line, "field %63s %x", name, &offset) == 2)
			*(strcmp(name, "cpus_ptr") ? &cpus_mask : &cpus_ptr) = offset;
		else if (sscanf(line, "symbol %63s %lx", name, &addr) == 2) {
			if (!strcmp(name, "current_task"))
				current_task = addr;
			else if (!strcmp(name, "__preempt_count"))
				preempt_count = addr;
			else if (!strcmp(name, "this_cpu_off"))
				this_cpu_off = addr;
			else if (!strcmp(name, "__x86_indirect_thunk_rax"))
				thunk = addr;
			else if (!strcmp(name, "pcpu_hot")) {
				current_task = addr;
				preempt_count = addr + 8;
			}
		} else if (sscanf(line, "func %lx", &addr) == 1)
			func = addr;
	}
	fclose(f);
	if (!func)
		die(path, 0);
	if (!retpolines)
		thunk = 0;
}

static const uint32_t no_count = 0x80000000;	/* nothing held, no need to schedule */

static void set_per_cpu(uint64_t var, uint64_t to, size_t size)
{
	if (!var)
		return;
	memcpy((void *)BY_ADDRESS(var), &to, size);
	memcpy((void *)BY_DISTANCE(var), &to, size);
}

static void check_per_cpu(void)
{
	if (preempt_count && (*(uint32_t *)BY_ADDRESS(preempt_count) != no_count ||
			      *(uint32_t *)BY_DISTANCE(preempt_count) != no_count))
		die("not as many steps out as in", 0);
}

/*
 * The loop is beside the kernel's code, since it calls as that does, and also
 * as where there are no retpolines:
 *	loop(func, arg, times)
 */
static void *write_loop(bool by_thunk)
{
	static const unsigned char head[] = {
		0x53, 0x41, 0x54, 0x41, 0x55,		/* push rbx, r12, r13 */
		0x48, 0x89, 0xd3,			/* mov rbx, rdx */
		0x49, 0x89, 0xfc,			/* mov r12, rdi */
		0x49, 0x89, 0xf5,			/* mov r13, rsi */
		/* again: */
		0x4c, 0x89, 0xef,			/* mov rdi, r13 */
		0xbe, 1, 0, 0, 0, 0xba, 1, 0, 0, 0,	/* mov esi, 1; mov edx, 1 */
		0x4c, 0x89, 0xe0,			/* mov rax, r12 */
	}, tail[] = {
		0x48, 0xff, 0xcb,			/* dec rbx */
		0x75, 0,				/* jne again */
		0x41, 0x5d, 0x41, 0x5c, 0x5b, 0xc3,	/* pop r13, r12, rbx; ret */
	};
	unsigned char *loop = (void *)(BASE + (1 + by_thunk) * PAGE), *at = loop;
	int32_t distance;

	map((uint64_t)loop, NULL);
	at = mempcpy(at, head, sizeof(head));
	if (by_thunk) {
		*at++ = 0xe8;				/* call thunk */
		distance = thunk - TOP + BASE - (uint64_t)(at + 4);
		at = mempcpy(at, &distance, 4);
	} else {
		*at++ = 0xff;				/* call rax */
		*at++ = 0xd0;
	}
	memcpy(at, tail, sizeof(tail));
	at[4] = loop + 14 - (at + 5);
	return loop;
}

static uint64_t run(void (*loop)(uint64_t func, void *arg, uint64_t times))
{
	uint64_t start;

	_mm_lfence();
	start = __rdtsc();
	loop(func - TOP + BASE, task, CALLS);
	_mm_lfence();
	return __rdtsc() - start;
}

static void measure(bool by_thunk)
{
	void (*loop)(uint64_t func, void *arg, uint64_t times) = write_loop(by_thunk);
	uint64_t best = UINT64_MAX, took;
	int i;

	/* the best of all rounds: others want the processor too */
	for (i = 0; i < ROUNDS; i++) {
		took = run(loop);
		best = took < best ? took : best;
	}
	check_per_cpu();
	printf("%s %.1f\n", by_thunk ? "retpoline" : "call", (double)best / CALLS);
}

int main(int argc, char **argv)
{
	const struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	if (argc != 2)
		die("one file", argc - 1);
	read_file(argv[1]);
	sigaction(SIGSEGV, &fault, NULL);
	task[cpus_ptr / 8] = (uint64_t)task + cpus_mask;
	set_per_cpu(current_task, (uint64_t)task, 8);
	set_per_cpu(preempt_count, no_count, 4);
	set_per_cpu(this_cpu_off, GS, 8);
	syscall(SYS_arch_prctl, ARCH_SET_GS, GS);
	measure(false);
	if (thunk)
		measure(true);
	return 0;
}
