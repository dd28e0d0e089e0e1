/* SPDX-License-Identifier: MIT */
/* For the loaders' guests: text on the first serial port, and the end through isa-debug-exit. */
        .set COM1, 0x3f8
        .set LSR_THRE, 0x20

        /* ESI: text ending in a zero byte */
print:
        mov $COM1 + 5, %dx
1:      in %dx, %al
        test $LSR_THRE, %al
        jz 1b
        lodsb
        test %al, %al
        jz 2f
        mov $COM1, %dx
        out %al, %dx
        jmp print
2:      ret

        /* AL: status; the emulator ends with 2 * AL + 1 */
finish:
        out %al, $0xf4
3:      hlt
        jmp 3b

newline:
        .asciz "\n"
