// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a call of a member runs, as it is in the kernel's memory, into a file
 * of text for scripts/bench.d/cycles.c, which runs it in user space:
 *
 *	func ADDRESS		where the call goes
 *	symbol NAME ADDRESS	variables, and what callers call through
 *	field NAME OFFSET	in struct task_struct
 *	page ADDRESS BYTES	in hexadecimal; of all functions, and of data
 *
 * All that is in between is in these pages as well: trampoline, program, the
 * kernel's functions, return thunks.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/btf.h>
#include "../../tests/sops.h"
#include "bench.h"

#define PAGE	4096UL

static void page(FILE *f, unsigned long addr)
{
	unsigned char bytes[PAGE];
	unsigned int i;

	addr &= -PAGE;
	/* the last one of an area may have none behind it */
	if (kcore_read(addr, bytes, sizeof(bytes)))
		return;
	fprintf(f, "page %lx ", addr);
	for (i = 0; i < PAGE; i++)
		fprintf(f, "%02x", bytes[i]);
	fprintf(f, "\n");
}

/* functions are shorter than a page, and may go on in the next */
static void pages(FILE *f, unsigned long addr)
{
	page(f, addr);
	page(f, addr + PAGE);
}

/* those that a kernel does not have are not called there */
static void symbols_of(FILE *f, unsigned long func)
{
	static const char *const functions[] = {
		"__bpf_prog_enter", "__bpf_prog_exit", "migrate_disable", "migrate_enable",
		"__rcu_read_lock", "__rcu_read_unlock", "__x86_return_thunk", "zen_untrain_ret",
		"retbleed_return_thunk", "srso_return_thunk", "srso_alias_return_thunk",
		"srso_alias_safe_ret", "__x86_indirect_thunk_rax",
	}, *const variables[] = {
		"bpf_stats_enabled_key",
	}, *const per_cpu[] = {
		"this_cpu_off", "current_task", "__preempt_count", "pcpu_hot",
	};
	unsigned long addr;
	unsigned int i;

	pages(f, func);
	for (i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		addr = ksym(functions[i]);
		if (!addr)
			continue;
		fprintf(f, "symbol %s %lx\n", functions[i], addr);
		pages(f, addr);
	}
	for (i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		page(f, ksym(variables[i]));
	for (i = 0; i < sizeof(per_cpu) / sizeof(*per_cpu); i++) {
		addr = ksym(per_cpu[i]);
		if (addr)
			fprintf(f, "symbol %s %lx\n", per_cpu[i], addr);
	}
}

static void field(FILE *f, const char *name)
{
	const struct btf *btf = sops_btf();
	const struct btf_type *t;
	int id = btf__find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT), i;

	t = btf__type_by_id(btf, id);
	for (i = 0; t && i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off), name))
			fprintf(f, "field %s %x\n", name, btf_member_bit_offset(t, i) / 8);
}

static void program(FILE *f, int prog)
{
	struct bpf_prog_info info = {};
	union bpf_attr attr = {
		.info = { .bpf_fd = prog, .info_len = sizeof(info), .info = (uintptr_t)&info },
	};
	__u64 addr;

	info.nr_jited_ksyms = 1;
	info.jited_ksyms = (uintptr_t)&addr;
	errno = -sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
	if (errno)
		die("where a program is");
	pages(f, addr);
}

static unsigned long where(const char *asked, int sock)
{
	return call(asked, "cong_avoid", "where", sock);
}

/*
 * The programs: one could call a helper, and does not, and the other could call
 * what is known to be short; they need nothing but their arguments.
 */
static const struct program {
	const char *name;
	enum bpf_func_id calls;
} programs[] = {
	{ "may_call", BPF_FUNC_get_numa_node_id },
	{ "short", BPF_FUNC_ktime_get_ns },
};

static int load_one(const struct program *program)
{
	const struct bpf_insn insns[] = {
		LOAD(BPF_REG_1, BPF_REG_1, 16),
		INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_1, 0, 1, 12345),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, program->calls),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return sops_insns(&tcp, "cong_avoid", insns, sizeof(insns) / sizeof(*insns));
}

static FILE *file(const char *peer, const char *program)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/root/out/%s.%s.code", peer, program);
	mkdir("/root/out", 0755);
	f = fopen(path, "w");
	if (!f)
		die(path);
	return f;
}

static void code_of_program(const char *peer, const struct program *called)
{
	int prog = load_one(called), map, sock;
	char name[SOPS_NAME_LEN];
	struct sops_value v;
	FILE *f;

	snprintf(name, sizeof(name), "code_%s", peer);
	ca_value(&v, name);
	value_set(&v, "cong_avoid", prog);
	map = ca_map(&v, 0);
	errno = prog < 0 ? -prog : map < 0 ? -map : 0;
	if (errno)
		die(peer);
	sock = socket_on(name);
	f = file(peer, called->name);
	fprintf(f, "func %lx\n", where("ca", sock));
	symbols_of(f, where("ca", sock));
	field(f, "cpus_ptr");
	field(f, "cpus_mask");
	if (file_has("/sys/devices/system/cpu/vulnerabilities/spectre_v2", "Retpoline"))
		fprintf(f, "retpolines\n");
	program(f, prog);
	fclose(f);
	close(sock);
	unregister(map);
	close(map);
	close(prog);
}

static void code_of(const char *peer)
{
	size_t i;

	for (i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		code_of_program(peer, &programs[i]);
}

static void code_of_c(void)
{
	int sock = socket(AF_INET, SOCK_STREAM, 0);
	FILE *f = file("c", "none");

	fprintf(f, "func %lx\n", where("c", sock));
	symbols_of(f, where("c", sock));
	if (file_has("/sys/devices/system/cpu/vulnerabilities/spectre_v2", "Retpoline"))
		fprintf(f, "retpolines\n");
	fclose(f);
	close(sock);
}

void code(void)
{
	sops_setup_net();
	spit("/proc/sys/kernel/kptr_restrict", "1");
	code_of_c();
	code_of("native");
	load_module("");
	code_of("ours");
	if (sops_rmmod())
		die("rmmod struct_ops");
	load_module("preempt_off=tcp_congestion_ops");
	code_of("opt_in");
}
