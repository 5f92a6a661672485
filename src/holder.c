// SPDX-License-Identifier: GPL-2.0-only
/*
 * What holds a map, for whoever wonders why it does not go.
 *
 * Its registration, links, and being TCP's default in a network namespace can
 * be told apart. The rest are sockets, queues and the like, which take their
 * references one by one where nobody writes down whose they are.
 */
#include <net/net_namespace.h>
#include "holder.h"

/* In how many network namespaces it is the default congestion control. */
static unsigned int sops_holder_defaults(const struct sops_map *smap)
{
	unsigned int nr = 0;
	struct net *net;

	if (!smap->type || strcmp(smap->type->name, "tcp_congestion_ops"))
		return 0;
	rcu_read_lock();
	for_each_net_rcu(net)
		if ((void *)rcu_access_pointer(net->ipv4.tcp_congestion_control) ==
		    smap->kvalue->data)
			nr++;
	rcu_read_unlock();
	return nr;
}

/**
 * sops_holders_show() - one word: what holds a map, with + between, or "-"
 * @m: where to write it
 * @smap: the map, past its update
 *
 * An estimate: references come and go meanwhile. User space's fds and pins are
 * not among them.
 * Context: process, sops_registry_lock() held.
 */
void sops_holders_show(struct seq_file *m, const struct sops_map *smap)
{
	unsigned int defaults = sops_holder_defaults(smap);
	s64 others = sops_map_refs(smap->map) - defaults;
	const struct sops_map_link *link;
	const char *plus = "";

	if (READ_ONCE(smap->kvalue->state) == SOPS_STATE_INUSE) {
		seq_puts(m, "update");
		plus = "+";
		others--;
	}
	list_for_each_entry(link, &smap->links, list) {
		seq_printf(m, "%slink:%u", plus, link->id);
		plus = "+";
		others--;
	}
	if (defaults) {
		seq_printf(m, "%sdefault:%u", plus, defaults);
		plus = "+";
	}
	if (others > 0) {
		seq_printf(m, "%sothers:%lld", plus, others);
		plus = "+";
	}
	if (!*plus)
		seq_putc(m, '-');
}
