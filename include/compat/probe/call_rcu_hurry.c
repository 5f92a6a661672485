// SPDX-License-Identifier: GPL-2.0-only
/* 3cb278e73be5 (6.2): call_rcu() may take its time, this does not. */
#include <linux/rcupdate.h>

void probe(struct rcu_head *head, rcu_callback_t func);
void probe(struct rcu_head *head, rcu_callback_t func)
{
	call_rcu_hurry(head, func);
}
