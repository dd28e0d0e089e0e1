/* SPDX-License-Identifier: MIT */
/* A PVH kernel (Xen's docs/misc/pvh.pandoc, x86/HVM direct boot ABI) that looks at its start info. */
#define NOTE_PHYS32_ENTRY 18
#define START_MAGIC 0x336ec578
#define AT_VERSION 4
#define AT_COMMAND_LINE 24
#define AT_MEMORY_MAP 40
#define AT_MEMORY_MAP_ENTRIES 48

        .section .note.pvh, "a", @note
        .balign 4
        .long 4, 4, NOTE_PHYS32_ENTRY
        .asciz "Xen"
        .long _start

        .text
        .globl _start
_start:
        mov $stack, %esp
        mov %cr0, %eax
        test $1, %al
        jz bad
        test %eax, %eax
        js bad
        cmpl $START_MAGIC, (%ebx)
        jne bad
        cmpl $1, AT_VERSION(%ebx)
        jb bad
        cmpl $0, AT_MEMORY_MAP(%ebx)
        je bad
        cmpl $2, AT_MEMORY_MAP_ENTRIES(%ebx)
        jb bad
        mov $good, %esi
        call print
        mov AT_COMMAND_LINE(%ebx), %esi
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
good:   .asciz "pvh start info ok, command line "
wrong:  .asciz "pvh start info is wrong\n"
#include "print.S"

        .bss
        .skip 1024
stack:
        .section .note.GNU-stack, "", @progbits
