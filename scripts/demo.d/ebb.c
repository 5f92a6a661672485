// SPDX-License-Identifier: GPL-2.0-only
/*
 * ebb PIN	registers bpf_ebb, of ebb.bpf.o, by a link that is pinned at
 *		PIN: first without its sense of delay. Told to (SIGUSR1), it has
 *		the link go over to the whole of it, and leaves it to the pin.
 * ebb -a PID	has the connections of a process that run on bpf_ebb ask for it
 *		again. A connection keeps the code that it began with; so asked,
 *		it goes on with what is registered by now.
 */
#include <bpf/libbpf.h>
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME	"bpf_ebb"

static void die(const char *what)
{
	fprintf(stderr, "ebb: %s: %m\n", what);
	exit(1);
}

static struct bpf_map *map_of(struct bpf_object *ebb, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(ebb, name);

	if (!map)
		die(name);
	return map;
}

static void serve(const char *pin)
{
	struct bpf_object *ebb;
	struct bpf_link *link;
	sigset_t told;
	int sig;

	sigemptyset(&told);
	sigaddset(&told, SIGUSR1);
	sigprocmask(SIG_BLOCK, &told, NULL);

	ebb = bpf_object__open_file("ebb.bpf.o", NULL);
	if (!ebb || bpf_object__load(ebb))
		die("ebb.bpf.o is not loaded");
	link = bpf_map__attach_struct_ops(map_of(ebb, "ebb_blind"));
	if (!link)
		die("not registered");
	if (bpf_link__pin(link, pin))
		die(pin);
	printf("%s is registered: the map ebb_blind, by a link at %s\n", NAME, pin);
	fflush(stdout);

	sigwait(&told, &sig);
	if (bpf_link__update_map(link, map_of(ebb, "bpf_ebb")))
		die("link not updated");
	printf("%s is the map bpf_ebb now, by the same link\n", NAME);
}

static bool runs_on_ebb(int sock)
{
	char name[16] = "";
	socklen_t size = sizeof(name);

	return !getsockopt(sock, IPPROTO_TCP, TCP_CONGESTION, name, &size) &&
	       !strncmp(name, NAME, sizeof(name));
}

static void ask_again(const char *pid)
{
	int process = syscall(SYS_pidfd_open, atoi(pid), 0), n = 0, sock;
	struct dirent *fd;
	char path[64];
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	fds = opendir(path);
	if (process < 0 || !fds)
		die(pid);
	while ((fd = readdir(fds))) {
		sock = syscall(SYS_pidfd_getfd, process, atoi(fd->d_name), 0);
		if (sock < 0)
			continue;
		if (runs_on_ebb(sock)) {
			if (setsockopt(sock, IPPROTO_TCP, TCP_CONGESTION, NAME,
				       strlen(NAME)))
				die("setsockopt");
			n++;
		}
		close(sock);
	}
	closedir(fds);
	if (!n)
		die("no connection of that process runs on " NAME);
	printf("%d running connection goes on with it\n", n);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "-a"))
		ask_again(argv[2]);
	else if (argc == 2)
		serve(argv[1]);
	else
		return 2;
	return 0;
}
