// SPDX-License-Identifier: GPL-2.0-only
/* 2cd3e3772e41 (6.8): struct_ops callers may check a kCFI preamble. */
#include <linux/cfi.h>

int probe(void);
int probe(void)
{
	return cfi_get_offset();
}
