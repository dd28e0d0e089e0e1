/* SPDX-License-Identifier: MIT */
/*
 * Loops that run long enough to be worth more care than others: what they once found out about
 * memory is forgotten where the manual has it forgotten.
 */
#include "guest.h"

enum {
    PAGE = 4096,
    PAGES = 4,
    ROUNDS = 10000,
    TICKS = 80000000, /* of the time-stamp counter: some 40 ms */
    APIC_BASE = 0xfee00000,
    APIC_VERSION = 0x30,
    RET = 0xc3,
    MOV_EAX = 0xb8,
    AT = 32,           /* where in a page code is put */
    OLD = 1,
    NEW = 2,
};

static uint8_t frame[PAGES][PAGE] __attribute__((aligned(4096)));
word hot_at, hot_value, hot_rounds;

/* Two blocks each, and one to enter them. */
CODE(hot_load, "mov hot_at, %rsi\n mov hot_rounds, %rcx\n"
               "jmp 1f\n nop\n 1: mov (%rsi), %rax\n jmp 2f\n nop\n 2: dec %rcx\n jnz 1b\n"
               "mov %rax, hot_value\n ret");
CODE(hot_store, "mov hot_at, %rdi\n mov hot_rounds, %rcx\n mov hot_value, %eax\n"
                "jmp 1f\n nop\n 1: mov %al, (%rdi)\n jmp 2f\n nop\n 2: dec %rcx\n jnz 1b\n ret");
CODE(hot_update, "mov hot_at, %rdi\n mov hot_rounds, %rcx\n"
                 "jmp 1f\n nop\n 1: addq $1, (%rdi)\n jmp 2f\n nop\n 2: dec %rcx\n jnz 1b\n ret");

/* Goes from one page to the next and back every 512 rounds, as frames of a deep stack do. */
CODE(hot_walk, "mov hot_at, %rdi\n mov hot_rounds, %rcx\n"
               "jmp 1f\n nop\n 1: mov %rcx, %rax\n shr $9, %rax\n and $1, %eax\n shl $12, %eax\n"
               "addq $1, (%rdi,%rax)\n jmp 2f\n nop\n 2: dec %rcx\n jnz 1b\n ret");

/* A load and two stores around an edge between pages. */
CODE(hot_edge, "mov hot_at, %rdi\n mov hot_rounds, %rcx\n"
               "jmp 1f\n nop\n 1: mov -16(%rdi), %rax\n mov %rcx, -8(%rdi)\n mov %rax, 8(%rdi)\n"
               "jmp 2f\n nop\n 2: dec %rcx\n jnz 1b\n ret");

static void map(unsigned page, word physical, word bits)
{
    page_test[page] = physical | bits;
    invlpg(TEST_PAGES + page * PAGE);
}

/* Neighbours in the same order, so that they are one piece. */
static void map_all(void)
{
    for (unsigned i = 0; i < PAGES; i++) {
        memset(frame[i], 0, PAGE);
        frame[i][0] = (uint8_t)(i + 1);
        map(i, (word)frame[i], PTE_P | PTE_W);
    }
}

static void heat(void (*code)(void), word at)
{
    uint64_t start = ticks();

    hot_at = at;
    hot_rounds = ROUNDS;
    while (ticks() - start < TICKS)
        code();
    hot_rounds = 1;
}

static word load(word at)
{
    hot_at = at;
    expect(hot_load, NONE, 0);
    return hot_value;
}

CASE(hot_invlpg, "hot/invlpg-changes-what-is-read")
{
    map_all();
    heat(hot_load, TEST_PAGES);
    check(load(TEST_PAGES) == 1 && load(TEST_PAGES + PAGE) == 2, "before", hot_value);
    map(0, (word)frame[3], PTE_P | PTE_W);
    check(load(TEST_PAGES) == 4, "after", hot_value);
    check(load(TEST_PAGES + PAGE) == 2, "neighbour", hot_value);
}

CASE(hot_cr3, "hot/cr3-changes-what-is-read")
{
    map_all();
    heat(hot_load, TEST_PAGES);
    page_test[0] = (word)frame[2] | PTE_P | PTE_W;
    page_test[1] = (word)frame[0] | PTE_P | PTE_W;
    WRITE(cr3, READ(cr3));
    check(load(TEST_PAGES) == 3, "first page", hot_value);
    check(load(TEST_PAGES + PAGE) == 1, "second page", hot_value);
}

CASE(hot_faults, "hot/absent-and-read-only-pages-fault")
{
    map_all();
    heat(hot_load, TEST_PAGES + PAGE);
    map(1, 0, 0);
    expect(hot_load, PF, 0);
    check(event.cr2 == TEST_PAGES + PAGE, "address", event.cr2);
    hot_at = TEST_PAGES + PAGE - 4; /* the end is missing */
    expect(hot_load, PF, 0);
    check(event.cr2 == TEST_PAGES + PAGE, "address of a crossing one", event.cr2);
    map_all();
    heat(hot_update, TEST_PAGES + PAGE);
    WRITE(cr0, READ(cr0) | CR0_WP);
    map(1, (word)frame[1], PTE_P);
    expect(hot_update, PF, PF_P | PF_W);
    hot_at = TEST_PAGES;
    expect(hot_update, NONE, 0);
    check(frame[0][0] == 2, "byte", frame[0][0]);
    WRITE(cr0, READ(cr0) & ~(word)CR0_WP);
}

static word at_word(const uint8_t *at)
{
    return *(const volatile word *)(const void *)at;
}

CASE(hot_edges, "hot/neighbours-on-two-pages-go-to-the-frames-of-each")
{
    word edge = TEST_PAGES + PAGE;

    map_all();
    map(0, (word)frame[2], PTE_P | PTE_W);
    *(volatile word *)(edge - 16) = 77;
    heat(hot_edge, edge);
    check(at_word(frame[2] + PAGE - 8) == 1, "word below the edge", at_word(frame[2] + PAGE - 8));
    check(at_word(frame[1] + 8) == 77, "word above it", at_word(frame[1] + 8));
    map(1, (word)frame[3], PTE_P | PTE_W);
    *(volatile word *)(edge - 16) = 78;
    expect(hot_edge, NONE, 0);
    check(at_word(frame[3] + 8) == 78, "word in another frame", at_word(frame[3] + 8));
    check(at_word(frame[1] + 8) == 77, "word in the old one", at_word(frame[1] + 8));
    WRITE(cr0, READ(cr0) | CR0_WP);
    map(1, (word)frame[3], PTE_P);
    *(volatile word *)(edge - 8) = 0;
    expect(hot_edge, PF, PF_P | PF_W);
    check(event.cr2 == edge + 8, "address", event.cr2);
    check(at_word(frame[2] + PAGE - 8) == 1, "store before", at_word(frame[2] + PAGE - 8));
    WRITE(cr0, READ(cr0) & ~(word)CR0_WP);
}

enum { FIRST = 511, BOTH = 1023 }; /* rounds: in the first page, after 512 in the second one */

static void walk(word rounds, unsigned vector, word code)
{
    hot_at = TEST_PAGES;
    hot_rounds = rounds;
    expect(hot_walk, vector, code);
}

static void check_frame(unsigned n, word value, const char *what)
{
    check(at_word(frame[n]) == value, what, at_word(frame[n]));
}

CASE(hot_moves, "hot/going-up-and-down-meets-what-pages-become")
{
    map_all();
    map(0, (word)frame[2], PTE_P | PTE_W);
    for (unsigned i = 0; i < 16; i++) /* until it is hot, keeps missing, and moves */
        heat(hot_walk, TEST_PAGES);
    memset(frame, 0, sizeof(frame));
    walk(BOTH, NONE, 0);
    check_frame(1, 512, "second page");
    check_frame(2, FIRST, "first page");
    map(0, (word)frame[3], PTE_P | PTE_W); /* the one that it is at */
    walk(FIRST, NONE, 0);
    check_frame(3, FIRST, "first page in another frame");
    check_frame(2, FIRST, "first page's old frame");
    map(1, (word)frame[2], PTE_P | PTE_W);
    walk(BOTH, NONE, 0);
    check_frame(2, FIRST + 512, "second page in another frame");
    check_frame(3, 2 * FIRST, "first page again");
    page_test[0] = (word)frame[0] | PTE_P | PTE_W;
    WRITE(cr3, READ(cr3));
    walk(FIRST, NONE, 0);
    check_frame(0, FIRST, "first page in a third frame");
    map(0, 0, 0);
    walk(FIRST, PF, PF_W);
    check(event.cr2 == TEST_PAGES, "address of the absent page", event.cr2);
    map(0, (word)frame[0], PTE_P | PTE_W);
    walk(FIRST, NONE, 0);
    WRITE(cr0, READ(cr0) | CR0_WP);
    map(0, (word)frame[0], PTE_P);
    walk(FIRST, PF, PF_P | PF_W);
    check_frame(0, 2 * FIRST, "read-only page");
    WRITE(cr0, READ(cr0) & ~(word)CR0_WP);
}

CASE(hot_device, "hot/page-becomes-a-device")
{
    word version;

    map_all();
    map(0, APIC_BASE, PTE_P | PTE_W);
    version = *(volatile uint32_t *)(TEST_PAGES + APIC_VERSION);
    map(0, (word)frame[0], PTE_P | PTE_W);
    heat(hot_load, TEST_PAGES + APIC_VERSION);
    map(0, APIC_BASE, PTE_P | PTE_W);
    hot_at = TEST_PAGES + APIC_VERSION;
    expect(hot_load, NONE, 0);
    check((uint32_t)hot_value == (uint32_t)version && version, "register", hot_value);
}

static word run(word at)
{
    uint32_t (*code)(void) = (uint32_t (*)(void))at;

    return code();
}

static void put_code(word at)
{
    static const uint8_t code[] = { MOV_EAX, OLD, 0, 0, 0, RET };

    memcpy((void *)at, code, sizeof(code));
}

/* The page that is stored to all the time, and the one behind it, become code. Nothing is at `beside`
 * yet. */
static void store_over_code(word base, word beside)
{
    for (word page = base; page < base + 2 * PAGE; page += PAGE) {
        hot_value = NEW;
        heat(hot_store, base);
        put_code(page + AT);
        check(run(page + AT) == OLD, "old code", page - base);
        hot_at = page + AT + 1;
        expect(hot_store, NONE, 0);
        check(run(page + AT) == NEW, "new code", page - base);
    }
    put_code(beside); /* next to what is stored to from the start */
    check(run(beside) == OLD, "old code", 2 * PAGE);
    heat(hot_store, base + 2 * PAGE);
    hot_at = beside + 1;
    expect(hot_store, NONE, 0);
    check(run(beside) == NEW, "new code", 2 * PAGE);
}

CASE(hot_code, "hot/stores-meet-code-that-was-data")
{
    map_all();
    store_over_code(TEST_PAGES, TEST_PAGES + PAGE + 2 * AT);
    store_over_code((word)frame, (word)frame[1] + 3 * AT); /* in a large page */
}
