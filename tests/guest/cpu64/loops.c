/* SPDX-License-Identifier: MIT */
/*
 * Loops of one block whose pointers run from page to page: each page has its own frame, rights and
 * nature, and a fault shows registers and flags of exactly the time round that met it.
 */
#include "guest.h"

enum {
    PAGE = 4096,
    PAGES = 4,
    STRIDE = 16,
    APIC_BASE = 0xfee00000,
    APIC_VERSION = 0x30,
    RET = 0xc3,
    MOV_EAX = 0xb8,
    OLD = 1,
    NEW = 2,
};

static uint8_t frame[PAGES][PAGE] __attribute__((aligned(4096)));
word loop_from, loop_to, loop_index, loop_base, loop_result;

/* Frames in the other order than their pages. */
static void map_all(void)
{
    for (unsigned i = 0; i < PAGES; i++) {
        memset(frame[i], 0, PAGE);
        page_test[i] = (word)frame[PAGES - 1 - i] | PTE_P | PTE_W;
        invlpg(TEST_PAGES + i * PAGE);
    }
}

static void unmap(unsigned page)
{
    page_test[page] = 0;
    invlpg(TEST_PAGES + page * PAGE);
}

CODE(fill_up, "mov loop_from, %rdi\n mov loop_to, %rdx\n"
              "1: mov %rdi, (%rdi)\n add $8, %rdi\n cmp %rdx, %rdi\n jne 1b\n ret");
CODE(fill_down, "mov loop_from, %rdi\n mov loop_to, %rdx\n"
                "1: sub $8, %rdi\n mov %rdi, (%rdi)\n cmp %rdx, %rdi\n jne 1b\n ret");
CODE(add_up, "mov loop_from, %rsi\n mov loop_to, %rdx\n xor %eax, %eax\n"
             "1: add (%rsi), %rax\n add $8, %rsi\n cmp %rdx, %rsi\n jne 1b\n"
             "mov %rax, loop_result\n ret");
CODE(copy_up, "mov loop_base, %rdi\n mov loop_from, %rsi\n xor %ecx, %ecx\n"
              "1: mov (%rsi,%rcx,8), %rax\n mov %rax, (%rdi,%rcx,8)\n add $1, %rcx\n"
              "cmp loop_to, %rcx\n jne 1b\n ret");

static void check_words(word first, word end)
{
    for (word at = first; at != end; at += 8) {
        uint8_t *host = frame[PAGES - 1 - (at - TEST_PAGES) / PAGE] + at % PAGE;
        uint64_t found;

        memcpy(&found, host, 8);
        if (found != at) {
            check(false, "word", at);
            return;
        }
    }
}

CASE(loop_pages, "loops/pointers-go-to-the-frame-of-each-page")
{
    word sum = 0;

    map_all();
    loop_from = TEST_PAGES + 8;
    loop_to = TEST_PAGES + 3 * PAGE + 64;
    expect(fill_up, NONE, 0);
    check_words(loop_from, loop_to);
    expect(add_up, NONE, 0);
    for (word at = loop_from; at != loop_to; at += 8)
        sum += at;
    check(loop_result == sum, "sum", loop_result);
    map_all();
    loop_from = TEST_PAGES + 3 * PAGE + 64;
    loop_to = TEST_PAGES + 8;
    expect(fill_down, NONE, 0);
    check_words(loop_to, loop_from);
}

CASE(loop_two, "loops/two-pointers-cross-at-different-times")
{
    map_all();
    loop_from = TEST_PAGES;
    loop_to = TEST_PAGES + PAGE + 512;
    expect(fill_up, NONE, 0);
    loop_base = TEST_PAGES + 2 * PAGE + 256;
    loop_to = (PAGE + 512) / 8;
    expect(copy_up, NONE, 0);
    for (word i = 0; i < loop_to; i++) {
        uint64_t found = ((volatile uint64_t *)loop_base)[i];

        if (found != TEST_PAGES + 8 * i) {
            check(false, "copied word", i);
            break;
        }
    }
}

enum { ARITHMETIC = 0x8d5 };

static word flags_of(word a, word b)
{
    word flags;

    __asm__("cmp %2, %1\n pushfq\n pop %0" : "=r"(flags) : "r"(a), "r"(b) : "cc");
    return flags & ARITHMETIC;
}

CASE(loop_fault, "loops/store-at-the-edge-faults-with-its-own-registers-and-flags")
{
    map_all();
    unmap(2);
    loop_from = TEST_PAGES + PAGE;
    loop_to = TEST_PAGES + 3 * PAGE + 24;
    expect(fill_up, PF, PF_W);
    check(event.cr2 == TEST_PAGES + 2 * PAGE, "address", event.cr2);
    check(event.di == TEST_PAGES + 2 * PAGE, "pointer", event.di);
    check((event.flags & ARITHMETIC) == flags_of(event.di, loop_to), "flags of the comparison",
          event.flags);
    loop_from = TEST_PAGES + PAGE + 4; /* the last one crosses */
    loop_to += 4;
    expect(fill_up, PF, PF_W);
    check(event.cr2 == TEST_PAGES + 2 * PAGE, "address of a crossing one", event.cr2);
    check(event.di == TEST_PAGES + 2 * PAGE - 4, "its pointer", event.di);
    loop_from = TEST_PAGES + 2 * PAGE; /* the first time round: flags from before */
    __asm__ volatile("sub %0, %0" : : "r"(1ul) : "cc");
    expect(fill_up, PF, PF_W);
    check(event.di == TEST_PAGES + 2 * PAGE, "pointer of the first", event.di);
}

CASE(loop_rights, "loops/reading-a-page-does-not-allow-stores-to-it")
{
    map_all();
    page_test[1] &= ~(uint64_t)PTE_W;
    invlpg(TEST_PAGES + PAGE);
    WRITE(cr0, READ(cr0) | CR0_WP);
    loop_from = TEST_PAGES;
    loop_base = TEST_PAGES + PAGE - 64;
    loop_to = PAGE / 8;
    expect(copy_up, PF, PF_P | PF_W);
    check(event.cx == 8, "time round", event.cx);
    WRITE(cr0, READ(cr0) & ~(word)CR0_WP);
}

/* The next ones run often enough for a block of several rounds, then in all numbers of rounds. */
CODE(add_some, "mov loop_from, %rsi\n mov loop_to, %rdx\n xor %eax, %eax\n"
               "1: add (%rsi), %rax\n add $8, %rsi\n cmp %rdx, %rsi\n jb 1b\n"
               "pushfq\n popq loop_base\n mov %rax, loop_result\n mov %rsi, loop_index\n ret");

static void check_add(word from, unsigned n)
{
    word sum = 0;

    loop_from = from;
    loop_to = from + 8 * n - n % 8; /* the last one may go past it */
    expect(add_some, NONE, 0);
    for (unsigned i = 0; i < n; i++)
        sum += from + 8 * i;
    check(loop_result == sum, "sum", n);
    check(loop_index == from + 8 * n, "pointer", n);
    check((loop_base & ARITHMETIC) == flags_of(loop_index, loop_to), "flags", n);
}

CASE(loop_rounds, "loops/any-number-of-rounds-leaves-its-own-registers-and-flags")
{
    map_all();
    loop_from = TEST_PAGES;
    loop_to = TEST_PAGES + 2 * PAGE;
    expect(fill_up, NONE, 0);
    for (unsigned n = 1; n < 40; n++) {
        check_add(TEST_PAGES + 64, n);
        check_add(TEST_PAGES + PAGE - 128, n);
    }
    unmap(2);
    for (unsigned n = 1; n < 20; n++) {
        loop_from = TEST_PAGES + 2 * PAGE - 8 * n;
        loop_to = TEST_PAGES + 3 * PAGE;
        expect(add_some, PF, 0);
        check(event.si == TEST_PAGES + 2 * PAGE, "pointer at the fault", n);
        check(n == 1 || (event.flags & ARITHMETIC) == flags_of(event.si, loop_to),
              "flags at the fault", n);
    }
}

CODE(add_aligned, "mov loop_from, %rsi\n mov loop_to, %rdx\n pxor %xmm0, %xmm0\n"
                  "1: paddq %xmm1, %xmm0\n movaps (%rsi), %xmm1\n add $16, %rsi\n"
                  "cmp %rdx, %rsi\n jne 1b\n ret");

CASE(loop_aligned, "loops/running-pointer-has-to-be-aligned")
{
    map_all();
    loop_from = TEST_PAGES;
    loop_to = TEST_PAGES + PAGE;
    expect(add_aligned, NONE, 0);
    loop_from += 8;
    expect(add_aligned, GP, 0);
    check(event.si == loop_from, "pointer", event.si);
}

CODE(last_of_stride, "mov loop_from, %rsi\n mov loop_to, %rdx\n"
                     "1: mov (%rsi), %eax\n add $16, %rsi\n cmp %rdx, %rsi\n jne 1b\n"
                     "mov %rax, loop_result\n ret");

CASE(loop_device, "loops/running-pointer-reaches-a-device")
{
    word version;

    map_all();
    page_test[1] = APIC_BASE | PTE_P | PTE_W;
    invlpg(TEST_PAGES + PAGE);
    version = *(volatile uint32_t *)(TEST_PAGES + PAGE + APIC_VERSION);
    loop_from = TEST_PAGES + PAGE - 4 * STRIDE;
    loop_to = TEST_PAGES + PAGE + APIC_VERSION + STRIDE;
    expect(last_of_stride, NONE, 0);
    check(loop_result == version && version != 0, "register", loop_result);
}

static void put_code(uint8_t *at, uint8_t value)
{
    const uint8_t code[] = { MOV_EAX, value, 0, 0, 0, RET };

    memcpy(at, code, sizeof(code));
}

CODE(copy_bytes, "mov loop_base, %rdi\n mov loop_from, %rsi\n xor %ecx, %ecx\n"
                 "1: mov (%rsi,%rcx), %al\n mov %al, (%rdi,%rcx)\n inc %rcx\n"
                 "cmp loop_to, %rcx\n jne 1b\n ret");

CASE(loop_code, "loops/running-pointer-meets-code")
{
    uint8_t *at = (uint8_t *)(TEST_PAGES + PAGE + 32);
    uint32_t (*run)(void) = (uint32_t (*)(void))at;

    map_all();
    for (unsigned round = 0; round < 3; round++) {
        put_code(at, OLD);
        check(run() == OLD, "old code", round);
        put_code(frame[3] + 96, NEW); /* TEST_PAGES + 96 */
        loop_from = TEST_PAGES;
        loop_base = (word)at - 96;
        loop_to = 96 + 6;
        expect(copy_bytes, NONE, 0);
        check(run() == NEW, "new code", round);
    }
}

CODE(wrapping_index, "mov loop_base, %rdi\n mov loop_index, %eax\n"
                     "1: movb $1, (%rdi,%rax)\n add $1, %eax\n cmp $4, %eax\n jne 1b\n ret");

CASE(loop_wrap, "loops/index-of-32-bits-wraps")
{
    enum { BEFORE = 16 };

    map_all();
    loop_index = (uint32_t)-BEFORE;
    loop_base = TEST_PAGES - loop_index;
    expect(wrapping_index, PF, PF_W);
    check(event.cr2 == loop_base, "address", event.cr2);
    check(event.ax == 0, "index", event.ax);
    check(frame[3][0] == 1 && frame[3][BEFORE - 1] == 1 && frame[3][BEFORE] == 0, "bytes",
          frame[3][BEFORE]);
}
