/* SPDX-License-Identifier: MIT */
/* Virtual-8086 mode (SDM volume 3, chapter 20), without the virtual-mode extensions. */
#include "guest.h"

enum { CODE_SEGMENT = 0x900, STACK_SEGMENT = 0xa00, BYTES = 16, IOPL_3 = 3 << 12, IOPL_0 = 0 };

static word v86_flags;
static const uint8_t *v86_bytes;

static void v86_enter(void)
{
    uint8_t *at = (uint8_t *)(CODE_SEGMENT * 16);
    for (int i = 0; i < BYTES; i++) {
        at[i] = v86_bytes[i];
    }
    __asm__ volatile("pushl %0; pushl %0; pushl %0; pushl %0; pushl %1; pushl $0x800; pushl %2; "
                     "pushl %0; pushl $0; iret"
                     :
                     : "r"(CODE_SEGMENT), "r"(STACK_SEGMENT), "r"(v86_flags | VM | 2), "c"(0x1234),
                       "d"(0x80));
}

/* Run at CODE_SEGMENT:0 and look at the event. */
static void expect_v86(const uint8_t *bytes, word iopl, word vector, word error, word ip)
{
    v86_bytes = bytes;
    v86_flags = iopl;
    expect(v86_enter, vector, error);
    check(event.flags & VM, "flags", event.flags);
    check(event.cs == CODE_SEGMENT, "cs", event.cs);
    check(event.ip == ip, "ip", event.ip);
}

CASE(enter, "v86/iret-enters-and-int-leaves-with-iopl-3")
{
    static const uint8_t code[BYTES] = {
        0x40, 0xb8, 0x34, 0x12, 0xcd, 0x80
    }; /* inc ax; mov ax,1234h; int 80h */
    expect_v86(code, IOPL_3, FINISHED, 0, 6);
    check((event.ax & 0xffff) == 0x1234, "ax", event.ax);
    check(event.ss == STACK_SEGMENT, "ss", event.ss);
    check(event.sp == 0x800, "sp", event.sp);
}

CASE(int_iopl, "v86/int-n-with-iopl-below-3-is-gp-0")
{
    static const uint8_t code[BYTES] = { 0xcd, 0x80 };
    expect_v86(code, IOPL_0, GP, 0, 0);
}

CASE(sensitive, "v86/pushf-popf-cli-sti-iret-with-iopl-below-3-are-gp-0")
{
    static const uint8_t codes[][BYTES] = { { 0x9c }, { 0x9d }, { 0xfa }, { 0xfb }, { 0xcf } };
    for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        expect_v86(codes[i], IOPL_0, GP, 0, 0);
    }
}

CASE(privileged, "v86/privileged-instructions-are-gp-0-and-protected-ones-ud")
{
    static const uint8_t hlt[BYTES] = { 0xf4 }, clts[BYTES] = { 0x0f, 0x06 },
                         mov_cr[BYTES] = { 0x0f, 0x20, 0xc0 };
    static const uint8_t sldt[BYTES] = { 0x0f, 0x00, 0xc0 }, lar[BYTES] = { 0x0f, 0x02, 0xc0 };
    static const uint8_t arpl[BYTES] = { 0x63, 0xc0 };

    expect_v86(hlt, IOPL_3, GP, 0, 0);
    expect_v86(clts, IOPL_3, GP, 0, 0);
    expect_v86(mov_cr, IOPL_3, GP, 0, 0);
    expect_v86(sldt, IOPL_3, UD, 0, 0);
    expect_v86(lar, IOPL_3, UD, 0, 0);
    expect_v86(arpl, IOPL_3, UD, 0, 0);
}

CASE(addresses, "v86/addresses-are-selector-times-16-plus-offset")
{
    /* mov al, [0x20]; int 80h */
    static const uint8_t code[BYTES] = { 0xa0, 0x20, 0x00, 0xcd, 0x80 };
    *(volatile uint8_t *)(CODE_SEGMENT * 16 + 0x20) = 0x5a;
    expect_v86(code, IOPL_3, FINISHED, 0, 5);
    check((event.ax & 0xff) == 0x5a, "byte read", event.ax);
}

CASE(limits, "v86/offsets-beyond-64-kib-fault")
{
    static const uint8_t read[BYTES] = { 0xa1, 0xff, 0xff }; /* mov ax, [0xffff] */
    static const uint8_t wide[BYTES] = {
        0x67, 0xa0, 0x00, 0x00, 0x01, 0x00
    };                                                              /* mov al, [0x10000] */
    static const uint8_t stack[BYTES] = { 0x36, 0xa1, 0xff, 0xff }; /* mov ax, ss:[0xffff] */

    expect_v86(read, IOPL_3, GP, 0, 0);
    expect_v86(wide, IOPL_3, GP, 0, 0);
    expect_v86(stack, IOPL_3, SS, 0, 0);
}

CASE(io, "v86/ports-are-checked-with-the-bitmap-whatever-iopl")
{
    static const uint8_t code[BYTES] = { 0xec, 0xcd, 0x80 }; /* in al, dx (port 80h); int 80h */

    main_tss.iomap = sizeof(main_tss);
    expect_v86(code, IOPL_3, GP, 0, 0);
    main_tss.iomap = offsetof(struct tss, map);
    main_tss.map[TSS_MAP_BYTES] = 0xff;
    expect_v86(code, IOPL_3, FINISHED, 0, 3);
    main_tss.map[0x80 / 8] = 1;
    expect_v86(code, IOPL_3, GP, 0, 0);
    main_tss.map[0x80 / 8] = 0;
    main_tss.iomap = sizeof(main_tss);
}
