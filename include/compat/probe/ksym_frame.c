// SPDX-License-Identifier: GPL-2.0-only
/* A symbol says where its code has a frame: in 7.3, not in 6.12. */
#include <linux/bpf.h>

u32 probe(struct bpf_ksym *ksym);
u32 probe(struct bpf_ksym *ksym)
{
	return ksym->fp_end - ksym->fp_start;
}
