/* SPDX-License-Identifier: GPL-2.0-only */
/* The prototype of a kernel function, as its BTF tells it. */
#ifndef SOPS_PROTO_H
#define SOPS_PROTO_H

int sops_proto_check(const char *func, const char *expected);

#endif /* SOPS_PROTO_H */
