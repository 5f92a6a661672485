/* SPDX-License-Identifier: GPL-2.0-only */
/* What is done later, after grace periods: src/ calls the newest kernel's form. */
#ifndef SOPS_COMPAT_LATER_H
#define SOPS_COMPAT_LATER_H

#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include "features.h"

/* 6.2 (3cb278e73be5): call_rcu() got lazy. Goes when 6.1 does. */
#ifndef HAVE_CALL_RCU_HURRY
#define call_rcu_hurry	call_rcu
#endif

/* Without preemption (arm64 before 7.0) RCU-tasks is RCU; headers declare this all the same. */
#ifndef CONFIG_TASKS_RCU
#define rcu_barrier_tasks	rcu_barrier
#endif

/* 6.17 (128ea9f6ccfb): a new name, the old one is warned of. Goes when 6.16 does. */
#ifndef HAVE_SYSTEM_DFL_WQ
#define system_dfl_wq	system_unbound_wq
#endif

#endif /* SOPS_COMPAT_LATER_H */
