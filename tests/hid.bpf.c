// SPDX-License-Identifier: GPL-2.0-only
/* Changes what an input device reports: its second byte, by seven. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

__u64 events;

SEC("struct_ops")
int BPF_PROG(hid_event, struct hid_bpf_ctx *hid, enum hid_report_type type,
	     u64 source)
{
	__u8 *data = hid_bpf_get_data(hid, 0, 3);

	if (!data)
		return 0;
	data[1] += 7;
	__sync_fetch_and_add(&events, 1);
	return 0;
}

SEC(".struct_ops.link")
struct hid_bpf_ops t_hid = {
	.hid_device_event = (void *)hid_event,
};
