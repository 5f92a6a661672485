// SPDX-License-Identifier: GPL-2.0-only
/*
 * What fails below us: the functions that we borrow. Each operation is tried
 * with the first call of one failing, then with the second, and so on, and
 * insmod without each of its symbols. Each time it has to say so or do without,
 * leave nothing behind, and work the next time.
 */
#include "faults.h"

#include <ctype.h>
#include <fcntl.h>
#include <libelf.h>
#include <pthread.h>
#include <sys/mount.h>

FIXTURE(denied) {
};

FIXTURE_SETUP(denied)
{
	ASSERT_EQ(0, sops_setup());
	if (access("/sys/kernel/tracing/enabled_functions", F_OK))
		mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
}

FIXTURE_TEARDOWN(denied)
{
	EXPECT_EQ(0, sops_wait_empty());
	EXPECT_EQ(0, sops_rmmod());
	if (mod_loaded("sops_deny"))
		EXPECT_EQ(0, mod_unload_wait("sops_deny"));
}

#define DENY "/sys/module/sops_deny/parameters/"

static int deny_set(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	return spit(DENY "nth", text);
}

/* how many calls are still to come before the one that is denied */
static int deny_left(void)
{
	char text[16] = "";
	int err = slurp(DENY "nth", text, sizeof(text));

	deny_set(0);
	return err ? err : atoi(text);
}

static int deny_calls(void)
{
	char text[16] = "0";

	slurp(DENY "denied", text, sizeof(text));
	return atoi(text);
}

/* @op with the n-th call denied, for each n: every statement once */
#define DENIED(t, n, err, op)						\
	for (n = 1; n < ROUNDS &&					\
	     (deny_set(n), err = (op), note(&(t), err, deny_left())); n++)

/* a function that we call, what it says when it fails, and what we say then */
struct denial {
	const char *function;
	long answer;
	int err;
};

/* before the module that it looks for */
static int deny_load(void)
{
	char path[PATH_MAX];

	return beside("sops_deny.ko", path) ?: mod_load(path, "");
}

/* a kernel has some of them only; those are tried */
static int deny(const struct denial *d)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", d->answer);
	return spit(DENY "answer", text) ?: spit(DENY "function", d->function);
}

/* executable memory, and the subsystem */
static const struct denial update_denials[] = {
	{ "bpf_jit_charge_modmem", -EPERM, -EPERM },
	{ "bpf_jit_alloc_exec", 0, -ENOMEM },
	{ "arch_alloc_bpf_trampoline", 0, -ENOMEM },
	{ "arch_prepare_bpf_trampoline", -E2BIG, -E2BIG },
	{ "set_memory_ro", -ENOMEM, -ENOMEM },
	{ "set_memory_x", -ENOMEM, -ENOMEM },
	{ "arch_protect_bpf_trampoline", -EACCES, -EACCES },
	{ "bpf_prog_pack_alloc", 0, -ENOMEM },
	{ "bpf_arch_text_copy", -EINVAL, -EINVAL },
	{ "bpf_tcp_ca_init_member", -EUCLEAN, -EUCLEAN },
	{ "bpf_tcp_ca_validate", -EUCLEAN, -EUCLEAN },
	{ "bpf_tcp_ca_reg", -EEXIST, -EEXIST },
};

static void update_denied(struct __test_metadata *_metadata, const struct denial *d,
			  long *jit, struct tally *t)
{
	struct sops_value v;
	char refs[16] = "";
	int n, err, map;

	all_members(&v, 64);
	err = deny(d);
	if (err == -ENOENT)
		return;
	ASSERT_EQ(0, err) TH_LOG("%s", d->function);
	map = sops_create(&tcp);
	ASSERT_LE(0, map);
	DENIED(*t, n, err, map_update(map, 0, v.bytes, 0)) {
		EXPECT_EQ(d->err, err) TH_LOG("%s, call %d", d->function, n);
		update_again(_metadata, map, &v);
		map = next_map(_metadata, map);
		ASSERT_LE(0, map);
	}
	EXPECT_EQ(0, err);
	EXPECT_GT(ROUNDS, n);
	EXPECT_EQ(0, map_delete(map, 0));
	close(map);
	EXPECT_EQ(0, sops_wait_empty());
	/* what cannot be written cannot be freed on kernels where it would say its size */
	if (strcmp(d->function, "bpf_arch_text_copy") || ksym("arch_protect_bpf_trampoline")) {
		sops_wait(jit_current() == *jit);
		EXPECT_EQ(*jit, jit_current()) TH_LOG("%s", d->function);
	} else {
		*jit = jit_settled();
	}
	/* nothing that would keep it from going */
	sops_wait(slurp("/sys/module/struct_ops/refcnt", refs, sizeof(refs)) ||
		  !strcmp(refs, "0\n"));
	EXPECT_STREQ("0\n", refs) TH_LOG("%s", d->function);
}

static void updates_denied(struct __test_metadata *_metadata, const char *params,
			   const char *what)
{
	struct sops_value v;
	struct tally t = {};
	size_t i;
	long jit;

	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, deny_load());
	ASSERT_EQ(0, mod_load(sops_ko(), params));
	all_members(&v, 64);	/* programs that stay */
	jit = jit_settled();
	for (i = 0; i < ARRAY_SIZE(update_denials); i++)
		update_denied(_metadata, &update_denials[i], &jit, &t);
	/* to be gone when they fail no more; the fixture's go without them */
	EXPECT_EQ(0, mod_unload_wait("sops_deny"));
	EXPECT_LT(10, t.refused);
	EXPECT_EQ(0, t.done);
	REPORT(&t, what, "calls");
}

TEST_F_TIMEOUT(denied, update, 600)
{
	updates_denied(_metadata, "", "update, borrowed functions");
}

TEST_F_TIMEOUT(denied, update_with_generator, 600)
{
	if (!sops_own_tramps())
		SKIP(return, "trampolines are the generator's on this kernel");
	updates_denied(_metadata, "generator=1", "update, borrowed functions, by the generator");
}

static const struct denial link_denials[] = {
	{ "bpf_link_prime", -EMFILE, -EMFILE },
	{ "bpf_tcp_ca_reg", -EEXIST, -EEXIST },
	{ "bpf_tcp_ca_update", -EUCLEAN, -EUCLEAN },
};

/* a link is made, moved and detached, with each of these failing */
TEST_F_TIMEOUT(denied, link, 600)
{
	int n, err, maps[2], link, kinds = 0;
	struct tally t = {};
	size_t i;

	close(READY("t_fault"));
	ASSERT_EQ(0, sops_wait_empty());
	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, deny_load());
	ASSERT_EQ(0, sops_insmod());
	for (i = 0; i < ARRAY_SIZE(link_denials); i++) {
		const struct denial *d = &link_denials[i];

		err = deny(d);
		/* 6.4: before, the update is the module's own */
		if (err == -ENOENT && !strcmp(d->function, "bpf_tcp_ca_update"))
			continue;
		ASSERT_EQ(0, err);
		kinds++;
		maps[0] = ready("t_fault");
		maps[1] = ready("t_fault");
		DENIED(t, n, err, (link = link_create(maps[0])) < 0 ? link :
		       link_update(link, maps[1])) {
			EXPECT_EQ(d->err, err) TH_LOG("%s, call %d", d->function, n);
			EXPECT_EQ(link >= 0, ca_available("t_fault"));
			if (link < 0) {
				link = link_create(maps[0]);
			} else {
				EXPECT_EQ(map_id(maps[0]), link_map_id(link));
				EXPECT_EQ(0, link_update(link, maps[1]));
			}
			EXPECT_EQ(0, link_detach(link));
			close(link);
		}
		EXPECT_EQ(0, err);
		close(link);
		close(maps[0]);
		close(maps[1]);
		EXPECT_TRUE(gone("t_fault"));
		EXPECT_EQ(0, sops_wait_empty());
	}
	EXPECT_EQ(0, sops_rmmod());
	EXPECT_EQ(0, mod_unload_wait("sops_deny"));
	ASSERT_EQ(0, sops_insmod());
	EXPECT_LE(kinds, t.refused);
	REPORT(&t, "link create and update, borrowed functions", "calls");
}

/*
 * What takes the module's calls out of the kernel cannot, again and again:
 * rmmod stays until it can, and nothing goes away under a caller meanwhile.
 */
static const struct denial rmmod_denials[] = {
	{ "unregister_ftrace_function", -ENODEV, 0 },
	{ "unregister_ftrace_direct_multi", -ENODEV, 0 },
};

static void *rmmod_thread(void *err)
{
	*(int *)err = mod_unload("struct_ops");
	return NULL;
}

TEST_F_TIMEOUT(denied, rmmod, 600)
{
	int i, n, map, log, err, before, waited = 0;
	pthread_t thread;
	char line[256] = "";

	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, deny_load());
	for (i = 0; i < (int)ARRAY_SIZE(rmmod_denials); i++) {
		const struct denial *d = &rmmod_denials[i];

		/* called by that name before 6.4 */
		if (!ksym(d->function))
			continue;
		ASSERT_EQ(0, deny(d)) TH_LOG("%s", d->function);
		before = deny_calls();
		ASSERT_EQ(0, sops_insmod());
		log = kmsg_open();
		ASSERT_EQ(0, deny_set(0));
		ASSERT_EQ(0, spit(DENY "all", "Y"));
		err = 1;
		ASSERT_EQ(0, pthread_create(&thread, NULL, rmmod_thread, &err));
		/* where the module does not call this one it is gone at once */
		n = 0;
		sops_wait((n = deny_calls() - before) || err != 1);
		if (n) {
			waited++;
			EXPECT_TRUE(sops_wait(deny_calls() - before >= n + 2));
			EXPECT_EQ(1, err);
			EXPECT_TRUE(mod_loaded("struct_ops"));
			EXPECT_TRUE(file_has("/proc/kallsyms", "[struct_ops]"));
			EXPECT_EQ(1, kmsg_count(log, "struct_ops: ", line, sizeof(line)));
			EXPECT_NE(NULL, strstr(line, "rmmod waits")) TH_LOG("%s", line);
			/* calls that may still lead here */
			map = ca_register("t_fault");
			EXPECT_LE(0, map);
			EXPECT_EQ(0, map_delete(map, 0));
			close(map);
		}
		ASSERT_EQ(0, spit(DENY "all", "N"));
		pthread_join(thread, NULL);
		EXPECT_EQ(0, err) TH_LOG("%s", d->function);
		EXPECT_TRUE(nothing_left()) TH_LOG("%s", d->function);
		close(log);
	}
	EXPECT_LT(0, waited);
	EXPECT_EQ(0, mod_unload_wait("sops_deny"));
	ASSERT_EQ(0, sops_insmod());
	TH_LOG("count: rmmod: waited for %d of %zu functions", waited, ARRAY_SIZE(rmmod_denials));
}

/* zero: done without, by the kernel's generator */
static const struct denial insmod_denials[] = {
	{ "register_kprobe", -EINVAL, -EINVAL },
	{ "debugfs_create_dir", -ENOMEM, -ENOMEM },
	{ "bpf_prog_pack_alloc", 0, 0 },
	{ "bpf_jit_charge_modmem", -EPERM, 0 },
	{ "ftrace_set_filter_ip", -ENOMEM, -ENOMEM },
	{ "register_ftrace_function", -ENODEV, -ENODEV },
	{ "register_ftrace_direct_multi", -ENOMEM, -ENOMEM },
};

TEST_F_TIMEOUT(denied, insmod, 1200)
{
	struct tally t = {};
	size_t i;
	int n, err;

	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, deny_load());
	for (i = 0; i < ARRAY_SIZE(insmod_denials); i++) {
		const struct denial *d = &insmod_denials[i];

		if (!ksym(d->function))
			continue;
		ASSERT_EQ(0, deny(d)) TH_LOG("%s", d->function);
		/* one call is enough where each does the same as the one before */
		for (n = 1; n <= 4; n++) {
			deny_set(n);
			err = sops_insmod();
			if (!note(&t, err, deny_left()))
				break;
			EXPECT_EQ(d->err, err) TH_LOG("%s, call %d", d->function, n);
			if (!err)
				EXPECT_EQ(0, sops_rmmod());
			EXPECT_TRUE(nothing_left()) TH_LOG("%s, call %d", d->function, n);
		}
		if (mod_loaded("struct_ops"))
			EXPECT_EQ(0, sops_rmmod());
	}
	EXPECT_TRUE(no_symbols_left());
	EXPECT_EQ(0, mod_unload_wait("sops_deny"));
	ASSERT_EQ(0, sops_insmod());
	EXPECT_LE(4, t.refused);
	REPORT(&t, "insmod, borrowed functions", "calls");
}

#define BORROWED "__SCK__sops_borrowed_"

/* what the module binds: not every kernel has all of its symbols in kallsyms */
static int borrowed(char names[][64], int max)
{
	Elf_Scn *scn = NULL;
	int fd, n = 0;
	Elf *elf;

	elf_version(EV_CURRENT);
	fd = open(sops_ko(), O_RDONLY | O_CLOEXEC);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	while ((scn = elf_nextscn(elf, scn))) {
		Elf64_Shdr *sh = elf64_getshdr(scn);
		Elf_Data *data = sh->sh_type == SHT_SYMTAB ? elf_getdata(scn, NULL) : NULL;
		Elf64_Sym *sym = data ? data->d_buf : NULL, *end = data ? data->d_buf + data->d_size : NULL;

		for (; sym < end && n < max; sym++) {
			const char *name = elf_strptr(elf, sh->sh_link, sym->st_name);

			if (name && sscanf(name, BORROWED "%63s", names[n]) == 1)
				n++;
		}
	}
	elf_end(elf);
	close(fd);
	return n;
}

/* what the module, while it is there, has bound and redirected */
static int symbols(char names[][64], int max)
{
	int n = borrowed(names, max);
	char line[512], name[128];
	FILE *f;

	f = fopen("/sys/kernel/tracing/enabled_functions", "re");
	while (f && n < max && fgets(line, sizeof(line), f))
		/* not the lines that say where one goes */
		if (!isspace(line[0]) && sscanf(line, "%127s", name) == 1 &&
		    strstr(name, "struct_ops"))
			snprintf(names[n++], 64, "%.63s", name);
	if (f)
		fclose(f);
	return n;
}

/* each of them not there: a refusal that names it, and nothing left */
TEST_F_TIMEOUT(denied, unbound_symbols, 600)
{
	static char names[128][64];
	char params[128], line[256];
	/* all of them take a while: when there is time */
	int step = sops_param("SOPS_ROUNDS", 5) < 100 ? 4 : 1;
	int i, n, err, log, tried = 0, refused = 0;

	if (!sops_test_build())
		SKIP(return, "struct_ops.ko was built without SOPS_TEST=y");
	n = symbols(names, 128);
	EXPECT_LT(30, n);
	ASSERT_EQ(0, sops_rmmod());
	for (i = 0; i < n; i += step, tried++) {
		snprintf(params, sizeof(params), "missing=%.63s", names[i]);
		log = kmsg_open();
		err = mod_load(sops_ko(), params);
		EXPECT_EQ(-ENOENT, err) TH_LOG("%s", params);
		EXPECT_EQ(1, kmsg_count(log, names[i], line, sizeof(line)));
		close(log);
		EXPECT_TRUE(nothing_left()) TH_LOG("%s", params);
		if (err)
			refused++;
		else
			sops_rmmod();
	}
	EXPECT_TRUE(no_symbols_left());
	ASSERT_EQ(0, sops_insmod());
	TH_LOG("count: binding: %d of %d symbols missing one by one, %d refused",
	       tried, n, refused);
}

/* what our own trampolines need: the kernel's generator instead, and it says so */
TEST_F_TIMEOUT(denied, symbols_done_without, 600)
{
	static const char *const names[] = {
		"bpf_prog_pack_alloc", "bpf_prog_pack_free", "bpf_arch_text_copy",
		"bpf_trampoline_enter", "bpf_trampoline_exit",
		"bpf_stats_enabled_key", "runqueues", "migrate_enable",
		"__rcu_read_unlock", "__bpf_prog_enter", "__bpf_prog_exit",
		"__bpf_prog_enter_sleepable", "__bpf_prog_exit_sleepable",
	};
	char params[128], line[256];
	size_t i;
	int log, map;

	if (!sops_own_tramps())
		SKIP(return, "trampolines are the generator's on this kernel");
	if (!sops_test_build())
		SKIP(return, "struct_ops.ko was built without SOPS_TEST=y");
	ASSERT_EQ(0, sops_rmmod());
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(params, sizeof(params), "missing=%s", names[i]);
		log = kmsg_open();
		ASSERT_EQ(0, mod_load(sops_ko(), params)) TH_LOG("%s", params);
		EXPECT_EQ(1, kmsg_count(log, "trampolines are the kernel's", line, sizeof(line)))
			TH_LOG("%s", params);
		close(log);
		map = ca_register("t_fault");
		EXPECT_LE(0, map);
		EXPECT_TRUE(sops_ours(map));
		EXPECT_EQ(0, map_delete(map, 0));
		close(map);
		ASSERT_EQ(0, sops_rmmod());
	}
	ASSERT_EQ(0, sops_insmod());
	TH_LOG("count: binding: %zu symbols missing one by one, all done without", i);
}

TEST_HARNESS_MAIN
