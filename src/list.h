/* SPDX-License-Identifier: GPL-2.0-only */
/* The list of our maps in debugfs. */
#ifndef SOPS_LIST_H
#define SOPS_LIST_H

int sops_list_init(void);
void sops_list_exit(void);

#endif /* SOPS_LIST_H */
