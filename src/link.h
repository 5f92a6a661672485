/* SPDX-License-Identifier: GPL-2.0-only */
/* A link that registers a map. */
#ifndef SOPS_LINK_H
#define SOPS_LINK_H

#include <linux/bpf.h>
#include <linux/fs.h>

bool sops_link_is_ours(const union bpf_attr *attr);
int sops_link_create(union bpf_attr *attr);
int sops_link_update(struct bpf_link *link, struct bpf_map *new_map,
		     struct bpf_map *expected_old_map);
struct bpf_map *sops_map_of_file(const struct file *file);
int sops_link_find(void);

#endif /* SOPS_LINK_H */
