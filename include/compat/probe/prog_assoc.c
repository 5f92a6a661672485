// SPDX-License-Identifier: GPL-2.0-only
/* b5709f6d26d6 (7.0): programs are associated with a struct_ops map. */
#include <linux/bpf.h>

void *probe(const struct bpf_prog_aux *aux);
void *probe(const struct bpf_prog_aux *aux)
{
	return aux->st_ops_assoc ? bpf_prog_get_assoc_struct_ops(aux) : NULL;
}
