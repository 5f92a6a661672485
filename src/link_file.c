// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of links of ours, which can be polled.
 *
 * 6.1's links have no poll, and the table of their files' operations is
 * constant. So files of our links get one like it, with a poll. The kernel
 * knows files of links by its own: where it asks (bpf_link_get_from_fd())
 * and where it makes more of them (bpf_link_new_fd()) it is answered for both.
 * Such a file holds this module, by the table's owner, as all files do.
 *
 * Nor does 6.1, as first released, know a link without a program: it looks at
 * it for info and fdinfo. Ours name one that is none, and is never freed.
 *
 * Goes when 6.1 does.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/module.h>
#include "kernel.h"
#include "link_file.h"

static struct file_operations sops_link_fops __ro_after_init = {
	.owner	= THIS_MODULE,
};

/*
 * What the kernel's table has. The table itself is not found by name everywhere
 * (CONFIG_KALLSYMS_ALL); functions are.
 */
static const struct {
	const char *name;
	void **slot;
} sops_link_kernel_funcs[] = {
#ifdef CONFIG_PROC_FS
	{ "bpf_link_show_fdinfo", (void **)&sops_link_fops.show_fdinfo },
#endif
	{ "bpf_link_release", (void **)&sops_link_fops.release },
	{ "bpf_dummy_read", (void **)&sops_link_fops.read },
	{ "bpf_dummy_write", (void **)&sops_link_fops.write },
};

/* What tells a link of ours. */
static const struct bpf_link_ops *sops_link_file_ops __ro_after_init;

/* One reference is nobody's; each link has one, which bpf_link_free() puts. */
static struct bpf_prog_aux sops_link_no_prog_aux = {
	.refcnt = ATOMIC64_INIT(1),
};

struct bpf_prog sops_link_no_prog = {
	.aux = &sops_link_no_prog_aux,
};

/**
 * sops_link_file_is_ours() - is this a file of a link of ours?
 * @file: any
 *
 * Context: any; called by a tracer, hence notrace.
 */
notrace bool sops_link_file_is_ours(const struct file *file)
{
	return file->f_op == &sops_link_fops;
}

/** sops_link_files() - is there any? Context: any; called by a tracer, hence notrace */
notrace bool sops_link_files(void)
{
	return atomic64_read(&sops_link_no_prog_aux.refcnt) > 1;
}

/**
 * sops_link_prime() - bpf_link_prime(), with a file of ours
 * @link: initialised with sops_link_no_prog
 * @primer: filled in; for bpf_link_settle() or sops_link_cleanup()
 *
 * Context: process. Return: 0, -EMFILE, -ENOMEM or -ENOSPC.
 */
int sops_link_prime(struct bpf_link *link, struct bpf_link_primer *primer)
{
	int err = borrowed(bpf_link_prime)(link, primer);

	if (err)
		return err;
	/* Nobody else has it. Its last fput() puts both. */
	__module_get(THIS_MODULE);
	primer->file->f_op = &sops_link_fops;
	atomic64_inc(&sops_link_no_prog_aux.refcnt);
	return 0;
}

/**
 * sops_link_cleanup() - bpf_link_cleanup() for sops_link_prime()
 * @primer: of a link that comes to nothing
 */
void sops_link_cleanup(struct bpf_link_primer *primer)
{
	/* It takes the program from the link. */
	atomic64_dec(&sops_link_no_prog_aux.refcnt);
	borrowed(bpf_link_cleanup)(primer);
}

/** sops_link_wants_get_from_fd() - is it the fd of a link of ours? */
notrace bool sops_link_wants_get_from_fd(const void *fd)
{
	struct fd f = fdget((u32)(unsigned long)fd);
	bool ours = fd_file(f) && sops_link_file_is_ours(fd_file(f));

	fdput(f);
	return ours;
}

/**
 * sops_link_get_from_fd() - in place of bpf_link_get_from_fd()
 * @fd: of a link of ours, or by now of anything
 *
 * Never sleeps: nobody has taken a reference on this module.
 *
 * Return: the link, with a reference, or an ERR_PTR: -EBADF, -EINVAL.
 */
struct bpf_link *sops_link_get_from_fd(u32 fd)
{
	struct bpf_link *link = ERR_PTR(-EBADF);
	struct fd f = fdget(fd);

	if (fd_file(f) && fd_file(f)->f_op->release != sops_link_fops.release) {
		link = ERR_PTR(-EINVAL);
	} else if (fd_file(f)) {
		link = fd_file(f)->private_data;
		atomic64_inc(&link->refcnt);
	}
	fdput(f);
	return link;
}

/** sops_link_wants_new_fd() - is it a link of ours? Its caller holds it */
notrace bool sops_link_wants_new_fd(const void *link)
{
	return ((const struct bpf_link *)link)->ops == sops_link_file_ops;
}

/* In place of bpf_link_new_fd(). */
int sops_link_new_fd(struct bpf_link *link)
{
	return anon_inode_getfd("bpf-link", &sops_link_fops, link, O_CLOEXEC);
}

/**
 * sops_link_file_init() - make the operations of files of links
 * @ops: of links of ours
 * @poll: what files of them are to do
 *
 * Context: process, at insmod, after sops_kernel_bind().
 *
 * Return: 0, or -Exxx with a line that says what is missing.
 */
int __init sops_link_file_init(const struct bpf_link_ops *ops,
			       __poll_t (*poll)(struct file *, struct poll_table_struct *))
{
	unsigned long addr;
	int err, i;

	for (i = 0; i < ARRAY_SIZE(sops_link_kernel_funcs); i++) {
		err = sops_kernel_lookup(sops_link_kernel_funcs[i].name, "CONFIG_BPF_SYSCALL",
					 &addr);
		if (err)
			return err;
		*sops_link_kernel_funcs[i].slot = (void *)addr;
	}
	sops_link_fops.poll = poll;
	sops_link_file_ops = ops;
	return 0;
}
