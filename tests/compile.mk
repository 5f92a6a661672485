# SPDX-License-Identifier: GPL-2.0-only
#
# What is compiled for guests, by the Makefiles here and of ../scripts/bench.d: CC, VMLINUX_H and SRCARCH as kbuild has it are set

# attributes of bpf(2) are zero but for what is set: gcc 15 leaves the rest of a union as it was
zero_unions := -fzero-init-padding-bits=unions
zero_unions := $(shell $(CC) -Werror $(zero_unions) -E -x c /dev/null >/dev/null 2>&1 && echo $(zero_unions))
CFLAGS += $(zero_unions)

# anonymous members by their struct's name, since 7.x
BPF_CFLAGS := -g -O2 -target bpf -D__TARGET_ARCH_$(SRCARCH) -fms-extensions -Wno-microsoft-anon-tag -I$(dir $(VMLINUX_H))

# what is called so here has another name, or other arguments, on older kernels
newer = $(if $(shell grep -s $(1) $(VMLINUX_H)),-D$(2))
BPF_CFLAGS += $(call newer,cwnd_event_tx_start,CWND_EVENT_TX_START) $(call newer,scx_bpf_dsq_insert,SCX_BPF_DSQ_INSERT)
