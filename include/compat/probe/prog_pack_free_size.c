// SPDX-License-Identifier: GPL-2.0-only
/* Freeing part of a program pack takes its size: 6.12 does, 6.1 not. */
#include <linux/filter.h>

void probe(void *mem);
void probe(void *mem)
{
	bpf_prog_pack_free(mem, 64);
}
