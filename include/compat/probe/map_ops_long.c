// SPDX-License-Identifier: GPL-2.0-only
/* d7ba4cc900bf (6.4): map operations return long. */
#include <linux/bpf.h>

static_assert(__same_type(((struct bpf_map_ops *)0)->map_update_elem(NULL, NULL, NULL, 0), long));
