/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: what becomes of our maps, and what is refused.
 *
 * Names are copied into arrays: __assign_str() is not the same on all kernels,
 * and none of this is on a path that is hurried.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM struct_ops

#if !defined(_TRACE_STRUCT_OPS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_STRUCT_OPS_H

#include <linux/tracepoint.h>

struct sops_refusal;

DECLARE_EVENT_CLASS(struct_ops_map,
	TP_PROTO(u32 map_id, const char *name, const char *map_type, u32 link_id),
	TP_ARGS(map_id, name, map_type, link_id),
	TP_STRUCT__entry(
		__field(u32, map_id)
		__field(u32, link_id)
		__array(char, name, 16)
		__array(char, type, 80)
	),
	TP_fast_assign(
		__entry->map_id = map_id;
		__entry->link_id = link_id;
		strscpy(__entry->name, name, sizeof(__entry->name));
		strscpy(__entry->type, map_type, sizeof(__entry->type));
	),
	TP_printk("map=%u name=%s type=%s link=%u", __entry->map_id, __entry->name,
		  __entry->type, __entry->link_id)
);

#define DEFINE_STRUCT_OPS_MAP_EVENT(event)				\
DEFINE_EVENT(struct_ops_map, event,					\
	TP_PROTO(u32 map_id, const char *name, const char *map_type, u32 link_id), \
	TP_ARGS(map_id, name, map_type, link_id))

/* The kernel gives a map its id later. */
DEFINE_STRUCT_OPS_MAP_EVENT(created);

/* The map registered its value itself: no link. */
DEFINE_STRUCT_OPS_MAP_EVENT(registered);

DEFINE_STRUCT_OPS_MAP_EVENT(unregistered);

/* A new link registered the map. */
DEFINE_STRUCT_OPS_MAP_EVENT(linked);

/* A link moved on to this map. */
DEFINE_STRUCT_OPS_MAP_EVENT(updated);

/* The last reference is gone, and with it the id. */
DEFINE_STRUCT_OPS_MAP_EVENT(freed);

TRACE_EVENT(refused,
	TP_PROTO(const struct sops_refusal *r),
	TP_ARGS(r),
	TP_STRUCT__entry(
		__array(char, op, 16)
		__field(u32, map_id)
		__field(u32, prog_id)
		__field(int, err)
		__array(char, name, 16)
		__array(char, type, 80)
		__array(char, member, 64)
		__array(char, reason, 96)
	),
	TP_fast_assign(
		strscpy(__entry->op, r->op, sizeof(__entry->op));
		__entry->map_id = r->map_id;
		__entry->prog_id = r->prog_id;
		__entry->err = r->err;
		strscpy(__entry->name, r->name, sizeof(__entry->name));
		strscpy(__entry->type, r->type, sizeof(__entry->type));
		strscpy(__entry->member, r->member, sizeof(__entry->member));
		strscpy(__entry->reason, r->reason, sizeof(__entry->reason));
	),
	TP_printk("op=%s map=%u name=%s type=%s member=%s prog=%u errno=%d reason=%s",
		  __entry->op, __entry->map_id, __entry->name, __entry->type,
		  __entry->member, __entry->prog_id, __entry->err, __entry->reason)
);

#endif /* _TRACE_STRUCT_OPS_H */

#include <trace/define_trace.h>
