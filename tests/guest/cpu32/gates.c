/* SPDX-License-Identifier: MIT */
/* Call gates, conforming code, returns to outer levels (SDM volume 3, section 5.8). */
#include "guest.h"

enum { CODE_CONFORMING = 0x9f, PAGES_32 = 0xc };

word seen_cs, seen_sp, seen_parameters[2];

CODE(gate_target, "mov %cs, seen_cs\n mov %esp, seen_sp\n lret");
CODE(gate_target_two,
     "mov %cs, seen_cs\n mov %esp, seen_sp\n mov 8(%esp), %ecx\n mov %ecx, seen_parameters\n"
     "mov 12(%esp), %ecx\n mov %ecx, seen_parameters + 4\n lret $8");
CODE(call_free_1, "lcall $0x50, $0\n call_next: ret");
CODE(user_call, "lcall $0x53, $0\n int $0x80");
CODE(user_call_two, "pushl $0x11112222\n pushl $0x33334444\n mov %esp, %ebx\n lcall $0x53, $0\n "
                    "mov %esp, %edx\n int $0x80");
CODE(user_jump, "ljmp $0x53, $0\n int $0x80");
CODE(conforming_target, "mov %cs, %edx\n int $0x80");
CODE(user_ds_probe, "mov %ds, %ecx\n mov %es, %edx\n int $0x80");
CODE(return_outer, "mov $0x10, %eax\n mov %eax, %ds\n mov $0x2b, %ecx\n mov %ecx, %es\n pushl "
                   "$0x2b\n pushl $0x9000\n"
                   "pushl $0x23\n pushl $user_ds_probe\n lret");
CODE(return_bad_ss, "pushl $0x10\n pushl $0x9000\n pushl $0x23\n pushl $user_ds_probe\n lret");
CODE(return_inner, "pushl $0x20\n pushl $1f\n lret\n 1: ret");
CODE(iret_bad_ss,
     "pushl $0x10\n pushl $0x9000\n pushl $2\n pushl $0x23\n pushl $user_ds_probe\n iret");
CODE(user_iret_inner, "pushl $2\n pushl $0x08\n pushl $1f\n iret\n 1: int $0x80");

CASE(same_level, "gates/call-gate-at-the-same-level-calls-its-target")
{
    call_gate(FREE_1, gate_target, KERNEL_CS32, 0, 0);
    seen_cs = 0;
    expect(call_free_1, NONE, 0);
    check(seen_cs == KERNEL_CS32, "cs in the target", seen_cs);
}

CASE(inward, "gates/call-gate-to-level-0-switches-stacks-and-copies-parameters")
{
    call_gate(FREE_1, gate_target_two, KERNEL_CS32, 3, 2);
    expect_user(user_call_two, FINISHED, 0);
    check(seen_cs == KERNEL_CS32, "cs in the target", seen_cs);
    check(seen_sp == (word)exception_stack - 24, "level 0 stack less its top",
          seen_sp - (word)exception_stack);
    check(seen_parameters[0] == 0x33334444, "first parameter", seen_parameters[0]);
    check(seen_parameters[1] == 0x11112222, "second parameter", seen_parameters[1]);
    check(event.dx == event.bx + 8, "outer stack after lret 8", event.dx - event.bx);
    check(event.cs == USER_CS32, "cs after the return", event.cs);
}

CASE(gate_faults, "gates/call-gate-checks-privilege-presence-and-target")
{
    call_gate(FREE_1, gate_target, KERNEL_CS32, 0, 0);
    expect_user(user_call, GP, FREE_1);
    call_gate(FREE_1, gate_target, KERNEL_CS32, 3, 0);
    set_descriptor(FREE_1, get_descriptor(FREE_1) & ~(0x8000ull << 32));
    expect_user(user_call, NP, FREE_1);
    call_gate(FREE_1, gate_target, 0, 3, 0);
    expect_user(user_call, GP, 0);
    call_gate(FREE_1, gate_target, KERNEL_DS, 3, 0);
    expect_user(user_call, GP, KERNEL_DS);
    /* A jump does not change the level. */
    call_gate(FREE_1, gate_target, KERNEL_CS32, 3, 0);
    expect_user(user_jump, GP, KERNEL_CS32);
}

CASE(conforming, "gates/conforming-code-keeps-the-callers-level")
{
    set_descriptor(FREE_1, segment((word)conforming_target, 0xfffff, CODE_CONFORMING, PAGES_32));
    expect_user(user_jump, FINISHED, 0);
    check(event.dx == (FREE_1 | 3), "cs in the conforming segment", event.dx);
}

CASE(outer, "gates/return-to-user-mode-clears-inner-data-segments")
{
    expect(return_outer, FINISHED, 0);
    check(event.cs == USER_CS32, "cs", event.cs);
    check((event.cx & 0xffff) == 0, "ds", event.cx);
    check((event.dx & 0xffff) == USER_DS, "es", event.dx);
}

CASE(return_faults, "gates/return-checks-stack-segment-and-level")
{
    expect(return_bad_ss, GP, KERNEL_DS);
    expect(iret_bad_ss, GP, KERNEL_DS);
    expect(return_inner, GP, USER_CS32 & ~3u);
    expect_user(user_iret_inner, GP, KERNEL_CS32);
}
