/* SPDX-License-Identifier: GPL-2.0-only */
/* A struct_ops type: what a map's value is made of. */
#ifndef SOPS_TYPE_H
#define SOPS_TYPE_H

#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <compat/struct_ops.h>

/* The longest name of a type, with its NUL: "bpf_struct_ops_" goes before it. */
#define SOPS_TYPE_NAME_MAX	113

/* What a trampoline's symbol has after the type and the member: "_" and the map's id. */
#define SOPS_SYMBOL_ID_MAX	sizeof("_4294967295")

enum sops_member_kind {
	SOPS_MEMBER_FUNC,	/* function pointer: takes a program */
	SOPS_MEMBER_OWNER,	/* struct module *: filled in here */
	SOPS_MEMBER_DATA,	/* anything else: the type's init_member decides */
};

/* Do helpers for a member tell of what is beside a program's context? */
enum sops_member_meta {
	SOPS_META_UNKNOWN,
	SOPS_META_NONE,
	SOPS_META_OFFERED,
};

/**
 * struct sops_member - one member of the subsystem's struct
 * @kind: what goes there
 * @offset: in bytes, in the struct
 * @size: in bytes
 * @name: its name, in BTF
 * @btf: the member in BTF, for the type's init_member
 * @symbol: SOPS_MEMBER_FUNC: what the symbols of its trampolines begin with
 * @symbol_len: how much of that, to leave room for SOPS_SYMBOL_ID_MAX
 * @model: SOPS_MEMBER_FUNC: arguments and return value
 * @meta: set when its first program is seen
 */
struct sops_member {
	enum sops_member_kind kind;
	u32 offset;
	u32 size;
	const char *name;
	const struct btf_member *btf;
	char *symbol;
	u32 symbol_len;
	struct btf_func_model model;
	enum sops_member_meta meta;
};

/* Bytes of the value that no member covers. */
struct sops_hole {
	u32 offset;
	u32 size;
};

/**
 * struct sops_type - a struct_ops type, resolved once
 * @list: entry in the list of types
 * @refs: one for each map, and one of the list for types of vmlinux
 * @rcu: the list of maps reads the name under RCU
 * @lock: serialises registering, what links do to it, and programs becoming
 *	associated
 * @desc: what the kernel lists it as, for its own code
 * @ops: what the subsystem offers
 * @btf: where the type is from
 * @name: of the struct; a copy, the list of maps may outlive BTF
 * @atomic: most of its members are called where nothing may sleep; no program
 *	that may is let in
 * @t: the struct in BTF
 * @type_id: its id, which programs were loaded against
 * @value_id: id of bpf_struct_ops_<name>, which maps are created with
 * @value_size: of that, in bytes
 * @holes: of the value, in order
 * @nr_holes: number of them
 * @nr_members: number of members
 * @members: in BTF's order: programs name a member by its index
 */
struct sops_type {
	struct list_head list;
	struct kref refs;
	struct rcu_head rcu;
	struct mutex lock;	/* see above */
	struct sops_desc desc;
	const struct sops_struct_ops *ops;
	struct btf *btf;
	char name[SOPS_TYPE_NAME_MAX];
	bool atomic;
	const struct btf_type *t;
	u32 type_id;
	u32 value_id;
	u32 value_size;
	struct sops_hole *holes;
	u32 nr_holes;
	u32 nr_members;
	struct sops_member members[];
};

struct sops_type *sops_type_resolve(struct btf *btf, const char *name);
void sops_type_free(struct sops_type *type);

struct sops_type *sops_type_get(struct btf *btf, u32 value_id);
void sops_type_put(struct sops_type *type);
bool sops_type_is_known(const char *name);

int sops_types_init(void);
void sops_types_exit(void);

#endif /* SOPS_TYPE_H */
