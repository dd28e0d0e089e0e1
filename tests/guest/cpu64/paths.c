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
word path_rounds, path_sum, path_at, path_skip, path_value, path_other, path_change, path_move;

/*
 * A loop over a call, a jump and a branch that is mostly taken. The function stores the low byte of
 * path_value, which grows by path_change, at path_at, loads there, adds its own number, and returns
 * path_skip bytes further than it was called from.
 */
extern const uint8_t path_text[], path_number[], path_back[], path_step[], path_access[],
    path_end[];
__asm__(".pushsection .text\n"
        "path_text: mov path_rounds, %rcx\n mov path_at, %rsi\n mov path_value, %rdx\n"
        "1: call 5f\n"
        "jmp 2f\n"         /* two bytes */
        "add $100, %rax\n" /* where it returns to with a skip: four bytes */
        "2: path_back: add $1, %rax\n cmpq $0, path_other\n je 3f\n add $50, %rax\n"
        "3: path_step: add $1, %rax\n add %rax, path_sum\n"
        "add path_change, %rdx\n add path_move, %rsi\n dec %rcx\n jnz 1b\n ret\n"
        "nop\n nop\n"
        "5: mov %dl, (%rsi)\n"
        "path_access: movzbl (%rsi), %ebx\n"
        "path_number: mov $3, %eax\n"
        "mov path_skip, %r8\n add %r8, (%rsp)\n ret\n"
        "path_end:\n"
        ".popsection");

CODE(path_run, "push %rbx\n call *path_entry\n pop %rbx\n ret");
word path_entry;

static uint8_t *place(const uint8_t *of)
{
    return (uint8_t *)path_entry + (of - path_text);
}

/* Puts the code into a page of its own and runs it until it is hot. */
static void heat(unsigned page)
{
    static uint8_t data;
    uint64_t start = ticks();

    path_entry = (word)pages[page];
    memcpy(pages[page], path_text, (size_t)(path_end - path_text));
    path_at = (word)&data;
    path_rounds = ROUNDS;
    path_skip = path_other = path_change = path_move = 0;
    path_value = OLD;
    while (ticks() - start < TICKS)
        expect(path_run, NONE, 0);
    check(path_sum % ((OLD + STEPS) * ROUNDS) == 0, "sum", path_sum);
    path_sum = 0;
    path_rounds = FEW;
}

static void check_sum(const char *what, word wanted)
{
    expect(path_run, NONE, 0);
    check(path_sum == wanted, what, path_sum);
    path_sum = 0;
}

CASE(path_rewritten, "paths/code-in-the-midst-is-rewritten")
{
    heat(0);
    check_sum("before", FEW * (OLD + STEPS));
    *(volatile uint8_t *)(place(path_number) + 1) = NEW;
    check_sum("after", FEW * (NEW + STEPS));
}

CASE(path_end_rewritten, "paths/code-behind-a-return-and-a-branch-is-rewritten")
{
    heat(1);
    check_sum("before", FEW * (OLD + STEPS));
    *(volatile uint8_t *)(place(path_step) + 3) = NEW;
    check_sum("after", FEW * (OLD + STEP + NEW));
}

/* The first round stores what is there. */
CASE(path_rewrites, "paths/code-rewrites-what-is-just-ahead")
{
    heat(2);
    path_at = (word)place(path_number) + 1;
    check_sum("the same", FEW * (OLD + STEPS));
    path_change = 1;
    check_sum("another each time", FEW * (OLD + STEPS) + FEW * (FEW - 1) / 2);
}

CASE(path_rewrites_end, "paths/code-rewrites-what-it-returns-to")
{
    heat(3);
    path_at = (word)place(path_back) + 3;
    path_value = STEP;
    check_sum("the same", FEW * (OLD + STEPS));
    path_change = 1;
    check_sum("another each time", FEW * (OLD + STEPS) + FEW * (FEW - 1) / 2);
}

CASE(path_faults, "paths/access-in-the-midst-faults")
{
    heat(4);
    page_test[0] = (word)pages[4] | PTE_P | PTE_W;
    page_test[1] = 0;
    invlpg(TEST_PAGES);
    invlpg(TEST_PAGES + PAGE);
    path_at = TEST_PAGES + PAGE - 2;
    path_move = 1;
    expect(path_run, PF, PF_W);
    check(event.ip == (word)place(path_access) - 2, "instruction", event.ip);
    check(event.cr2 == TEST_PAGES + PAGE, "address", event.cr2);
    check(event.cx == FEW - 2, "rounds to go", event.cx);
    check(path_sum == 2 * (OLD + STEPS), "sum", path_sum);
    path_sum = 0;
}

/* Goes where it never went, which `which` makes it do and which adds `more` a round, and back. */
static void check_detour(unsigned page, word *which, word value, word more)
{
    heat(page);
    *which = value;
    check_sum("the new way", FEW * (OLD + STEPS + more));
    *which = 0;
    check_sum("the old way", FEW * (OLD + STEPS));
}

CASE(path_returns, "paths/function-returns-to-elsewhere")
{
    check_detour(5, &path_skip, 2, 100);
}

CASE(path_branch, "paths/side-of-a-branch-that-was-never-taken-is-taken")
{
    check_detour(6, &path_other, 1, 50);
}
