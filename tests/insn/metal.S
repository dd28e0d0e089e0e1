/* SPDX-License-Identifier: MIT */
/*
 * The instruction suite on the bare machine: from the multiboot loader (Multiboot Specification
 * 0.6.96) into user mode with the segments, pages and control bits that a Linux process has, so
 * that cases fault alike in both. Interrupt gates bring faults to metal_fault(); the gates 0x80
 * and 0x81 are the user program's two calls: write bytes to the debug console, and end.
 */
#include "layout.h"

#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_FLAGS 0x2 /* memory fields wanted */

/* Selectors as on x86-64 Linux. */
#define KERNEL_CS64 0x10
#define KERNEL_CS32 0x08
#define KERNEL_DS   0x18
#define USER_CS32   0x23
#define USER_DS     0x2b
#define USER_CS64   0x33
#define TSS         0x40

#define CR0_SET   0x80050023 /* PG AM WP NE MP PE */
#define CR0_CLEAR 0xc        /* TS EM */
#define CR4_PAE   0x20
#define CR4_FX    0x600   /* OSFXSR OSXMMEXCPT */
#define CR4_OSXSAVE   0x40000
#define CR4_FSGSBASE  0x10000
#define MSR_EFER  0xc0000080
#define EFER_SCE  0x1
#define EFER_LME  0x100
#define EFER_NXE  0x800

#define PAGE_USER  7     /* present, writable, user */
#define PAGE_LARGE 0x80

#define PIC1_MASK 0x21
#define PIC2_MASK 0xa1
#define DEBUGCON 0xe9
#define DEBUG_EXIT 0xf4

        .section .multiboot, "a"
        .balign 4
        .long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

        .bss
        .balign 4096
top_table:
        .skip 4096
pointer_table:
        .skip 4096
directory:
        .skip 4096
        .globl arena_table
arena_table:
        .skip 4096
idt:
        .skip 4096
        .skip 16384
kernel_stack:
        .skip 65536
user_stack:
        .globl multiboot_info, idt
multiboot_info:
        .skip 8

        .data
        .balign 16
gdt:
        .quad 0
        .quad 0x00cf9b000000ffff /* 32-bit kernel code */
        .quad 0x00af9b000000ffff /* 64-bit kernel code */
        .quad 0x00cf93000000ffff /* kernel data */
        .quad 0x00cffb000000ffff /* 32-bit user code */
        .quad 0x00cff3000000ffff /* user data */
        .quad 0x00affb000000ffff /* 64-bit user code */
        .quad 0
tss_descriptor:
        .quad 0, 0
gdt_end:
        .balign 16
tss:
        .long 0
#ifdef __x86_64__
        .quad kernel_stack
        .skip 90
        .word 104 /* no permission bitmap */
#else
        .long kernel_stack, KERNEL_DS
        .skip 90
        .word 104
#endif
gdt_register:
        .word gdt_end - gdt - 1
        .long gdt, 0
idt_register:
        .word 4095
        .long idt, 0

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
        mov $kernel_stack, %esp
        mov %ebx, multiboot_info
        push $0
        popf
        mov $0xff, %al /* no interrupt but the cases' own */
        out %al, $PIC1_MASK
        out %al, $PIC2_MASK

        /* The first GiB one to one in large pages; the arena's 2 MiB through arena_table. */
        mov $directory, %edi
        mov $(PAGE_LARGE | PAGE_USER), %eax
        mov $512, %ecx
2:      mov %eax, (%edi)
        add $0x200000, %eax
        add $8, %edi
        loop 2b
        movl $(arena_table + PAGE_USER), directory + 8 * (ARENA_BASE >> 21)
#ifdef __x86_64__
        movl $(directory + PAGE_USER), pointer_table
        movl $(pointer_table + PAGE_USER), top_table
        mov $top_table, %eax
#else
        movl $(directory + 1), pointer_table
        mov $pointer_table, %eax
#endif
        mov %eax, %cr3

        mov $1, %eax
        cpuid
        mov $(CR4_PAE | CR4_FX), %esi
        test $(1 << 26), %ecx
        jz 3f
        or $CR4_OSXSAVE, %esi
3:      mov $7, %eax
        xor %ecx, %ecx
        cpuid
        test $1, %ebx
        jz 4f
        or $CR4_FSGSBASE, %esi
4:      mov %esi, %cr4
        mov $MSR_EFER, %ecx
        rdmsr
#ifdef __x86_64__
        or $(EFER_LME | EFER_NXE | EFER_SCE), %eax
#else
        or $EFER_NXE, %eax
#endif
        wrmsr
        mov %cr0, %eax
        or $CR0_SET, %eax
        and $~CR0_CLEAR, %eax
        mov %eax, %cr0
#ifdef __x86_64__
        ljmp $KERNEL_CS64, $5f
        .code64
5:      mov $kernel_stack, %esp
#endif
        fninit
        test $CR4_OSXSAVE, %esi
        jz 6f
        xor %ecx, %ecx
        mov $0xd, %eax
        cpuid
        and $7, %eax
        xor %edx, %edx
        xor %ecx, %ecx
        xsetbv
6:      call metal_tables
        lidt idt_register
        mov $TSS, %eax
        ltr %ax
        xor %eax, %eax
        lldt %ax
#ifdef __x86_64__
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %fs
        mov %eax, %gs
        push $USER_DS
        push $user_stack - 64
        push $0x202
        push $USER_CS64
        push $user_main
        iretq
#else
        mov %eax, %fs
        mov %eax, %gs
        mov $USER_DS, %eax
        mov %eax, %ds
        mov %eax, %es
        push $USER_DS
        push $user_stack - 64
        push $0x202
        push $USER_CS32
        push $user_main
        iret
#endif

user_main:
        call metal_user
        int $0x81

        .globl tss, tss_descriptor
        .globl write_gate, exit_gate
write_gate: /* si: bytes, cx: how many */
        mov $DEBUGCON, %edx
        cld
        rep outsb
#ifdef __x86_64__
        iretq
#else
        iret
#endif
exit_gate:
        mov $DEBUG_EXIT, %edx
        xor %eax, %eax
        out %al, %dx
        hlt
        jmp exit_gate

        /* fault_entries[vector]: 16 bytes each, they leave vector and error code on the stack. */
        .balign 16
        .globl fault_entries
fault_entries:
        .set vector, 0
        .rept 32
        .balign 16
        .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
        push $0
        .endif
        push $vector
        jmp fault
        .set vector, vector + 1
        .endr

fault:
#ifdef __x86_64__
        push %rdi
        push %rsi
        push %rbp
        push %rbx
        push %rdx
        push %rcx
        push %rax
        .irp number, 8, 9, 10, 11, 12, 13, 14, 15
        push %r\number
        .endr
        mov %rsp, %rdi
        cld
        call metal_fault
        .irp number, 15, 14, 13, 12, 11, 10, 9, 8
        pop %r\number
        .endr
        pop %rax
        pop %rcx
        pop %rdx
        pop %rbx
        pop %rbp
        pop %rsi
        pop %rdi
        add $16, %rsp
        iretq
#else
        pusha
        mov %esp, %eax
        cld
        push %ds
        push %es
        mov $USER_DS, %ecx
        mov %ecx, %ds
        mov %ecx, %es
        push %eax
        call metal_fault
        add $4, %esp
        pop %es
        pop %ds
        popa
        add $8, %esp
        iret
#endif

        .section .note.GNU-stack, "", @progbits
