/* SPDX-License-Identifier: GPL-2.0-only */
/* Why something was refused. */
#ifndef SOPS_REFUSED_H
#define SOPS_REFUSED_H

#include <linux/bpf.h>
#include <linux/sched.h>

struct seq_file;
struct sops_map;

#define SOPS_REFUSED_TYPE	80
#define SOPS_REFUSED_MEMBER	64

/**
 * struct sops_refusal - one refusal; "-" for a name that there is not
 * @when: by the clock of dmesg and of traces
 * @pid: of the process
 * @comm: of the task
 * @op: what was asked for; not a copy, like @reason: text of this module
 * @map_id: of the map, 0 before it has one
 * @prog_id: of the program that is to blame, or 0
 * @err: errno, below zero
 * @name: of the map
 * @type: of the map
 * @member: of the type
 * @reason: in words
 */
struct sops_refusal {
	u64 when;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	const char *op;
	u32 map_id;
	u32 prog_id;
	int err;
	char name[BPF_OBJ_NAME_LEN];
	char type[SOPS_REFUSED_TYPE];
	char member[SOPS_REFUSED_MEMBER];
	const char *reason;
};

int sops_refused(const char *op, const struct sops_map *smap, const char *member,
		 u32 prog_id, int err, const char *reason);
int sops_refused_create(const char *name, const char *type, int err, const char *reason);
void sops_refused_name(char *to, size_t size, const char *name);
const char *sops_refused_memory(int err, const char *otherwise);
void sops_refused_show(struct seq_file *m);

#endif /* SOPS_REFUSED_H */
