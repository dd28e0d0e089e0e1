/* SPDX-License-Identifier: MIT */
/*
 * Code of several blocks, with calls and branches, that runs long enough to be hot: what is rewritten,
 * faults or returns elsewhere in the midst of it does so as in any code. Each case has a page of its
 * own, whose code nobody has rewritten before.
 */
#include "guest.h"

enum {
    PAGE = 4096,
    ROUNDS = 10000,
    TICKS = 80000000, /* of the time-stamp counter: some 40 ms */
    FEW = 4,
    OLD = 3,  /* what the function adds, and the loop, in two places */
    STEP = 1,
    STEPS = 2 * STEP,
    NEW = 5,
};

static uint8_t pages[7][PAGE] __attribute__((aligned(4096)));
word unit_rounds, unit_sum, unit_at, unit_skip, unit_value, unit_other, unit_change, unit_move;

/*
 * A loop over a call, a jump and a branch that is mostly taken. The function stores the low byte of
 * unit_value, which grows by unit_change, at unit_at, loads there, adds its own number, and returns
 * unit_skip bytes further than it was called from.
 */
extern const uint8_t unit_text[], unit_number[], unit_back[], unit_step[], unit_access[],
    unit_end[];
__asm__(".pushsection .text\n"
        "unit_text: mov unit_rounds, %rcx\n mov unit_at, %rsi\n mov unit_value, %rdx\n"
        "1: call 5f\n"
        "jmp 2f\n"           /* two bytes */
        "add $100, %rax\n"   /* where it returns to with a skip: four bytes */
        "2: unit_back: add $1, %rax\n cmpq $0, unit_other\n je 3f\n add $50, %rax\n"
        "3: unit_step: add $1, %rax\n add %rax, unit_sum\n"
        "add unit_change, %rdx\n add unit_move, %rsi\n dec %rcx\n jnz 1b\n ret\n"
        "nop\n nop\n"
        "5: mov %dl, (%rsi)\n"
        "unit_access: movzbl (%rsi), %ebx\n"
        "unit_number: mov $3, %eax\n"
        "mov unit_skip, %r8\n add %r8, (%rsp)\n ret\n"
        "unit_end:\n"
        ".popsection");

static uint64_t ticks(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

CODE(unit_run, "push %rbx\n call *unit_entry\n pop %rbx\n ret");
word unit_entry;

static uint8_t *place(const uint8_t *of)
{
    return (uint8_t *)unit_entry + (of - unit_text);
}

/* Puts the code into a page of its own and runs it until it is hot. */
static void heat(unsigned page)
{
    static uint8_t data;
    uint64_t start = ticks();

    unit_entry = (word)pages[page];
    memcpy(pages[page], unit_text, (size_t)(unit_end - unit_text));
    unit_at = (word)&data;
    unit_rounds = ROUNDS;
    unit_skip = unit_other = unit_change = unit_move = 0;
    unit_value = OLD;
    while (ticks() - start < TICKS)
        expect(unit_run, NONE, 0);
    check(unit_sum % ((OLD + STEPS) * ROUNDS) == 0, "sum", unit_sum);
    unit_sum = 0;
    unit_rounds = FEW;
}

static void check_sum(const char *what, word wanted)
{
    expect(unit_run, NONE, 0);
    check(unit_sum == wanted, what, unit_sum);
    unit_sum = 0;
}

CASE(unit_rewritten, "units/code-in-the-midst-is-rewritten")
{
    heat(0);
    check_sum("before", FEW * (OLD + STEPS));
    *(volatile uint8_t *)(place(unit_number) + 1) = NEW;
    check_sum("after", FEW * (NEW + STEPS));
}

CASE(unit_end_rewritten, "units/code-behind-a-return-and-a-branch-is-rewritten")
{
    heat(1);
    check_sum("before", FEW * (OLD + STEPS));
    *(volatile uint8_t *)(place(unit_step) + 3) = NEW;
    check_sum("after", FEW * (OLD + STEP + NEW));
}

/* The first round stores what is there. */
CASE(unit_rewrites, "units/code-rewrites-what-is-just-ahead")
{
    heat(2);
    unit_at = (word)place(unit_number) + 1;
    check_sum("the same", FEW * (OLD + STEPS));
    unit_change = 1;
    check_sum("another each time", FEW * (OLD + STEPS) + FEW * (FEW - 1) / 2);
}

CASE(unit_rewrites_end, "units/code-rewrites-what-it-returns-to")
{
    heat(3);
    unit_at = (word)place(unit_back) + 3;
    unit_value = STEP;
    check_sum("the same", FEW * (OLD + STEPS));
    unit_change = 1;
    check_sum("another each time", FEW * (OLD + STEPS) + FEW * (FEW - 1) / 2);
}

CASE(unit_faults, "units/access-in-the-midst-faults")
{
    heat(4);
    page_test[0] = (word)pages[4] | PTE_P | PTE_W;
    page_test[1] = 0;
    invlpg(TEST_PAGES);
    invlpg(TEST_PAGES + PAGE);
    unit_at = TEST_PAGES + PAGE - 2;
    unit_move = 1;
    expect(unit_run, PF, PF_W);
    check(event.ip == (word)place(unit_access) - 2, "instruction", event.ip);
    check(event.cr2 == TEST_PAGES + PAGE, "address", event.cr2);
    check(event.cx == FEW - 2, "rounds to go", event.cx);
    check(unit_sum == 2 * (OLD + STEPS), "sum", unit_sum);
    unit_sum = 0;
}

CASE(unit_returns, "units/function-returns-to-elsewhere")
{
    heat(5);
    unit_skip = 2;
    check_sum("with a skip", FEW * (OLD + STEPS + 100));
    unit_skip = 0;
    check_sum("without", FEW * (OLD + STEPS));
}

CASE(unit_branch, "units/side-of-a-branch-that-was-never-taken-is-taken")
{
    heat(6);
    unit_other = 1;
    check_sum("taken", FEW * (OLD + STEPS + 50));
    unit_other = 0;
    check_sum("not taken", FEW * (OLD + STEPS));
}
