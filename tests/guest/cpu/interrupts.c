/* SPDX-License-Identifier: MIT */
/* Interrupts, NMI and their shadows, sent by the local APIC to itself (SDM volume 3, ch. 6 and 10).
 */
#include "guest.h"

enum {
    APIC_ID = 0x20,
    APIC_EOI = 0xb0,
    APIC_SVR = 0xf0,
    APIC_ICR_LOW = 0x300,
    APIC_ICR_HIGH = 0x310,
    APIC_TPR = 0x80,
    APIC_LVT_TIMER = 0x320,
    APIC_LINT0 = 0x350,
    APIC_INITIAL_COUNT = 0x380,
    APIC_CURRENT_COUNT = 0x390,
    APIC_DIVIDE = 0x3e0,
    DIVIDE_BY_1 = 0xb,
    LVT_MASKED = 1 << 16,
    LVT_PERIODIC = 1 << 17,
    LVT_EXTINT = 7 << 8,
    SVR_ENABLE = 0x100,
    ICR_SELF = 1 << 18,
    ICR_NMI = 4 << 8,
    ICR_BUSY = 1 << 12,
    LOW_VECTOR = 0x51,
    HIGH_VECTOR = 0x91,
};
#define APIC_BASE 0xfee00000ul

static volatile uint32_t *apic(unsigned offset)
{
#ifdef __x86_64__
    page_test[511] = APIC_BASE | PTE_P | PTE_W | 1 << 4; /* uncached */
    __asm__ volatile("" : : : "memory");
    return (volatile uint32_t *)(TEST_PAGES + 511 * 4096 + offset);
#else
    return (volatile uint32_t *)(APIC_BASE + offset);
#endif
}

static void send(uint32_t command)
{
    *apic(APIC_ICR_HIGH) = *apic(APIC_ID);
    *apic(APIC_ICR_LOW) = command;
    while (*apic(APIC_ICR_LOW) & ICR_BUSY) {
    }
}

static void begin(void)
{
    *apic(APIC_SVR) = SVR_ENABLE | 0xff;
    *apic(APIC_TPR) = 0;
}

static void finish_interrupt(void)
{
    *apic(APIC_EOI) = 0;
}

CODE(take, "sti\n nop\n take_next: nop\n cli\n ret");
CODE(take_across, "mov across_at, %ecx\n sti\n addl $1, (%ecx)\n across_next: nop\n cli\n ret");
CODE(take_sti_cli, "sti\n cli\n nop\n nop\n ret");
CODE(take_sti_mov_ss,
     "mov %ss, %ecx\n sti\n mov %ecx, %ss\n after_mov_ss: nop\n after_shadow: nop\n cli\n ret");
CODE(take_hlt, "sti\n hlt\n hlt_next: cli\n ret");
CODE(no_op, "nop\n nop\n ret");
CODE(load_bad, "mov $0xfff8, %eax\n mov %eax, %fs\n ret");

word across_at;
extern char across_next[], take_next[], after_shadow[], after_mov_ss[], hlt_next[];

CASE(sti_shadow, "interrupts/sti-lets-one-more-instruction-run")
{
    begin();
    send(ICR_SELF | LOW_VECTOR);
    expect(take, LOW_VECTOR, 0);
    expect_ip(take_next);
    finish_interrupt();
}

/* Its two accesses are in two pages: not what most are compiled for. */
CASE(sti_across, "interrupts/sti-lets-an-instruction-run-that-crosses-a-page")
{
    static uint8_t memory[2 * 4096] __attribute__((aligned(4096)));
    uint32_t value;

    begin();
    across_at = (word)&memory[4096 - 2];
    for (unsigned i = 1; i <= 3; i++) {
        send(ICR_SELF | LOW_VECTOR);
        expect(take_across, LOW_VECTOR, 0);
        expect_ip(across_next);
        memcpy(&value, &memory[4096 - 2], sizeof(value));
        check(value == i, "added to once", value);
        finish_interrupt();
    }
}

CASE(sti_cli, "interrupts/sti-followed-by-cli-opens-no-window")
{
    begin();
    send(ICR_SELF | LOW_VECTOR);
    expect(take_sti_cli, NONE, 0);
    expect(take, LOW_VECTOR, 0);
    finish_interrupt();
}

CASE(mov_ss_shadow, "interrupts/mov-ss-in-the-shadow-of-sti-is-followed-by-a-window")
{
    begin();
    send(ICR_SELF | LOW_VECTOR);
    expect(take_sti_mov_ss, LOW_VECTOR, 0);
    check(event.ip == (word)after_shadow || event.ip == (word)after_mov_ss, "instruction pointer",
          event.ip);
    finish_interrupt();
}

CASE(hlt, "interrupts/hlt-wakes-after-itself")
{
    begin();
    send(ICR_SELF | LOW_VECTOR);
    expect(take_hlt, LOW_VECTOR, 0);
    check(event.ip == (word)hlt_next || event.ip == (word)hlt_next - 1, "instruction pointer",
          event.ip);
    finish_interrupt();
}

CASE(priority, "interrupts/higher-vector-comes-first-and-holds-off-the-lower")
{
    begin();
    send(ICR_SELF | LOW_VECTOR);
    send(ICR_SELF | HIGH_VECTOR);
    expect(take, HIGH_VECTOR, 0);
    expect(take, NONE, 0);
    finish_interrupt();
    expect(take, LOW_VECTOR, 0);
    finish_interrupt();
}

CASE(task_priority, "interrupts/task-priority-holds-off-its-class")
{
    begin();
    *apic(APIC_TPR) = HIGH_VECTOR & 0xf0;
    send(ICR_SELF | HIGH_VECTOR);
    expect(take, NONE, 0);
    *apic(APIC_TPR) = 0;
    expect(take, HIGH_VECTOR, 0);
    finish_interrupt();
}

/* The timer's count is up again: a period has ended. */
static bool period_ended(void)
{
    static uint32_t last;
    uint32_t now = *apic(APIC_CURRENT_COUNT);
    bool ended = now > last;

    last = now;
    return ended;
}

/* Ticks of the timer that come in with `periods` of them. */
static unsigned ticks_within(unsigned periods)
{
    unsigned taken = 0;

    while (periods) {
        taken += try_run(take) && event.vector == LOW_VECTOR;
        finish_interrupt();
        periods -= period_ended();
    }
    return taken;
}

/* Periods of 10 ms: ten without a window for interrupts, then five. */
CASE(timer_ticks, "interrupts/timer-ticks-that-had-to-wait-come-later")
{
    begin();
    *apic(APIC_DIVIDE) = DIVIDE_BY_1;
    *apic(APIC_LVT_TIMER) = LVT_PERIODIC | LOW_VECTOR;
    *apic(APIC_INITIAL_COUNT) = 10000000;
    for (unsigned periods = 10; periods; periods -= period_ended()) {
    }
    unsigned taken = ticks_within(5);
    check(taken > 7, "ticks in five periods after ten", taken);
    *apic(APIC_LVT_TIMER) = LVT_MASKED;
    *apic(APIC_INITIAL_COUNT) = 0;
    if (try_run(take))
        finish_interrupt();
}

enum { MSR_APIC_BASE = 0x1b, BASE_ENABLE = 1 << 11, APIC_VERSION = 0x30, ABSENT = -1 };
#define OTHER_BASE 0x80000000ul

static uint32_t version_at(word base)
{
#ifdef __x86_64__
    page_test[510] = base | PTE_P | PTE_W | 1 << 4;
    __asm__ volatile("invlpg (%0)" : : "r"(TEST_PAGES + 510 * 4096) : "memory");
    return *(volatile uint32_t *)(TEST_PAGES + 510 * 4096 + APIC_VERSION);
#else
    return *(volatile uint32_t *)(base + APIC_VERSION);
#endif
}

/* IA32_APIC_BASE, section 11.4.4 and 11.4.5. */
CASE(apic_base, "interrupts/apic-page-moves-and-goes-with-its-base")
{
    uint64_t base = rdmsr(MSR_APIC_BASE);
    uint32_t version = version_at(APIC_BASE);

    wrmsr(MSR_APIC_BASE, (base & 0xfff) | OTHER_BASE);
    check(version_at(OTHER_BASE) == version, "version at the new place", version_at(OTHER_BASE));
    check(version_at(APIC_BASE) != version, "version at the old place", version_at(APIC_BASE));
    check(rdmsr(MSR_APIC_BASE) == ((base & 0xfff) | OTHER_BASE), "the base", rdmsr(MSR_APIC_BASE));
    wrmsr(MSR_APIC_BASE, base);
    check(version_at(APIC_BASE) == version, "version back at the old place", version_at(APIC_BASE));
    check(version_at(OTHER_BASE) != version, "version after moving back", version_at(OTHER_BASE));
    wrmsr(MSR_APIC_BASE, base & ~(uint64_t)BASE_ENABLE);
    check(version_at(APIC_BASE) == (uint32_t)ABSENT, "version when off", version_at(APIC_BASE));
    wrmsr(MSR_APIC_BASE, base);
    check(version_at(APIC_BASE) == version, "version when on again", version_at(APIC_BASE));
}

static void send_nmi(void)
{
    *apic(APIC_ICR_HIGH) = *apic(APIC_ID);
    *apic(APIC_ICR_LOW) = ICR_NMI | 1 << 14;
    for (int i = 0; i < 1000; i++) {
        __asm__ volatile("pause");
    }
}

static void iret_here(void)
{
#ifdef __x86_64__
    __asm__ volatile("mov %%rsp, %%rcx; pushq %0; push %%rcx; pushf; pushq %1; push $1f; iretq; 1:"
                     :
                     : "i"(KERNEL_DS), "i"(KERNEL_CS)
                     : "rcx", "memory");
#else
    __asm__ volatile("pushf; pushl %0; push $1f; iret; 1:" : : "i"(KERNEL_CS) : "memory");
#endif
}

/* NMIs stay blocked until the next IRET, wherever it goes (section 6.7.1). */
CASE(nmi, "interrupts/nmi-comes-whatever-if-and-is-blocked-until-iret")
{
    begin();
    expect(send_nmi, NMI, 0);
    expect(send_nmi, NONE, 0);
    expect(iret_here, NMI, 0);
    iret_here();
    expect(no_op, NONE, 0);
}

CASE(spurious_after_fault, "interrupts/fault-before-a-window-comes-first")
{
    begin();
    send(ICR_SELF | LOW_VECTOR);
    expect(load_bad, GP, 0xfff8);
    expect(take, LOW_VECTOR, 0);
    finish_interrupt();
}

/* 8259s: initialise, mask all but the cascade and IRQ 13, which gets vector FERR_VECTOR. */
enum { FERR_VECTOR = 0x5d, PIC1 = 0x20, PIC2 = 0xa0, PIC_EOI = 0x20 };

static void begin_pics(void)
{
    static const uint8_t words[2][4] = { { 0x11, 0x50, 4, 1 }, { 0x11, FERR_VECTOR - 5, 2, 1 } };

    for (unsigned i = 0; i < 2; i++) {
        unsigned base = i ? PIC2 : PIC1;
        out8(base, words[i][0]);
        for (unsigned k = 1; k < 4; k++)
            out8(base + 1, words[i][k]);
    }
    out8(PIC1 + 1, 0xfb);
    out8(PIC2 + 1, 0xdf);
    *apic(APIC_LINT0) = LVT_EXTINT;
}

CODE(ferr_divide, "fldz\n fld1\n fdiv %st(1), %st\n sti\n nop\n nop\n fwait\n cli\n ret");
CODE(ferr_ignore,
     "xor %eax, %eax\n out %al, $0xf0\n fwait\n fld1\n sti\n nop\n nop\n cli\n fnclex\n ret");

CASE(ferr, "interrupts/x87-error-without-cr0-ne-is-irq-13-until-port-f0")
{
    uint16_t control = 0x37b;
    word cr0 = READ(cr0);

    begin();
    begin_pics();
    WRITE(cr0, cr0 & ~0x20ul);
    __asm__ volatile("fninit; fldcw %0" : : "m"(control));
    expect(ferr_divide, FERR_VECTOR, 0);
    out8(PIC2, PIC_EOI);
    out8(PIC1, PIC_EOI);
    expect(ferr_ignore, NONE, 0);
    __asm__ volatile("fninit");
    WRITE(cr0, cr0);
    out8(PIC1 + 1, 0xff);
    out8(PIC2 + 1, 0xff);
}
