// SPDX-License-Identifier: GPL-2.0-only
/*
 * src/emit_x86.c in user space: its trampolines are written to memory and run,
 * between a caller that looks at every register and stubs of the kernel's
 * functions that keep a log. The per-cpu variables are where gs says.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "emit_x86.h"


/* call.S */
struct call {
	u64 regs[6];
	u64 stack[8];
	u64 nr_stack;
	u64 rax, rsp, rbp, rbx, r12, r13, r14, r15;
	u64 rsp_before, rbp_before;
};

void call_tramp(void *func, struct call *call);
extern char stub_prog[], stub_enter[], stub_exit[], stub_enter_sleepable[],
	    stub_exit_sleepable[], stub_migrate_enable[], stub_rcu_read_unlock[],
	    stub_preempt_schedule[], stub_return_thunk[];
struct call *call_now;
int returned;

#include "stubs.h"

/* low memory, where the kernel's own addresses fit 32 bits */
static u8 *text;
static void *cpu_page;

static void setup(void)
{
	text = mmap(NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	cpu_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (text == MAP_FAILED || cpu_page == MAP_FAILED) {
		printf("Bail out! no memory\n");
		exit(1);
	}
	cpu = cpu_page;
}

/* a frame ends right after leave, and a return is all that follows */
static void expect_return(const u8 *bytes, u32 frame_end, u32 end)
{
	EXPECT(bytes[frame_end - 1] == 0xc9);
	EXPECT(bytes[frame_end] == (k.return_thunk ? 0xe9 : 0xc3));
	EXPECT(end == frame_end + (k.return_thunk ? 5 : 1 + k.sls));
}

/* what differs between kernels, as bits */
enum {
	WIDE = 1, MIGRATE_FIRST = 2, CALL_DEPTH = 4, THUNK = 8, SLS = 16,
	HIGH_PERCPU = 32, SPLIT = 64, ALL_KERNELS = 128,
};

static void set_kernel(unsigned int bits)
{
	u64 base = bits & HIGH_PERCPU ? 0xffffffff82345000 : 0x31000;
	struct sops_code c = { .buf = text, .size = SOPS_SHARED_MAX, .at = (u64)text };
	const struct sops_steps *steps = shared.steps;
	const struct sops_exit_part *part;
	unsigned int i;

	/* the task begins so much earlier, with a cache line */
	task_head = 64 - offsetof(struct task, rcu_nesting) % 64;
	if (bits & SPLIT)
		task_head += 64 - sizeof(u32);
	k = (struct sops_emit_kernel) {
		.sls = bits & SLS,
		.return_thunk = bits & THUNK ? (u64)stub_return_thunk : 0,
		.call_depth = bits & CALL_DEPTH ? base + offsetof(struct cpu, call_depth) : 0,
		.preempt_wide = bits & WIDE,
		.migrate_first = bits & MIGRATE_FIRST,
		.current_task = base + offsetof(struct cpu, current_task),
		.preempt_count = base + offsetof(struct cpu, preempt),
		.nr_pinned = base + offsetof(struct cpu, nr_pinned),
		.stats = (u64)&stats,
		.task = {
			.bpf_ctx = task_head + offsetof(struct task, bpf_ctx),
			.cpus_ptr = task_head + offsetof(struct task, cpus_ptr),
			.cpus_mask = task_head + offsetof(struct task, cpus_mask),
			.migration_disabled = task_head + offsetof(struct task, migration_disabled),
			.rcu_nesting = task_head + offsetof(struct task, rcu_nesting),
		},
		.preempt_schedule = (u64)stub_preempt_schedule,
		.migrate_enable = (u64)stub_migrate_enable,
		.rcu_read_unlock = (u64)stub_rcu_read_unlock,
		.enter = (u64)stub_enter,
		.exit = (u64)stub_exit,
		.enter_sleepable = (u64)stub_enter_sleepable,
		.exit_sleepable = (u64)stub_exit_sleepable,
	};
	memset(text, 0xcc, SOPS_SHARED_MAX);
	EXPECT(sops_emit_shared(&c, &k, &shared) == 0);
	EXPECT(c.used <= SOPS_SHARED_MAX);
	for (i = 0; i < SOPS_NR_EXITS; i++) {
		part = &shared.parts[i];
		EXPECT(part->start == (i ? part[-1].end : 0));
		expect_return(text, part->frame_end, part->end);
	}
	EXPECT(part->end == c.used);
	for (i = 0; i < SOPS_NR_STEPS; i++) {
		EXPECT(steps[i].size <= SOPS_STEPS_MAX);
		EXPECT(steps[i].nr_rels <= SOPS_EMIT_RELS);
		EXPECT(steps[i].nr_calls <= SOPS_EMIT_CALLS);
		if (i / 4 == SOPS_FORM_INLINE)
			expect_return(steps[i].bytes, steps[i].frame_end, steps[i].size);
		else
			EXPECT(steps[i].frame_end == steps[i].size);
	}
	syscall(SYS_arch_prctl, ARCH_SET_GS, (u64)cpu_page - base);
}

/* a model: how the caller passes it, and what the program is to see */
static void set_model(u8 nr_args, const u8 *sizes)
{
	int reg = 0, i, j, slots;
	u64 val;

	memset(&now.call, 0, sizeof(now.call));
	now.nr_slots = 0;
	for (i = 0; i < nr_args; i++) {
		bool in_regs;

		slots = (sizes[i] + 7) / 8;
		in_regs = reg + slots <= 6;
		for (j = 0; j < slots; j++) {
			val = rnd();
			if (in_regs) {
				now.call.regs[reg++] = val;
			} else {
				now.call.stack[now.call.nr_stack++] = val;
				if (sizes[i] <= 4)
					val = (u32)val;
			}
			now.expected[now.nr_slots++] = val;
		}
	}
	for (; reg < 6; reg++)
		now.call.regs[reg] = rnd();
	memcpy(now.sizes, sizes, nr_args);
	now.t.nr_args = nr_args;
	now.t.arg_size = now.sizes;
}

static void set_state(bool due, u32 held_off)
{
	u64 need_not = k.preempt_wide ? NEED_NOT_WIDE : NEED_NOT;

	memset(&task, 0x11, sizeof(task));
	task.cpus_ptr = task.cpus_mask;
	task.migration_disabled = now.migration_disabled;
	task.rcu_nesting = now.rcu_nesting;
	task.rcu_special = 0;
	task.bpf_ctx = (u64 *)saved_ctx;
	now.due = due && !held_off;
	now.held_off = held_off;
	now.preempt = (due ? 0 : need_not) + held_off;
	counted = stats;
	memset(cpu, 0x22, sizeof(*cpu));
	cpu->current_task = (u64)&task - task_head;
	if (k.preempt_wide)
		cpu->preempt_wide = now.preempt;
	else
		cpu->preempt = now.preempt;
	cpu->nr_pinned = 7;
	cpu->call_depth = -1UL << 63;
	event_log.nr = 0;
	returned = 0;
}

static void expect_events(void)
{
	bool sleepable = now.t.form == SOPS_FORM_SLEEPABLE;
	bool called = is_called();
	bool off = now.t.form == SOPS_FORM_PREEMPT_OFF && !called;
	bool steps = !called && !off && !is_held_off();
	enum event want[16];
	int nr = 0, i, round;

	if (called)
		want[nr++] = sleepable ? ENTER_S : ENTER;
	want[nr++] = PROG;
	if (off && now.due)
		want[nr++] = RESCHED;
	for (round = 0; round < 2 && steps; round++) {
		if (k.migrate_first == round) {
			/* preemption was off for a moment, whatever came of it */
			if (now.due)
				want[nr++] = RESCHED;
			if (now.moved && !now.migration_disabled)
				want[nr++] = MIGRATE;
		} else if (!now.rcu_nesting && now.rcu_special) {
			want[nr++] = UNLOCK;
		}
	}
	if (called)
		want[nr++] = sleepable ? EXIT_S : EXIT;

	EXPECT(event_log.nr == nr);
	for (i = 0; i < nr; i++)
		EXPECT(event_log.events[i] == want[i]);
}

static void expect_state(void)
{
	struct call *c = &now.call;

	EXPECT(c->rax == now.ret);
	EXPECT(c->rsp == c->rsp_before);
	EXPECT(c->rbp == c->rbp_before);
	EXPECT(c->rbx == 0xbbbbbbbb01);
	EXPECT(c->r12 == 0xbbbbbbbb12);
	EXPECT(c->r13 == 0xbbbbbbbb13);
	EXPECT(c->r14 == 0xbbbbbbbb14);
	EXPECT(c->r15 == 0xbbbbbbbb15);
	EXPECT(returned == !!k.return_thunk);
	EXPECT(task.migration_disabled == now.migration_disabled);
	EXPECT(task.migration_flags == 0x1111);
	EXPECT(task.rcu_nesting == now.rcu_nesting);
	EXPECT((u64)task.bpf_ctx == saved_ctx);
	EXPECT(cpu->nr_pinned == 7);
	EXPECT(preempt_count() == now.preempt);
	if (!now.migration_disabled)
		EXPECT(task.cpus_ptr == task.cpus_mask);
	/* one shift for each call that was made, by 5 bits; the sign stays */
	if (k.call_depth && event_log.nr)
		EXPECT((s64)cpu->call_depth >> (63 - 5 * event_log.nr) == -1);
}

static void place(struct sops_code *c, u64 at)
{
	sops_steps_place(c->steps, c->buf + c->steps_at, at + c->steps_at);
}

/* Write the trampoline, place it at an address of its own, and run it. */
static void run(bool due, u32 held_off)
{
	u32 at = SOPS_SHARED_MAX + 16 * (rnd() % 64), start = rnd() % 64;
	struct sops_code c;
	u8 *buf;

	cases++;
	set_state(due, held_off);
	now.ret = rnd();

	/* at the end of memory: there is no room but what was asked for */
	buf = malloc(start + SOPS_EMIT_MAX);
	c = (struct sops_code){ .buf = buf, .size = start + SOPS_EMIT_MAX, .used = start };
	if (sops_emit_tramp(&c, &shared, &now.t)) {
		EXPECT(!"written");
		free(buf);
		return;
	}
	EXPECT(c.used <= c.size);
	EXPECT(!memcmp(buf + start, now.t.preamble, now.t.preamble_size));
	EXPECT(c.frame == start + now.t.preamble_size + 4U);
	EXPECT(c.frame_end == c.steps_at + c.steps->frame_end);
	place(&c, (u64)text + at - start);
	memset(text + at, 0xcc, SOPS_EMIT_MAX);
	memcpy(text + at, buf + start, c.used - start);

	c = (struct sops_code){ .buf = buf, .size = SOPS_EMIT_MAX, .used = 1 };
	EXPECT(sops_emit_tramp(&c, &shared, &now.t) == -ERANGE);
	free(buf);

	call_now = &now.call;
	call_tramp(text + at + now.t.preamble_size, &now.call);
	expect_events();
	expect_state();
}

static void set_tramp(enum sops_emit_form form, bool leaf, bool interpreted)
{
	now.t.form = form;
	now.t.leaf = leaf;
	now.t.prog = 0xffff888012345678;
	now.t.func = (u64)stub_prog;
	now.t.insns = interpreted ? 0xffffc90000123038 : 0;
	now.t.preamble = now.preamble;
	now.t.preamble_size = 0;
}

static void plain_state(void)
{
	stats = 0;
	now.moved = false;
	now.toggled = false;
	now.migration_disabled = 0;
	now.rcu_nesting = 0;
	now.rcu_special = 0;
}

static void random_state_of_task(void)
{
	stats = rnd() % 4 == 0;
	now.moved = rnd() % 3 == 0;
	now.toggled = rnd() % 4 == 0;
	now.migration_disabled = rnd() % 2 ? 0 : rnd() % 5;
	now.rcu_nesting = rnd() % 2 ? 0 : rnd() % 5;
	now.rcu_special = rnd() % 3 ? 0 : 1U << rnd() % 32;
}

/* preemption, softirqs off, in one, both at their most; not those: interrupts off, in one, NMI */
static const u32 held_off[] = {
	0, 1, 0x200, 0x100, 0xffff, 0x10000, 0x100000, 0x1000000, 0x10000000, 0x110201,
};

/* every count, every size, every form */
static void models(void)
{
	u8 sizes[SOPS_EMIT_ARGS];
	int nr, size, form, i;

	set_kernel(0);
	for (form = SOPS_FORM_INLINE; form < SOPS_NR_FORMS; form++) {
		for (nr = 0; nr <= SOPS_EMIT_ARGS; nr++) {
			for (size = 1; size <= 16; size++) {
				if (nr * ((size + 7) / 8) > SOPS_EMIT_ARGS)
					continue;
				for (i = 0; i < nr; i++)
					sizes[i] = size;
				set_tramp(form, size & 4, size & 2);
				set_model(nr, sizes);
				plain_state();
				run(false, 0);
			}
		}
	}
}

/* every way in which the steps can go, on every kind of kernel */
static void states(void)
{
	static const u8 sizes[] = { 8, 4, 1 };
	unsigned int kernel, bits, i = 0;
	int form;

	for (kernel = 0; kernel < ALL_KERNELS; kernel++) {
		set_kernel(kernel);
		for (form = SOPS_FORM_INLINE; form < SOPS_NR_FORMS; form++) {
			for (bits = 0; bits < 512; bits++) {
				set_tramp(form, bits & 128, false);
				now.moved = bits & 2;
				now.migration_disabled = bits & 4 ? 3 : 0;
				now.rcu_nesting = bits & 8 ? 2 : 0;
				now.rcu_special = bits & 16 ? 0x100 : 0;
				now.toggled = bits & 256;
				set_model(ARRAY_SIZE(sizes), sizes);
				stats = bits & 1;
				run(bits & 32, bits & 64 ? held_off[i++ % ARRAY_SIZE(held_off)] : 0);
			}
		}
	}
}

static void preambles(void)
{
	static const u8 bytes[][24] = {
		{ 0xf3, 0x0f, 0x1e, 0xfa },
		{ 0xb8, 1, 2, 3, 4, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
		  0x90, 0x90, 0xf3, 0x0f, 0x1e, 0xfa },
		{ 0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0x81, 0xea, 1, 2, 3, 4, 0x74, 7, 0x0f,
		  0x0b, 0x90, 0x66, 0x0f, 0x1f, 0 },
	};
	static const u8 length[] = { 4, 20, 20 };
	static const u8 sizes[] = { 8, 8 };
	unsigned int i;

	set_kernel(THUNK);
	for (i = 0; i < ARRAY_SIZE(length); i++) {
		set_tramp(SOPS_FORM_INLINE, false, false);
		set_model(ARRAY_SIZE(sizes), sizes);
		plain_state();
		memcpy(now.preamble, bytes[i], sizeof(bytes[i]));
		now.t.preamble_size = length[i];
		run(false, 0);
	}
}

/* what the compiler does: is our idea of the calling convention its? */
struct pair {
	u64 one, two;
};

struct odd {
	u64 one;
	u32 two;
};

static u64 seen[SOPS_EMIT_ARGS];

static u64 see(u64 *ctx)
{
	memcpy(seen, ctx, now.nr_slots * sizeof(u64));
	return 0x1122334455667788;
}

static void *write_for(u8 nr_args, const u8 *sizes)
{
	struct sops_code c = { .buf = text + SOPS_SHARED_MAX, .size = SOPS_EMIT_MAX };

	cases++;
	set_tramp(SOPS_FORM_INLINE, false, false);
	now.t.func = (u64)see;
	set_model(nr_args, sizes);
	EXPECT(!sops_emit_tramp(&c, &shared, &now.t));
	place(&c, (u64)c.buf);
	return c.buf;
}

static void compiled(void)
{
	u64 (*late)(u64, u64, u64, u64, u64, struct pair, u64, u8);
	u64 (*mixed)(struct odd, u32, struct pair, u16, struct pair, u64, u8);
	u64 (*many)(u64, u64, u64, u64, u64, u64, u32, u64, u8, u64, u64, u64);

	set_kernel(0);
	plain_state();
	set_state(false, 0);

	late = write_for(8, (u8[]){ 8, 8, 8, 8, 8, 16, 8, 1 });
	EXPECT(late(1, 2, 3, 4, 5, (struct pair){ 6, 7 }, 8, 9) == 0x1122334455667788);
	EXPECT(seen[0] == 1 && seen[4] == 5 && seen[5] == 6 && seen[6] == 7);
	EXPECT(seen[7] == 8 && (u8)seen[8] == 9);

	mixed = write_for(7, (u8[]){ 12, 4, 16, 2, 16, 8, 1 });
	mixed((struct odd){ 1, 2 }, 3, (struct pair){ 4, 5 }, 6, (struct pair){ 7, 8 }, 9, 10);
	EXPECT(seen[0] == 1 && (u32)seen[1] == 2 && (u32)seen[2] == 3);
	EXPECT(seen[3] == 4 && seen[4] == 5 && (u16)seen[5] == 6);
	EXPECT(seen[6] == 7 && seen[7] == 8 && seen[8] == 9 && (u8)seen[9] == 10);

	many = write_for(12, (u8[]){ 8, 8, 8, 8, 8, 8, 4, 8, 1, 8, 8, 8 });
	many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
	EXPECT(seen[0] == 1 && seen[5] == 6 && (u32)seen[6] == 7 && seen[7] == 8);
	EXPECT((u8)seen[8] == 9 && seen[9] == 10 && seen[11] == 12);
}

static void fuzz(void)
{
	u8 sizes[SOPS_EMIT_ARGS];
	int i, j, nr, slots;

	for (i = 0; i < 30000; i++) {
		if (i % 16 == 0)
			set_kernel(rnd() % ALL_KERNELS);
		nr = rnd() % (SOPS_EMIT_ARGS + 1);
		slots = 0;
		for (j = 0; j < nr; j++) {
			sizes[j] = 1 + rnd() % 16;
			slots += (sizes[j] + 7) / 8;
			if (slots > SOPS_EMIT_ARGS)
				break;
		}
		set_tramp(rnd() % SOPS_NR_FORMS, rnd() & 1, rnd() & 1);
		now.t.preamble_size = rnd() % 25;
		memset(now.preamble, 0x90, sizeof(now.preamble));
		set_model(j, sizes);
		random_state_of_task();
		run(rnd() & 1, held_off[rnd() % ARRAY_SIZE(held_off)]);
	}
}

/* what cannot be written is refused, not written wrong */
static void refusals(void)
{
	static const u8 sizes[] = { 16, 16, 16, 16, 16, 16, 1 };
	u8 buf[SOPS_SHARED_MAX];
	struct sops_code c = { .buf = buf, .size = sizeof(buf) };
	u64 *fields[] = {
		&k.return_thunk, &k.call_depth, &k.current_task, &k.preempt_count,
		&k.nr_pinned, &k.preempt_schedule, &k.migrate_enable, &k.rcu_read_unlock,
		&k.exit, &k.exit_sleepable,
	};
	unsigned int i;

	cases++;
	set_kernel(0);
	set_tramp(SOPS_FORM_INLINE, false, false);
	now.t.nr_args = ARRAY_SIZE(sizes);
	now.t.arg_size = sizes;
	EXPECT(sops_emit_tramp(&c, &shared, &now.t) == -ERANGE);

	now.t.nr_args = 1;
	now.t.func = 0x123456789abc;
	c = (struct sops_code){ .buf = buf, .size = sizeof(buf) };
	EXPECT(sops_emit_tramp(&c, &shared, &now.t) == -ERANGE);

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		struct sops_emit_shared s;

		set_kernel(0);
		*fields[i] = 0x123456789abc;
		c = (struct sops_code){ .buf = buf, .size = sizeof(buf) };
		EXPECT(sops_emit_shared(&c, &k, &s) == -ERANGE);
	}
}

/* For objdump: does it read what was written as we meant it? */
static int dump(const char *path)
{
	FILE *f = fopen(path, "w");
	unsigned int kernel, form;
	u8 buf[SOPS_EMIT_MAX];

	if (!f)
		return 1;
	for (kernel = 0; kernel < ALL_KERNELS; kernel++) {
		set_kernel(kernel);
		for (form = SOPS_FORM_INLINE; form < SOPS_NR_FORMS; form++) {
			struct sops_code c = { .buf = buf, .size = sizeof(buf) };

			set_tramp(form, kernel & 2, kernel & 1);
			set_model(12, (u8[]){ 8, 8, 8, 8, 8, 8, 8, 8, 8, 4, 4, 1 });
			EXPECT(!sops_emit_tramp(&c, &shared, &now.t));
			place(&c, (u64)text);
			fwrite(buf, 1, c.used, f);
		}
		fwrite(text, 1, shared.parts[SOPS_NR_EXITS - 1].end, f);
	}
	return fclose(f) || failures;
}

static const struct {
	const char *name;
	void (*func)(void);
} tests[] = {
	{ "models", models },
	{ "states", states },
	{ "preambles", preambles },
	{ "compiled", compiled },
	{ "refusals", refusals },
	{ "fuzz", fuzz },
};

int main(int argc, char **argv)
{
	unsigned int i;
	int bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	setup();
	if (argc == 2)
		return dump(argv[1]);
	printf("TAP version 13\n1..%zu\n", ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		doing = tests[i].name;
		failures = cases = 0;
		tests[i].func();
		printf("# %d trampolines were run\n", cases);
		printf("%sok %u %s\n", failures ? "not " : "", i + 1, doing);
		bad |= failures;
	}
	return !!bad;
}
