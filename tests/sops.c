// SPDX-License-Identifier: GPL-2.0-only
#include "sops.h"

#include <bpf/btf.h>
#include <fcntl.h>
#include <libgen.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MODULE		"struct_ops"
#define DEBUGFS		"/sys/kernel/debug"
#define MAPS_LIST	DEBUGFS "/struct_ops/maps"

/* for all cases of a program, each of which is a process of its own */
static enum tramps { UNKNOWN, OWN, GENERATORS } *tramps;

/* bpf(2) */

int sys_bpf(int cmd, union bpf_attr *attr)
{
	return errno_or(syscall(__NR_bpf, cmd, attr, sizeof(*attr)));
}

static int map_elem(int cmd, int map, const void *key, void *value, __u64 flags)
{
	union bpf_attr attr = {
		.map_fd = map,
		.key = (uintptr_t)key,
		.value = (uintptr_t)value,	/* next_key is the same word */
		.flags = flags,
	};

	return sys_bpf(cmd, &attr);
}

int map_lookup(int map, __u32 key, void *value)
{
	return map_elem(BPF_MAP_LOOKUP_ELEM, map, &key, value, 0);
}

int map_update(int map, __u32 key, const void *value, __u64 flags)
{
	return map_elem(BPF_MAP_UPDATE_ELEM, map, &key, (void *)value, flags);
}

int map_delete(int map, __u32 key)
{
	return map_elem(BPF_MAP_DELETE_ELEM, map, &key, NULL, 0);
}

int map_next_key(int map, const __u32 *key, __u32 *next)
{
	return map_elem(BPF_MAP_GET_NEXT_KEY, map, key, next, 0);
}

static int obj_info(int fd, void *info, __u32 len)
{
	union bpf_attr attr = {
		.info = {
			.bpf_fd = fd,
			.info_len = len,
			.info = (uintptr_t)info,
		},
	};

	memset(info, 0, len);
	return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

int map_info(int map, struct bpf_map_info *info)
{
	return obj_info(map, info, sizeof(*info));
}

int prog_id(int prog)
{
	struct bpf_prog_info info;
	int err = obj_info(prog, &info, sizeof(info));

	return err ? err : (int)info.id;
}

static int by_id(int cmd, __u32 id)
{
	union bpf_attr attr = { .start_id = id };

	return sys_bpf(cmd, &attr);
}

bool prog_alive(__u32 id)
{
	int fd = by_id(BPF_PROG_GET_FD_BY_ID, id);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int map_by_id(__u32 id)
{
	return by_id(BPF_MAP_GET_FD_BY_ID, id);
}

int obj_pin(int fd, const char *path)
{
	union bpf_attr attr = {
		.pathname = (uintptr_t)path,
		.bpf_fd = fd,
	};

	return sys_bpf(BPF_OBJ_PIN, &attr);
}

/* types */

struct sops_type tcp = { .name = "tcp_congestion_ops" };
struct sops_type dummy = { .name = "bpf_dummy_ops" };

static struct btf *vmlinux;

const struct btf *sops_btf(void)
{
	return vmlinux;
}

bool kernel_has(const char *type, const char *member)
{
	const struct btf_type *t;
	int i;

	t = btf__type_by_id(vmlinux, btf__find_by_name_kind(vmlinux, type, BTF_KIND_STRUCT));
	for (i = 0; t && i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(vmlinux, btf_members(t)[i].name_off), member))
			return true;
	return false;
}

static bool find_type(struct sops_type *t)
{
	const struct btf_type *v;
	char value[128];
	int id, value_id;

	snprintf(value, sizeof(value), "bpf_struct_ops_%s", t->name);
	id = btf__find_by_name_kind(vmlinux, t->name, BTF_KIND_STRUCT);
	value_id = btf__find_by_name_kind(vmlinux, value, BTF_KIND_STRUCT);
	if (id < 0 || value_id < 0)
		return false;

	v = btf__type_by_id(vmlinux, value_id);
	t->id = id;
	t->value_id = value_id;
	t->value_size = v->size;
	t->data = btf_member_bit_offset(v, btf_vlen(v) - 1) / 8;
	t->size = btf__type_by_id(vmlinux, id)->size;
	t->vlen = btf_vlen(btf__type_by_id(vmlinux, id));
	return t->value_size <= sizeof(((struct sops_value *)0)->bytes);
}

int sops_member_at(const struct sops_type *t, __u32 index,
		   struct sops_member *m)
{
	const struct btf_type *s = btf__type_by_id(vmlinux, t->id), *mt;
	const struct btf_member *bm;

	if (index >= btf_vlen(s))
		return -ENOENT;
	bm = &btf_members(s)[index];
	snprintf(m->name, sizeof(m->name), "%s",
		 btf__name_by_offset(vmlinux, bm->name_off));
	m->index = index;
	m->offset = t->data + btf_member_bit_offset(s, index) / 8;
	m->size = btf__resolve_size(vmlinux, bm->type);
	mt = btf__type_by_id(vmlinux, btf__resolve_type(vmlinux, bm->type));
	m->func = btf_is_ptr(mt) &&
		  btf_is_func_proto(btf__type_by_id(vmlinux, mt->type));
	return 0;
}

int sops_member(const struct sops_type *t, const char *name,
		struct sops_member *m)
{
	__u32 i;

	for (i = 0; !sops_member_at(t, i, m); i++)
		if (!strcmp(m->name, name))
			return 0;
	fprintf(stderr, "# %s has no member %s\n", t->name, name);
	return -ENOENT;
}

void value_init(struct sops_value *v, const struct sops_type *t)
{
	memset(v, 0, sizeof(*v));
	v->t = t;
}

void value_set(struct sops_value *v, const char *member, __u64 to)
{
	struct sops_member m;

	if (sops_member(v->t, member, &m))
		abort();
	memcpy(v->bytes + m.offset, &to, m.size < 8 ? m.size : 8);
}

void value_name(struct sops_value *v, const char *name)
{
	struct sops_member m;

	if (sops_member(v->t, "name", &m))
		abort();
	memset(v->bytes + m.offset, 0, m.size);
	memcpy(v->bytes + m.offset, name, strnlen(name, m.size));
}

__u64 value_get(const struct sops_value *v, const char *member)
{
	struct sops_member m;
	__u64 is = 0;

	if (sops_member(v->t, member, &m))
		abort();
	memcpy(&is, v->bytes + m.offset, m.size < 8 ? m.size : 8);
	return is;
}

/* programs */

int sops_insns(const struct sops_type *t, const char *member,
	       const struct bpf_insn *insns, size_t n)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_STRUCT_OPS,
		.insns = (uintptr_t)insns,
		.insn_cnt = n,
		.license = (uintptr_t)"GPL",
		.attach_btf_id = t->id,
	};
	struct sops_member m;
	int err = sops_member(t, member, &m);

	if (err)
		return err;
	attr.expected_attach_type = m.index;
	memcpy(attr.prog_name, SOPS_PREFIX "prog", sizeof(SOPS_PREFIX "prog"));
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

int sops_map_of_one(__u32 map_type, __u32 value_size)
{
	union bpf_attr attr = {
		.map_type = map_type,
		.key_size = 4,
		.value_size = value_size,
		.max_entries = 1,
	};

	return sys_bpf(BPF_MAP_CREATE, &attr);
}

int sops_array(__u32 value_size)
{
	return sops_map_of_one(BPF_MAP_TYPE_ARRAY, value_size);
}

int sops_prog(const struct sops_type *t, const char *member, int ret)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = ret },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return sops_insns(t, member, insns, 2);
}

/* create */

/* the kernel wants the BTF of the program's object with every such map */
static int object_btf(void)
{
	static int fd = -1;
	union bpf_attr attr = {};
	struct btf *btf;
	__u32 size;

	if (fd >= 0)
		return fd;
	btf = btf__new_empty();
	btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	attr.btf = (uintptr_t)btf__raw_data(btf, &size);
	attr.btf_size = size;
	fd = sys_bpf(BPF_BTF_LOAD, &attr);
	if (fd < 0)
		fprintf(stderr, "# no BTF loaded: %s\n", strerror(-fd));
	btf__free(btf);
	return fd;
}

void create_attr(union bpf_attr *attr, const struct sops_type *t)
{
	memset(attr, 0, sizeof(*attr));
	attr->map_type = BPF_MAP_TYPE_STRUCT_OPS;
	attr->key_size = 4;
	attr->value_size = t->value_size;
	attr->max_entries = 1;
	attr->btf_fd = object_btf();
	attr->btf_vmlinux_value_type_id = t->value_id;
	memcpy(attr->map_name, SOPS_PREFIX "map", sizeof(SOPS_PREFIX "map"));
}

int sops_create(const struct sops_type *t)
{
	union bpf_attr attr;

	create_attr(&attr, t);
	return sys_bpf(BPF_MAP_CREATE, &attr);
}

/* congestion controls */

void ca_value(struct sops_value *v, const char *name)
{
	static int ssthresh, cong_avoid, undo_cwnd;

	if (!ssthresh) {
		ssthresh = sops_prog(&tcp, "ssthresh", 2);
		cong_avoid = sops_prog(&tcp, "cong_avoid", 0);
		undo_cwnd = sops_prog(&tcp, "undo_cwnd", 2);
	}
	value_init(v, &tcp);
	value_name(v, name);
	value_set(v, "ssthresh", ssthresh);
	value_set(v, "cong_avoid", cong_avoid);
	value_set(v, "undo_cwnd", undo_cwnd);
}

int ca_map(const struct sops_value *v, __u32 flags)
{
	union bpf_attr attr;
	int map, err;

	create_attr(&attr, &tcp);
	attr.map_flags = flags;
	map = sys_bpf(BPF_MAP_CREATE, &attr);
	if (map < 0)
		return map;
	err = map_update(map, 0, v->bytes, 0);
	if (!err)
		return map;
	close(map);
	return err;
}

int ca_register(const char *name)
{
	struct sops_value v;

	ca_value(&v, name);
	return ca_map(&v, 0);
}

bool ca_available(const char *name)
{
	char text[4096], *word, *at = text;

	if (slurp("/proc/sys/net/ipv4/tcp_available_congestion_control",
		  text, sizeof(text)))
		return false;
	while ((word = strsep(&at, "\n ")))
		if (!strcmp(word, name))
			return true;
	return false;
}

/* the module */

int beside(const char *file, char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		return -errno;
	self[len] = 0;
	if (snprintf(path, PATH_MAX, "%s/%s", dirname(self), file) >= PATH_MAX)
		return -ENAMETOOLONG;
	return access(path, R_OK) ? -errno : 0;
}

bool sops_test_build(void)
{
	static const char is[] = "parmtype=missing:charp";
	int fd = open(sops_ko(), O_RDONLY | O_CLOEXEC);
	off_t size = lseek(fd, 0, SEEK_END);
	void *ko = MAP_FAILED;
	bool found;

	if (size > 0)
		ko = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (ko == MAP_FAILED)
		return false;
	found = memmem(ko, size, is, sizeof(is));
	munmap(ko, size);
	return found;
}

const char *sops_ko(void)
{
	static char path[PATH_MAX];

	if (getenv("STRUCT_OPS_KO"))
		return getenv("STRUCT_OPS_KO");
	if (!beside(MODULE ".ko", path))
		return path;
	return "/root/" MODULE ".ko";
}

int sops_insmod(void)
{
	const char *params = getenv("SOPS_PARAMS");

	return mod_load(sops_ko(), params ? params : "");
}

int sops_rmmod(void)
{
	return mod_unload_wait(MODULE);
}

bool sops_own_tramps(void)
{
	int log;

	if (*tramps == UNKNOWN && (!mod_loaded(MODULE) || !sops_rmmod())) {
		log = kmsg_open();
		if (!mod_load(sops_ko(), ""))
			*tramps = kmsg_count(log, "trampolines are its own", NULL, 0) ?
				  OWN : GENERATORS;
		close(log);
		/* what was asked for is not this one */
		if (getenv("SOPS_PARAMS"))
			sops_rmmod();
	}
	return *tramps == OWN;
}

/* maps that a failed case left registered must not fail the next one too */
void sops_sweep(const char *prefix)
{
	union bpf_attr attr = {};
	struct bpf_map_info info;
	int map;

	while (!sys_bpf(BPF_MAP_GET_NEXT_ID, &attr)) {
		attr.start_id = attr.next_id;
		map = map_by_id(attr.start_id);
		if (map < 0)
			continue;
		if (!map_info(map, &info) &&
		    info.type == BPF_MAP_TYPE_STRUCT_OPS &&
		    !strncmp(info.name, prefix, strlen(prefix)))
			map_delete(map, 0);
		close(map);
	}
}

int sops_setup_net(void)
{
	struct ifreq lo = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	err = errno_or(ioctl(fd, SIOCGIFFLAGS, &lo));
	if (!err && !(lo.ifr_flags & IFF_UP)) {
		lo.ifr_flags |= IFF_UP;
		err = errno_or(ioctl(fd, SIOCSIFFLAGS, &lo));
	}
	close(fd);
	return err;
}

int sops_rows(struct sops_row *rows, int max)
{
	char line[256];
	int n = 0;
	FILE *f;

	f = fopen(MAPS_LIST, "re");
	if (!f)
		return -errno;
	if (!fgets(line, sizeof(line), f))	/* the header */
		n = -EIO;
	while (n >= 0 && fgets(line, sizeof(line), f)) {
		struct sops_row r;

		if (sscanf(line, "%u %15s %63s %15s %ld %ld %ld %63s %15s", &r.id,
			   r.name, r.type, r.state, &r.refcnt, &r.progs,
			   &r.image_bytes, r.held_by, r.tobefree_s) != 9)
			n = -EBADMSG;
		else if (n < max)
			rows[n++] = r;
	}
	fclose(f);
	return n;
}

#define MAX_ROWS 4096

int sops_row(__u32 id, struct sops_row *row)
{
	static struct sops_row rows[MAX_ROWS];
	int i, n = sops_rows(rows, MAX_ROWS);

	for (i = 0; i < n; i++) {
		if (rows[i].id == id) {
			*row = rows[i];
			return 0;
		}
	}
	return n < 0 ? n : -ENOENT;
}

bool sops_ours(int map)
{
	struct bpf_map_info info;
	struct sops_row row;

	return !map_info(map, &info) && !sops_row(info.id, &row);
}

long sops_images(void)
{
	static struct sops_row rows[MAX_ROWS];
	int i, n = sops_rows(rows, MAX_ROWS);
	long sum = 0;

	for (i = 0; i < n; i++)
		sum += rows[i].image_bytes;
	return sum;
}

int sops_wait_gone(__u32 id)
{
	struct sops_row row;

	return sops_wait(sops_row(id, &row) == -ENOENT) ? 0 : -ETIMEDOUT;
}

/* maps that were there before: a leak fails the case that leaked, not the next */
static int others;

/* no module, no maps of its own */
static int nr_maps(void)
{
	static struct sops_row rows[MAX_ROWS];

	return mod_loaded(MODULE) ? sops_rows(rows, MAX_ROWS) : 0;
}

int sops_wait_empty(void)
{
	return sops_wait(nr_maps() <= others) ? 0 : -ETIMEDOUT;
}

static int setup(void)
{
	struct rlimit files = { 4096, 4096 };
	int err = sops_setup_net();

	if (err)
		return err;
	setrlimit(RLIMIT_NOFILE, &files);
	if (access(DEBUGFS "/tracing", F_OK))
		mount("debugfs", DEBUGFS, "debugfs", 0, NULL);
	if (!tcp.value_id) {
		fprintf(stderr, "# no tcp_congestion_ops in vmlinux BTF\n");
		return -ENOENT;
	}
	return 0;
}

int sops_setup_absent(void)
{
	int err = setup();

	if (err)
		return err;
	sops_sweep(SOPS_PREFIX);
	return mod_loaded(MODULE) ? sops_rmmod() : 0;
}

int sops_setup(void)
{
	int err = setup(), i;

	if (err)
		return err;
	if (!mod_loaded(MODULE)) {
		err = sops_insmod();
		if (err) {
			fprintf(stderr, "# insmod %s: %s\n", sops_ko(),
				strerror(-err));
			return err;
		}
	}
	sops_sweep(SOPS_PREFIX);
	for (i = 0; i < 100 && (others = nr_maps()); i++)
		usleep(20000);
	return others < 0 ? others : 0;
}

int sops_probe_load(void)
{
	char ko[PATH_MAX];
	int err = beside("sops_probe.ko", ko) ?: mod_load(ko, "");

	return err == -EEXIST ? 0 : err;
}

/* programs and trampolines are freed by callbacks of RCU's kinds, and then by work */
static int jit_barrier(void)
{
	int err = sops_probe_load();

	if (err)
		return err;
	err = spit(SOPS_PROBE, "barrier");
	return mod_unload_wait("sops_probe") ?: err;
}

long jit_settled(void)
{
	struct sops_value v;
	long is, before;
	int same = 0, err;

	ca_value(&v, SOPS_PREFIX);
	err = jit_barrier();
	if (err)
		return err;
	is = jit_current();
	while (same < 5) {
		before = is;
		usleep(20000);
		is = jit_current();
		same = is == before ? same + 1 : 0;
	}
	return is;
}

__attribute__((constructor)) static void begin(void)
{
	tramps = shared_zeroed(sizeof(*tramps));
	vmlinux = btf__load_vmlinux_btf();
	if (!vmlinux)
		return;
	find_type(&tcp);
	find_type(&dummy);
}
