/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a C function cannot do: call with any registers and stack, and look at
 * all of them afterwards; spoil all that a function may spoil; keep all.
 */
	.text

/* void call_tramp(void *func, struct call *call): see emit.c */
	.globl call_tramp
call_tramp:
	push	%rbp
	mov	%rsp, %rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rsi
	mov	%rdi, %rax
	mov	%rsi, %r11

	/* stack arguments, the last first; 16-byte aligned at the call */
	mov	112(%r11), %rcx
	mov	%rcx, %rdx
	and	$1, %rdx
	lea	(,%rdx,8), %rdx
	sub	%rdx, %rsp
1:	test	%rcx, %rcx
	je	2f
	dec	%rcx
	push	48(%r11,%rcx,8)
	jmp	1b
2:	mov	%rsp, 184(%r11)
	mov	$0xbbbbbbbb01, %rbx
	mov	$0xbbbbbbbb12, %r12
	mov	$0xbbbbbbbb13, %r13
	mov	$0xbbbbbbbb14, %r14
	mov	$0xbbbbbbbb15, %r15
	mov	%rbp, 192(%r11)
	mov	(%r11), %rdi
	mov	8(%r11), %rsi
	mov	16(%r11), %rdx
	mov	24(%r11), %rcx
	mov	32(%r11), %r8
	mov	40(%r11), %r9
	call	*%rax

	/* this and what was pushed are found by rsp alone: it must be right */
	mov	call_now(%rip), %r11
	mov	%rax, 120(%r11)
	mov	%rsp, 128(%r11)
	mov	%rbp, 136(%r11)
	mov	%rbx, 144(%r11)
	mov	%r12, 152(%r11)
	mov	%r13, 160(%r11)
	mov	%r14, 168(%r11)
	mov	%r15, 176(%r11)
	mov	192(%r11), %rbp
	lea	-48(%rbp), %rsp
	pop	%rsi
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret

/* u64 spoil(u64 rax): returns it, and leaves nothing else as it was */
	.globl spoil
spoil:
	mov	%rdi, %rax
	mov	$0xdeadbeef01, %rcx
	mov	%rcx, %rdx
	mov	%rcx, %rsi
	mov	%rcx, %rdi
	mov	%rcx, %r8
	mov	%rcx, %r9
	mov	%rcx, %r10
	mov	%rcx, %r11
	add	$1, %rcx
	ret

	.macro	stub name
	.globl	stub_\name
stub_\name:
	push	%rbp
	mov	%rbp, %rcx		/* C: fourth argument, who called */
	mov	%rsp, %rbp
	and	$-16, %rsp
	call	c_\name
	mov	%rbp, %rsp
	pop	%rbp
	mov	%rax, %rdi
	jmp	spoil
	.endm

	stub	prog
	stub	enter
	stub	exit
	stub	enter_sleepable
	stub	exit_sleepable
	stub	migrate_enable
	stub	rcu_read_unlock

/* all registers and flags survive this one, as preempt_schedule's thunk */
	.globl	stub_preempt_schedule
stub_preempt_schedule:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%rbx
	pushf
	mov	%rsp, %rbx
	and	$-16, %rsp
	call	c_preempt_schedule
	mov	%rbx, %rsp
	popf
	pop	%rbx
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	ret

	.globl	stub_return_thunk
stub_return_thunk:
	incl	returned(%rip)
	ret

	.section .note.GNU-stack, "", @progbits
