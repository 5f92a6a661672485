// SPDX-License-Identifier: GPL-2.0-only
/* 128ea9f6ccfb (6.17): the name of the workqueue that is bound to no processor. */
#include <linux/workqueue.h>

void probe(struct work_struct *work);
void probe(struct work_struct *work)
{
	queue_work(system_dfl_wq, work);
}
