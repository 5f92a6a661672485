// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system as any program finds it: files, the kernel's log, modules, symbols,
 * and memory by /proc/kcore.
 */
#include "sops.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

int slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	buf[len] = 0;
	close(fd);
	return 0;
}

int spit(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = errno_or(write(fd, text, strlen(text)));
	close(fd);
	return err < 0 ? err : 0;
}

/* all of a file, with a newline before the first line: needles can ask for one */
const char *text_of(const char *path)
{
	static char buf[16 << 20];

	buf[0] = '\n';
	return slurp(path, buf + 1, sizeof(buf) - 1) ? "" : buf;
}

bool file_has(const char *path, const char *needle)
{
	return strstr(text_of(path), needle);
}

int file_count(const char *path, const char *needle)
{
	const char *at = text_of(path);
	int n = 0;

	while ((at = strstr(at, needle))) {
		at += strlen(needle);
		n++;
	}
	return n;
}

int kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	lseek(fd, 0, SEEK_END);
	return fd;
}

/* consumes what came since; @line gets the last record with @needle */
int kmsg_count(int fd, const char *needle, char *line, size_t size)
{
	char rec[8192], *text;
	int count = 0;
	ssize_t n;

	/* EPIPE: older records were overwritten; go on with what is there */
	while ((n = read(fd, rec, sizeof(rec) - 1)) > 0 || errno == EPIPE) {
		if (n <= 0)
			continue;
		rec[n] = 0;
		text = strchr(rec, ';');
		if (!text || !strstr(text + 1, needle))
			continue;
		count++;
		if (line)
			snprintf(line, size, "%s", text + 1);
	}
	return count;
}

/* exit status of a shell command, and its output */
int run(const char *cmd, char *out, size_t size)
{
	FILE *f = popen(cmd, "re");
	size_t n;

	if (!f)
		return -errno;
	n = fread(out, 1, size - 1, f);
	out[n] = 0;
	return pclose(f) >> 8;
}

bool mod_loaded(const char *name)
{
	char line[64];

	snprintf(line, sizeof(line), "\n%s ", name);
	return file_has("/proc/modules", line);
}

int mod_load(const char *path, const char *params)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = errno_or(syscall(__NR_finit_module, fd, params, 0));
	close(fd);
	return err;
}

int mod_unload(const char *name)
{
	return errno_or(syscall(__NR_delete_module, name, O_NONBLOCK));
}

int mod_unload_wait(const char *name)
{
	int err;

	/* what was put last still has grace periods to wait for */
	sops_wait((err = mod_unload(name)) != -EAGAIN);
	return err;
}

void *shared_zeroed(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		abort();
	return mem;
}

/* of the kernel, that a program asks for: all its cases do, each a process of its own */
#define NR_SYMS		8

static struct sym {
	char name[32];
	unsigned long addr;
} *kept;

/* the kernel's own stay where they are: it takes a second to find one */
static unsigned long *sym_kept(const char *name)
{
	size_t i;

	for (i = 0; i < NR_SYMS; i++) {
		if (!kept[i].addr)
			snprintf(kept[i].name, sizeof(kept[i].name), "%s", name);
		if (!strcmp(kept[i].name, name))
			return &kept[i].addr;
	}
	return NULL;
}

unsigned long ksym(const char *name)
{
	unsigned long *old = sym_kept(name), addr = 0;
	const char *at, *line, *end;
	char needle[256];

	if (old && *old)
		return *old;
	snprintf(needle, sizeof(needle), " %s", name);
	at = text_of("/proc/kallsyms");
	while (!addr && (at = strstr(at, needle))) {
		end = at + strlen(needle);
		if (*end == '\n' || *end == '\t') {
			for (line = at; line[-1] != '\n'; line--)
				;
			addr = strtoul(line, NULL, 16);
		}
		if (addr && old && *end == '\n')
			*old = addr;
		at = end;
	}
	return addr;
}

static struct {
	int fd, n;
	Elf64_Phdr phdr[64];
} kcore = { .fd = -1 };

static int kcore_open(void)
{
	Elf64_Ehdr ehdr;

	if (kcore.fd >= 0)
		return 0;
	kcore.fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	if (kcore.fd < 0 || pread(kcore.fd, &ehdr, sizeof(ehdr), 0) != sizeof(ehdr))
		return -errno;
	kcore.n = ehdr.e_phnum < 64 ? ehdr.e_phnum : 64;
	if (pread(kcore.fd, kcore.phdr, kcore.n * sizeof(*kcore.phdr), ehdr.e_phoff) < 0)
		return -errno;
	return 0;
}

int kcore_read(unsigned long addr, void *buf, size_t size)
{
	int err = kcore_open(), i;

	for (i = 0; !err && i < kcore.n; i++) {
		const Elf64_Phdr *p = &kcore.phdr[i];

		if (p->p_type != PT_LOAD || addr < p->p_vaddr || addr - p->p_vaddr >= p->p_memsz)
			continue;
		return pread(kcore.fd, buf, size, p->p_offset + addr - p->p_vaddr) == (ssize_t)size ?
		       0 : -EIO;
	}
	return err ?: -EFAULT;
}

unsigned long kcore_virt(unsigned long phys)
{
	int i;

	for (i = 0; !kcore_open() && i < kcore.n; i++) {
		const Elf64_Phdr *p = &kcore.phdr[i];

		if (p->p_type == PT_LOAD && p->p_paddr != (Elf64_Addr)-1 && phys >= p->p_paddr &&
		    phys - p->p_paddr < p->p_memsz)
			return p->p_vaddr + (phys - p->p_paddr);
	}
	return 0;
}

unsigned long kcore_start(void)
{
	unsigned long start = ~0UL;
	int i;

	for (i = 0; !kcore_open() && i < kcore.n; i++)
		if (kcore.phdr[i].p_type == PT_LOAD && kcore.phdr[i].p_vaddr < start)
			start = kcore.phdr[i].p_vaddr;
	return start;
}

int kcore_note(const char *name, int base, unsigned long *value)
{
	static char notes[1 << 16];
	size_t len = strlen(name), at, size = 0;
	int i;

	for (i = 0; !kcore_open() && !size && i < kcore.n; i++)
		if (kcore.phdr[i].p_type == PT_NOTE)
			size = kcore.phdr[i].p_filesz < sizeof(notes) ?
			       kcore.phdr[i].p_filesz : sizeof(notes) - 1;
	if (!size || pread(kcore.fd, notes, size, kcore.phdr[i - 1].p_offset) != (ssize_t)size)
		return -ENOENT;
	for (at = 0; at + len < size; at++) {
		if (strncmp(notes + at, name, len))
			continue;
		*value = strtoul(notes + at + len, NULL, base);
		return 0;
	}
	return -ENOENT;
}

long jit_current(void)
{
	unsigned long addr = ksym("bpf_jit_current");
	long is;

	if (!addr)
		return -ENOENT;
	return kcore_read(addr, &is, sizeof(is)) ?: is;
}

void shrink_slab(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", name);
	spit(path, "1");
}

void shrink_slabs(void)
{
	DIR *dir = opendir("/sys/kernel/slab");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		shrink_slab(entry->d_name);
	if (dir)
		closedir(dir);
}

__attribute__((constructor)) static void begin(void)
{
	kept = shared_zeroed(NR_SYMS * sizeof(*kept));
}
