// SPDX-License-Identifier: GPL-2.0-only
/* a2431c7eabcf (6.9): security modules are asked about a new map together with its attributes. */
#include <linux/security.h>

void *probe(void);
void *probe(void)
{
	return security_bpf_map_create;
}
