/* SPDX-License-Identifier: GPL-2.0-only */
/* Files of links of ours, which can be polled: the kernel's own where it has such links. */
#ifndef SOPS_LINK_FILE_H
#define SOPS_LINK_FILE_H

#include <linux/bpf.h>
#include <linux/fs.h>
#include "features.h"

#ifdef HAVE_STRUCT_OPS_LINK
#define SOPS_LINK_NO_PROG		NULL
#define sops_link_prime(link, primer)	borrowed(bpf_link_prime)(link, primer)
#define sops_link_cleanup(primer)	borrowed(bpf_link_cleanup)(primer)
#define sops_link_file_init(ops, poll)	0
#else
extern struct bpf_prog sops_link_no_prog;
#define SOPS_LINK_NO_PROG		(&sops_link_no_prog)
int sops_link_prime(struct bpf_link *link, struct bpf_link_primer *primer);
void sops_link_cleanup(struct bpf_link_primer *primer);

int sops_link_file_init(const struct bpf_link_ops *ops,
			__poll_t (*poll)(struct file *, struct poll_table_struct *));
bool sops_link_file_is_ours(const struct file *file);
bool sops_link_files(void);

/* For the table in hooks.h. */
bool sops_link_wants_get_from_fd(const void *fd);
struct bpf_link *sops_link_get_from_fd(u32 fd);
bool sops_link_wants_new_fd(const void *link);
int sops_link_new_fd(struct bpf_link *link);
#endif

#endif /* SOPS_LINK_FILE_H */
