/* SPDX-License-Identifier: MIT */
/*
 * Entering and leaving a case: run_case loads every register of a row and jumps to the form; the
 * form ends with a jump to case_exit, which keeps the registers and returns to the runner. After a
 * fault the platform has kept the general registers and resumes at case_fault_exit.
 */
#include "layout.h"

#ifdef __x86_64__
#define AX rax
#define SP rsp
#define REL(x) x(%rip)
#define PUSHF pushfq
#define POPF popfq
#else
#define AX eax
#define SP esp
#define REL(x) x
#define PUSHF pushfl
#define POPF popfl
#endif

        .bss
        .balign 64
        .globl outcome, case_entry, case_state, case_stack
outcome:
        .skip 1456
case_entry:
        .skip 8
case_state:
        .skip 8
case_stack:
        .skip 8
        .skip 256
exit_stack:

        .macro each_register action
#ifdef __x86_64__
        \action rax, 0
        \action rcx, 1
        \action rdx, 2
        \action rbx, 3
        \action rbp, 5
        \action rsi, 6
        \action rdi, 7
        .irp number, 8, 9, 10, 11, 12, 13, 14, 15
        \action r\number, \number
        .endr
#else
        \action eax, 0
        \action ecx, 1
        \action edx, 2
        \action ebx, 3
        \action ebp, 5
        \action esi, 6
        \action edi, 7
#endif
        .endm

        .macro keep register, number
        mov %\register, REL(outcome + AT_GPR + 8 * \number)
        .endm

        .macro load64 register, number
        .ifnc \register, rdi
        mov AT_GPR + 8 * \number(%rdi), %\register
        .endif
        .endm

        .macro load32 register, number
        .ifnc \register, edi
        mov AT_GPR + 8 * \number(%edi), %\register
        .endif
        .endm

        .macro each_ymm action
        .irp number, 0, 1, 2, 3, 4, 5, 6, 7
        \action \number
        .endr
#ifdef __x86_64__
        .irp number, 8, 9, 10, 11, 12, 13, 14, 15
        \action \number
        .endr
#endif
        .endm

        .macro load_ymmh number
#ifdef __x86_64__
        vinsertf128 $1, AT_YMMH + 16 * \number(%rdi), %ymm\number, %ymm\number
#else
        vinsertf128 $1, AT_YMMH + 16 * \number(%edi), %ymm\number, %ymm\number
#endif
        .endm

        .macro keep_ymmh number
        vextractf128 $1, %ymm\number, REL(outcome + AT_YMMH + 16 * \number)
        .endm

        .text
        .globl run_case, case_exit, case_fault_exit
run_case:
#ifdef __x86_64__
        push %rbx
        push %rbp
        push %r12
        push %r13
        push %r14
        push %r15
        mov %rsp, case_stack(%rip)
        cmpl $STATE_FX, case_state(%rip)
        jb 1f
        fxrstor AT_FX(%rdi)
        je 1f
        each_ymm load_ymmh
1:      push AT_RFLAGS(%rdi)
        popfq
        each_register load64
        mov AT_GPR + 8 * 4(%rdi), %rsp
        mov AT_GPR + 8 * 7(%rdi), %rdi
        jmp *case_entry(%rip)
#else
        mov 4(%esp), %eax
        push %ebx
        push %ebp
        push %esi
        push %edi
        mov %eax, %edi
        mov %esp, case_stack
        cmpl $STATE_FX, case_state
        jb 1f
        fxrstor AT_FX(%edi)
        je 1f
        each_ymm load_ymmh
1:      push AT_RFLAGS(%edi)
        popfl
        each_register load32
        mov AT_GPR + 8 * 4(%edi), %esp
        mov AT_GPR + 8 * 7(%edi), %edi
        jmp *case_entry
#endif

case_exit:
        mov %SP, REL(outcome + AT_GPR + 8 * 4)
        lea REL(exit_stack), %SP
        PUSHF
        pop REL(outcome + AT_RFLAGS)
        each_register keep
        push $2
        POPF
case_fault_exit:
        cmpl $STATE_FX, REL(case_state)
        jb 2f
        fxsave REL(outcome + AT_FX)
        je 2f
        each_ymm keep_ymmh
        vzeroupper
2:      mov REL(case_stack), %SP
#ifdef __x86_64__
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
#else
        pop %edi
        pop %esi
        pop %ebp
        pop %ebx
#endif
        ret

        .section .note.GNU-stack, "", @progbits
