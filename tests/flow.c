// SPDX-License-Identifier: GPL-2.0-only
/* A TCP connection on loopback. */
#include "sops.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

int sock_set_ca(int fd, const char *name)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name)) ?
	       -errno : 0;
}

int sock_get_ca(int fd, char name[SOPS_NAME_LEN])
{
	socklen_t len = SOPS_NAME_LEN;

	memset(name, 0, SOPS_NAME_LEN);
	return getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) ?
	       -errno : 0;
}

int flow_listen(struct flow *f)
{
	struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	f->tx = f->rx = -1;
	f->lis = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->lis < 0 || bind(f->lis, (void *)&any, sizeof(any)) ||
	    listen(f->lis, 8))
		return -errno;
	return 0;
}

int flow_connect(struct flow *f, const char *ca)
{
	struct sockaddr_in to;
	socklen_t len = sizeof(to);
	int err;

	if (getsockname(f->lis, (void *)&to, &len))
		return -errno;
	f->tx = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->tx < 0)
		return -errno;
	if (ca) {
		err = sock_set_ca(f->tx, ca);
		if (err)
			return err;
	}
	if (connect(f->tx, (void *)&to, len))
		return -errno;
	f->rx = accept4(f->lis, NULL, NULL, SOCK_CLOEXEC);
	return f->rx < 0 ? -errno : 0;
}

int flow_open(struct flow *f, const char *ca)
{
	int err = flow_listen(f) ?: flow_connect(f, ca);

	if (err)
		flow_close(f);
	return err;
}

static unsigned char pattern(size_t at)
{
	return at * 131 >> 3;
}

int flow_send(struct flow *f, size_t bytes)
{
	unsigned char buf[16384];
	size_t sent = 0, got = 0;
	ssize_t n, i;

	while (got < bytes) {
		struct pollfd p[] = {
			{ .fd = f->rx, .events = POLLIN },
			{ .fd = sent < bytes ? f->tx : -1, .events = POLLOUT },
		};

		if (poll(p, 2, 20000) <= 0)
			return -ETIMEDOUT;
		if (p[1].revents) {
			n = bytes - sent < sizeof(buf) ? bytes - sent :
							 sizeof(buf);
			for (i = 0; i < n; i++)
				buf[i] = pattern(sent + i);
			n = send(f->tx, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (n < 0 && errno != EAGAIN)
				return -errno;
			if (n > 0)
				sent += n;
		}
		if (p[0].revents) {
			n = recv(f->rx, buf, sizeof(buf), MSG_DONTWAIT);
			if (n <= 0)
				return n ? -errno : -ECONNRESET;
			for (i = 0; i < n; i++)
				if (buf[i] != pattern(got + i))
					return -EBADMSG;
			got += n;
		}
	}
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void flow_close(struct flow *f)
{
	close_fd(&f->tx);	/* first, so that TIME_WAIT is not the listener's */
	close_fd(&f->rx);
	close_fd(&f->lis);
}
