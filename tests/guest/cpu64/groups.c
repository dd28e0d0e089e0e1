/* SPDX-License-Identifier: MIT */
/*
 * Accesses to neighbouring places in straight code, not all of which can be done alike: a page ends
 * between them, or is a device, may not be stored to, or has code. Whatever is found out at the first
 * of them is not seen before its own instruction, and what was done before that is done once.
 */
#include "guest.h"

enum {
    PAGE = 4096,
    PAGES = 3,
    ROUNDS = 3,
    APIC_BASE = 0xfee00000,
    APIC_VERSION = 0x30,
    APIC_TPR = 0x80,
    TPR = 0x20,
    EDGE = TEST_PAGES + PAGE,
    RET = 0xc3,
    MOV_EAX = 0xb8,
    BELOW_ZERO = 0x81, /* the carry and the sign, as of 1 - 3 */
};

static uint8_t frame[PAGES][PAGE] __attribute__((aligned(4096)));
word group_at, group_other, group_times, group_sum, group_stack;

/* Frames in the other order than their pages. */
static uint8_t *frame_of(unsigned page)
{
    return frame[PAGES - 1 - page];
}

static void map(unsigned page, word entry)
{
    page_test[page] = entry;
    invlpg(TEST_PAGES + page * PAGE);
}

static void map_all(void)
{
    for (unsigned i = 0; i < PAGES; i++) {
        memset(frame_of(i), 0, PAGE);
        map(i, (word)frame_of(i) | PTE_P | PTE_W);
    }
    group_times = group_sum = 0;
}

static uint64_t word_of(word at)
{
    uint64_t v;

    memcpy(&v, frame_of((unsigned)((at - TEST_PAGES) / PAGE)) + at % PAGE, sizeof(v));
    return v;
}

static void put_word(word at, uint64_t v)
{
    memcpy(frame_of((unsigned)((at - TEST_PAGES) / PAGE)) + at % PAGE, &v, sizeof(v));
}

/* The first access is before the edge, the others at 40 and 48 bytes from it. */
CODE(cross, "mov group_at, %rdi\n incq group_times\n mov (%rdi), %rax\n add 40(%rdi), %rax\n"
            "mov %rax, 48(%rdi)\n addq $1, (%rdi)\n mov %rax, group_sum\n ret");

CASE(group_edge, "groups/others-lie-on-the-next-page")
{
    map_all();
    for (unsigned back = 8; back <= 72; back += 8) {
        word at = EDGE - back;

        for (unsigned i = 0; i < ROUNDS; i++) {
            put_word(at, 100 + i);
            put_word(at + 40, back);
            group_at = at;
            group_times = 0;
            expect(cross, NONE, 0);
            check(group_sum == 100 + i + back, "sum", group_sum);
            check(word_of(at + 48) == group_sum, "stored", word_of(at + 48));
            check(word_of(at) == 101 + i, "added to once", word_of(at));
            check(group_times == 1, "times", group_times);
        }
    }
}

CASE(group_fault, "groups/a-later-one-faults-with-its-own-registers-and-flags")
{
    map_all();
    map(1, 0);
    put_word(EDGE - 8, 5);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        group_at = EDGE - 8;
        expect(cross, PF, 0);
        check(event.cr2 == EDGE + 32, "address", event.cr2);
        check(event.ax == 5, "what was loaded before", event.ax);
        check(group_times == i, "times", group_times);
    }
    map_all();
    map(1, (word)frame_of(1) | PTE_P);
    WRITE(cr0, READ(cr0) | CR0_WP);
    put_word(EDGE - 8, 5);
    put_word(EDGE + 32, 6);
    expect(cross, PF, PF_P | PF_W);
    check(event.cr2 == EDGE + 40, "address of the store", event.cr2);
    check(event.ax == 11, "sum at the store", event.ax);
    check(word_of(EDGE - 8) == 5, "nothing behind it is done", word_of(EDGE - 8));
    WRITE(cr0, READ(cr0) & ~(word)CR0_WP);
}

/* Downwards: the first is on the upper page. */
CODE(push_down, "mov %rsp, group_stack\n mov group_at, %rsp\n mov $1, %eax\n mov $2, %ecx\n"
                "push %rax\n push %rcx\n push %rax\n mov 8(%rsp), %rdx\n mov group_stack, %rsp\n"
                "mov %rdx, group_sum\n ret");

CODE(load_down, "mov group_at, %rdi\n mov (%rdi), %rax\n add -16(%rdi), %rax\n mov %rax, -24(%rdi)\n"
                "ret");

CASE(group_down, "groups/the-first-is-behind-an-edge-that-others-are-before")
{
    map_all();
    for (word top = EDGE - 16; top <= EDGE + 40; top += 8) {
        for (unsigned i = 0; i < ROUNDS; i++) {
            put_word(top - 8, 0);
            put_word(top - 16, 0);
            group_at = top;
            expect(push_down, NONE, 0);
            check(group_sum == 2, "loaded", group_sum);
            check(word_of(top - 8) == 1 && word_of(top - 16) == 2, "pushed", top);
        }
    }
    map(0, 0);
    group_at = EDGE + 8;
    put_word(group_at, 3);
    expect(load_down, PF, 0);
    check(event.cr2 == EDGE - 8, "address", event.cr2);
    check(event.ax == 3, "loaded before", event.ax);
}

/* The first access itself faults, with flags that a comparison left. */
CODE(first, "mov group_at, %rdi\n mov $1, %eax\n cmp $3, %rax\n mov (%rdi), %rcx\n"
            "mov %rcx, 8(%rdi)\n adc 16(%rdi), %rcx\n mov %rcx, group_sum\n ret");

CASE(group_first, "groups/the-first-one-faults-with-the-flags-before-it")
{
    map_all();
    map(0, 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        group_at = TEST_PAGES + 64;
        expect(first, PF, 0);
        check(event.cr2 == group_at, "address", event.cr2);
        check((event.flags & BELOW_ZERO) == BELOW_ZERO, "flags", event.flags);
    }
    /* It goes on in another way, with the same flags: the carry is added. */
    map_all();
    for (unsigned i = 0; i < ROUNDS; i++) {
        group_at = EDGE - 8;
        put_word(EDGE - 8, 7);
        put_word(EDGE + 8, 10);
        expect(first, NONE, 0);
        check(group_sum == 18, "with the carry", group_sum);
        check(word_of(EDGE) == 7, "copied", word_of(EDGE));
    }
}

CODE(behind_branch, "mov group_at, %rdi\n mov (%rdi), %rax\n test %rax, %rax\n jz 1f\n"
                    "mov %rax, 8(%rdi)\n 1: mov 16(%rdi), %rcx\n mov %rcx, group_sum\n ret");

CASE(group_branch, "groups/a-store-that-is-not-come-to-wants-no-page-that-allows-it")
{
    map_all();
    WRITE(cr0, READ(cr0) | CR0_WP);
    map(0, (word)frame_of(0) | PTE_P);
    group_at = TEST_PAGES + 128;
    put_word(group_at + 16, 9);
    for (unsigned i = 0; i < ROUNDS; i++) {
        put_word(group_at, 0);
        expect(behind_branch, NONE, 0);
        check(group_sum == 9, "load behind it", group_sum);
        put_word(group_at, 1);
        expect(behind_branch, PF, PF_P | PF_W);
        check(event.cr2 == group_at + 8, "address", event.cr2);
    }
    WRITE(cr0, READ(cr0) & ~(word)CR0_WP);
}

/* The store is certain to follow the first load, but for the fault of the load between. */
CODE(store_after, "mov group_at, %rdi\n mov group_other, %rsi\n mov (%rdi), %rax\n"
                  "mov (%rsi), %rcx\n mov %rcx, 8(%rdi)\n ret");

CASE(group_dirty, "groups/a-page-is-dirty-when-the-store-was-done")
{
    map_all();
    group_at = TEST_PAGES + 256;
    group_other = EDGE;
    for (unsigned i = 0; i < ROUNDS; i++) {
        map(0, (word)frame_of(0) | PTE_P | PTE_W);
        map(1, 0);
        expect(store_after, PF, 0);
        check((page_test[0] & (PTE_A | PTE_D)) == PTE_A, "entry after the load", page_test[0]);
        map(1, (word)frame_of(1) | PTE_P);
        put_word(EDGE, 40 + i);
        expect(store_after, NONE, 0);
        check(page_test[0] & PTE_D, "entry after the store", page_test[0]);
        check(word_of(group_at + 8) == 40 + i, "stored", word_of(group_at + 8));
    }
}

CODE(registers, "mov group_at, %rdi\n mov 0x30(%rdi), %eax\n mov group_other, %ecx\n"
                "mov %ecx, 0x80(%rdi)\n mov 0x80(%rdi), %edx\n push 0x30(%rdi)\n pop %rbx\n"
                "shl $32, %rdx\n or %rdx, %rax\n mov %rax, group_sum\n ret");

CASE(group_device, "groups/neighbours-are-registers-of-a-device")
{
    word version;

    map_all();
    map(1, APIC_BASE | PTE_P | PTE_W);
    version = *(volatile uint32_t *)(EDGE + APIC_VERSION);
    for (unsigned i = 0; i < ROUNDS; i++) {
        group_at = EDGE;
        group_other = TPR + (i << 4);
        expect(registers, NONE, 0);
        check((uint32_t)group_sum == version && version, "version", group_sum);
        check(group_sum >> 32 == group_other, "priority", group_sum);
        group_at = TEST_PAGES; /* the same code, on memory */
        put_word(group_at + APIC_VERSION, 3);
        expect(registers, NONE, 0);
        check((uint32_t)group_sum == 3 && group_sum >> 32 == group_other, "memory", group_sum);
    }
    *(volatile uint32_t *)(EDGE + APIC_TPR) = 0;
}

/* Into the code's number: the load before and the store have one page. */
CODE(change, "mov group_at, %rdi\n mov -32(%rdi), %rax\n mov %al, (%rdi)\n incq -32(%rdi)\n ret");

CASE(group_code, "groups/stores-reach-code-of-the-same-page")
{
    static const uint8_t code[] = { MOV_EAX, 0, 0, 0, 0, RET };
    uint8_t *at = (uint8_t *)(TEST_PAGES + 512);
    uint32_t (*run)(void) = (uint32_t (*)(void))at;

    map_all();
    memcpy(at, code, sizeof(code));
    check(run() == 0, "code", 0);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        put_word((word)at + 1 - 32, 10 + i);
        group_at = (word)at + 1;
        expect(change, NONE, 0);
        check(run() == 10 + i, "new number", i);
        check(word_of((word)at + 1 - 32) == 11 + i, "added to once",
              word_of((word)at + 1 - 32));
    }
}

/* Instructions of two accesses, with a stack across an edge: what they load and store is a word of
 * both pages in turn. */
CODE(two, "mov %rsp, group_stack\n mov group_at, %rsp\n mov group_other, %rsi\n"
          "mov (%rsi), %rax\n push 8(%rsi)\n push %rax\n push 16(%rsi)\n"
          "pop 24(%rsi)\n pop %rcx\n pop 32(%rsi)\n"
          "mov %rsp, %rdx\n mov %rsp, %rdi\n lea 8(%rsi), %rsi\n cld\n movsq\n"
          "mov group_stack, %rsp\n sub %rdx, %rdi\n mov %rdi, group_sum\n ret");

CASE(group_two, "groups/instructions-of-two-accesses-do-each-once")
{
    map_all();
    for (word top = EDGE - 64; top <= EDGE + 64; top += 8) {
        for (unsigned i = 0; i < ROUNDS; i++) {
            word other = TEST_PAGES + 2 * PAGE - 16;

            group_at = top;
            group_other = other;
            put_word(other, 70 + i);
            put_word(other + 8, 71 + i);
            put_word(other + 16, 72 + i);
            expect(two, NONE, 0);
            check(word_of(other + 24) == 72 + i, "first popped", word_of(other + 24));
            check(word_of(other + 32) == 71 + i, "last popped", word_of(other + 32));
            check(word_of(top) == 71 + i, "moved", word_of(top));
            check(word_of(top - 16) == 70 + i, "pushed", word_of(top - 16));
            check(group_sum == 8, "moved by", group_sum);
        }
    }
}

/* The load has been done when it shows that the place of the store is across an edge. */
CODE(push_twice, "mov %rsp, group_stack\n mov group_at, %rsp\n mov group_other, %rsi\n"
                 "incq group_times\n push 0x30(%rsi)\n push 0x30(%rsi)\n"
                 "mov group_stack, %rsp\n ret");

CASE(group_push, "groups/registers-of-a-device-are-pushed-across-an-edge")
{
    word version;

    map_all();
    map(2, APIC_BASE | PTE_P | PTE_W);
    version = *(volatile uint32_t *)(TEST_PAGES + 2 * PAGE + APIC_VERSION);
    group_other = TEST_PAGES + 2 * PAGE;
    for (unsigned i = 1; i <= ROUNDS; i++) {
        group_at = EDGE + 8; /* one word above the edge, the other below */
        expect(push_twice, NONE, 0);
        check((uint32_t)word_of(EDGE) == version, "first", word_of(EDGE));
        check((uint32_t)word_of(EDGE - 8) == version, "second", word_of(EDGE - 8));
        check(group_times == i, "times", group_times);
    }
}
