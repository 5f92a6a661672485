/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What bpf(2) has learnt since the linux/bpf.h of Debian 12: links for maps,
 * and tables that programs jump by.
 * Attributes are reached by their place, which is ABI.
 */
#ifndef SOPS_TESTS_NEWER_H
#define SOPS_TESTS_NEWER_H

#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>

#include "sops.h"

#include <kselftest_harness.h>

/* in a FIXTURE_SETUP: the harness of 6.1 runs the test all the same */
#ifdef KSELFTEST_PRIO_TEST
#define SKIP_TEST(...)	SKIP(return, __VA_ARGS__)
#else
#define SKIP_TEST(...)	SKIP(longjmp(_metadata->env, 1), __VA_ARGS__)
#endif

#define SOPS_F_LINK		(1U << 13)	/* BPF_F_LINK, 6.4 */
#define SOPS_ATTACH_TYPE	44		/* BPF_STRUCT_OPS, 6.4 */

#define SOPS_MAP_INSN_ARRAY	34		/* BPF_MAP_TYPE_INSN_ARRAY, 6.19 */

/* in sops_value.state, beside those of sops.h */
#define SOPS_READY		3

/* bpf_map_info.btf_vmlinux_id, 6.9 */
#define sops_info_vmlinux_id(info)	(*sops_word(info, 76))
/* bpf_link_info.struct_ops.map_id, 6.4 */
#define sops_info_map_id(info)		(*sops_word(info, 16))

/* a map for links, past its update; tells itself from others by ssthresh */
static inline int ca_link_map(const char *name, int ssthresh)
{
	int prog = sops_prog(&tcp, "ssthresh", ssthresh), map;
	struct sops_value v;

	ca_value(&v, name);
	value_set(&v, "ssthresh", prog);
	map = ca_map(&v, SOPS_F_LINK);
	close(prog);
	return map;
}

static inline int link_create_flags(int map, __u32 flags)
{
	union bpf_attr attr = {
		.link_create = {
			.prog_fd = map,		/* map_fd is the same word */
			.attach_type = SOPS_ATTACH_TYPE,
			.flags = flags,
		},
	};

	return sys_bpf(BPF_LINK_CREATE, &attr);
}

static inline int link_create(int map)
{
	return link_create_flags(map, 0);
}

static inline int link_update_flags(int link, int map, __u32 flags, int old)
{
	union bpf_attr attr = {
		.link_update = {
			.link_fd = link,
			.new_prog_fd = map,
			.flags = flags,
			.old_prog_fd = old,
		},
	};

	return sys_bpf(BPF_LINK_UPDATE, &attr);
}

static inline int link_update(int link, int map)
{
	return link_update_flags(link, map, 0, 0);
}

static inline int link_detach(int link)
{
	union bpf_attr attr = { .link_detach.link_fd = link };

	return sys_bpf(BPF_LINK_DETACH, &attr);
}

static inline int link_info(int link, struct bpf_link_info *info)
{
	union bpf_attr attr = {
		.info = {
			.bpf_fd = link,
			.info_len = sizeof(*info),
			.info = (uintptr_t)info,
		},
	};

	memset(info, 0, sizeof(*info));
	return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

/* the map a link registers; 0 once it is detached */
static inline int link_map_id(int link)
{
	struct bpf_link_info info;
	int err = link_info(link, &info);

	return err ? err : (int)sops_info_map_id(&info);
}

static inline int map_id(int map)
{
	struct bpf_map_info info;
	int err = map_info(map, &info);

	return err ? err : (int)info.id;
}

static inline int map_state(int map, const struct sops_type *t)
{
	struct sops_value v;
	int err;

	value_init(&v, t);
	err = map_lookup(map, 0, v.bytes);
	return err ? err : (int)v.state;
}

#endif
