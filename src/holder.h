/* SPDX-License-Identifier: GPL-2.0-only */
/* What holds a map. */
#ifndef SOPS_HOLDER_H
#define SOPS_HOLDER_H

#include <linux/seq_file.h>
#include "map.h"

void sops_holders_show(struct seq_file *m, const struct sops_map *smap);

#endif /* SOPS_HOLDER_H */
