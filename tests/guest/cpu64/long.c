/* SPDX-License-Identifier: MIT */
/* What only long mode has: system calls, IST, canonical addresses, compatibility mode, CR8. */
#include "guest.h"

enum {
    EFER = 0xc0000080,
    TSC = 0x10,
    STAR = 0xc0000081,
    LSTAR = 0xc0000082,
    CSTAR = 0xc0000083,
    FMASK = 0xc0000084,
    FS_BASE = 0xc0000100,
    GS_BASE = 0xc0000101,
    KERNEL_GS_BASE = 0xc0000102,
    TSC_AUX = 0xc0000103,
    SYSENTER_CS = 0x174,
    SYSENTER_ESP = 0x175,
    SYSENTER_EIP = 0x176,
    EFER_SCE = 1,
};

word call_cs, call_ss, call_flags, call_rcx, call_r11, call_rsp;

CODE(user_syscall,
     "mov %rsp, %rbx\n stc\n syscall\n syscall_next: mov %cs, %ecx\n mov %ss, %edx\n int $0x80");
CODE(syscall_target,
     "mov %rsp, call_rsp\n mov %rcx, call_rcx\n mov %r11, call_r11\n mov $exception_stack, %rsp\n"
     "mov %cs, call_cs\n mov %ss, call_ss\n pushf\n pop call_flags\n mov call_rsp, %rsp\n sysretq");
CODE(syscall_to_32, "mov $exception_stack, %rsp\n mov %rbx, %rsp\n mov $compatibility + "
                    "0x80000000, %ecx\n sysretl");
CODE(user_sysret, "sysretq");
CODE(user_sysenter, "mov %rsp, %rcx\n lea 1f(%rip), %rdx\n sysenter\n ud2\n 1: mov %cs, %ecx\n mov "
                    "%ss, %edx\n int $0x80");
CODE(sysenter_target, "mov %rsp, call_rsp\n mov %cs, call_cs\n mov %ss, call_ss\n sysexitq");
CODE(syscall_bad_return, "movabs $0x800000000000, %rcx\n sysretq");
extern char syscall_next[];

__asm__(".pushsection .text\n.code32\ncompatibility: mov %cs, %ecx\n mov %ss, %edx\n int "
        "$0x80\n.code64\n.popsection\n");

static void begin(void)
{
    wrmsr(EFER, rdmsr(EFER) | EFER_SCE);
    wrmsr(STAR, (uint64_t)(USER_CS32) << 48 | (uint64_t)KERNEL_CS32 << 32);
    wrmsr(FMASK, CF | IF);
    wrmsr(LSTAR, (word)syscall_target);
}

CASE(syscall, "long/syscall-keeps-rip-and-flags-and-sysret-returns-them")
{
    begin();
    expect_user(user_syscall, FINISHED, 0);
    check(call_cs == KERNEL_CS32, "cs of the target", call_cs);
    check(call_ss == KERNEL_DS, "ss of the target", call_ss);
    check(!(call_flags & CF), "masked flags", call_flags);
    check(call_r11 & CF, "flags in r11", call_r11);
    check(call_rcx == (word)syscall_next + USER_ALIAS, "rcx", call_rcx);
    check(call_rsp == event.bx, "rsp is not switched", call_rsp);
    check((event.cx & 0xffff) == USER_CS64, "cs after sysret", event.cx);
    check((event.dx & 0xffff) == USER_DS, "ss after sysret", event.dx);
    check(event.flags & CF, "flags after sysret", event.flags);
}

CASE(syscall_32, "long/sysretl-returns-to-compatibility-mode")
{
    begin();
    wrmsr(LSTAR, (word)syscall_to_32);
    expect_user(user_syscall, FINISHED, 0);
    check((event.cx & 0xffff) == USER_CS32, "cs after sysret", event.cx);
}

CASE(syscall_off, "long/syscall-without-efer-sce-is-ud")
{
    begin();
    wrmsr(EFER, rdmsr(EFER) & ~(uint64_t)EFER_SCE);
    expect_user(user_syscall, UD, 0);
    wrmsr(EFER, rdmsr(EFER) | EFER_SCE);
}

CASE(sysret_user, "long/sysret-in-user-mode-is-gp")
{
    begin();
    expect_user(user_sysret, GP, 0);
}

CODE(write_msr, "mov code_argument, %rcx\n xor %eax, %eax\n mov $0x8000, %edx\n wrmsr\n ret");
CASE(msr, "long/non-canonical-address-in-an-msr-is-gp")
{
    static const uint32_t list[] = { LSTAR, CSTAR, FS_BASE, GS_BASE, KERNEL_GS_BASE };
    for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        code_argument = list[i];
        expect(write_msr, GP, 0);
    }
    code_argument = 0x12345678; /* no such register */
    expect(write_msr, GP, 0);
}

CASE(sysenter, "long/sysenter-and-sysexit-take-their-registers")
{
    bool amd = cpuid(0, 0).c == 0x444d4163; /* cAMD: long mode has no SYSENTER there */
    if (amd) {
        expect_user(user_sysenter, UD, 0);
        return;
    }
    wrmsr(SYSENTER_CS, KERNEL_CS32);
    wrmsr(SYSENTER_ESP, (word)exception_stack);
    wrmsr(SYSENTER_EIP, (word)sysenter_target);
    expect_user(user_sysenter, FINISHED, 0);
    check(call_rsp == (word)exception_stack, "rsp of the target", call_rsp);
    check(call_cs == KERNEL_CS32 && call_ss == KERNEL_DS, "cs of the target", call_cs);
    check((event.cx & 0xffff) == ((KERNEL_CS32 + 32) | 3), "cs after sysexit", event.cx);
    check((event.dx & 0xffff) == ((KERNEL_CS32 + 40) | 3), "ss after sysexit", event.dx);
    wrmsr(SYSENTER_CS, 0);
    expect_user(user_sysenter, GP, 0);
}

CODE(swap_gs, "swapgs\n ret");
CODE(user_swapgs, "swapgs\n int $0x80");
CASE(swapgs, "long/swapgs-exchanges-the-bases-in-the-kernel-only")
{
    wrmsr(GS_BASE, 0x1111);
    wrmsr(KERNEL_GS_BASE, 0x2222);
    expect(swap_gs, NONE, 0);
    check(rdmsr(GS_BASE) == 0x2222 && rdmsr(KERNEL_GS_BASE) == 0x1111, "gs base", rdmsr(GS_BASE));
    expect_user(user_swapgs, GP, 0);
}

static uint8_t ist_stack[2048] __attribute__((aligned(16)));
CODE(odd_stack, "sub $4, %rsp\n and $-16, %rsp\n sub $8, %rsp\n sub $3, %rsp\n int $0x42\n ret");
CODE(raise_ud, "ud2\n ret");

/* The flags of an operation that a block ends behind, for the next one to push them all. */
#define FLAGS_BEHIND(insn, a, b) \
    ({ \
        word flags_, x_ = (a); \
        __asm__ volatile(insn "\n jmp 1f\n .p2align 6\n 1: pushf\n pop %0" \
                         : "=r"(flags_), "+c"(x_) \
                         : "d"((word)(b)) \
                         : "cc"); \
        flags_ & ARITHMETIC; \
    })

CASE(flags_behind, "long/flags-of-another-block-are-pushed")
{
    enum {
        P = 1 << 2, A = 1 << 4, Z = 1 << 6, S = 1 << 7, O = 1 << 11,
        ARITHMETIC = CF | P | A | Z | S | O,
    };
    /* Exits are not linked at first. */
    for (unsigned round = 0; round < 3; round++) {
        check(FLAGS_BEHIND("subb %%dl, %%cl", 0x80, 1) == (O | A), "byte", round);
        check(FLAGS_BEHIND("addb %%dl, %%cl", 0x1ff, 0x301) == (CF | P | A | Z), "byte", round);
        check(FLAGS_BEHIND("cmpw %%dx, %%cx", 0, 1) == (CF | P | A | S), "word", round);
        check(FLAGS_BEHIND("addw %%dx, %%cx", 0x8000, 0x8000) == (CF | P | Z | O), "word", round);
        check(FLAGS_BEHIND("addl %%edx, %%ecx", INT32_MAX, 1) == (P | A | S | O), "long", round);
        check(FLAGS_BEHIND("cmpl %%edx, %%ecx", 5, UINT64_MAX << 32 | 5) == (P | Z), "long", round);
        check(FLAGS_BEHIND("addq %%rdx, %%rcx", UINT64_MAX, 1) == (CF | P | A | Z), "quad", round);
        check(FLAGS_BEHIND("cmpq %%rdx, %%rcx", 1ull << 63, 1) == (P | A | O), "quad", round);
        check(FLAGS_BEHIND("testq %%rdx, %%rcx", 1ull << 63, 3ull << 62) == (P | S), "quad", round);
    }
}

CASE(rdtscp, "long/rdtscp-gives-tsc-aux-and-zeroes-the-upper-halves")
{
    uint64_t a = UINT64_MAX, d = UINT64_MAX, c = UINT64_MAX, before, between, after;

    if (!(cpuid(0x80000001, 0).d & 1u << 27)) {
        skip("no RDTSCP");
        return;
    }
    wrmsr(TSC_AUX, 0x89abcdef);
    before = rdmsr(TSC);
    __asm__ volatile("rdtscp" : "+a"(a), "+d"(d), "+c"(c));
    after = rdmsr(TSC);
    between = d << 32 | a;
    check(c == 0x89abcdef, "rcx", c);
    check(!(a >> 32), "rax", a);
    check(!(d >> 32), "rdx", d);
    check(before <= between && between <= after, "tsc", between);
}

CASE(ist, "long/gate-with-an-ist-number-switches-to-that-stack")
{
    main_tss.ist[1] = (word)(ist_stack + sizeof(ist_stack));
    set_gate(UD, (void (*)(void))0, KERNEL_CS, GATE_INTERRUPT, 2);
    reset_gate(UD);
    extern char gate_entries[];
    set_gate(UD, (void (*)(void))(gate_entries + 16 * UD), KERNEL_CS, GATE_INTERRUPT, 2);
    expect(raise_ud, UD, 0);
    check(event.handler_sp > (word)ist_stack &&
              event.handler_sp < (word)ist_stack + sizeof(ist_stack),
          "handler's stack", event.handler_sp);
    check(event.ss == KERNEL_DS, "ss", event.ss);
    reset_gate(UD);
}

CASE(aligned, "long/interrupt-aligns-the-stack-to-16-bytes")
{
    expect(odd_stack, 0x42, 0);
    /* SS, RSP, RFLAGS, CS, RIP, error code and vector above the frame: 7 words from the top. */
    check((event.sp & 15) == 5, "interrupted rsp", event.sp & 15);
    check((event.handler_sp + (16 + 7) * 8) % 16 == 0, "top of the frame",
          event.handler_sp + (16 + 7) * 8);
}

CODE(read_far, "movabs $0x800000000000, %rcx\n mov (%rcx), %al\n ret");
CODE(read_far_stack,
     "mov %rbp, %rdx\n movabs $0x800000000000, %rbp\n mov (%rbp), %al\n mov %rdx, %rbp\n ret");
CODE(jump_far, "movabs $0x800000000000, %rcx\n jump_far_here: jmp *%rcx");
CODE(iret_far, "mov %rsp, %rdx\n pushq $0x10\n push %rdx\n pushq $2\n pushq $0x18\n movabs "
               "$0x800000000000, %rcx\n push %rcx\n"
               "iret_far_here: iretq");
CODE(call_far, "mov %rsp, %rdx\n movabs $0x800000000000, %rcx\n call_far_here: call *%rcx");
CODE(ret_far_away, "mov %rsp, %rdx\n movabs $0x800000000000, %rcx\n push %rcx\n"
                   "ret_far_away_here: ret");
CODE(ret_pop_far_away, "mov %rsp, %rdx\n movabs $0x4141414141414141, %rcx\n push %rcx\n"
                       "ret_pop_far_away_here: ret $24");
extern char jump_far_here[], call_far_here[], ret_far_away_here[], ret_pop_far_away_here[];

CASE(canonical, "long/non-canonical-address-is-gp-or-through-rbp-ss")
{
    expect(read_far, GP, 0);
    expect(read_far_stack, SS, 0);
    expect(jump_far, GP, 0);
    expect_ip(jump_far_here);
    expect(iret_far, GP, 0);
}

/* SDM vol. 2, CALL and RET: RSP is as it was where the target is refused. */
CASE(branches, "long/branch-to-non-canonical-address-changes-nothing")
{
    expect(call_far, GP, 0);
    expect_ip(call_far_here);
    check(event.sp == event.dx, "rsp at a call", event.sp);
    for (unsigned i = 0; i < 3; i++) {
        expect(ret_far_away, GP, 0);
        expect_ip(ret_far_away_here);
        check(event.sp == event.dx - 8, "rsp at a return", event.sp);
        expect(ret_pop_far_away, GP, 0);
        expect_ip(ret_pop_far_away_here);
        check(event.sp == event.dx - 8, "rsp at a return that pops", event.sp);
    }
}

CODE(iret_nested, "pushfq\n orl $0x4000, (%rsp)\n popfq\n mov %rsp, %rdx\n pushq $0x10\n push "
                  "%rdx\n pushq $2\n pushq $0x18\n"
                  "push $1f\n iretq\n 1: ret");
CODE(iret_null_ss, "mov %rsp, %rdx\n pushq $0\n push %rdx\n pushq $2\n pushq $0x18\n push $1f\n "
                   "iretq\n 1: mov %ss, %ecx\n"
                   "mov $0x10, %eax\n mov %eax, %ss\n cmp $0, %ecx\n je 2f\n ud2\n 2: ret");
CASE(iret, "long/iret-refuses-nesting-and-takes-a-null-ss-inside-the-kernel")
{
    expect(iret_nested, GP, 0);
    expect(iret_null_ss, NONE, 0);
}

__asm__(".pushsection .text\n.code32\ncompat_probe: mov $0xffffffff, %eax\n inc %eax\n mov %eax, "
        "call_rcx\n mov %esp, %ecx\n"
        "ljmp *compat_back\n.code64\n.popsection\n");
struct {
    uint32_t offset;
    uint16_t selector;
} __attribute__((packed)) compat_there, compat_back;
extern char compat_probe[], compat_return[];
CODE(enter_compat, "movabs $0x1234567812345678, %rax\n ljmp *compat_there\n compat_return: ret");

CASE(compatibility_mode, "long/far-jump-goes-to-compatibility-mode-and-back")
{
    compat_there.offset = (uint32_t)(word)compat_probe;
    compat_there.selector = KERNEL_CS32;
    compat_back.offset = (uint32_t)(word)compat_return;
    compat_back.selector = KERNEL_CS64;
    call_rcx = 1;
    expect(enter_compat, NONE, 0);
    check((uint32_t)call_rcx == 0, "32-bit increment", call_rcx);
}

CODE(far_both, "ljmp *compat_there\n ret");
CASE(code_with_both, "long/code-segment-with-l-and-d-is-gp")
{
    set_descriptor(FREE_1, segment(0, 0xfffff, 0x9b, 0xe));
    compat_there.offset = (uint32_t)(word)compat_probe;
    compat_there.selector = FREE_1;
    expect(far_both, GP, FREE_1);
}

CASE(gate, "long/call-gate-has-16-bytes-and-enters-64-bit-code")
{
    extern void long_gate_target(void), long_call(void);
    call_gate(FREE_1, long_gate_target, KERNEL_CS64, 3, 0);
    call_cs = 0;
    expect_user(long_call, FINISHED, 0);
    check(call_cs == KERNEL_CS64, "cs in the target", call_cs);
    check(event.cs == USER_CS64, "cs after the return", event.cs);
}
CODE(long_gate_target, "mov %cs, call_cs\n lretq");
CODE(long_call, "push $0\n movl $0x53, 4(%rsp)\n lcall *(%rsp)\n int $0x80");

CODE(write_cr8, "mov code_argument, %rax\n mov %rax, %cr8\n ret");
CASE(cr8, "long/cr8-is-the-task-priority-and-refuses-more-than-four-bits")
{
    word value;
    code_argument = 5;
    expect(write_cr8, NONE, 0);
    __asm__ volatile("mov %%cr8, %0" : "=r"(value));
    check(value == 5, "cr8", value);
    code_argument = 16;
    expect(write_cr8, GP, 0);
    code_argument = 0;
    expect(write_cr8, NONE, 0);
}

CODE(disable_paging_pae, "mov %cr4, %rax\n and $~0x20, %rax\n mov %rax, %cr4\n ret");
CODE(cr0_bad, "mov %cr0, %rax\n and $~1, %rax\n mov %rax, %cr0\n ret");
CODE(cr3_bad, "movabs $0x8000000000000000, %rax\n bts $62, %rax\n mov %rax, %cr3\n ret");
CODE(cr4_bad, "mov %cr4, %rax\n bts $31, %rax\n mov %rax, %cr4\n ret");
CODE(efer_bad, "mov $0xc0000080, %ecx\n rdmsr\n btr $8, %eax\n wrmsr\n ret");
CASE(control, "long/control-registers-refuse-what-long-mode-cannot-be")
{
    expect(disable_paging_pae, GP, 0);
    expect(cr0_bad, GP, 0);
    expect(cr3_bad, GP, 0);
    expect(cr4_bad, GP, 0);
    expect(efer_bad, GP, 0);
}
