/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The case at hand, and the kernel that a trampoline finds: the processor, the
 * task, and what it calls, which says what is wrong. For emit.c alone.
 */
/* the processor's variables, and the task */
#define NEED_NOT	0x80000000U		/* no reschedule is due */
#define NEED_NOT_WIDE	0x8000000000000000UL

struct cpu {
	u64 current_task;
	union {
		u32 preempt;
		u64 preempt_wide;
	};
	u64 nr_pinned;
	u64 call_depth;
};

struct task {
	char before[200];
	u64 *cpus_ptr;
	u64 pad;
	u64 cpus_mask[16];
	u16 migration_disabled;
	u16 migration_flags;
	union {
		struct {
			s32 rcu_nesting;
			u32 rcu_special;
		};
		u64 rcu;
	};
	char between[3000];
	u64 *bpf_ctx;
};

static struct cpu *cpu;
static struct task task;
static u32 task_head;
static int stats;

/* what happened, in order */
enum event { PROG, ENTER, EXIT, ENTER_S, EXIT_S, MIGRATE, UNLOCK, RESCHED };

static struct {
	enum event events[16];
	int nr;
} event_log;

static void note(enum event e)
{
	if (event_log.nr < 16)
		event_log.events[event_log.nr] = e;
	event_log.nr++;
}

/* the case at hand */
static struct sops_emit_kernel k;
static struct sops_emit_shared shared;
static struct {
	struct sops_emit_tramp t;
	u8 sizes[SOPS_EMIT_ARGS];
	u8 preamble[32];
	u64 expected[SOPS_EMIT_ARGS];
	int nr_slots;
	struct call call;
	u64 ret;
	bool moved;		/* the task is to move while the program runs */
	bool toggled;		/* statistics are switched then */
	u16 migration_disabled;
	s32 rcu_nesting;
	u32 rcu_special;
	u64 preempt;
	u32 held_off;		/* what the caller has added to the count */
	bool due;		/* a reschedule is */
} now;

static int failures, cases;
static const char *doing = "";

#define EXPECT(cond) do {						\
	if (!(cond) && ++failures < 20)					\
		printf("# %s, case %d: line %d: %s\n", doing, cases,	\
		       __LINE__, #cond);				\
} while (0)

static u64 random_state = 88172645463325252ULL;

static u64 rnd(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static u64 preempt_count(void)
{
	return k.preempt_wide ? cpu->preempt_wide : cpu->preempt;
}

static u64 saved_ctx = 0x5a5a;		/* as good an address as any */

/* the statistics at the entry of the trampoline, which may change inside */
static int counted;

/* whose steps: the kernel's; none for RCU and migration */
static bool is_called(void)
{
	return now.t.form == SOPS_FORM_SLEEPABLE || counted;
}

static bool is_held_off(void)
{
	return now.t.form == SOPS_FORM_INLINE && !counted && now.held_off & 0xffff;
}

u64 c_prog(u64 *ctx, u64 insns, u64 unused, u64 *frame)
{
	bool called = is_called();
	int i;

	note(PROG);
	for (i = 0; i < now.nr_slots; i++)
		EXPECT(ctx[i] == now.expected[i]);
	if (now.t.insns)
		EXPECT(insns == now.t.insns);

	/* nothing of the program's is below the stack pointer */
	EXPECT((u64)ctx > (u64)&i);
	/* who unwinds finds the trampoline's caller */
	EXPECT(frame[0] == now.call.rbp_before);
	EXPECT(frame[1] == *(u64 *)(now.call.rsp_before - 8));
	EXPECT((u64)&frame[2] == now.call.rsp_before);

	if ((now.t.form == SOPS_FORM_PREEMPT_OFF && !called) || is_held_off()) {
		EXPECT(task.rcu_nesting == now.rcu_nesting);
		EXPECT(task.migration_disabled == now.migration_disabled);
		EXPECT(cpu->nr_pinned == 7);
		EXPECT(preempt_count() == now.preempt + !is_held_off());
	} else {
		EXPECT(task.rcu_nesting == now.rcu_nesting + 1);
		EXPECT(task.migration_disabled == now.migration_disabled + 1);
		/* the kernel counts a task once; no matter, while it is not 0 */
		EXPECT(cpu->nr_pinned == (called && now.migration_disabled ? 7 : 8));
		EXPECT(preempt_count() == now.preempt);
	}
	if (now.t.leaf && !called) {
		EXPECT((u64)task.bpf_ctx == saved_ctx);
	} else {
		EXPECT(task.bpf_ctx == &ctx[called ? -5 : -2]);
		EXPECT(task.bpf_ctx[1] == saved_ctx);
		if (called)
			EXPECT(task.bpf_ctx[0] == 0);
	}
	/* nobody moves a task that is not switched away from */
	if (now.moved && task.migration_disabled > now.migration_disabled)
		task.cpus_ptr = &task.pad;
	task.rcu_special = now.rcu_special;
	if (now.toggled)
		stats = !stats;
	return now.ret;
}

static u64 enter(u64 prog, u64 *run_ctx)
{
	EXPECT(prog == now.t.prog);
	task.rcu_nesting++;
	if (!task.migration_disabled++)
		cpu->nr_pinned++;
	run_ctx[1] = (u64)task.bpf_ctx;
	task.bpf_ctx = run_ctx;
	return 1234;
}

static u64 leave(u64 prog, u64 start, u64 *run_ctx)
{
	EXPECT(prog == now.t.prog);
	EXPECT(start == 1234);
	EXPECT(run_ctx == task.bpf_ctx);
	task.bpf_ctx = (u64 *)run_ctx[1];
	if (!--task.migration_disabled) {
		task.cpus_ptr = task.cpus_mask;
		cpu->nr_pinned--;
	}
	if (!--task.rcu_nesting)
		task.rcu_special = 0;
	return 0xbad;
}

u64 c_enter(u64 prog, u64 *run_ctx)
{
	note(ENTER);
	return enter(prog, run_ctx);
}

u64 c_exit(u64 prog, u64 start, u64 *run_ctx)
{
	note(EXIT);
	return leave(prog, start, run_ctx);
}

u64 c_enter_sleepable(u64 prog, u64 *run_ctx)
{
	note(ENTER_S);
	return enter(prog, run_ctx);
}

u64 c_exit_sleepable(u64 prog, u64 start, u64 *run_ctx)
{
	note(EXIT_S);
	return leave(prog, start, run_ctx);
}

u64 c_migrate_enable(void)
{
	note(MIGRATE);
	EXPECT(now.moved);
	EXPECT(preempt_count() == now.preempt);
	EXPECT(task.migration_disabled == 1);
	task.cpus_ptr = task.cpus_mask;
	task.migration_disabled = 0;
	cpu->nr_pinned--;
	return 0xbad;
}

u64 c_rcu_read_unlock(void)
{
	note(UNLOCK);
	EXPECT(task.rcu_nesting == 1);
	EXPECT(task.rcu_special);
	task.rcu_nesting = 0;
	task.rcu_special = 0;
	return 0xbad;
}

void c_preempt_schedule(void)
{
	note(RESCHED);
	EXPECT(preempt_count() == 0);
	EXPECT(now.due);
}
