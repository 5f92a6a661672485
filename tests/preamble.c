// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a caller through a pointer finds at a trampoline, and ahead of it: the
 * same bytes, member for member, as at those that the kernel makes in the same
 * boot. Where calls are checked they are the type of the member, as the kernel
 * has scrambled it at this boot.
 */
#include "newer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kselftest_harness.h>

#define MAX_MEMBERS	32
#define AHEAD		16		/* the most that a preamble takes */
#define BEHIND		4		/* of the function: ENDBR */
#define NAME		SOPS_PREFIX "preamble"

/* enum cfi_mode of the kernel */
enum { CFI_AUTO, CFI_OFF, CFI_KCFI, CFI_FINEIBT };

struct around {
	unsigned char bytes[AHEAD + BEHIND];
};

FIXTURE(preamble) {
	struct sops_member members[MAX_MEMBERS];
	int progs[MAX_MEMBERS];
	int nr;
	int mode;
	struct around kernels[MAX_MEMBERS];
};

static __u64 word_at(unsigned long addr)
{
	__u64 word;

	return kcore_read(addr, &word, sizeof(word)) ? 0 : word;
}

/* the congestion control that the kernel calls by that name, in its list of them */
static unsigned long find_ca(const char *name)
{
	unsigned long list = ksym("tcp_cong_list"), at, ca;
	struct sops_member link, called;
	char is[SOPS_NAME_LEN];

	if (!list || sops_member(&tcp, "list", &link) || sops_member(&tcp, "name", &called))
		return 0;
	for (at = word_at(list); at && at != list; at = word_at(at)) {
		ca = at - (link.offset - tcp.data);
		if (!kcore_read(ca + called.offset - tcp.data, is, sizeof(is)) && !strcmp(is, name))
			return ca;
	}
	return 0;
}

/* what is around ADDR; an image that has no preamble may be the first of its area, with nothing ahead of it */
static int look_around(unsigned long addr, struct around *a)
{
	if (kcore_read(addr - AHEAD, a->bytes, AHEAD))
		memset(a->bytes, 0, AHEAD);
	return kcore_read(addr, a->bytes + AHEAD, BEHIND);
}

/* what is around where each member points to, in a new map */
static int look(FIXTURE_DATA(preamble) *self, struct around *found)
{
	struct sops_value v;
	unsigned long ca;
	int i, map, err = 0;

	value_init(&v, &tcp);
	value_name(&v, NAME);
	for (i = 0; i < self->nr; i++)
		value_set(&v, self->members[i].name, self->progs[i]);
	map = ca_map(&v, 0);
	if (map < 0)
		return map;
	ca = find_ca(NAME);
	if (!ca)
		err = -ESRCH;
	for (i = 0; !err && i < self->nr; i++)
		err = look_around(word_at(ca + self->members[i].offset), &found[i]);
	map_delete(map, 0);
	close(map);
	return err;
}

/* where in these bytes the preamble begins; AHEAD + BEHIND: there is none */
static int begin(FIXTURE_DATA(preamble) *self, const struct around *a)
{
	static const unsigned char endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	const unsigned char *at = a->bytes;

	switch (self->mode) {
	case CFI_FINEIBT:
		/* endbr */
		return memcmp(at, endbr, 4) ? -1 : 0;
	case CFI_KCFI:
		/* mov $hash, %eax, with or without nops behind it */
		return at[0] == 0xb8 && at[5] == 0x90 ? 0 :
			at[AHEAD - 5] == 0xb8 ? AHEAD - 5 : -1;
	default:
		return memcmp(at + AHEAD, endbr, 4) ? AHEAD + BEHIND : AHEAD;
	}
}

/*
 * 6.12's generator jumps over what was the ENDBR, its functions, whose stubs
 * ours are like, to it: a nop since. The same way in, told the same way.
 */
static void same_way_in(FIXTURE_DATA(preamble) *self, struct around *a)
{
	static const unsigned char jump[] = { 0x74, 0x07, 0x0f, 0x0b, 0x90 };
	static const unsigned char nop[] = { 0x66, 0x0f, 0x1f, 0x00 };
	unsigned char *at = a->bytes + AHEAD - sizeof(jump);

	if (self->mode == CFI_FINEIBT && !memcmp(at, jump, sizeof(jump)) &&
	    !memcmp(a->bytes + AHEAD, nop, sizeof(nop)))
		at[1] = 0x03;
}

static const char *hex(const struct around *a)
{
	static char text[2][3 * sizeof(*a) + 1];
	static int turn;
	char *s = text[turn ^= 1];
	size_t i;

	for (i = 0; i < sizeof(*a); i++)
		sprintf(s + 3 * i, "%02x ", a->bytes[i]);
	return s;
}

FIXTURE_SETUP(preamble)
{
	unsigned long mode;
	__u32 i;

	ASSERT_EQ(0, sops_setup());
	if (!ksym("tcp_cong_list"))
		SKIP_TEST(NO_VARIABLES "tcp_cong_list");
	for (i = 0; i < tcp.vlen && self->nr < MAX_MEMBERS; i++) {
		struct sops_member *m = &self->members[self->nr];

		if (sops_member_at(&tcp, i, m) || !m->func)
			continue;
		m->offset -= tcp.data;
		self->progs[self->nr] = sops_prog(&tcp, m->name, 0);
		if (self->progs[self->nr] >= 0)
			self->nr++;
	}
	ASSERT_LT(8, self->nr);
	self->mode = CFI_OFF;
	mode = ksym("cfi_mode");
	if (mode)
		ASSERT_EQ(0, kcore_read(mode, &self->mode, sizeof(self->mode)));
	ASSERT_EQ(0, sops_rmmod());
	ASSERT_EQ(0, look(self, self->kernels));
}

FIXTURE_TEARDOWN(preamble)
{
	while (self->nr)
		close(self->progs[--self->nr]);
	sops_sweep(NAME);
	if (!mod_loaded("struct_ops"))
		EXPECT_EQ(0, sops_insmod());
}

FIXTURE_VARIANT(preamble) {
	const char *params;
};

FIXTURE_VARIANT_ADD(preamble, own) {
	.params = "",
};

FIXTURE_VARIANT_ADD(preamble, generator) {
	.params = "generator=1",
};

TEST_F(preamble, like_the_kernels)
{
	struct around ours[MAX_MEMBERS];
	int i, at = 0, types = 0;

	ASSERT_EQ(0, mod_load(sops_ko(), variant->params));
	ASSERT_EQ(0, look(self, ours));
	for (i = 0; i < self->nr; i++) {
		same_way_in(self, &self->kernels[i]);
		same_way_in(self, &ours[i]);
		at = begin(self, &self->kernels[i]);
		ASSERT_LE(0, at)
			TH_LOG("%s: mode %d, and the kernel's %s", self->members[i].name,
			       self->mode, hex(&self->kernels[i]));
		if (at == AHEAD + BEHIND)
			SKIP(return, "this kernel's trampolines begin with nothing that a caller looks at");
		EXPECT_EQ(0, memcmp(self->kernels[i].bytes + at, ours[i].bytes + at,
				    AHEAD + BEHIND - at))
			TH_LOG("%s: mode %d, kernel's %s, ours %s", self->members[i].name,
			       self->mode, hex(&self->kernels[i]), hex(&ours[i]));
		types += !!memcmp(self->kernels[i].bytes + at, self->kernels[0].bytes + at,
				  AHEAD + BEHIND - at);
	}
	/* what differs between members is compared, then, where types are checked */
	if (self->mode == CFI_KCFI || self->mode == CFI_FINEIBT)
		EXPECT_LT(0, types);
	TH_LOG("count: preambles: mode %d, %d members, %d bytes each, %d unlike the first",
	       self->mode, self->nr, AHEAD + BEHIND - at, types);
	ASSERT_EQ(0, sops_rmmod());
}

TEST_HARNESS_MAIN
