// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands of bpf() that the kernel would refuse for maps and links of ours.
 *
 * 6.1's syscall knows no links of maps, and no value types of modules. Four
 * of its commands are looked at ahead of it, those that name a map or a link of
 * ours are carried out here, in the kernel's own order of checks: tail of the
 * attributes, copy, security modules, command. All others go on as if nothing
 * had been: with nothing checked, copied for keeps, or counted.
 *
 *	LINK_CREATE		of attach type BPF_STRUCT_OPS
 *	LINK_UPDATE		of a link of ours
 *	LINK_GET_FD_BY_ID	of a link of ours, whose file is another one
 *	OBJ_GET_INFO_BY_FD	of a link of ours; of a map of ours, to add what
 *				the kernel's answer lacks
 *
 * A map with flags, or of a module's type, needs other attributes than the
 * kernel takes: map_create() gets them in another form, sops_attr_pack(), which
 * says nothing to anybody but sops_map_alloc().
 *
 * These functions are redirected by direct calls, which no tracer can cut off
 * (direct.c): what is decided and carried out here, and the references that
 * are taken in between, always belong together. The price is that BPF programs
 * cannot be attached to __sys_bpf(), bpf_check() and map_create() meanwhile
 * (-EBUSY); kprobes, other tracers, and BPF programs on security hooks and
 * tracepoints can. A redirect by an ftrace_ops would let them, and be what
 * makes this kernel's ftrace die of two of them (direct.c has the reason).
 * On arm64 this kernel has no direct calls, and BPF programs are on no function
 * of the kernel's: there it is an ftrace_ops.
 *
 * Goes when 6.1 does.
 */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/security.h>
#include <linux/uaccess.h>
#include <compat/map_ops.h>
#include "kernel.h"
#include "link.h"
#include "link_file.h"
#include "map.h"
#include "syscall.h"

/* The kernel's own bodies, behind their calls to ftrace. */
DEFINE_STATIC_CALL_NULL(sops_syscall_body, sops_syscall);
DEFINE_STATIC_CALL_NULL(sops_create_body, sops_syscall_create);

/* All that comes after @last is zero. */
#define sops_tail_is_zero(attr, last)					\
	(!memchr_inv((void *)(attr) + offsetofend(union bpf_attr, last), 0, \
		     sizeof(*(attr)) - offsetofend(union bpf_attr, last)))

/*
 * One word of what user space has, as the kernel will read it: zero behind the
 * end. -EFAULT where the kernel would say so; or with page faults off, where
 * the page is not there at the moment.
 */
static notrace int sops_syscall_peek(bpfptr_t uattr, unsigned int size, size_t offset,
				     u32 *word)
{
	*word = 0;
	if (size < offset + sizeof(*word))
		return 0;
	return copy_from_bpfptr_offset(word, uattr, offset, sizeof(*word)) ? -EFAULT : 0;
}

/* Is this an fd of a map or of a link of ours? It says nothing of the next moment. */
static notrace bool sops_syscall_is_ours(u32 fd)
{
	struct fd f = fdget(fd);
	bool ours = fd_file(f) && (sops_link_file_is_ours(fd_file(f)) ||
				   sops_map_of_file(fd_file(f)));

	fdput(f);
	return ours;
}

/* The word that tells, for each command. */
static notrace bool sops_syscall_tells(int cmd, bpfptr_t uattr, unsigned int size, int *err)
{
	u32 word;

	switch (cmd) {
	case BPF_LINK_CREATE:
		*err = sops_syscall_peek(uattr, size,
					 offsetof(union bpf_attr, link_create.attach_type), &word);
		return !*err && word == BPF_STRUCT_OPS;
	case BPF_LINK_UPDATE:
		*err = sops_syscall_peek(uattr, size,
					 offsetof(union bpf_attr, link_update.link_fd), &word);
		return !*err && sops_syscall_is_ours(word);
	case BPF_OBJ_GET_INFO_BY_FD:
		*err = sops_syscall_peek(uattr, size,
					 offsetof(union bpf_attr, info.bpf_fd), &word);
		return !*err && sops_syscall_is_ours(word);
	case BPF_LINK_GET_FD_BY_ID:
		/* To look it up takes a lock that may sleep. */
		return sops_link_files();
	}
	return false;
}

/**
 * sops_syscall_wants() - may this command be about a map or a link of ours?
 * @cmd: first argument of __sys_bpf(), and so on
 * @uattr: what user space, or a BPF program, gave
 * @size: of that
 *
 * Most commands are not; this is all that they pay. Never sleeps.
 *
 * Return: true, and then sops_syscall() has a reference on this module.
 */
notrace bool sops_syscall_wants(int cmd, bpfptr_t uattr, unsigned int size)
{
	int err = 0;
	bool ours;

	if (likely(cmd != BPF_LINK_CREATE && cmd != BPF_LINK_UPDATE &&
		   cmd != BPF_LINK_GET_FD_BY_ID && cmd != BPF_OBJ_GET_INFO_BY_FD))
		return false;
	pagefault_disable();
	ours = sops_syscall_tells(cmd, uattr, size, &err);
	pagefault_enable();
	/* What cannot be read now has to be looked at where it may sleep. */
	return (ours || err) && try_module_get(THIS_MODULE);
}

/* What __sys_bpf() does before it looks at the command. */
static int sops_syscall_copy(int cmd, union bpf_attr *attr, bpfptr_t uattr, unsigned int size)
{
	int err;

	err = borrowed(bpf_check_uarg_tail_zero)(uattr, sizeof(*attr), size);
	if (err)
		return err;
	size = min_t(u32, size, sizeof(*attr));
	memset(attr, 0, sizeof(*attr));
	if (copy_from_bpfptr(attr, uattr, size))
		return -EFAULT;
	return min(borrowed(security_bpf)(cmd, attr, size), 0);
}

static int sops_syscall_link_create(union bpf_attr *attr)
{
	/* Another thread may have written to it since. */
	if (attr->link_create.attach_type != BPF_STRUCT_OPS ||
	    !sops_tail_is_zero(attr, link_create.kprobe_multi.cookies))
		return -EINVAL;
	__module_get(THIS_MODULE);	/* for the link */
	return sops_link_create(attr);
}

static int sops_syscall_link_update_maps(struct bpf_link *link, const union bpf_attr *attr)
{
	struct bpf_map *new, *old = NULL;
	int err;

	new = borrowed(bpf_map_get)(attr->link_update.new_prog_fd);
	if (IS_ERR(new))
		return PTR_ERR(new);
	if (attr->link_update.flags & BPF_F_REPLACE) {
		old = borrowed(bpf_map_get)(attr->link_update.old_prog_fd);
		if (IS_ERR(old)) {
			err = PTR_ERR(old);
			goto put_new;
		}
	} else if (attr->link_update.old_prog_fd) {
		err = -EINVAL;
		goto put_new;
	}
	err = sops_link_update(link, new, old);
	if (old)
		bpf_map_put(old);
put_new:
	bpf_map_put(new);
	return err;
}

/* The words that are fds of programs for other links are fds of maps here. */
static int sops_syscall_link_update(const union bpf_attr *attr)
{
	struct bpf_link *link;
	int err;

	if (!sops_tail_is_zero(attr, link_update.old_prog_fd) ||
	    attr->link_update.flags & ~BPF_F_REPLACE)
		return -EINVAL;
	link = sops_link_get_from_fd(attr->link_update.link_fd);
	if (IS_ERR(link))
		return PTR_ERR(link);
	err = sops_link_wants_new_fd(link) ? sops_syscall_link_update_maps(link, attr) : -EINVAL;
	bpf_link_put(link);
	return err;
}

/* bpf_map_info.btf_vmlinux_id of 6.9: a pad word here, which reads as zero */
#define SOPS_INFO_VMLINUX_ID	offsetofend(struct bpf_map_info, btf_value_type_id)

static int sops_syscall_map_info(const struct bpf_map *map, bpfptr_t uattr, unsigned int size)
{
	union bpf_attr __user *attr = uattr.user;
	u32 len, id;
	u64 info;
	int err;

	err = static_call(sops_syscall_body)(BPF_OBJ_GET_INFO_BY_FD, uattr, size);
	if (err)
		return err;
	if (get_user(len, &attr->info.info_len) || get_user(info, &attr->info.info))
		return -EFAULT;
	id = borrowed(btf_obj_id)(to_sops_map(map)->type->btf);
	if (len >= SOPS_INFO_VMLINUX_ID + sizeof(id) &&
	    put_user(id, (u32 __user *)u64_to_user_ptr(info + SOPS_INFO_VMLINUX_ID)))
		return -EFAULT;
	return 0;
}

/* The kernel knows a link by the operations of its file: ours are others. */
static int sops_syscall_link_info(const struct bpf_link *link, bpfptr_t uattr,
				  unsigned int size)
{
	union bpf_attr __user *u = uattr.user;
	struct bpf_link_info info;
	void __user *uinfo;
	union bpf_attr attr;
	u32 len;
	int err;

	err = sops_syscall_copy(BPF_OBJ_GET_INFO_BY_FD, &attr, uattr, size);
	if (err)
		return err;
	if (!sops_tail_is_zero(&attr, info.info))
		return -EINVAL;
	uinfo = u64_to_user_ptr(attr.info.info);
	len = attr.info.info_len;
	err = borrowed(bpf_check_uarg_tail_zero)(USER_BPFPTR(uinfo), sizeof(info), len);
	if (err)
		return err;
	len = min_t(u32, sizeof(info), len);
	memset(&info, 0, sizeof(info));
	if (copy_from_user(&info, uinfo, len))
		return -EFAULT;
	info.type = link->type;
	info.id = link->id;
	info.prog_id = 0;
	link->ops->fill_link_info(link, &info);
	if (copy_to_user(uinfo, &info, len) || put_user(len, &u->info.info_len))
		return -EFAULT;
	return 0;
}

/* The fd may have become another one since sops_syscall_wants(). */
static int sops_syscall_info(bpfptr_t uattr, unsigned int size)
{
	const struct bpf_map *map;
	struct fd f;
	u32 fd;
	int ret;

	/* No BPF program is let call it. */
	if (uattr.is_kernel ||
	    sops_syscall_peek(uattr, size, offsetof(union bpf_attr, info.bpf_fd), &fd))
		goto body;
	f = fdget(fd);
	map = fd_file(f) ? sops_map_of_file(fd_file(f)) : NULL;
	if (map)
		ret = sops_syscall_map_info(map, uattr, size);
	else if (fd_file(f) && sops_link_file_is_ours(fd_file(f)))
		ret = sops_syscall_link_info(fd_file(f)->private_data, uattr, size);
	else
		ret = 1;
	fdput(f);
	if (ret <= 0)
		return ret;
body:
	return static_call(sops_syscall_body)(BPF_OBJ_GET_INFO_BY_FD, uattr, size);
}

/* The kernel's own makes the file without asking bpf_link_new_fd(): that is inlined there. */
static int sops_syscall_link_by_id(bpfptr_t uattr, unsigned int size)
{
	struct bpf_link *link;
	union bpf_attr attr;
	int ret;
	u32 id;

	if (sops_syscall_peek(uattr, size, offsetof(union bpf_attr, link_id), &id))
		goto body;
	link = borrowed(bpf_link_by_id)(id);
	if (IS_ERR(link))
		goto body;
	if (!sops_link_wants_new_fd(link)) {
		bpf_link_put(link);
		goto body;
	}
	ret = sops_syscall_copy(BPF_LINK_GET_FD_BY_ID, &attr, uattr, size);
	if (!ret && (attr.link_id != id || !sops_tail_is_zero(&attr, link_id)))
		ret = -EINVAL;
	if (!ret && !capable(CAP_SYS_ADMIN))
		ret = -EPERM;
	if (!ret)
		ret = sops_link_new_fd(link);
	if (ret < 0)
		bpf_link_put(link);
	return ret;
body:
	return static_call(sops_syscall_body)(BPF_LINK_GET_FD_BY_ID, uattr, size);
}

/* In place of __sys_bpf(). */
int sops_syscall(int cmd, bpfptr_t uattr, unsigned int size)
{
	union bpf_attr attr;
	int err, ret;

	if (cmd == BPF_OBJ_GET_INFO_BY_FD) {
		ret = sops_syscall_info(uattr, size);
	} else if (cmd == BPF_LINK_GET_FD_BY_ID) {
		ret = sops_syscall_link_by_id(uattr, size);
	} else if (!sops_syscall_tells(cmd, uattr, size, &err)) {
		ret = static_call(sops_syscall_body)(cmd, uattr, size);
	} else {
		ret = sops_syscall_copy(cmd, &attr, uattr, size);
		if (!ret)
			ret = cmd == BPF_LINK_CREATE ? sops_syscall_link_create(&attr) :
						       sops_syscall_link_update(&attr);
	}
	module_put(THIS_MODULE);
	return ret;
}

/**
 * sops_syscall_refuses() - are these attributes that the kernel refuses?
 * @data: first argument of map_create()
 */
notrace bool sops_syscall_refuses(const void *data)
{
	const union bpf_attr *attr = data;

	return attr->map_type == BPF_MAP_TYPE_STRUCT_OPS &&
	       (attr->map_flags || sops_attr_is_packed(attr));
}

/* In place of map_create(). */
int sops_syscall_create(union bpf_attr *attr)
{
	int ret;

	/* Nobody but us writes it that way: there is no type of such an id. */
	if (sops_attr_is_packed(attr)) {
		ret = -ENOTSUPP;
	} else {
		sops_attr_pack(attr);
		ret = static_call(sops_create_body)(attr);
	}
	module_put(THIS_MODULE);
	return ret;
}

/**
 * sops_syscall_init() - know the kernel's own bodies
 * @sys_bpf: of __sys_bpf(), behind its call to ftrace
 * @map_create: of map_create()
 *
 * Context: process, at insmod.
 */
void __init sops_syscall_init(void *sys_bpf, void *map_create)
{
	static_call_update(sops_syscall_body, sys_bpf);
	static_call_update(sops_create_body, map_create);
}
