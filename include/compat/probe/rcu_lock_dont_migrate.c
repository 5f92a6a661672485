// SPDX-License-Identifier: GPL-2.0-only
/* Migration goes off before the RCU section begins: in 7.3, not in 6.12. */
#include <linux/rcupdate.h>

void probe(void);
void probe(void)
{
	rcu_read_lock_dont_migrate();
}
