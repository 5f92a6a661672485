// SPDX-License-Identifier: GPL-2.0-only
/* Until 8788ca164eb4 (6.4): a direct call is registered by address, not as an ops. */
#include <linux/ftrace.h>

#ifndef CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS
#error "a function cannot have a direct call"
#endif
static_assert(__same_type(register_ftrace_direct, int (unsigned long, unsigned long)));
static_assert(__same_type(register_ftrace_direct_multi, int (struct ftrace_ops *, unsigned long)));
