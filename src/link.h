/* SPDX-License-Identifier: GPL-2.0-only */
/* A link that registers a map. */
#ifndef SOPS_LINK_H
#define SOPS_LINK_H

#include <linux/bpf.h>
#include "features.h"

#ifdef HAVE_STRUCT_OPS_LINK
bool sops_link_is_ours(const union bpf_attr *attr);
int sops_link_create(union bpf_attr *attr);
int sops_link_find(void);
#else
static inline int sops_link_find(void)
{
	return 0;
}
#endif

#endif /* SOPS_LINK_H */
