// SPDX-License-Identifier: GPL-2.0-only
/* caf8f28e036c, a177fc2bf6fd (6.9): map_create() itself asks for the capability, or a token. */
#include <linux/bpf.h>

struct user_namespace *probe(const struct bpf_token *token);
struct user_namespace *probe(const struct bpf_token *token)
{
	return token->userns;
}
