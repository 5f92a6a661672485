// SPDX-License-Identifier: GPL-2.0-only
/*
 * What those pay who use struct_ops maps, and those who do not: without the
 * module, with it on the kernel's maps, on ours, and once more without it. The
 * last tells what of a difference is noise.
 *
 * All of that with a number of maps around that do nothing: the kernel's where
 * the module is not, and as many of ours where it is.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
#include "../../tests/sops.h"
#include "bench.h"

/* they have a process of their own, whose end is theirs */
static int hold(int nr)
{
	int to[2], from[2];
	char c = 0;

	if (pipe(to) || pipe(from))
		die("pipe");
	switch (fork()) {
	case -1:
		die("fork");
	case 0:
		close(to[1]);
		while (nr--)
			if (sops_create(&tcp) < 0)
				die("a map that does nothing");
		write(from[1], &c, 1);
		read(to[0], &c, 1);
		_exit(0);
	}
	close(to[0]);
	close(from[1]);
	if (read(from[0], &c, 1) != 1)
		die("maps that do nothing");
	close(from[0]);
	return to[1];
}

static void load_peer(struct peer *p)
{
	p->ca = load();
	sched_load(p);
	qdisc_load(p);
}

/* ids are given in turn, and looked up the deeper the more there were */
static void spend_ids(void)
{
	int i;

	for (i = 0; i < 5000; i++)
		close(sops_array(8));
}

void paid(int nr_alive)
{
	struct peer absent = { "absent", nr_alive }, loaded = { "loaded", nr_alive };
	struct peer ours = { "ours", nr_alive }, again = { "again", nr_alive };
	struct rlimit files = { nr_alive + 4096, nr_alive + 4096 };
	int holder;

	setrlimit(RLIMIT_NOFILE, &files);
	if (sops_setup_net())
		die("loopback");
	spend_ids();
	hold(nr_alive);
	load_peer(&absent);
	load_peer(&loaded);
	load_peer(&again);

	work(&absent);
	load_module("");
	/* before the others: where maps are kept by age it is not the first */
	load_peer(&ours);
	holder = hold(nr_alive);
	work(&loaded);
	work(&ours);
	close(holder);
	while ((errno = -sops_rmmod()) == EAGAIN)
		;
	if (errno)
		die("rmmod struct_ops");
	work(&again);
}
