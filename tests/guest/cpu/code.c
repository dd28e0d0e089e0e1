/* SPDX-License-Identifier: MIT */
/* Code that changes, crosses pages, or is reached through an alias (SDM volume 3, section 11.6). */
#include "guest.h"

enum { PAGE = 4096 };

static uint8_t area[2 * PAGE] __attribute__((aligned(4096)));

/* MOV EAX, imm32; RET */
static void write_function(uint8_t *at, uint32_t value)
{
    static const uint8_t text[] = { 0xb8, 0, 0, 0, 0, 0xc3 };
    for (unsigned i = 0; i < sizeof(text); i++) {
        ((volatile uint8_t *)at)[i] = text[i];
    }
    for (unsigned i = 0; i < 4; i++) {
        ((volatile uint8_t *)at)[1 + i] = (uint8_t)(value >> 8 * i);
    }
}

static uint32_t call(const uint8_t *at)
{
    uint32_t value;
    __asm__ volatile("call *%1" : "=a"(value) : "r"((word)at) : "memory", "cc");
    return value;
}

/* The instruction after the store is the one it changes. */
CODE(change_next, "movb $0x41, change_here + 1\n jmp 1f\n 1: change_here: mov $0x40, %cl\n movb "
                  "$0x40, change_here + 1\n"
                  "mov %cl, code_seen\n ret");
CODE(change_block,
     "mov $3, %edx\n 1: block_here: mov $0x10, %ecx\n add %ecx, code_seen\n incl block_here + 1\n"
     "dec %edx\n jnz 1b\n movl $0x10, block_here + 1\n ret");
uint32_t code_seen;

CASE(rewritten, "code/rewritten-function-runs-anew")
{
    for (uint32_t value = 1; value < 40; value++) {
        write_function(area, value);
        uint32_t found = call(area);
        check(found == value, "value of the new function", found);
    }
}

/* MOV EAX, imm32; IMUL EAX, EAX, imm32; ADD EAX, imm32; RET */
static uint8_t numbers[] = { 0xb8, 0, 0, 0, 0, 0x69, 0xc0, 3,    0,    0,   0,
                             0x05, 0, 0, 0, 0, 0xc3 };

enum { AT_MOV = 1, AT_IMUL = 7, AT_ADD = 12 };

static void set_number(uint8_t *at, uint32_t value)
{
    *(volatile uint32_t *)(void *)at = value;
}

CASE(numbers_change, "code/numbers-in-instructions-change-again-and-again")
{
    uint8_t *at = area + 256;
    for (unsigned i = 0; i < sizeof(numbers); i++) {
        ((volatile uint8_t *)at)[i] = numbers[i];
    }
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t minus = 0 - i;
        set_number(at + (i & 1 ? AT_MOV : AT_IMUL), i);
        set_number(at + AT_ADD, minus);
        uint32_t mov = *(volatile uint32_t *)(void *)(at + AT_MOV);
        uint32_t imul = *(volatile uint32_t *)(void *)(at + AT_IMUL);
        check(call(at) == mov * imul - i, "sum", call(at));
    }
    *(volatile uint8_t *)(at + AT_ADD - 1) = 0x2d; /* now SUB EAX */
    set_number(at + AT_ADD, 5);
    check(call(at) == 198 * 199 - 5, "difference", call(at));
    set_number(at + AT_ADD, 6);
    check(call(at) == 198 * 199 - 6, "difference", call(at));
    *(volatile uint8_t *)(at + AT_ADD) = 0x90;
    check(call(at) == 198 * 199 - 0x90, "difference after a byte", call(at));
}

CASE(jump_aimed, "code/jump-that-is-aimed-again-and-again")
{
    uint8_t *at = area + 512;
    *(volatile uint8_t *)at = 0xe9; /* JMP rel32 */
    for (unsigned k = 0; k < 3; k++) {
        write_function(at + 64 + 32 * k, 100 + k);
    }
    for (uint32_t i = 0; i < 60; i++) {
        set_number(at + 1, 64 + 32 * (i % 3) - 5);
        check(call(at) == 100 + i % 3, "value", call(at));
    }
}

static uint32_t call_through(const uint8_t *at, const uint8_t *target)
{
    uint32_t value;
    __asm__ volatile("call *%1"
                     : "=a"(value)
                     : "r"((word)at), "d"((word)target)
                     : "memory", "cc");
    return value;
}

CASE(jump_indirect, "code/indirect-jump-finds-its-first-target-rewritten-and-others")
{
    uint8_t *at = area + 1024, *first = at + 64, *second = at + 128;
    *(volatile uint8_t *)at = 0xff; /* JMP EDX */
    *(volatile uint8_t *)(at + 1) = 0xe2;
    write_function(second, 7);
    for (uint32_t value = 20; value < 40; value++) {
        write_function(first, value);
        check(call_through(at, first) == value, "value of the first", call_through(at, first));
        check(call_through(at, second) == 7, "value of the second", call_through(at, second));
        check(call_through(at, first) == value, "value once more", call_through(at, first));
    }
}

/* CALL rel32; ADD EAX, imm32; RET */
CASE(returns, "code/return-finds-what-is-behind-the-call-rewritten")
{
    uint8_t *at = area + 1536, *callee = at + 64;
    write_function(callee, 1000);
    *(volatile uint8_t *)at = 0xe8;
    set_number(at + 1, 64 - 5);
    *(volatile uint8_t *)(at + 10) = 0xc3;
    for (uint32_t i = 0; i < 30; i++) {
        *(volatile uint8_t *)(at + 5) = i & 2 ? 0x05 : 0x2d; /* ADD or SUB EAX */
        set_number(at + 6, i);
        uint32_t sum = i & 2 ? 1000 + i : 1000 - i;
        check(call(at) == sum, "sum", call(at));
        check(call(callee) == 1000, "value for another caller", call(callee));
    }
}

CASE(crossing, "code/instruction-over-an-edge-follows-changes-on-both-pages")
{
    for (unsigned back = 1; back <= 5; back++) {
        uint8_t *at = area + PAGE - back;
        write_function(at, 0x11223344);
        check(call(at) == 0x11223344, "value", call(at));
        *(volatile uint8_t *)(area + PAGE) ^= back < 5 ? 0x01 : 0;
        *(volatile uint8_t *)(at + 4) = 0x55;
        uint32_t found = call(at);
        check(found >> 24 == 0x55, "value after a change on the second page", found);
        *(volatile uint8_t *)at = 0xb9; /* now MOV ECX */
        *(volatile uint8_t *)(at) = 0xb8;
        check(call(at) == found, "value after a change on the first page", call(at));
    }
}

CASE(next, "code/store-just-ahead-is-seen-after-a-jump")
{
    code_seen = 0;
    expect(change_next, NONE, 0);
    check(code_seen == 0x41, "immediate", code_seen);
}

CASE(own_block, "code/loop-that-rewrites-itself-sees-each-change")
{
    code_seen = 0;
    expect(change_block, NONE, 0);
    check(code_seen == 0x10 + 0x11 + 0x12, "sum", code_seen);
}

CASE(cross_modified, "code/data-beside-code-on-a-page-does-not-disturb-it")
{
    write_function(area + 64, 7);
    for (unsigned i = 0; i < 100; i++) {
        ((volatile uint8_t *)area)[128 + i] = (uint8_t)i;
        check(call(area + 64) == 7, "value", call(area + 64));
    }
}

/* One instruction that stores one size. */
#define STORE_SOMEWHERE(bits) \
    static __attribute__((noinline)) void store##bits(uint##bits##_t *at, uint##bits##_t value) \
    { \
        *(volatile uint##bits##_t *)at = value; \
    }
STORE_SOMEWHERE(8)
STORE_SOMEWHERE(16)
STORE_SOMEWHERE(32)

CASE(beside, "code/instruction-that-stored-beside-code-often-stores-to-code")
{
    enum { DATA = 2048, CODE_AT = 512, OPERAND = CODE_AT + 1, TIMES = 100 };

    for (unsigned round = 0; round < 3; round++) {
        write_function(area + CODE_AT, 7);
        check(call(area + CODE_AT) == 7, "value at first", round);
        for (unsigned i = 0; i < TIMES; i++) {
            uint8_t *at = area + DATA + 8 * i;

            store8(at, (uint8_t)i);
            store16((uint16_t *)(void *)(at + 2), (uint16_t)(i * 256));
            store32((uint32_t *)(void *)(at + 4), i * 65537);
            check(at[0] == i && at[3] == i && at[4] == i && at[6] == i, "data", i);
        }
        store8(area + OPERAND, 9);
        check(call(area + CODE_AT) == 9, "value after a byte", round);
        store16((uint16_t *)(void *)(area + OPERAND), 0x1234);
        check(call(area + CODE_AT) == 0x1234, "value after a word", round);
        store32((uint32_t *)(void *)(area + OPERAND), 0x12345678);
        check(call(area + CODE_AT) == 0x12345678, "value after a double word", round);
        /* Across the edge of the page, and where there never was code. */
        store32((uint32_t *)(void *)(area + PAGE - 2), round + 1);
        check(area[PAGE - 2] == round + 1 && area[PAGE + 1] == 0, "across", area[PAGE - 2]);
        store32((uint32_t *)(void *)(area + PAGE + 64), round + 2);
        check(area[PAGE + 64] == round + 2, "elsewhere", area[PAGE + 64]);
    }
}
