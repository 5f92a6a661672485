// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trampolines of our own, on processors that nobody has written bytes for:
 * there are none, and the kernel's generator does it all. In place of emit.c
 * and all that is below it.
 */
#include <linux/moduleparam.h>
#include "emit.h"

/* Whoever asks for it has it anyway. */
static bool generator = true;
module_param(generator, bool, 0444);
MODULE_PARM_DESC(generator, "use the kernel's own trampoline generator (on this processor it always is)");

const char * __init sops_emit_init(void)
{
	return "there are none of our own for this processor";
}

void sops_emit_exit(void)
{
}

/* The kernel's tell all that is beside a program's context. */
bool sops_emit_has_meta(const struct sops_struct_ops *ops, const struct bpf_prog *prog)
{
	return true;
}

bool sops_emit(struct sops_code *code, const struct bpf_prog *prog,
	       const struct btf_func_model *model, void *stub, unsigned int how)
{
	return false;
}

void sops_steps_place(const struct sops_steps *steps, u8 *bytes, u64 at)
{
}
