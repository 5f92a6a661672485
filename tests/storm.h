/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads that do everything at once, and what a call may answer them. */
#ifndef SOPS_TESTS_STORM_H
#define SOPS_TESTS_STORM_H

#include <linux/capability.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "sops.h"

/* each storm; scripts/check-debug asks for more */
#define SECONDS	sops_param("SOPS_SECONDS", 2)

static atomic_int stop, unexpected, where;

/* what a call may answer here, and nothing else */
#define MAY(got, ...) ({						\
	int __ok[] = { __VA_ARGS__ }, __got = (got);			\
	size_t __o;							\
									\
	for (__o = 0; __o < ARRAY_SIZE(__ok); __o++)			\
		if (__got == __ok[__o])					\
			break;						\
	if (__o == ARRAY_SIZE(__ok)) {					\
		unexpected = __got;					\
		where = __LINE__;					\
	}								\
	__got;								\
})

/* without this, asking for a name that has just gone runs modprobe */
static void no_modprobe(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	syscall(SYS_capget, &head, data);
	data[0].effective &= ~(1U << CAP_NET_ADMIN);
	syscall(SYS_capset, &head, data);
}

#endif
