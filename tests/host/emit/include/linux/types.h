/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's names of types, and what comes with any of its headers, for what is built in user space as well. */
#ifndef EMIT_LINUX_TYPES_H
#define EMIT_LINUX_TYPES_H

#include <stdbool.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#endif /* EMIT_LINUX_TYPES_H */
