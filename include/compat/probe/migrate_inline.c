// SPDX-License-Identifier: GPL-2.0-only
/* The kernel turns migration off in place: by 7.3, not in 6.12. */
#include <linux/sched.h>

int probe(void);
int probe(void)
{
	return RQ_nr_pinned;
}
