/* SPDX-License-Identifier: MIT */
/* Hardware task switches (SDM volume 3, chapter 7): jump, call, return, gates, faults. */
#include "guest.h"

enum {
    TSS_AVAILABLE = 0x89,
    TSS_BUSY = 0x8b,
    TSS_LIMIT = 0x67,
    DESCRIPTOR_BUSY_BIT = 41,
    DR6_BT = 1 << 15,
};

static uint8_t other_stack[2048] __attribute__((aligned(16)));
word task_flags, task_cr0, task_error;

/* Bodies of the other task. */
CODE(task_jump_back,
     "pushf\n pop task_flags\n mov %cr0, %eax\n mov %eax, task_cr0\n ljmp $0x40, $0");
CODE(task_iret, "1: pushf\n pop task_flags\n mov %ecx, task_error\n iret\n jmp 1b");
CODE(task_pop_error, "pop task_error\n pushf\n pop task_flags\n jmp task_return");

CODE(jump_task, "ljmp $0x70, $0\n ret");
CODE(call_task, "lcall $0x70, $0\n ret");
CODE(int_task, "int $0x42\n ret");
CODE(iret_no_nest, PUSHF "\n orl $0x4000, (%esp)\n popf\n iret");
CODE(bad_vector, "ud2\n ret");

static void prepare(void (*body)(void))
{
    other_tss = (struct tss){
        .cr3 = 0,
        .eip = (word)body,
        .eflags = 2,
        .esp = (word)(other_stack + sizeof(other_stack)),
        .ss = KERNEL_DS,
        .cs = KERNEL_CS32,
        .ds = KERNEL_DS,
        .es = KERNEL_DS,
        .fs = KERNEL_DS,
        .gs = KERNEL_DS,
        .iomap = TSS_LIMIT + 1,
        .ecx = 0x13572468,
    };
    set_descriptor(OTHER_TSS, segment((uint32_t)(word)&other_tss, TSS_LIMIT, TSS_AVAILABLE, 0));
    task_flags = task_cr0 = task_error = 0;
}

static bool busy(unsigned selector)
{
    return get_descriptor(selector) >> DESCRIPTOR_BUSY_BIT & 1;
}

CASE(jump, "tasks/jump-switches-without-nesting-and-sets-cr0-ts")
{
    prepare(task_jump_back);
    expect(jump_task, NONE, 0);
    check(!(task_flags & NT), "nested flag in the task", task_flags);
    check(task_cr0 & CR0_TS, "cr0 in the task", task_cr0);
    check(!busy(OTHER_TSS), "busy bit of the task left", 1);
    check(busy(MAIN_TSS), "busy bit of the task entered", 0);
    check(other_tss.eip > (word)task_jump_back, "saved eip", other_tss.eip);
    __asm__ volatile("clts");
}

CASE(call, "tasks/call-nests-and-iret-returns")
{
    prepare(task_iret);
    expect(call_task, NONE, 0);
    check(task_flags & NT, "nested flag in the task", task_flags);
    check(other_tss.back == MAIN_TSS, "back link", other_tss.back);
    check(task_error == 0x13572468, "register from the task segment", task_error);
    check(!busy(OTHER_TSS), "busy bit after iret", 1);
    check(busy(MAIN_TSS), "busy bit of the caller", 0);
    word flags;
    __asm__ volatile("pushf; pop %0" : "=r"(flags));
    check(!(flags & NT), "nested flag after the return", flags);
    __asm__ volatile("clts");
}

CASE(gate, "tasks/interrupt-through-a-task-gate-switches-and-returns")
{
    prepare(task_iret);
    set_gate(0x42, 0, OTHER_TSS, GATE_TASK, 0);
    expect(int_task, NONE, 0);
    check(task_flags & NT, "nested flag in the task", task_flags);
    check(other_tss.back == MAIN_TSS, "back link", other_tss.back);
    reset_gate(0x42);
    __asm__ volatile("clts");
}

/* A fault's error code is on the new task's stack. */
CODE(task_return, "mov $0x10, %eax\n mov %eax, %ds\n call task_after\n jmp try_recover");
void task_after(void)
{
    event = (struct event){ .vector = DF, .error = task_error };
}

CASE(fault_gate, "tasks/double-fault-through-a-task-gate-has-its-error-code")
{
    prepare(task_pop_error);
    task_error = 1;
    set_gate(DF, 0, OTHER_TSS, GATE_TASK, 0);
    set_gate(UD, bad_vector, KERNEL_DS, GATE_INTERRUPT, 0);
    set_gate(GP, bad_vector, KERNEL_DS, GATE_INTERRUPT, 0);
    expect(bad_vector, DF, 0);
    check(task_flags & NT, "nested flag in the task", task_flags);
    check(main_tss.eip == (word)bad_vector, "saved eip of the faulting task", main_tss.eip);
    reset_gate(DF);
    reset_gate(UD);
    reset_gate(GP);
    restore_task_register();
}

CASE(selectors, "tasks/switch-to-a-busy-absent-or-short-task-names-it")
{
    prepare(task_iret);
    set_descriptor(OTHER_TSS, segment((uint32_t)(word)&other_tss, TSS_LIMIT, TSS_BUSY, 0));
    expect(jump_task, GP, OTHER_TSS);
    set_descriptor(OTHER_TSS,
                   segment((uint32_t)(word)&other_tss, TSS_LIMIT, TSS_AVAILABLE & ~0x80, 0));
    expect(jump_task, NP, OTHER_TSS);
    set_descriptor(OTHER_TSS, segment((uint32_t)(word)&other_tss, TSS_LIMIT - 1, TSS_AVAILABLE, 0));
    expect(jump_task, TS, OTHER_TSS);
    set_descriptor(OTHER_TSS, segment(0, 0xfffff, 0x93, 0xc));
    main_tss.back = OTHER_TSS;
    expect(iret_no_nest, TS, OTHER_TSS);
}

/* What a fault in the middle of a switch leaves in the segment registers cannot serve a handler:
   the manual wants a task gate for it (section 6.15, interrupt 10). */
CODE(fault_task, "pop task_error\n jmp fault_return");
CODE(fault_return, "call fault_after\n jmp try_recover");
static word fault_vector;
void fault_after(void)
{
    event = (struct event){ .vector = fault_vector, .error = task_error };
}

static void expect_switch_fault(word vector, word error)
{
    static uint8_t fault_stack[2048] __attribute__((aligned(16)));

    fault_tss = other_tss;
    fault_tss.eip = (word)fault_task;
    fault_tss.esp = (word)(fault_stack + sizeof(fault_stack));
    fault_tss.cs = KERNEL_CS32;
    fault_tss.ss = fault_tss.ds = fault_tss.es = KERNEL_DS;
    fault_tss.ldt = 0;
    set_descriptor(FAULT_TSS, segment((uint32_t)(word)&fault_tss, TSS_LIMIT, TSS_AVAILABLE, 0));
    fault_vector = vector;
    set_gate(vector, 0, FAULT_TSS, GATE_TASK, 0);
    expect(jump_task, vector, error);
    check(fault_tss.back == OTHER_TSS, "the faulting task", fault_tss.back);
    reset_gate(vector);
    restore_task_register();
}

/* Past the commit point a fault belongs to the new task (section 7.3). */
CASE(bad_state, "tasks/bad-segment-in-the-new-task-is-ts-with-its-selector")
{
    prepare(task_iret);
    other_tss.cs = KERNEL_DS;
    expect_switch_fault(TS, KERNEL_DS);
    prepare(task_iret);
    other_tss.ss = USER_DS;
    expect_switch_fault(TS, USER_DS & ~3u);
    prepare(task_iret);
    set_descriptor(FREE_1, segment(0, 0xfffff, 0x13, 0xc));
    other_tss.ds = FREE_1;
    expect_switch_fault(NP, FREE_1);
    prepare(task_iret);
    other_tss.ldt = KERNEL_DS;
    expect_switch_fault(TS, KERNEL_DS);
}

/* QEMU 7.2 does not know the T bit. */
CASE(trap, "tasks/trap-bit-raises-db-with-bt-before-the-first-instruction")
{
    prepare(task_iret);
    other_tss.trap = 1;
    WRITE(db6, 0);
    expect(jump_task, DB, 0);
    expect_ip(task_iret);
    check(READ(db6) & DR6_BT, "dr6", READ(db6));
    WRITE(db6, 0);
    restore_task_register();
}
