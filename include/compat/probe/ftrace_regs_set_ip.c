// SPDX-License-Identifier: GPL-2.0-only
/* 9705bc709604 (6.3): accessors for struct ftrace_regs, the setter under its new name. */
#include <linux/ftrace.h>

void probe(struct ftrace_regs *fregs);
void probe(struct ftrace_regs *fregs)
{
	ftrace_regs_set_instruction_pointer(fregs, ftrace_regs_get_argument(fregs, 0));
}
