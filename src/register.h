/* SPDX-License-Identifier: GPL-2.0-only */
/* A module brings a type. */
#ifndef SOPS_REGISTER_H
#define SOPS_REGISTER_H

int sops_register_init(void);
void sops_register_exit(void);

#endif /* SOPS_REGISTER_H */
