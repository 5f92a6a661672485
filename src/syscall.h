/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands of bpf() that the kernel would refuse for maps and links of ours. */
#ifndef SOPS_SYSCALL_H
#define SOPS_SYSCALL_H

#include <linux/bpf.h>
#include <linux/bpfptr.h>

void sops_syscall_init(void *sys_bpf, void *map_create);

/* For the table in hooks.h. */
bool sops_syscall_wants(int cmd, bpfptr_t uattr, unsigned int size);
int sops_syscall(int cmd, bpfptr_t uattr, unsigned int size);
bool sops_syscall_refuses(const void *attr);
int sops_syscall_create(union bpf_attr *attr);

#endif /* SOPS_SYSCALL_H */
