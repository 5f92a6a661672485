// SPDX-License-Identifier: GPL-2.0-only
/* Must always build: when it does not, the kernel tree is broken, not the feature. */
#include <linux/module.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/ftrace.h>
#include <linux/static_call.h>
