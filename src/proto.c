// SPDX-License-Identifier: GPL-2.0-only
/*
 * The prototype of a kernel function, as its BTF tells it.
 *
 * The functions that we stand in for are static: no header declares them, and
 * no compiler would notice that one got another argument. The kernel's BTF
 * has them all, so it is written out as C text, and compared with the text
 * that the hook table was compiled from.
 *
 * BTF has the names of structs and typedefs from the kernel's source, but those
 * of integers from its compiler: gcc's "long int" is clang's "long". So these
 * are told by what they are.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/seq_buf.h>
#include "kernel.h"
#include "names.h"
#include "proto.h"

/* How deep "pointer to const struct ..." may go before we give up on it. */
#define SOPS_PROTO_DEPTH	8

static void __init sops_proto_func(struct seq_buf *s, const struct btf *btf,
				   const struct btf_type *t, const char *what,
				   int depth);

/*
 * By size and sign, as C has it in the fewest words; what is as large as a long
 * is one. Whether a char has a sign is an option of the compiler.
 */
static void __init sops_proto_int(struct seq_buf *s, const struct btf_type *t)
{
	u32 encoding = BTF_INT_ENCODING(*(const u32 *)(t + 1));
	const char *name;

	switch (t->size) {
	case 1:
		seq_buf_printf(s, encoding & BTF_INT_BOOL ? "_Bool" : "char");
		return;
	case sizeof(short):
		name = "short";
		break;
	case sizeof(int):
		name = "int";
		break;
	case sizeof(long):
		name = "long";
		break;
	case 16:
		name = "__int128";
		break;
	default:
		name = "?";
	}
	seq_buf_printf(s, "%s%s", encoding & BTF_INT_SIGNED ? "" : "unsigned ", name);
}

static void __init sops_proto_type(struct seq_buf *s, const struct btf *btf, u32 id,
				   int depth)
{
	const struct btf_type *t;
	const char *name;

	if (!id) {
		seq_buf_printf(s, "void");
		return;
	}
	t = btf_type_by_id(btf, id);
	if (!t || !depth) {
		seq_buf_printf(s, "?");
		return;
	}

	name = borrowed(btf_name_by_offset)(btf, t->name_off);
	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_CONST:
		seq_buf_printf(s, "const ");
		sops_proto_type(s, btf, t->type, depth - 1);
		break;
	case BTF_KIND_PTR:
		t = btf_type_by_id(btf, t->type);
		if (t && BTF_INFO_KIND(t->info) == BTF_KIND_FUNC_PROTO) {
			sops_proto_func(s, btf, t, "(*)", depth - 1);
			break;
		}
		sops_proto_type(s, btf, btf_type_by_id(btf, id)->type, depth - 1);
		seq_buf_printf(s, s->len && s->buffer[s->len - 1] == '*' ? "*" : " *");
		break;
	case BTF_KIND_STRUCT:
		seq_buf_printf(s, "struct %s", name);
		break;
	case BTF_KIND_UNION:
		seq_buf_printf(s, "union %s", name);
		break;
	case BTF_KIND_FWD:
		seq_buf_printf(s, "%s %s",
			       BTF_INFO_KFLAG(t->info) ? "union" : "struct", name);
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		seq_buf_printf(s, "enum %s", name);
		break;
	case BTF_KIND_TYPE_TAG:
		/* __user and the like, by clang only: C has no words for it */
		sops_proto_type(s, btf, t->type, depth);
		break;
	case BTF_KIND_INT:
		sops_proto_int(s, t);
		break;
	case BTF_KIND_TYPEDEF:
		seq_buf_printf(s, "%s", name);
		break;
	default:
		seq_buf_printf(s, "?");
	}
}

/* "ret WHAT(arg, arg)" of the prototype @t; @what is "(*)" for a pointer to one. */
static void __init sops_proto_func(struct seq_buf *s, const struct btf *btf,
				   const struct btf_type *t, const char *what, int depth)
{
	const struct btf_param *params = (const struct btf_param *)(t + 1);
	u32 i;

	sops_proto_type(s, btf, t->type, depth);
	seq_buf_printf(s, " %s(", what);
	for (i = 0; i < btf_type_vlen(t); i++) {
		if (i)
			seq_buf_printf(s, ", ");
		sops_proto_type(s, btf, params[i].type, depth);
	}
	seq_buf_printf(s, i ? ")" : "void)");
}

/* The prototype of @func into @s; -ENOENT when BTF does not have it. */
static int __init sops_proto_print(struct seq_buf *s, const struct btf *btf,
				   const char *func)
{
	const struct btf_type *t;
	s32 id;

	id = sops_names_find(btf, func, BTF_KIND_FUNC);
	if (id < 0)
		return -ENOENT;
	t = btf_type_by_id(btf, btf_type_by_id(btf, id)->type);
	sops_proto_func(s, btf, t, "", SOPS_PROTO_DEPTH);
	return 0;
}

/**
 * sops_proto_check() - is a kernel function of the prototype we expect?
 * @func: its name
 * @expected: "ret (arg, arg)" in C, without names of arguments; integers as
 *            sops_proto_int() writes them
 *
 * Prints one line when it is not. Context: process, after sops_layout_init(),
 * which refuses a kernel without BTF.
 *
 * Return: 0, -ENOENT when BTF does not know the function, -EOPNOTSUPP when it
 * differs.
 */
int __init sops_proto_check(const char *func, const char *expected)
{
	struct btf *btf = borrowed(bpf_get_btf_vmlinux)();
	char text[256];
	struct seq_buf s;
	int err;

	seq_buf_init(&s, text, sizeof(text) - 1);
	err = sops_proto_print(&s, btf, func);
	if (err) {
		pr_err("this kernel's BTF has no function %s, %s was expected\n",
		       func, expected);
		return err;
	}
	text[seq_buf_used(&s)] = '\0';
	if (strcmp(text, expected)) {
		pr_err("this kernel's %s is %s, %s was expected\n",
		       func, text, expected);
		return -EOPNOTSUPP;
	}
	return 0;
}
