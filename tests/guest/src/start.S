/* SPDX-License-Identifier: MIT */
/*
 * A hand-made guest: Multiboot header and entry, interrupt stubs, and the real-mode trampoline of
 * application processors. 32-bit protected mode without paging throughout.
 */
	.text
	.align 4
#ifndef MULTIBOOT_FLAGS
#define MULTIBOOT_FLAGS 0
#endif
	/* within the file's first 8 KiB: before all code */
	.long 0x1badb002, MULTIBOOT_FLAGS, -(0x1badb002 + MULTIBOOT_FLAGS)

	.globl _start
_start:
	cli
	lgdt gdt_pointer
	ljmp $0x08, $1f
1:	movw $0x10, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $boot_stack_end, %esp
	pushl %ebx		/* the Multiboot information */
	call guest_main
2:	cli
	hlt
	jmp 2b

/*
 * General protection and undefined instructions: go on at fault_resume, and count. No handler here uses IRET, which KVMs
 * that interpret all of the guest may lack in protected mode; nothing changes privilege.
 */
	.globl isr_fault
isr_fault:
	incl fault_count
	addl $16, %esp		/* error code, EIP, CS, EFLAGS; interrupts stay off */
	jmp *fault_resume

	.globl isr_undefined
isr_undefined:
	incl undefined_count
	addl $12, %esp		/* EIP, CS, EFLAGS */
	jmp *fault_resume

	.macro ISR name handler
	.globl \name
\name:
	pushal
	call \handler
	popal
	pushl 8(%esp)		/* EFLAGS */
	popfl
	ret $8			/* to EIP; drops CS and EFLAGS */
	.endm
	ISR isr_serial on_serial_interrupt
	ISR isr_sci on_sci_interrupt
	ISR isr_wake on_wake_interrupt

/* Of traps: between IRET and the next instruction there is none, as there would be in the above. */
	.globl isr_ignored
isr_ignored:
	iret

/* Copied to AP_TRAMPOLINE, where SIPI starts processors in real mode. */
	.globl trampoline, trampoline_end
	.code16
trampoline:
	cli
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl 0x8000 + trampoline_gdt - trampoline
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpl $0x08, $ap_entry
	.align 4
trampoline_gdt:
	.word 23
	.long gdt
trampoline_end:

/* Copied to REAL_MODE_STUB, entered in 32-bit code: leaves protected mode, and jumps to DX:CX. */
	.globl real_mode_stub, real_mode_stub_end
	.code32
real_mode_stub:
	ljmp $0x18, $0x7000 + 1f - real_mode_stub
	.code16
1:	movw $0x20, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl %cr0, %eax
	andl $0x7ffffffe, %eax
	movl %eax, %cr0
	ljmp $0, $0x7000 + 2f - real_mode_stub
2:	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $0x6ff0, %esp
	pushw %dx
	pushw %cx
	lretw
real_mode_stub_end:

	.code32
ap_entry:
	movw $0x10, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $1, %eax		/* a stack by arrival, from 1 on */
	lock xaddl %eax, ap_arrivals
	incl %eax
	shll $11, %eax
	leal ap_stacks(%eax), %esp
	call ap_main
3:	cli
	hlt
	jmp 3b

	.data
	.align 8
	.globl gdt
gdt:
	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
	.quad 0x00009b000000ffff	/* 16-bit code … */
	.quad 0x000093000000ffff	/* … and data: on the way to real mode */
	.quad 0				/* for a TSS, or what a program likes */
gdt_pointer:
	.word 47
	.long gdt
	.globl fault_count, undefined_count, fault_resume, ap_arrivals
fault_count:
	.long 0
undefined_count:
	.long 0
fault_resume:
	.long unexpected_fault
ap_arrivals:
	.long 0

	.bss
	.align 16
	.skip 16384
boot_stack_end:
ap_stacks:
	.skip 65 * 2048
	.section .note.GNU-stack, "", @progbits
