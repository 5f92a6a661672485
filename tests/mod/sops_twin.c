// SPDX-License-Identifier: GPL-2.0-only
/* Types that are sops_types.ko's to the last BTF id, and yet others. */
#include "sops_types.c"
