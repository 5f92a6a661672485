/* SPDX-License-Identifier: GPL-2.0-only */
/* What of the module only insmod runs is called here at any time: it has to stay. */
#include <linux/init.h>

#undef __init
#undef __initconst
#undef __initdata
#define __init
#define __initconst
#define __initdata
