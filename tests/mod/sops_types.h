/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The struct_ops types of sops_types.ko, what it calls their members with, and
 * how it is asked to; for the module and for the test.
 */
#ifndef SOPS_TYPES_H
#define SOPS_TYPES_H

#include <linux/types.h>

struct module;

struct sops_arg {
	__u64 in;
};

struct sops_pair {
	__u64 one;
	__u64 two;
};

/*
 * Registered under its tag, one value for each. Data members that end in _err:
 * what to fail with. slow: reg waits until released. refused: init_member
 * leaves it to the map.
 */
struct sops_test_ops {
	int (*plain)(int a);
	__u64 (*regs)(__u64 a, __u32 b, __u16 c, __u8 d, __s64 e, __u64 f);
	__u64 (*stack)(__u64 a, __u64 b, __u64 c, __u64 d, __u64 e, __u64 f,
		       __u32 g, __u64 h, __u8 i, __u64 j, __u64 k, __u64 l);
	__u64 (*pair)(__u64 a, struct sops_pair b, __u64 c);
	__u64 (*late_pair)(__u64 a, __u64 b, __u64 c, __u64 d, __u64 e,
			   struct sops_pair f, __u64 g);
	__u8 (*narrow)(void);
	void (*nothing)(__u64 a);
	__u64 (*maybe)(struct sops_arg *arg);
	int (*sleepy)(int a);
	__u64 (*arena)(struct sops_arg *arg);
	__u64 (*arena_null)(struct sops_arg *arg);
	int (*stubless)(int a);
	struct module *owner;
	__u32 tag;
	__u32 init_err;
	__u32 validate_err;
	__u32 reg_err;
	__u32 update_err;
	__u32 refused;
	__u32 slow;
};

/* where an arena would be, and something in it */
#define SOPS_ARENA	0xffffc90012345000ULL
#define SOPS_ARENA_OFF	0x678

#define SOPS_A	0x1111111111111111ULL
#define SOPS_B	0x2222222222222222ULL
#define SOPS_C	0x3333333333333333ULL
#define SOPS_D	0x4444444444444444ULL
#define SOPS_E	(-5LL)
#define SOPS_F	0x6666666666666666ULL
#define SOPS_G	0x7777777777777777ULL
#define SOPS_H	0x8888888888888888ULL
#define SOPS_I	0x9999999999999999ULL
#define SOPS_J	0xaaaaaaaaaaaaaaaaULL
#define SOPS_K	0xbbbbbbbbbbbbbbbbULL
#define SOPS_L	0xccccccccccccccccULL

/*
 * More than what goes on one page; each is called with its number. Not more
 * than these: 7.3 takes a program for member number 59 of any type for one of
 * BPF_TRACE_FENTRY_MULTI, and refuses it.
 */
#define SOPS_WIDE(m)							\
	m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7) m(8) m(9)		\
	m(10) m(11) m(12) m(13) m(14) m(15) m(16) m(17) m(18) m(19)	\
	m(20) m(21) m(22) m(23) m(24) m(25) m(26) m(27) m(28) m(29)	\
	m(30) m(31) m(32) m(33) m(34) m(35) m(36) m(37) m(38) m(39)	\
	m(40) m(41) m(42) m(43) m(44) m(45) m(46) m(47) m(48) m(49)

#define SOPS_NR_WIDE	50

struct sops_wide_ops {
#define SOPS_WIDE_MEMBER(n)	int (*m##n)(int a);
	SOPS_WIDE(SOPS_WIDE_MEMBER)
	__u32 tag;
};

/* more than a register can return */
struct sops_big_ops {
	unsigned __int128 (*big)(void);
	__u32 tag;
};

/*
 * Written to debugfs MODULE/ask, one request a write:
 *
 *   call TAG MEMBER	MODULE/result is then what it returned
 *   detach TAG		the subsystem ends the link that registered the value
 *   assoc FD		result: tag of the value the program goes with, or 0
 *   id TAG		result: id of the value's map
 *   progs TAG until ID	result: sum of the ids of its programs, up to the one with that ID
 *   hold		stays in a way of programs that sleep, until released
 *   release
 */

#endif
