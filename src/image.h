/* SPDX-License-Identifier: GPL-2.0-only */
/* The trampolines of one map. */
#ifndef SOPS_IMAGE_H
#define SOPS_IMAGE_H

#include <linux/bpf.h>

/**
 * struct sops_tramp - one trampoline and its program
 * @ksym: its name and place, for kallsyms, stack traces and perf
 * @prog: the program it calls; a reference
 * @assoc_before: while the map is being registered: the one that @prog went
 *	with before; a reference
 */
struct sops_tramp {
	struct bpf_ksym ksym;
	struct bpf_prog *prog;
	struct bpf_map *assoc_before;
};

/**
 * struct sops_image - executable memory and what is in it
 * @pages: each of them page-sized, filled one after the other
 * @nr_pages: how many there are
 * @used: bytes used of the last one
 * @named: the trampolines are in kallsyms
 * @sleepable: one of the programs may sleep
 * @nr_tramps: how many there are
 * @tramps: room for one for each function member
 *
 * Protected by the map's lock while it is filled, constant after.
 */
struct sops_image {
	void **pages;
	u32 nr_pages;
	u32 used;
	bool named;
	bool sleepable;
	u32 nr_tramps;
	struct sops_tramp *tramps;
};

int sops_image_init(struct sops_image *image, u32 nr_funcs);
void sops_image_destroy(struct sops_image *image);

struct sops_tramp *sops_image_add(struct sops_image *image, struct bpf_prog *prog,
				  const struct btf_func_model *model, void *stub);
int sops_image_seal(struct sops_image *image);
void sops_image_name(struct sops_image *image);
void sops_image_unname(struct sops_image *image);
void sops_image_clear(struct sops_image *image);
size_t sops_image_size(const struct sops_image *image);

#endif /* SOPS_IMAGE_H */
