/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct_ops types that modules bring, which the linux/bpf.h of Debian 12 does
 * not know: attributes are reached by their place, which is ABI.
 */
#ifndef SOPS_TESTS_MODTYPE_H
#define SOPS_TESTS_MODTYPE_H

#include <bpf/btf.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sops.h"

#define SOPS_F_VTYPE_BTF_OBJ_FD	(1U << 15)	/* BPF_F_VTYPE_BTF_OBJ_FD, 6.9 */

/* map_create.value_type_btf_obj_fd, 6.9 */
#define sops_attr_vtype_fd(attr)	(*sops_word(attr, 72))

/* what BTF says of one type, and which module says it */
struct type {
	int btf;			/* fd */
	__u32 btf_id;
	const char *name;
	int id, value_id;
	__u32 value_size;
	struct btf *desc;
};

static inline int btf_by_id(__u32 id)
{
	union bpf_attr attr = { .btf_id = id };

	return sys_bpf(BPF_BTF_GET_FD_BY_ID, &attr);
}

static inline int btf_of_module(const char *module, __u32 *id)
{
	union bpf_attr attr = {};
	char name[64];

	while (!sys_bpf(BPF_BTF_GET_NEXT_ID, &attr)) {
		struct bpf_btf_info info = {
			.name = (uintptr_t)name,
			.name_len = sizeof(name),
		};
		union bpf_attr get = {};
		int fd = btf_by_id(attr.next_id);

		attr.start_id = attr.next_id;
		if (fd < 0)
			continue;
		get.info.bpf_fd = fd;
		get.info.info = (uintptr_t)&info;
		get.info.info_len = sizeof(info);
		if (!sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &get) &&
		    info.kernel_btf && !strcmp(name, module)) {
			*id = info.id;
			return fd;
		}
		close(fd);
	}
	return -ENOENT;
}

/* a struct of the module's own, which are after all of vmlinux: libbpf's search begins with those */
static inline int own_struct(const struct btf *btf, const char *name)
{
	int id, end = btf__type_cnt(btf);

	for (id = btf__type_cnt(sops_btf()); id < end; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_struct(t) && !strcmp(btf__name_by_offset(btf, t->name_off), name))
			return id;
	}
	return -ENOENT;
}

static inline int type_get(struct type *t, const char *module, const char *name)
{
	char value[64];

	t->name = name;
	t->btf = btf_of_module(module, &t->btf_id);
	if (t->btf < 0)
		return t->btf;
	t->desc = btf__load_from_kernel_by_id_split(t->btf_id,
						    (struct btf *)sops_btf());
	if (!t->desc)
		return -errno;
	snprintf(value, sizeof(value), "bpf_struct_ops_%s", name);
	t->id = own_struct(t->desc, name);
	t->value_id = own_struct(t->desc, value);
	if (t->id < 0 || t->value_id < 0)
		return -ENOENT;
	t->value_size = btf__type_by_id(t->desc, t->value_id)->size;
	return 0;
}

static inline void type_put(struct type *t)
{
	btf__free(t->desc);
	close(t->btf);
}

static inline int member_index(const struct type *t, const char *member)
{
	const struct btf_type *s = btf__type_by_id(t->desc, t->id);
	int i;

	for (i = 0; i < btf_vlen(s); i++)
		if (!strcmp(btf__name_by_offset(t->desc,
						btf_members(s)[i].name_off),
			    member))
			return i;
	return -ENOENT;
}

static inline int create(const struct type *t, __u32 flags)
{
	union bpf_attr attr;

	create_attr(&attr, &tcp);
	attr.map_flags = flags | SOPS_F_VTYPE_BTF_OBJ_FD;
	attr.value_size = t->value_size;
	attr.btf_vmlinux_value_type_id = t->value_id;
	sops_attr_vtype_fd(&attr) = t->btf;
	return sys_bpf(BPF_MAP_CREATE, &attr);
}

static inline int load_prog(const struct type *t, const char *member,
			    const struct bpf_insn *insns, int n, __u32 flags)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_STRUCT_OPS,
		.insns = (uintptr_t)insns,
		.insn_cnt = n,
		.license = (uintptr_t)"GPL",
		.prog_flags = flags,
		.attach_btf_id = t->id,
		.attach_btf_obj_fd = t->btf,
		.expected_attach_type = member_index(t, member),
	};

	return sys_bpf(BPF_PROG_LOAD, &attr);
}

#endif
