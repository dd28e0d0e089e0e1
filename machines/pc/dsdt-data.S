/* SPDX-License-Identifier: MIT */
/* The compiled dsdt.asl as data. */
        .section .rodata
        .globl  pc_dsdt, pc_dsdt_end
        .hidden pc_dsdt, pc_dsdt_end
pc_dsdt:
        .incbin "dsdt.aml"
pc_dsdt_end:
        .section .note.GNU-stack, "", @progbits
