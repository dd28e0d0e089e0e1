/* SPDX-License-Identifier: MIT */
/* FXSAVE, XSAVE and XCR0 (SDM volume 1, chapters 10.5 and 13). */
#include "guest.h"

enum { XSTATE_BV = 512, MXCSR_AT = 24, XCR0_X87 = 1, XCR0_SSE = 2, XCR0_AVX = 4 };

static uint8_t area[4096] __attribute__((aligned(64)));

CODE(xsetbv_argument, "xor %ecx, %ecx\n xor %edx, %edx\n mov code_argument, %eax\n xsetbv\n ret");
CODE(xsave_argument, "mov code_argument, " RDX "\n mov $7, %eax\n push " RDX "\n pop " RCX
                     "\n xor %edx, %edx\n xsave (" RCX ")\n ret");
CODE(xrstor_argument,
     "mov code_argument, " RCX "\n mov $7, %eax\n xor %edx, %edx\n xrstor (" RCX ")\n ret");
CODE(fxrstor_argument, "mov code_argument, " RCX "\n fxrstor (" RCX ")\n ret");
CODE(fxsave_argument, "mov code_argument, " RCX "\n fxsave (" RCX ")\n ret");
CODE(user_xsetbv, "xor %ecx, %ecx\n xsetbv\n int $0x80");

static bool begin(void)
{
    if (!(cpuid(1, 0).c >> 26 & 1)) {
        skip("no XSAVE");
        return false;
    }
    WRITE(cr4, READ(cr4) | CR4_OSXSAVE);
    code_argument = XCR0_X87 | XCR0_SSE;
    expect(xsetbv_argument, NONE, 0);
    return true;
}

static void end(void)
{
    WRITE(cr4, READ(cr4) & ~(word)CR4_OSXSAVE);
}

CASE(osxsave, "state/xsave-without-cr4-osxsave-is-ud-and-cpuid-shows-it")
{
    code_argument = (word)area;
    expect(xsave_argument, UD, 0);
    if (begin()) {
        check(cpuid(1, 0).c >> 27 & 1, "cpuid osxsave", 0);
        end();
        check(!(cpuid(1, 0).c >> 27 & 1), "cpuid osxsave", 1);
    }
}

CASE(xcr0, "state/xsetbv-refuses-values-without-x87-or-avx-without-sse")
{
    if (begin()) {
        code_argument = XCR0_SSE;
        expect(xsetbv_argument, GP, 0);
        code_argument = XCR0_X87 | XCR0_AVX;
        expect(xsetbv_argument, GP, 0);
        code_argument = XCR0_X87 | 1 << 30;
        expect(xsetbv_argument, GP, 0);
        expect_user(user_xsetbv, GP, 0);
        end();
    }
}

CASE(header, "state/xsave-writes-its-header-and-xrstor-checks-it")
{
    if (!begin()) {
        return;
    }
    memset(area, 0, sizeof(area));
    __asm__ volatile("fninit; fld1; pxor %%xmm0, %%xmm0; pcmpeqd %%xmm1, %%xmm1" : :);
    code_argument = (word)area;
    expect(xsave_argument, NONE, 0);
    check((area[XSTATE_BV] & 3) == 3, "xstate_bv", area[XSTATE_BV]);
    check(area[160 + 16] == 0xff, "xmm1", area[160 + 16]);
    __asm__ volatile("pxor %%xmm1, %%xmm1" : :);
    area[XSTATE_BV] = 3;
    expect(xrstor_argument, NONE, 0);
    uint32_t low;
    __asm__ volatile("movd %%xmm1, %0" : "=r"(low));
    check(low == 0xffffffff, "xmm1 after xrstor", low);
    area[XSTATE_BV] = 1; /* SSE goes to its initial state */
    expect(xrstor_argument, NONE, 0);
    __asm__ volatile("movd %%xmm1, %0" : "=r"(low));
    check(low == 0, "xmm1 after xrstor of the initial state", low);
    area[XSTATE_BV + 1] = 0x80; /* a component that is not enabled */
    expect(xrstor_argument, GP, 0);
    area[XSTATE_BV + 1] = 0;
    area[XSTATE_BV + 16] = 1;
    expect(xrstor_argument, GP, 0);
    code_argument = (word)area + 16;
    expect(xsave_argument, GP, 0);
    end();
}

CASE(fxsave, "state/fxsave-wants-16-byte-alignment-and-fxrstor-checks-mxcsr")
{
    code_argument = (word)area;
    expect(fxsave_argument, NONE, 0);
    area[MXCSR_AT + 3] = 1;
    expect(fxrstor_argument, GP, 0);
    area[MXCSR_AT + 3] = 0;
    expect(fxrstor_argument, NONE, 0);
    code_argument = (word)area + 8;
    expect(fxsave_argument, GP, 0);
}

/* Nobody sees the flags of the comparison after the branch, and its operand is gone by then. */
CASE(fcomi, "state/fcomi-after-a-branch-on-a-shifted-number")
{
    static word number = 0x5000;
    uint32_t zero;

    __asm__ volatile("fninit; fldz; fld1; jmp 2f; 2:\n\t"
                     "mov %1, %%eax; shr $12, %%eax; cmp %%eax, %2; jne 1f\n\t"
                     "fcomi %%st(1), %%st\n\t"
                     "test $0x20, %%al; jne 1f\n\t"
                     "1: sete %%dl; movzbl %%dl, %0; fninit"
                     : "=&b"(zero) : "m"(number), "D"(5) : "eax", "edx", "cc");
    check(zero, "zero", zero);
}
