// SPDX-License-Identifier: GPL-2.0-only
/* 7.x: a subsystem walks the programs behind a value. */
#include <linux/bpf.h>

int probe(const void *kdata, int (*cb)(struct bpf_prog *prog, void *data));
int probe(const void *kdata, int (*cb)(struct bpf_prog *prog, void *data))
{
	return bpf_struct_ops_for_each_prog(kdata, cb, NULL);
}
