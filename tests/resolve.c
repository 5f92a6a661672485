// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types that cannot be served, and kernels that do not fit. No kernel has such
 * a type, so they are made here, in BTF of our own, and given to the module's
 * own resolver (sops_type.ko is built from it): each has its errno, and a line
 * that names type and member. The same for what insmod compares.
 */
#include "sops.h"

#include <bpf/btf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <kselftest_harness.h>

#define DIR "/sys/kernel/debug/sops_type/"

FIXTURE(resolve) {
	bool able;
	struct btf *btf;
	int u32, u64, u128;		/* type ids */
};

FIXTURE_SETUP(resolve)
{
	char ko[PATH_MAX];

	ASSERT_EQ(0, sops_setup());
	self->able = !beside("sops_type.ko", ko);
	if (!self->able)
		return;
	ASSERT_EQ(0, mod_load(ko, ""));
	self->btf = btf__new_empty();
	ASSERT_NE(NULL, self->btf);
	self->u32 = btf__add_int(self->btf, "u32", 4, 0);
	self->u64 = btf__add_int(self->btf, "u64", 8, 0);
	self->u128 = btf__add_int(self->btf, "u128", 16, 0);
}

FIXTURE_TEARDOWN(resolve)
{
	btf__free(self->btf);
	if (self->able)
		EXPECT_EQ(0, mod_unload_wait("sops_type"));
}

/* the harness of 6.1 runs a case that its setup has skipped */
#define NEED_MODULE() do {						\
	if (!self->able)						\
		SKIP(return, "no sops_type.ko beside this test");	\
} while (0)

/* a pointer to a function of @nargs times u64 that returns @ret */
static int add_func(struct btf *btf, int ret, int arg, int nargs)
{
	int proto = btf__add_func_proto(btf, ret);

	while (nargs--)
		btf__add_func_param(btf, "arg", arg);
	return btf__add_ptr(btf, proto);
}

/* the value type around struct @id, which starts at byte @data */
static void add_value(struct btf *btf, const char *name, int u32, int id,
		      int size, int data)
{
	char value[256];

	snprintf(value, sizeof(value), "bpf_struct_ops_%s", name);
	btf__add_struct(btf, value, data + size);
	btf__add_field(btf, "refcnt", u32, 0, 0);
	btf__add_field(btf, "state", u32, 32, 0);
	btf__add_field(btf, "data", id, data * 8, 0);
}

/* a whole type with one member, and a value type that fits */
static void add_type(struct btf *btf, const char *name, int u32,
		     const char *member, int type, int bits)
{
	int id = btf__add_struct(btf, name, 64);

	btf__add_field(btf, member, type, 0, bits);
	add_value(btf, name, u32, id, 64, 64);
}

static int ask(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* what the resolver says of the type @name in @btf */
static int resolve(struct btf *btf, const char *name)
{
	char text[256];

	if (btf__load_into_kernel(btf))
		return -errno;
	snprintf(text, sizeof(text), "%d %s", btf__fd(btf), name);
	return ask(DIR "resolve", text);
}

/* refused with @err, and with a line that has both @name and @what */
#define EXPECT_REFUSED(err, name, what) do {				\
	char line[512] = "";						\
	int log = kmsg_open();						\
									\
	EXPECT_EQ(err, resolve(self->btf, name));			\
	EXPECT_EQ(1, kmsg_count(log, what, line, sizeof(line)));	\
	EXPECT_NE(NULL, strstr(line, "type " name));			\
	TH_LOG("%s", line);						\
	close(log);							\
} while (0)

TEST_F(resolve, well_formed_but_not_listed)
{
	NEED_MODULE();
	add_type(self->btf, "t_good", self->u32, "f",
		 add_func(self->btf, self->u32, self->u64, 5), 0);
	EXPECT_REFUSED(-SOPS_ENOTSUPP, "t_good", "the kernel does not list it");
}

#define A10 "aaaaaaaaaa"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10

TEST_F(resolve, name)
{
	NEED_MODULE();
	/* 112 bytes still make a value type's name of 127 */
	add_type(self->btf, A100 A10 "aa", self->u32, "f", self->u32, 0);
	EXPECT_REFUSED(-SOPS_ENOTSUPP, A100 A10 "aa", "the kernel does not list it");
}

TEST_F(resolve, name_too_long)
{
	NEED_MODULE();
	add_type(self->btf, A100 A10 "aaa", self->u32, "f", self->u32, 0);
	EXPECT_REFUSED(-EINVAL, A100 A10 "aaa", "its name is too long");
}

TEST_F(resolve, no_value_type)
{
	NEED_MODULE();
	btf__add_struct(self->btf, "t_alone", 8);
	btf__add_field(self->btf, "f", self->u64, 0, 0);
	EXPECT_REFUSED(-EINVAL, "t_alone", "no struct bpf_struct_ops_t_alone");
}

TEST_F(resolve, no_struct)
{
	int id;

	NEED_MODULE();
	id = btf__add_struct(self->btf, "t_other", 8);
	btf__add_field(self->btf, "f", self->u64, 0, 0);
	add_value(self->btf, "t_gone", self->u32, id, 8, 64);
	EXPECT_REFUSED(-EINVAL, "t_gone", "no such struct");
}

TEST_F(resolve, value_type_of_another_layout)
{
	int id;

	NEED_MODULE();
	id = btf__add_struct(self->btf, "t_near", 8);
	btf__add_field(self->btf, "f", self->u64, 0, 0);
	add_value(self->btf, "t_near", self->u32, id, 8, 8);
	EXPECT_REFUSED(-EINVAL, "t_near", "is no value type");
}

static void add_members(struct btf *btf, const char *name, int u32, int n)
{
	int id = btf__add_struct(btf, name, n * 4), i;
	char member[16];

	for (i = 0; i < n; i++) {
		snprintf(member, sizeof(member), "m%d", i);
		btf__add_field(btf, member, u32, i * 32, 0);
	}
	add_value(btf, name, u32, id, n * 4, 64);
}

TEST_F(resolve, members)
{
	NEED_MODULE();
	add_members(self->btf, "t_full", self->u32, 64);
	EXPECT_REFUSED(-SOPS_ENOTSUPP, "t_full", "the kernel does not list it");
}

TEST_F(resolve, too_many_members)
{
	NEED_MODULE();
	add_members(self->btf, "t_many", self->u32, 65);
	EXPECT_REFUSED(-EINVAL, "t_many", "it has 65 members, 64 is the limit");
}

TEST_F(resolve, anonymous_member)
{
	NEED_MODULE();
	add_type(self->btf, "t_anon", self->u32, NULL, self->u32, 0);
	EXPECT_REFUSED(-EOPNOTSUPP, "t_anon", "member 0 has no name");
}

TEST_F(resolve, bit_field)
{
	NEED_MODULE();
	add_type(self->btf, "t_bits", self->u32, "few", self->u32, 3);
	EXPECT_REFUSED(-EOPNOTSUPP, "t_bits", "member few is a bit field");
}

TEST_F(resolve, prototype)
{
	NEED_MODULE();
	/* more arguments than any trampoline takes */
	add_type(self->btf, "t_args", self->u32, "f",
		 add_func(self->btf, self->u32, self->u64, 13), 0);
	EXPECT_REFUSED(-EINVAL, "t_args", "the prototype of member f cannot be distilled");
}

TEST_F(resolve, return_value)
{
	NEED_MODULE();
	add_type(self->btf, "t_wide", self->u32, "f",
		 add_func(self->btf, self->u128, self->u64, 1), 0);
	EXPECT_REFUSED(-EOPNOTSUPP, "t_wide", "member f returns 16 bytes");
}

/* and none of that takes another type down */
TEST_F(resolve, others_go_on)
{
	int map;

	NEED_MODULE();
	add_type(self->btf, "t_bits", self->u32, "few", self->u32, 3);
	EXPECT_EQ(-EOPNOTSUPP, resolve(self->btf, "t_bits"));
	map = ca_register("t_resolve");
	EXPECT_LE(0, map);
	EXPECT_TRUE(sops_ours(map));
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
}

/* what a function is, and what it is not */
TEST_F(resolve, prototype_of_a_hook)
{
	const char *what = "is void (const void *), int (const void *) was expected";
	int log = kmsg_open();

	NEED_MODULE();
	EXPECT_EQ(0, ask(DIR "proto", "bpf_struct_ops_put void (const void *)"));
	EXPECT_EQ(0, ask(DIR "proto", "bpf_struct_ops_map_alloc struct bpf_map * (union bpf_attr *)"));
	/* integers by what they are: compilers differ in what they call them */
	EXPECT_EQ(0, ask(DIR "proto", "kallsyms_lookup_name unsigned long (const char *)"));
	EXPECT_EQ(0, ask(DIR "proto", "kstrtoll int (const char *, unsigned int, long *)"));
	EXPECT_EQ(0, kmsg_count(log, "was expected", NULL, 0));
	EXPECT_EQ(-EOPNOTSUPP, ask(DIR "proto", "kstrtoll int (const char *, unsigned int, unsigned long *)"));
	EXPECT_EQ(-EOPNOTSUPP, ask(DIR "proto", "kstrtoll int (const char *, int, long *)"));
	EXPECT_EQ(2, kmsg_count(log, "kstrtoll is int (const char *, unsigned int, long *),", NULL, 0));
	EXPECT_EQ(-EOPNOTSUPP, ask(DIR "proto", "bpf_struct_ops_put int (const void *)"));
	EXPECT_EQ(1, kmsg_count(log, what, NULL, 0));
	EXPECT_EQ(-ENOENT, ask(DIR "proto", "no_such_function void (void)"));
	EXPECT_EQ(1, kmsg_count(log, "no function no_such_function", NULL, 0));
	close(log);
}

/* operations that the kernel's maps have, and a table that has none of them */
TEST_F(resolve, operations_of_a_map)
{
	int log = kmsg_open();

	NEED_MODULE();
	EXPECT_EQ(0, ask(DIR "ops", "no_such_table"));
	EXPECT_EQ(0, kmsg_count(log, "not known here", NULL, 0));
	if (!ksym("bpf_struct_ops_map_ops"))
		SKIP(return, "this kernel does not tell where its table is");
	EXPECT_EQ(-EOPNOTSUPP, ask(DIR "ops", "bpf_struct_ops_map_ops"));
	EXPECT_EQ(1, kmsg_count(log, "bpf_struct_ops_map_ops has bpf_struct_ops_map_free, which is not known here", NULL, 0));
	close(log);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* a name that two of the kernel's own functions have */
static const char *name_of_two(void)
{
	static char *names[1 << 18];
	char line[512], name[256], type;
	size_t n = 0, i;
	FILE *f;

	f = fopen("/proc/kallsyms", "r");
	if (!f)
		return NULL;
	while (n < ARRAY_SIZE(names) && fgets(line, sizeof(line), f))
		if (!strchr(line, '[') &&
		    sscanf(line, "%*x %c %255s", &type, name) == 2 && type == 't')
			names[n++] = strdup(name);
	fclose(f);
	qsort(names, n, sizeof(names[0]), by_name);
	for (i = 1; i < n; i++)
		if (!strcmp(names[i - 1], names[i]))
			return names[i];
	return NULL;
}

/* two of one name: nobody can tell which is meant */
TEST_F(resolve, symbols)
{
	int log = kmsg_open();
	const char *name;
	char line[256];

	NEED_MODULE();
	EXPECT_EQ(0, ask(DIR "symbol", "bpf_struct_ops_put"));
	EXPECT_EQ(-ENOENT, ask(DIR "symbol", "no_such_symbol"));
	EXPECT_EQ(1, kmsg_count(log, "no no_such_symbol: it needs a kernel with CONFIG_SOMETHING",
				NULL, 0));

	name = name_of_two();
	ASSERT_NE(NULL, name);
	EXPECT_EQ(-ENOTUNIQ, ask(DIR "symbol", name));
	EXPECT_EQ(1, kmsg_count(log, "one was expected", line, sizeof(line)));
	TH_LOG("%s", line);
	close(log);
}

TEST_HARNESS_MAIN
