/* SPDX-License-Identifier: MIT */
/*
 * The guest: one flat 32-bit program without paging, for one vCPU at a time. It is assembled here,
 * where the layout of its requests is known, and is data to the rest of nestor.
 */
#include "verify/internal.h"

#include <errno.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

/* Offsets in struct guest_request, for the assembler. */
#define OP 0
#define IN_EAX 4
#define IN_ECX 8
#define IN_EDX 12
#define STATUS 16
#define OUT_EAX 20
#define OUT_EBX 24
#define OUT_ECX 28
#define OUT_EDX 32
#define REQUEST_BYTES 40

#define SAME_OFFSET(name, member)                                                                  \
	_Static_assert(offsetof(struct guest_request, member) == (name), "the guest's " #name)
SAME_OFFSET(OP, op);
SAME_OFFSET(IN_EAX, eax);
SAME_OFFSET(IN_ECX, ecx);
SAME_OFFSET(IN_EDX, edx);
SAME_OFFSET(STATUS, status);
SAME_OFFSET(OUT_EAX, reg[CPUID_EAX]);
SAME_OFFSET(OUT_EBX, reg[CPUID_EBX]);
SAME_OFFSET(OUT_ECX, reg[CPUID_ECX]);
SAME_OFFSET(OUT_EDX, reg[CPUID_EDX]);
_Static_assert(sizeof(struct guest_request) == REQUEST_BYTES, "the guest's stride");
_Static_assert(GUEST_END == 0 && GUEST_CPUID < GUEST_RDMSR && GUEST_RDMSR == 2 && GUEST_WRMSR == 3,
	"the guest compares with 2");
_Static_assert(GUEST_DONE == 1 && GUEST_FAULT == 2, "the guest writes these");
_Static_assert(GUEST_LIST + (GUEST_MAX_REQUESTS + 1) * REQUEST_BYTES <= GUEST_RAM_BYTES,
	"the list and its end fit");

/*
 * EBP: the list, which is also the top of the stack. ESI: the request at hand. The fault handler
 * does not return by IRET, which KVMs that interpret all of the guest may lack in protected mode:
 * it drops the frame and goes on. Position-independent: the code is copied to GUEST_CODE.
 */
/* clang-format off */
__asm__(
	"	.pushsection .rodata, \"a\", @progbits\n"
	"	.globl verify_guest_code, verify_guest_fault, verify_guest_unexpected, verify_guest_end\n"
	"	.hidden verify_guest_code, verify_guest_fault, verify_guest_unexpected, verify_guest_end\n"
	"	.balign 16\n"
	"	.code32\n"
	"verify_guest_code:\n"
	"	movl %ebp, %esi\n"
	".Lnext:\n"
	"	movl " TEXT(OP) "(%esi), %edi\n"
	"	testl %edi, %edi\n"
	"	jz .Lend\n"
	"	movl " TEXT(IN_EAX) "(%esi), %eax\n"
	"	movl " TEXT(IN_ECX) "(%esi), %ecx\n"
	"	movl " TEXT(IN_EDX) "(%esi), %edx\n"
	"	xorl %ebx, %ebx\n"
	"	cmpl $2, %edi\n"
	"	je .Lrdmsr\n"
	"	ja .Lwrmsr\n"
	"	cpuid\n"
	"	jmp .Lstore\n"
	".Lrdmsr:\n"
	"	rdmsr\n"
	"	jmp .Lstore\n"
	".Lwrmsr:\n"
	"	wrmsr\n"
	".Lstore:\n"
	"	movl %eax, " TEXT(OUT_EAX) "(%esi)\n"
	"	movl %ebx, " TEXT(OUT_EBX) "(%esi)\n"
	"	movl %ecx, " TEXT(OUT_ECX) "(%esi)\n"
	"	movl %edx, " TEXT(OUT_EDX) "(%esi)\n"
	"	movl $1, " TEXT(STATUS) "(%esi)\n"
	".Lskip:\n"
	"	addl $" TEXT(REQUEST_BYTES) ", %esi\n"
	"	jmp .Lnext\n"
	".Lend:\n"		/* the list is new when this comes back from the port */
	"	xorl %eax, %eax\n"
	"	outb %al, $" TEXT(GUEST_PORT) "\n"
	"	jmp verify_guest_code\n"
	"verify_guest_fault:\n"
	"	movl $2, " TEXT(STATUS) "(%esi)\n"
	"	movl %ebp, %esp\n"
	"	jmp .Lskip\n"
	"verify_guest_unexpected:\n"
	"	movb $1, %al\n"
	"	outb %al, $" TEXT(GUEST_PORT) "\n"
	"	jmp verify_guest_unexpected\n"
	"verify_guest_end:\n"
	"	.code64\n"
	"	.popsection\n");
/* clang-format on */

extern const uint8_t verify_guest_code[] __attribute__((visibility("hidden")));
extern const uint8_t verify_guest_fault[] __attribute__((visibility("hidden")));
extern const uint8_t verify_guest_unexpected[] __attribute__((visibility("hidden")));
extern const uint8_t verify_guest_end[] __attribute__((visibility("hidden")));

#define NR_GATES 32 /* every exception; interrupts are off */
#define VECTOR_GP 13

/* A 32-bit interrupt gate (SDM vol. 3, IDT Descriptors). */
static uint64_t gate(const uint8_t *handler)
{
	uint64_t offset =
		GUEST_CODE + (uint64_t)((uintptr_t)handler - (uintptr_t)verify_guest_code);
	return (offset & 0xffff) | (uint64_t)X86_FLAT_CODE << 16 | UINT64_C(0x8e00) << 32 |
	       (offset >> 16) << 48;
}

int guest_load(const struct guest_memory *mem, struct x86_state *ret_state, struct err *e)
{
	uint8_t gdt[X86_FLAT_GDT_BYTES];
	uint64_t idt[NR_GATES];
	x86_flat32(GUEST_CODE, GUEST_GDT, ret_state);
	x86_flat_gdt(ret_state, gdt);
	for (unsigned i = 0; i < NR_GATES; i++)
		idt[i] = gate(i == VECTOR_GP ? verify_guest_fault : verify_guest_unexpected);
	int rc = guest_memory_write(mem, gpa(GUEST_IDT), idt, sizeof(idt), e);
	if (rc == 0)
		rc = guest_memory_write(mem, gpa(GUEST_GDT), gdt, sizeof(gdt), e);
	if (rc == 0)
		rc = guest_memory_write(mem, gpa(GUEST_CODE), verify_guest_code,
			(uintptr_t)verify_guest_end - (uintptr_t)verify_guest_code, e);
	if (rc)
		return rc;
	ret_state->rsp = GUEST_LIST;
	ret_state->rbp = GUEST_LIST;
	ret_state->idt = (struct x86_table){ GUEST_IDT, sizeof(idt) - 1 };
	return 0;
}
