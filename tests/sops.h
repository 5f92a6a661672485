/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests share: raw bpf(2), values made by member name from the
 * kernel's BTF, the module and its list of maps, and TCP flows on loopback.
 *
 * Functions that can fail return -errno, as the kernel does, so that a case
 * can compare with the errno it expects.
 */
#ifndef SOPS_TESTS_H
#define SOPS_TESTS_H

#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* the kernel's own errno, which user space has no name for */
#define SOPS_ENOTSUPP	524

#define SOPS_NAME_LEN	16

/* struct_ops maps with this prefix belong to the tests and may be swept */
#define SOPS_PREFIX	"t_"

struct btf;

/* what a system call returned */
static inline int errno_or(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* bpf(2) */
int sys_bpf(int cmd, union bpf_attr *attr);
int map_lookup(int map, __u32 key, void *value);
int map_update(int map, __u32 key, const void *value, __u64 flags);
int map_delete(int map, __u32 key);
int map_next_key(int map, const __u32 *key, __u32 *next);
int map_info(int map, struct bpf_map_info *info);
int prog_id(int prog);
bool prog_alive(__u32 id);
int map_by_id(__u32 id);
int obj_pin(int fd, const char *path);

/* what is newer than Debian 12's linux/bpf.h, by its place */
static inline __u32 *sops_word(void *base, size_t offset)
{
	return (__u32 *)((char *)base + offset);
}

/* a struct_ops type and its members, as the kernel's BTF has them */
struct sops_type {
	const char *name;
	__u32 id;
	__u32 value_id;
	__u32 value_size;
	__u32 data;		/* offset of the struct in the value */
	__u32 size;		/* size of the struct */
	__u32 vlen;		/* number of members */
};

struct sops_member {
	char name[32];
	__u32 index;
	__u32 offset;		/* in the value, not in the struct */
	__u32 size;
	bool func;
};

extern struct sops_type tcp;	/* tcp_congestion_ops */
extern struct sops_type dummy;	/* bpf_dummy_ops */

const struct btf *sops_btf(void);
/* has a struct of the kernel such a member? */
bool kernel_has(const char *type, const char *member);
/* 6.13: each trampoline of the kernel's maps has a symbol, and of ours; before, all of a map have one */
#define sops_member_symbols()	kernel_has("bpf_struct_ops_map", "ksyms")
int sops_member_at(const struct sops_type *t, __u32 index,
		   struct sops_member *m);
int sops_member(const struct sops_type *t, const char *name,
		struct sops_member *m);

/* a value being made or read; refcnt and state lead every value */
struct sops_value {
	const struct sops_type *t;
	union {
		struct {
			__u32 refcnt;
			__u32 state;
		};
		unsigned char bytes[4096];
	};
};

enum { SOPS_INIT, SOPS_INUSE, SOPS_TOBEFREE };

void value_init(struct sops_value *v, const struct sops_type *t);
void value_set(struct sops_value *v, const char *member, __u64 to);
void value_name(struct sops_value *v, const char *name);
__u64 value_get(const struct sops_value *v, const char *member);

/* a map of one value; an array, for programs to leave it in */
int sops_map_of_one(__u32 map_type, __u32 value_size);
int sops_array(__u32 value_size);

/* instructions of programs */
#define INSN(c, d, s, o, i) ((struct bpf_insn){				\
	.code = c, .dst_reg = d, .src_reg = s, .off = o, .imm = i })
#define LOAD(d, s, o)	INSN(BPF_LDX | BPF_MEM | BPF_DW, d, s, o, 0)
#define STORE(d, s, o)	INSN(BPF_STX | BPF_MEM | BPF_DW, d, s, o, 0)

/* a program for one member that returns @ret */
int sops_prog(const struct sops_type *t, const char *member, int ret);
int sops_insns(const struct sops_type *t, const char *member,
	       const struct bpf_insn *insns, size_t n);

/* create: the attributes a good create has, and the create itself */
void create_attr(union bpf_attr *attr, const struct sops_type *t);
int sops_create(const struct sops_type *t);

/* the smallest congestion control: a value, and a registered map of it */
void ca_value(struct sops_value *v, const char *name);
/* a map of a congestion control: updated with a value; registered by a name */
int ca_map(const struct sops_value *v, __u32 flags);
int ca_register(const char *name);

/* what the kernel says of a congestion control by that name */
bool ca_available(const char *name);

/* the module */
int sops_setup(void);
int sops_setup_absent(void);		/* the same, and the module is not there */
int sops_setup_net(void);		/* loopback is up */
int mod_load(const char *path, const char *params);
int mod_unload(const char *name);	/* at once: -EAGAIN when in use */
int mod_unload_wait(const char *name);
bool mod_loaded(const char *name);
const char *sops_ko(void);
bool sops_test_build(void);		/* has parameters that only tests want */
int sops_insmod(void);			/* with $SOPS_PARAMS */
int sops_rmmod(void);			/* waits for maps on their way out */
/* of the module without parameters: it may be loaded anew for that */
bool sops_own_tramps(void);		/* trampolines are not the generator's */

/* one line of the module's list of its maps */
struct sops_row {
	__u32 id;
	char name[SOPS_NAME_LEN];
	char type[64];
	char state[16];
	long refcnt;
	long progs;
	long image_bytes;
	char held_by[64];	/* words with + between, or - */
	char tobefree_s[16];	/* seconds, or - */
};

int sops_rows(struct sops_row *rows, int max);
int sops_row(__u32 id, struct sops_row *row);	/* 0 or -ENOENT */
bool sops_ours(int map);
long sops_images(void);			/* sum of image_bytes */
void sops_sweep(const char *prefix);	/* unregisters maps by that name */
int sops_wait_gone(__u32 id);
int sops_wait_empty(void);		/* but for what was there before */

/* bounded, generous: only ever used to wait for what has to come */
#define sops_wait(cond) ({						\
	int __i;							\
									\
	for (__i = 0; __i < 2000 && !(cond); __i++)			\
		usleep(10000);						\
	__i < 2000;							\
})

/* by a clock that nobody sets, in milliseconds */
static inline long sops_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* a number that scripts/check-debug makes bigger */
static inline long sops_param(const char *name, long otherwise)
{
	const char *is = getenv(name);

	return is ? atol(is) : otherwise;
}

/*
 * The harness's time limits are for a processor, not for a fourth of an
 * emulated one. It keeps them by alarm(), newer ones by poll().
 */
#define sops_patient(time) ((time) * sops_param("SOPS_PATIENCE", 4))
#define alarm(seconds) alarm(sops_patient(seconds))
#define poll(fds, nr, ms) poll(fds, nr, sops_patient(ms))

/* files, and kernel memory */
int beside(const char *file, char path[PATH_MAX]);	/* the test's own files */
/* sops_probe.ko, which asks from the kernel's side: what is written there */
#define SOPS_PROBE "/sys/kernel/debug/sops_probe"
int sops_probe_load(void);		/* also if it is there already */
int slurp(const char *path, char *buf, size_t size);
int spit(const char *path, const char *text);
const char *text_of(const char *path);	/* until the next call, and those below */
void *shared_zeroed(size_t size);	/* the same memory for all cases of a program */
/* where in a line of /proc/kallsyms the name is: after the address and a letter */
#define SYMBOL_NAME 19
bool file_has(const char *path, const char *needle);
int file_count(const char *path, const char *needle);
int kmsg_open(void);
int kmsg_count(int fd, const char *needle, char *line, size_t size);
int run(const char *cmd, char *out, size_t size);
unsigned long ksym(const char *name);
int kcore_read(unsigned long addr, void *buf, size_t size);
unsigned long kcore_virt(unsigned long phys);	/* of memory; 0: there is none */
unsigned long kcore_start(void);		/* the lowest address */
/* what is there for crash dumps: "SYMBOL(name)=", "NUMBER(name)=" */
int kcore_note(const char *name, int base, unsigned long *value);
/* what processors keep of a slab cache, or of all, at hand counts as active: they give it back first */
void shrink_slab(const char *name);
void shrink_slabs(void);
long jit_current(void);			/* bytes charged to bpf_jit_limit; -ENOENT: not to be had */
#define NO_VARIABLES	"kallsyms has no variables here (CONFIG_KALLSYMS_ALL): it needs "
#define NO_JIT_CURRENT	NO_VARIABLES "bpf_jit_current"
/* the same once our programs are in and those of the case before are out */
long jit_settled(void);

/* a TCP connection on loopback, both ends in this process */
struct flow {
	int lis, tx, rx;
};

int flow_listen(struct flow *f);
int flow_connect(struct flow *f, const char *ca);
int flow_open(struct flow *f, const char *ca);
int flow_send(struct flow *f, size_t bytes);	/* checked at the other end */
void flow_close(struct flow *f);
int sock_set_ca(int fd, const char *name);
int sock_get_ca(int fd, char name[SOPS_NAME_LEN]);

#endif
