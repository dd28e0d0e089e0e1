/* SPDX-License-Identifier: MIT */
/* Exceptions: vectors, error codes, addresses, gates (SDM volume 3, chapter 6). Both widths. */
#include "guest.h"

CODE(divide_by_zero, "xor %ecx, %ecx\n divide_here: div %ecx\n ret");
CODE(undefined, "ud2_here: ud2\n ret");
CODE(breakpoint, "int3\n breakpoint_next: ret");
CODE(software_interrupt, "int $0x42\n software_next: ret");
CODE(user_interrupt, "int $0x42\n int $0x80");
CODE(user_finish, "int $0x80");
CODE(user_halt, "hlt\n int $0x80");
CODE(too_long, ".fill 15, 1, 0x66\n nop\n ret");
CODE(fpu_add, "fld1\n ret");
CODE(fpu_wait, "fwait\n ret");
CODE(sse_move, "movaps %xmm0, %xmm1\n ret");
CODE(x87_divide, "fldz\n fld1\n fdiv %st(1), %st\n mf_here: fwait\n ret");
CODE(sse_divide, "movaps %xmm0, %xmm1\n xorps %xmm1, %xmm1\n xm_here: divps %xmm1, %xmm2\n ret");
CODE(user_misaligned,
     PUSHF "\n orl $0x40000, (" RSP ")\n " POPF "\n mov 1(" RSP "), %ecx\n int $0x80");
CODE(kernel_misaligned, PUSHF "\n orl $0x40000, (" RSP ")\n " POPF "\n mov 1(" RSP
                              "), %ecx\n " PUSHF "\n andl $~0x40000, (" RSP ")\n " POPF "\n ret");

extern char divide_here[], ud2_here[], breakpoint_next[], software_next[], mf_here[], xm_here[];

CASE(de, "exceptions/divide-by-zero-is-de-at-the-instruction")
{
    expect(divide_by_zero, DE, 0);
    expect_ip(divide_here);
}

CASE(ud, "exceptions/ud2-is-ud-at-the-instruction")
{
    expect(undefined, UD, 0);
    expect_ip(ud2_here);
}

CASE(bp, "exceptions/int3-is-a-trap-after-the-instruction")
{
    expect(breakpoint, BP, 0);
    expect_ip(breakpoint_next);
}

CASE(soft, "exceptions/int-n-enters-its-gate")
{
    expect(software_interrupt, 0x42, 0);
    expect_ip(software_next);
}

/* Section 6.12.1.1: DPL is checked for INT n only; the error code holds the vector and IDT bit. */
CASE(soft_privilege, "exceptions/int-n-through-a-gate-of-lower-dpl-is-gp")
{
    expect_user(user_interrupt, GP, 0x42 * 8 + 2);
}

CASE(user_mode, "exceptions/user-mode-returns-through-a-dpl-3-gate")
{
    expect_user(user_finish, FINISHED, 0);
    check(event.cs == USER_CS, "cs", event.cs);
    check(event.ss == USER_DS, "ss", event.ss);
    check(event.handler_sp < (word)exception_stack &&
              event.handler_sp > (word)exception_stack - 512,
          "handler's stack", event.handler_sp);
}

CASE(user_hlt, "exceptions/hlt-in-user-mode-is-gp-0")
{
    expect_user(user_halt, GP, 0);
    expect_ip(user_halt);
}

CASE(not_present_gate, "exceptions/gate-not-present-is-np-with-idt-bit")
{
    set_gate(0x42, software_interrupt, KERNEL_CS, GATE_INTERRUPT & ~0x80, 0);
    expect(software_interrupt, NP, 0x42 * 8 + 2);
    reset_gate(0x42);
}

CASE(bad_gate_selector, "exceptions/gate-with-a-null-selector-is-gp-with-error-0")
{
    set_gate(0x42, software_interrupt, 0, GATE_INTERRUPT, 0);
    expect(software_interrupt, GP, 0);
    reset_gate(0x42);
}

CASE(data_gate_selector, "exceptions/gate-with-a-data-selector-is-gp-with-the-selector")
{
    set_gate(0x42, software_interrupt, KERNEL_DS, GATE_INTERRUPT, 0);
    expect(software_interrupt, GP, KERNEL_DS);
    reset_gate(0x42);
}

/* Section 6.15, double fault: a contributory exception while one is delivered. */
CASE(double_fault, "exceptions/contributory-fault-in-delivery-is-df")
{
    set_gate(UD, undefined, KERNEL_DS, GATE_INTERRUPT, 0);
    expect(undefined, GP, KERNEL_DS | 1); /* EXT: an exception was being delivered (6.13) */
    set_gate(DE, undefined, KERNEL_DS, GATE_INTERRUPT, 0);
    expect(divide_by_zero, DF, 0);
    reset_gate(UD);
    reset_gate(DE);
}

CASE(interrupt_gate, "exceptions/interrupt-gate-clears-if-and-trap-gate-keeps-it")
{
    expect_user(user_finish, FINISHED, 0);
    user_flags = IF;
    expect_user(user_finish, FINISHED, 0);
    check(event.flags & IF, "saved flags", event.flags);
    check(!(event.handler_flags & IF), "handler's flags", event.handler_flags);
    user_flags = 0;
}

CASE(length, "exceptions/instruction-over-15-bytes-is-gp-0")
{
    expect(too_long, GP, 0);
    expect_ip(too_long);
}

/* Section 17.3.1.1: faults save RF set, traps clear. QEMU 7.2 never sets it. */
CASE(resume_flag, "exceptions/faults-save-rf-and-traps-do-not")
{
    expect(undefined, UD, 0);
    check(event.flags & RF, "flags of a fault", event.flags);
    expect(breakpoint, BP, 0);
    check(!(event.flags & RF), "flags of a trap", event.flags);
}

CASE(nm, "exceptions/x87-and-sse-with-cr0-ts-are-nm")
{
    word cr0 = READ(cr0);

    WRITE(cr0, cr0 | CR0_TS);
    expect(fpu_add, NM, 0);
    expect(sse_move, NM, 0);
    expect(fpu_wait, NM, 0);
    WRITE(cr0, cr0 & ~2); /* MP clear: WAIT does not look at TS */
    WRITE(cr0, (cr0 & ~2) | CR0_TS);
    expect(fpu_wait, NONE, 0);
    WRITE(cr0, cr0);
}

CASE(em, "exceptions/x87-with-cr0-em-is-nm-and-sse-is-ud")
{
    word cr0 = READ(cr0);

    WRITE(cr0, cr0 | 4);
    expect(fpu_add, NM, 0);
    expect(sse_move, UD, 0);
    WRITE(cr0, cr0);
}

CASE(osfxsr, "exceptions/sse-without-osfxsr-is-ud")
{
    word cr4 = READ(cr4);

    WRITE(cr4, cr4 & ~0x200ul);
    expect(sse_move, UD, 0);
    WRITE(cr4, cr4);
}

CASE(mf, "exceptions/unmasked-x87-error-is-mf-at-the-next-instruction")
{
    uint16_t control = 0x37b;

    __asm__ volatile("fninit; fldcw %0" : : "m"(control));
    expect(x87_divide, MF, 0);
    expect_ip(mf_here);
    __asm__ volatile("fninit");
}

/* QEMU 7.2 never raises it. */
CASE(xm, "exceptions/unmasked-sse-error-is-xm-at-the-instruction")
{
    uint32_t control = 0x1f80 & ~0x280u, masked = 0x1f80;
    static const float one[4] __attribute__((aligned(16))) = { 1, 1, 1, 1 };

    __asm__ volatile("movaps %0, %%xmm2; movaps %0, %%xmm0; ldmxcsr %1" : : "m"(one), "m"(control));
    expect(sse_divide, XM, 0);
    expect_ip(xm_here);
    __asm__ volatile("ldmxcsr %0" : : "m"(masked));
}

/* QEMU 7.2 has no alignment check. */
CASE(ac, "exceptions/alignment-is-checked-in-user-mode-only")
{
    word cr0 = READ(cr0);

    WRITE(cr0, cr0 | CR0_AM);
    expect(kernel_misaligned, NONE, 0);
    expect_user(user_misaligned, AC, 0);
    WRITE(cr0, cr0 & ~(word)CR0_AM);
    expect_user(user_misaligned, FINISHED, 0);
    WRITE(cr0, cr0);
}
