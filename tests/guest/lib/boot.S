/* SPDX-License-Identifier: MIT */
/*
 * Start of the bare-metal CPU suite under a multiboot loader (Multiboot Specification 0.6.96), and
 * the entries of its interrupt gates. The 32-bit kernel runs without paging until a case turns it
 * on; the 64-bit one maps the first GiB one to one for itself and again at USER_ALIAS for user mode.
 */
#include "guest.h"

#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_FLAGS 2

        .section .multiboot, "a"
        .balign 4
        .long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

        .bss
        .balign 4096
        .globl page_top, page_pointers, page_directory, page_test_directory, page_test
page_top:
        .skip 4096
page_pointers:
        .skip 4096
page_directory:
        .skip 4096
page_user_directory:
        .skip 4096
page_test_directory:
        .skip 4096
page_test:
        .skip 4096
        .skip 16384
boot_stack:
        .skip 8192
        .globl exception_stack
exception_stack:
        .globl recover_stack
recover_stack:
        .skip 8

        .data
gdt_register:
        .word GDT_BYTES - 1
        .long gdt, 0

        .text
        .code32
        .globl _start
_start:
        cld
        lgdt gdt_register
        ljmp $KERNEL_CS32, $1f
1:      mov $KERNEL_DS, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $boot_stack, %esp
        mov $0xff, %al
        out %al, $0x21
        out %al, $0xa1
        mov %cr0, %eax
        and $~0x6000000c, %eax /* caches on, no EM, no TS */
        or $0x22, %eax         /* NE, MP */
        mov %eax, %cr0
        mov %cr4, %eax
        or $0x600, %eax        /* OSFXSR, OSXMMEXCPT */
        mov %eax, %cr4
        fninit
#ifdef __x86_64__
        mov $page_directory, %edi
        mov $0x83, %eax        /* large, writable, present: the kernel's */
        mov $0x87, %edx        /* and the same for user mode */
        mov $512, %ecx
2:      mov %eax, (%edi)
        mov %edx, 4096(%edi)
        add $0x200000, %eax
        add $0x200000, %edx
        add $8, %edi
        loop 2b
        movl $page_pointers + 7, page_top
        movl $page_directory + 7, page_pointers
        movl $page_test_directory + 7, page_pointers + 8
        movl $page_user_directory + 7, page_pointers + 16
        movl $page_test + 7, page_test_directory
        mov $page_top, %eax
        mov %eax, %cr3
        mov %cr4, %eax
        or $0x20, %eax
        mov %eax, %cr4
        mov $0xc0000080, %ecx
        rdmsr
        or $0x900, %eax        /* LME, NXE */
        wrmsr
        mov %cr0, %eax
        or $0x80000000, %eax
        mov %eax, %cr0
        ljmp $KERNEL_CS, $3f
        .code64
3:      mov $boot_stack, %esp
#endif
        call guest_main
4:      hlt
        jmp 4b

#ifdef __x86_64__
        .macro save_all
        .irp name, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rsp, rbx, rdx, rcx, rax
        push %\name
        .endr
        .endm
#define SP rsp
#else
        .macro save_all
        .irp name, edi, esi, ebp, esp, ebx, edx, ecx, eax
        push %\name
        .endr
        .endm
#define SP esp
#endif

        /* int try_run(void (*code)(void)): false when the code returns, true after an event. */
        .globl try_run, try_recover
try_run:
#ifdef __x86_64__
        .irp name, rbx, rbp, r12, r13, r14, r15
        push %\name
        .endr
        mov %rsp, recover_stack
        call *%rdi
#else
        mov 4(%esp), %eax
        .irp name, ebx, ebp, esi, edi
        push %\name
        .endr
        mov %esp, recover_stack
        call *%eax
#endif
        xor %eax, %eax
try_leave:
        movl $0, recover_stack
#ifdef __x86_64__
        .irp name, r15, r14, r13, r12, rbp, rbx
        pop %\name
        .endr
#else
        .irp name, edi, esi, ebp, ebx
        pop %\name
        .endr
#endif
        cld
        ret

        /* An event has been recorded: back to the caller of try_run with the kernel's segments. */
try_recover:
        mov $KERNEL_DS, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
#ifndef __x86_64__
        mov %eax, %fs
        mov %eax, %gs
#endif
        mov recover_stack, %SP
        push $2
        popf
        mov $1, %eax
        jmp try_leave

        .balign 16
        .globl gate_entries
gate_entries:
        .set vector, 0
        .rept 256
        .balign 16
        .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
        push $0
        .endif
        push $vector
        jmp gate_common
        .set vector, vector + 1
        .endr

gate_common:
        save_all
        cld
#ifdef __x86_64__
        mov %rsp, %rdi
        and $-16, %rsp
#else
        mov %esp, %eax
        mov $KERNEL_DS, %ecx
        mov %ecx, %ds
        mov %ecx, %es
        push %eax
#endif
        call guest_event
        jmp try_recover

        .section .note.GNU-stack, "", @progbits
