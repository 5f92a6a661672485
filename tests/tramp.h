/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by tramp.c and its programs. */
#ifndef SOPS_TRAMP_H
#define SOPS_TRAMP_H

#define TRAMP_DEPTH	32

#endif
