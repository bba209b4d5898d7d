/* SPDX-License-Identifier: MIT */
/*
 * tiny: a Multiboot kernel (Multiboot Specification 0.6.96, section 3.1) that writes one byte to
 * COM1, then 0 to port 0xf4 (the debug-exit port), and halts.
 */
#define FLAGS 0x3 /* page-aligned modules, memory information */
#define MAGIC 0x1BADB002

	.code32
	.text
	.globl _start
	.align 4
	.long MAGIC, FLAGS, -(MAGIC + FLAGS)
_start:
	mov $0x3f8, %dx
	mov $'!', %al
	out %al, %dx
	xor %al, %al
	out %al, $0xf4
1:	hlt
	jmp 1b
