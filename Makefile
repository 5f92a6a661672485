# SPDX-License-Identifier: GPL-2.0-only
#
# What a person types. K=NAME takes a kernel of scripts/kernels; V=1, W=1 and the like reach kbuild.

# what guests of this kernel run in
QEMU = $(if $(findstring arm64,$(K)),qemu-system-arm)
KDIR ?= /lib/modules/$(shell uname -r)/build
SHELL_FILES = $(shell grep -rlE '^\#! ?/.*sh$$|^\# shellcheck shell=' scripts tests .ci)

.PHONY: all install modules_install deb demo bench check check-all check-arm64 check-boot check-install check-debug check-cfi check-upstream vm clean \
	checkpatch sparse shellcheck help

all: ## build the module for the running kernel, for KDIR=DIR or for K=NAME
ifdef K
	scripts/module $(K)
else
	@scripts/module --kdir "$(KDIR)"
endif

install: ## build and install it, below INSTALL_MOD_PATH= if that is given, and run depmod
	@scripts/module --install "$(KDIR)"

modules_install: install

deb: ## build/struct-ops-dkms_VERSION_all.deb, which builds the module for each kernel by DKMS
	@scripts/deps debhelper dh-dkms
	@scripts/deb

demo: ## a real TCP transfer on a congestion control in BPF, in a guest
	@mkdir -p build
	@echo "installing and fetching what is missing; see build/demo.log"
	@scripts/deps $(QEMU) >build/demo.log 2>&1 || { cat build/demo.log >&2; exit 1; }
	@scripts/demo $(K) 2>>build/demo.log || { cat build/demo.log >&2; exit 1; }

check: ## test on the default kernels, or on K=NAME; ends with a line that sums up
	@scripts/deps $(QEMU)
	@scripts/check $(K)

check-all: ## test on all kernels
	@scripts/deps qemu-system-arm
	@scripts/check --all

check-arm64: ## test on kernels for arm64, or on K=NAME
	@scripts/deps qemu-system-arm
	@scripts/check $(or $(K),--arm64)

check-boot: ## short tests on kernels booted with other parameters and processors (scripts/boots), or on those of K=NAME
	@scripts/deps
	@scripts/check --boot $(K)

check-install: ## the package on real installations of Debian 12 and 13 (Secure Boot on), in virtual machines; or on R=12, R=13
	@scripts/deps debhelper dh-dkms dosfstools e2fsprogs fdisk mtools ovmf qemu-utils
	@scripts/check-install $(R)

check-debug: ## test on debug kernels, or on K=NAME, built first: storms, failing allocations, hostile input; hours
	@scripts/deps
	@scripts/check-debug $(K)

check-cfi: ## test where calls through pointers are checked: kCFI, FineIBT (clang builds these kernels first), IBT; or on K=NAME; an hour
	@scripts/deps
	@scripts/check-cfi $(K)

bench: ## count instructions, native maps beside ours; on three kernels, or on K=NAME
	scripts/deps python3 $(QEMU)
	scripts/bench $(K)

check-upstream: ## the kernel's own selftests, on its maps and on ours, on 6.1, 6.12 and 7.3 or on K=NAME
	@scripts/deps openssl python3 $(QEMU)
	@scripts/check-upstream $(K)

vm: ## a shell in a guest with the module in /root
	scripts/deps $(QEMU)
	scripts/module $(or $(K),6.1)
	scripts/vm $(if $(K),-k $(K))

clean: ## remove what was built; fetched kernels stay in ~/.cache/struct_ops
	rm -rf build

CHECKPATCH = $(shell scripts/kernel 6.1 source)/scripts/checkpatch.pl --no-tree --terse --quiet --show-types
# what a table that is expanded several times looks like
TABLES := COMPLEX_MACRO MACRO_ARG_REUSE MACRO_ARG_PRECEDENCE TRAILING_SEMICOLON
# HAVE_ is not CONFIG_, a function as a parameter is not a function, unsigned __int128 is not unsigned int, operations that are
# a copy of the kernel's with one more cannot be const
NO_FINDING := IS_ENABLED_CONFIG OPEN_BRACE FUNCTION_ARGUMENTS UNSPECIFIED_INT CONST_STRUCT
# kselftest's macros need braces around them, hide control flow, and have types in parentheses;
# user space has no noinline, shares memory with kernels, and declares what is written in assembler; to undefine __initconst is no
# use of it
OF_TESTS := INIT_ATTRIBUTE BRACES MACRO_WITH_FLOW_CONTROL SPACING EMBEDDED_FUNCTION_NAME VOLATILE \
	    PREFER_DEFINED_ATTRIBUTE_MACRO AVOID_EXTERNS

checkpatch: ## the kernel's style checker on all C files
	@mkdir -p build # where it drops a cache of its own
	@cd build && $(CHECKPATCH) --strict $(patsubst %,--ignore=%,$(TABLES) $(NO_FINDING)) -f \
		$$(cd .. && find src include -path include/trace -prune -o -name '*.[ch]' -printf '../%p ')
	@cd build && $(CHECKPATCH) $(patsubst %,--ignore=%,$(TABLES) $(NO_FINDING) $(OF_TESTS)) -f \
		$$(cd .. && find tests scripts include/trace -name '*.[ch]' -printf '../%p ')

sparse: ## the kernel's semantic checker on the module
	scripts/deps sparse
	scripts/module $(or $(K),6.1) C=2

shellcheck: ## shellcheck on all shell scripts
	scripts/deps shellcheck
	shellcheck -x $(SHELL_FILES)

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## /\1\t/p' Makefile | expand -t 16
