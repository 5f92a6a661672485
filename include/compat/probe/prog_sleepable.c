// SPDX-License-Identifier: GPL-2.0-only
/* 66c8473135c6 (6.9): whether a program may sleep is a bit of the program itself. */
#include <linux/bpf.h>

bool probe(const struct bpf_prog *prog);
bool probe(const struct bpf_prog *prog)
{
	return prog->sleepable;
}
