// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why something was refused.
 *
 * An errno alone tells nobody what to do. Each path that refuses calls
 * sops_refused() once, which tells the tracepoint, and keeps the last ones for
 * /sys/kernel/debug/struct_ops/refused. No memory is taken for it.
 */
#include <linux/ctype.h>
#include <linux/sched/clock.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include "map.h"
#include "refused.h"

#define CREATE_TRACE_POINTS
#include <trace/events/struct_ops.h>

/* How many are kept. */
#define SOPS_REFUSED_MAX	64

/*
 * Protects the ring, and how many there ever were. A BPF program may update or
 * delete, in any context: with interrupts off and raw, and in an NMI only if
 * nobody has it.
 */
static DEFINE_RAW_SPINLOCK(sops_refused_lock);
static struct sops_refusal sops_refused_ring[SOPS_REFUSED_MAX];
static u64 sops_refused_nr;

static int sops_refused_keep(struct sops_refusal *r, int err, const char *reason)
{
	unsigned long flags;

	r->when = local_clock();
	r->pid = task_tgid_nr(current);
	/* Without its lock: torn at worst, and it ends. */
	strscpy(r->comm, current->comm, sizeof(r->comm));
	r->err = err;
	r->reason = reason;

	/* Out of the lock: a program may be attached there. */
	trace_refused(r);

	if (!in_nmi())
		raw_spin_lock_irqsave(&sops_refused_lock, flags);
	else if (!raw_spin_trylock_irqsave(&sops_refused_lock, flags))
		return err;
	sops_refused_ring[sops_refused_nr++ % SOPS_REFUSED_MAX] = *r;
	raw_spin_unlock_irqrestore(&sops_refused_lock, flags);
	return err;
}

/**
 * sops_refused_name() - a name as one word, "-" for none
 * @to: where to
 * @size: of it
 * @name: perhaps of an attribute, that the kernel has not looked at yet; or NULL
 */
void sops_refused_name(char *to, size_t size, const char *name)
{
	strscpy(to, name && *name ? name : "-", size);
	for (; *to; to++)
		if (!isgraph(*to))
			*to = '?';
}

/**
 * sops_refused() - say why, once
 * @op: "update", "delete", "link" and so on; constant
 * @smap: of ours, or NULL
 * @member: whose it is, or NULL
 * @prog_id: of the program that is to blame, or 0
 * @err: below zero
 * @reason: in words; constant
 *
 * Context: any; any lock may be held. Takes no memory.
 *
 * Return: @err.
 */
noinline __cold int sops_refused(const char *op, const struct sops_map *smap,
				 const char *member, u32 prog_id, int err,
				 const char *reason)
{
	struct sops_refusal r = { .op = op, .prog_id = prog_id };

	r.map_id = smap ? READ_ONCE(smap->map->id) : 0;
	sops_refused_name(r.name, sizeof(r.name), smap ? smap->map->name : NULL);
	sops_refused_name(r.type, sizeof(r.type), smap ? smap->type->name : NULL);
	sops_refused_name(r.member, sizeof(r.member), member);
	return sops_refused_keep(&r, err, reason);
}

/**
 * sops_refused_create() - the same, of a map that there will not be
 * @name: it was to have
 * @type: of it, or NULL
 * @err: below zero
 * @reason: in words; constant
 *
 * Return: @err.
 */
noinline __cold int sops_refused_create(const char *name, const char *type, int err,
					const char *reason)
{
	struct sops_refusal r = { .op = "create" };

	sops_refused_name(r.name, sizeof(r.name), name);
	sops_refused_name(r.type, sizeof(r.type), type);
	sops_refused_name(r.member, sizeof(r.member), NULL);
	return sops_refused_keep(&r, err, reason);
}

/**
 * sops_refused_memory() - the words for memory that was not to be had
 * @err: from image.c or an allocation
 * @otherwise: the words if it is neither
 */
const char *sops_refused_memory(int err, const char *otherwise)
{
	switch (err) {
	case -ENOMEM:
		return "out of memory, or at the limit of the memory cgroup";
	case -EPERM:
		return "the BPF JIT limit is reached: net.core.bpf_jit_limit";
	default:
		return otherwise;
	}
}

/* One that may be gone by now. */
static bool sops_refused_get(u64 nr, struct sops_refusal *r)
{
	unsigned long flags;
	bool there;

	raw_spin_lock_irqsave(&sops_refused_lock, flags);
	there = nr < sops_refused_nr && sops_refused_nr - nr <= SOPS_REFUSED_MAX;
	if (there)
		*r = sops_refused_ring[nr % SOPS_REFUSED_MAX];
	raw_spin_unlock_irqrestore(&sops_refused_lock, flags);
	return there;
}

/**
 * sops_refused_show() - the last refusals, oldest first
 * @m: where to
 */
void sops_refused_show(struct seq_file *m)
{
	struct sops_refusal r;
	unsigned long flags;
	u64 nr, end;

	raw_spin_lock_irqsave(&sops_refused_lock, flags);
	end = sops_refused_nr;
	raw_spin_unlock_irqrestore(&sops_refused_lock, flags);

	seq_puts(m, "when pid comm op map name type member prog errno reason\n");
	for (nr = end > SOPS_REFUSED_MAX ? end - SOPS_REFUSED_MAX : 0; nr < end; nr++) {
		if (!sops_refused_get(nr, &r))
			continue;
		seq_printf(m, "%llu.%06llu %d ", r.when / NSEC_PER_SEC,
			   r.when % NSEC_PER_SEC / NSEC_PER_USEC, r.pid);
		/* the one thing here that a task chose freely */
		seq_escape(m, *r.comm ? r.comm : "-", " \t\n\\");
		seq_printf(m, " %s %u %s %s %s %u %d %s\n", r.op, r.map_id, r.name,
			   r.type, r.member, r.prog_id, r.err, r.reason);
	}
}
