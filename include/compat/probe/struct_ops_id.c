// SPDX-License-Identifier: GPL-2.0-only
/* 7.x: a subsystem asks for the id of the map behind a value. */
#include <linux/bpf.h>

u32 probe(const void *kdata);
u32 probe(const void *kdata)
{
	return bpf_struct_ops_id(kdata);
}
