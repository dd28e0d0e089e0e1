/* SPDX-License-Identifier: MIT */
/* A multiboot kernel (Multiboot Specification 0.6.96) that looks at what its loader handed over. */
#define HEADER_MAGIC 0x1badb002
#define HEADER_FLAGS 2 /* memory fields wanted */
#define LOADER_MAGIC 0x2badb002
#define INFO_MEMORY 1
#define INFO_COMMAND_LINE 4
#define INFO_MAP 0x40

        .section .multiboot, "a"
        .balign 4
        .long HEADER_MAGIC, HEADER_FLAGS, -(HEADER_MAGIC + HEADER_FLAGS)

        .text
        .globl _start
_start:
        mov $stack, %esp
        mov %eax, %ebp
        cmp $LOADER_MAGIC, %eax
        jne bad
        mov %cr0, %eax
        test $1, %al            /* protected mode, paging off */
        jz bad
        test %eax, %eax
        js bad
        mov (%ebx), %eax
        and $INFO_MEMORY | INFO_COMMAND_LINE | INFO_MAP, %eax
        cmp $INFO_MEMORY | INFO_COMMAND_LINE | INFO_MAP, %eax
        jne bad
        cmpl $512, 4(%ebx)      /* KiB of lower memory */
        jb bad
        cmpl $16 * 1024, 8(%ebx)
        jb bad
        mov $good, %esi
        call print
        mov 16(%ebx), %esi
        call print
        mov $newline, %esi
        call print
        xor %al, %al
        jmp finish
bad:
        mov $wrong, %esi
        call print
        mov $1, %al
        jmp finish
good:   .asciz "multiboot memory ok, command line "
wrong:  .asciz "multiboot information is wrong\n"
#include "print.S"

        .bss
        .skip 1024
stack:
        .section .note.GNU-stack, "", @progbits
