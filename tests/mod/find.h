/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions of the kernel that are not exported: a kprobe knows where they
 * are. They are called by static calls, as src/kernel.c does: what a kernel
 * that checks indirect calls wants to find at a function is not there any more
 * when the kernel itself never calls it by a pointer.
 */
#ifndef SOPS_FIND_H
#define SOPS_FIND_H

#include <linux/kprobes.h>
#include <linux/static_call.h>

static inline void *find_symbol(const char *name)
{
	/*
	 * Never armed: when disarming fails the kprobe stays, and this stack
	 * does not.
	 */
	struct kprobe kp = {
		.symbol_name = name,
		.flags = KPROBE_FLAG_DISABLED,
	};

	if (register_kprobe(&kp))
		return NULL;
	unregister_kprobe(&kp);
	return kp.addr;
}

/* FIND(name, type): the function @name of the kernel, of that type; outside of functions */
#define FIND(name, type...)						\
	DEFINE_STATIC_CALL_NULL(found_##name, type);			\
	static bool has_##name;						\
									\
	static void find_##name(void)					\
	{								\
		void *addr = find_symbol(#name);			\
									\
		has_##name = addr;					\
		if (addr)						\
			static_call_update(found_##name, addr);		\
	}

/* once find_NAME() was called, and has_NAME is true */
#define found(name)	static_call(found_##name)

#endif /* SOPS_FIND_H */
