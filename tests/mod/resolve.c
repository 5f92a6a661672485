// SPDX-License-Identifier: GPL-2.0-only
/*
 * sops_type.ko: parts of the module itself, on what no kernel has.
 *
 * No kernel has a type that cannot be served, or is refused by the module that
 * was built for it, so tests bring what it takes. Written to debugfs in
 * sops_type/; the answer is what the module would have answered:
 *
 *   resolve  FD NAME      a type, of the BTF behind FD
 *   proto    FUNC PROTO   is that the prototype of a kernel function?
 *   symbol   NAME         the one kernel symbol of that name
 *   ops      TABLE        would a map with no operations do?
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include "src/kernel.h"
#include "src/layout.h"
#include "src/proto.h"
#include "src/type.h"

static struct dentry *dir;

static int resolve(const char *text)
{
	struct sops_type *type;
	struct btf *btf;
	char name[200];
	int fd;

	if (sscanf(text, "%d %199s", &fd, name) != 2)
		return -EINVAL;
	btf = borrowed(btf_get_by_fd)(fd);
	if (IS_ERR(btf))
		return PTR_ERR(btf);
	type = sops_type_resolve(btf, name);
	if (!IS_ERR(type))
		sops_type_free(type);
	borrowed(btf_put)(btf);
	return PTR_ERR_OR_ZERO(type);
}

static int proto(const char *text)
{
	char func[100];
	int end;

	if (sscanf(text, "%99s %n", func, &end) != 1)
		return -EINVAL;
	return sops_proto_check(func, text + end);
}

static int symbol(const char *text)
{
	unsigned long addr;

	return sops_kernel_lookup(text, "CONFIG_SOMETHING", &addr);
}

static int ops(const char *text)
{
	static const struct bpf_map_ops none;

	return sops_layout_check_ops(text, &none, offsetof(struct bpf_map_ops, map_release),
				     sizeof(none));
}

static ssize_t ask_write(struct file *file, const char __user *from,
			 size_t len, loff_t *pos)
{
	int (*ask)(const char *text) = file_inode(file)->i_private;
	char text[256] = {};
	int err;

	if (len >= sizeof(text))
		return -E2BIG;
	if (copy_from_user(text, from, len))
		return -EFAULT;
	err = ask(text);
	return err ? err : len;
}

static const struct file_operations ask_fops = {
	.owner	= THIS_MODULE,
	.write	= ask_write,
};

static int __init resolve_init(void)
{
	int err = sops_kernel_bind();

	if (err)
		return err;
	dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("resolve", 0200, dir, resolve, &ask_fops);
	debugfs_create_file("proto", 0200, dir, proto, &ask_fops);
	debugfs_create_file("symbol", 0200, dir, symbol, &ask_fops);
	debugfs_create_file("ops", 0200, dir, ops, &ask_fops);
	return 0;
}

static void __exit resolve_exit(void)
{
	debugfs_remove_recursive(dir);
}

module_init(resolve_init);
module_exit(resolve_exit);
MODULE_DESCRIPTION("parts of struct_ops.ko, on what a test brings");
MODULE_LICENSE("GPL");
