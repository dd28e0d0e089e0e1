/* SPDX-License-Identifier: MIT */
/* Single step and debug registers (SDM volume 3, chapter 17). */
#include "guest.h"

enum {
    DR6_B0 = 1,
    DR6_B1 = 2,
    DR6_BD = 1 << 13,
    DR6_BS = 1 << 14,
    DR6_FIXED = 0xffff0ff0u,
    DR7_FIXED = 0x400,
    DR7_L0 = 1,
    DR7_L1 = 4,
    DR7_GD = 1 << 13,
    RW0_EXECUTE = 0,
    RW0_WRITE = 1 << 16,
    RW0_IO = 2 << 16,
    RW0_ACCESS = 3 << 16,
    LEN0_4 = 3 << 18,
};

static volatile uint32_t watched[4] __attribute__((aligned(16)));

#define SET_TF PUSHF "\n orl $0x100, (" RSP ")\n " POPF "\n"

CODE(step, SET_TF "nop\n step_next: nop\n ret");
CODE(step_mov_ss, "mov %ss, %ecx\n" SET_TF "mov %ecx, %ss\n nop\n step_ss_next: nop\n ret");
CODE(step_rep, "mov $3, %ecx\n lea watched, %edi\n" SET_TF "rep stosb\n nop\n ret");
CODE(step_int, SET_TF "int $0x42\n ret");
CODE(nops, "nop\n break_here: nop\n break_next: nop\n ret");
#ifdef __x86_64__
CODE(resume,
     "mov %rsp, %rdx\n pushq $0x10\n push %rdx\n pushfq\n orl $0x10000, (%rsp)\n pushq $0x18\n"
     "push $break_here\n iretq");
#else
CODE(resume, "pushf\n orl $0x10000, (%esp)\n pushl $0x08\n push $break_here\n iret");
#endif
CODE(write_watched, "movl $5, watched + 4\n write_next: nop\n ret");
CODE(read_watched, "mov watched + 4, %ecx\n read_next: nop\n ret");
CODE(write_outside, "movl $5, watched + 8\n ret");
CODE(write_partly, "movw $5, watched + 3\n nop\n ret");
CODE(write_by_string, "mov $watched, %edi\n mov $4, %ecx\n xor %eax, %eax\n rep stosl\n ret");
CODE(port_read, "in $0x80, %al\n port_next: nop\n ret");
CODE(read_dr6, "dr_here: mov %db6, " RAX "\n ret");
CODE(read_dr4, "mov %db4, " RAX "\n ret");
CODE(icebp, ".byte 0xf1\n icebp_next: ret");
CODE(user_read_dr, "mov %db0, " RAX "\n int $0x80");

extern char step_next[], step_ss_next[], break_here[], break_next[], write_next[], read_next[],
    port_next[], dr_here[];
extern char icebp_next[];

static void expect_debug(void (*code)(void), const void *at, uint32_t status)
{
    WRITE(db6, 0);
    expect(code, DB, 0);
    if (at) {
        expect_ip(at);
    }
    check(READ(db6) == (word)(DR6_FIXED | status), "dr6", READ(db6));
    WRITE(db6, 0);
}

static void watch(const volatile void *address, word control)
{
    WRITE(db0, address);
    WRITE(db7, control | DR7_FIXED);
}

static void unwatch(void)
{
    WRITE(db7, DR7_FIXED);
    WRITE(db6, 0);
}

CASE(single_step, "debug/tf-traps-after-the-next-instruction")
{
    expect_debug(step, step_next, DR6_BS);
    check(event.flags & TF, "saved flags", event.flags);
    check(!(event.handler_flags & TF), "handler's flags", event.handler_flags);
}

/* Section 6.8.3: MOV SS holds off the trap of the boundary that follows it. */
CASE(single_step_ss, "debug/mov-ss-delays-the-single-step-trap")
{
    expect_debug(step_mov_ss, step_ss_next, DR6_BS);
}

CASE(single_step_rep, "debug/tf-traps-after-each-repetition")
{
    watched[0] = 0;
    expect_debug(step_rep, NULL, DR6_BS);
    check(event.cx == 2, "count left", event.cx);
}

CASE(single_step_int, "debug/int-n-clears-tf-without-a-trap")
{
    WRITE(db6, 0);
    expect(step_int, 0x42, 0);
    check(event.flags & TF, "saved flags", event.flags);
    check(!(event.handler_flags & TF), "handler's flags", event.handler_flags);
}

CASE(execute, "debug/instruction-breakpoint-faults-before-it-and-rf-passes-it")
{
    watch(break_here, DR7_L0 | RW0_EXECUTE);
    expect_debug(nops, break_here, DR6_B0);
    expect(resume, NONE, 0);
    unwatch();
    expect(nops, NONE, 0);
}

CASE(write_watch, "debug/write-watchpoint-traps-after-the-store")
{
    watch(&watched[1], DR7_L0 | RW0_WRITE | LEN0_4);
    watched[2] = 0;
    expect_debug(write_watched, write_next, DR6_B0);
    check(READ(db0) == (word)&watched[1], "dr0", READ(db0));
    WRITE(db6, 0);
    expect(read_watched, NONE, 0);
    expect(write_outside, NONE, 0);
    expect_debug(write_partly, NULL, DR6_B0);
    unwatch();
}

CASE(access_watch, "debug/access-watchpoint-traps-after-the-load")
{
    watch(&watched[1], DR7_L0 | RW0_ACCESS | LEN0_4);
    expect_debug(read_watched, read_next, DR6_B0);
    unwatch();
}

CASE(string_watch, "debug/watchpoint-in-a-repeated-store-traps-after-that-element")
{
    watch(&watched[1], DR7_L0 | RW0_WRITE | LEN0_4);
    expect_debug(write_by_string, NULL, DR6_B0);
    check(event.cx == 2, "count left", event.cx);
    unwatch();
}

CASE(io_watch, "debug/port-watchpoint-with-cr4-de")
{
    WRITE(cr4, READ(cr4) | CR4_DE);
    watch((void *)0x80, DR7_L0 | RW0_IO);
    expect_debug(port_read, port_next, DR6_B0);
    unwatch();
    WRITE(cr4, READ(cr4) & ~(word)CR4_DE);
}

CASE(general_detect, "debug/gd-faults-at-an-access-of-a-debug-register")
{
    WRITE(db6, 0);
    WRITE(db7, DR7_GD | DR7_FIXED);
    expect(read_dr6, DB, 0);
    expect_ip(dr_here);
    /* The exception cleared GD, so the register can be read. */
    check(READ(db7) == DR7_FIXED, "dr7 in the handler", READ(db7));
    check(READ(db6) & DR6_BD, "dr6", READ(db6));
    unwatch();
}

CASE(aliases, "debug/dr4-is-dr6-unless-cr4-de-makes-it-ud")
{
    expect(read_dr4, NONE, 0);
    WRITE(cr4, READ(cr4) | CR4_DE);
    expect(read_dr4, UD, 0);
    WRITE(cr4, READ(cr4) & ~(word)CR4_DE);
}

CASE(user_access, "debug/user-mode-cannot-read-debug-registers")
{
    expect_user(user_read_dr, GP, 0);
}

CASE(int1, "debug/int1-is-a-trap-after-the-instruction")
{
    WRITE(db6, 0);
    expect(icebp, DB, 0);
    expect_ip(icebp_next);
    check(!(READ(db6) & (DR6_BS | DR6_B0)), "dr6", READ(db6));
}
