/* SPDX-License-Identifier: MIT */
/* The bare-metal CPU suite's library: descriptor tables, events, reports on the serial port. */
#include "guest.h"

enum {
    COM1 = 0x3f8,
    UART_LCR = 3,
    UART_LSR = 5,
    LCR_8N1 = 3,
    LCR_DLAB = 0x80,
    LSR_THRE = 0x20,
    DEBUG_EXIT = 0xf4,
    GATE_SIZE = 16, /* of the entries' code */
    TSS_ACCESS = 0x89,
};

struct frame {
    word ax, cx, dx, bx, kernel_sp, bp, si, di;
#ifdef __x86_64__
    word r8, r9, r10, r11, r12, r13, r14, r15;
#endif
    word vector, error, ip, cs, flags, sp, ss;
};

struct event event;
word code_argument;
struct tss main_tss;
#ifndef __x86_64__
struct tss other_tss, fault_tss;
#endif

/* Loaded by the first instructions of boot.S. */
uint64_t gdt[GDT_BYTES / 8] __attribute__((aligned(16))) = {
    [KERNEL_CS32 / 8] = 0x00cf9b000000ffff, [KERNEL_DS / 8] = 0x00cf93000000ffff,
    [KERNEL_CS64 / 8] = 0x00af9b000000ffff, [USER_CS32 / 8] = 0x00cffb000000ffff,
    [USER_DS / 8] = 0x00cff3000000ffff,     [USER_CS64 / 8] = 0x00affb000000ffff,
};
static uint64_t idt[256 * sizeof(word) / 4] __attribute__((aligned(16)));
static uint8_t user_stack[4096] __attribute__((aligned(16)));
static bool failed;
static const char *skipped;

extern const struct test cases_start[], cases_end[];
extern char gate_entries[];

struct table_register {
    uint16_t limit;
    word base;
} __attribute__((packed));

void guest_main(void);
void guest_event(const struct frame *frame);

/* The compiler clears and copies structures with them. */

void *memcpy(void *to, const void *from, size_t size)
{
    volatile uint8_t *target = to;
    const uint8_t *source = from;
    for (size_t i = 0; i < size; i++) {
        target[i] = source[i];
    }
    return to;
}

void *memset(void *at, int value, size_t size)
{
    volatile uint8_t *bytes = at;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)value;
    }
    return at;
}

static void put(char c)
{
    while (!(in8(COM1 + UART_LSR) & LSR_THRE)) {
    }
    out8(COM1, (uint8_t)c);
}

void print(const char *text)
{
    for (; *text; text++) {
        put(*text);
    }
}

void print_hex(word value)
{
    bool started = false;

    print("0x");
    for (int shift = sizeof(word) * 8 - 4; shift >= 0; shift -= 4) {
        unsigned digit = value >> shift & 15;
        started |= digit != 0 || shift == 0;
        if (started) {
            put("0123456789abcdef"[digit]);
        }
    }
}

static void print_number(unsigned value)
{
    if (value >= 10) {
        print_number(value / 10);
    }
    put((char)('0' + value % 10));
}

static void finish(uint8_t status)
{
    out8(DEBUG_EXIT, status);
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}

struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid"
                     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

uint64_t segment(uint32_t base, uint32_t limit, unsigned access, unsigned flags)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)access << 40 |
           (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)flags << 52 |
           (uint64_t)(base >> 24) << 56;
}

void set_descriptor(unsigned selector, uint64_t value)
{
    *(volatile uint64_t *)&gdt[selector / 8] = value;
}

uint64_t get_descriptor(unsigned selector)
{
    return *(volatile uint64_t *)&gdt[selector / 8];
}

void call_gate(unsigned selector, void (*code)(void), unsigned target, unsigned dpl,
               unsigned parameters)
{
    word at = (word)code;
    set_descriptor(selector, (at & 0xffff) | (uint64_t)target << 16 |
                                 (uint64_t)(0x8c00 | dpl << 13 | parameters) << 32 |
                                 (uint64_t)(at >> 16 & 0xffff) << 48);
#ifdef __x86_64__
    set_descriptor(selector + 8, at >> 32);
#endif
}

void set_gate(unsigned vector, void (*code)(void), unsigned selector, unsigned type, unsigned ist)
{
    word at = (word)code;
    uint64_t low = (at & 0xffff) | (uint64_t)selector << 16 | (uint64_t)(type << 8 | ist) << 32 |
                   (uint64_t)(at >> 16 & 0xffff) << 48;
#ifdef __x86_64__
    idt[vector * 2] = low;
    idt[vector * 2 + 1] = at >> 32;
#else
    idt[vector] = low;
#endif
}

void reset_gate(unsigned vector)
{
    void (*code)(void) = (void (*)(void))(gate_entries + GATE_SIZE * vector);
    unsigned open = vector == FINISHED || vector == BP || vector == OF ? GATE_DPL3 : 0;
    set_gate(vector, code, KERNEL_CS, GATE_INTERRUPT | open, 0);
}

void restore_task_register(void)
{
    set_descriptor(MAIN_TSS, get_descriptor(MAIN_TSS) & ~(2ull << 40));
    __asm__ volatile("ltr %w0; clts" : : "r"(MAIN_TSS));
}

static void set_tables(void)
{
    struct table_register gdt_now = { sizeof(gdt) - 1, (word)gdt };
    struct table_register idt_now = { sizeof(word) * 512 - 1, (word)idt };

    for (unsigned vector = 0; vector < 256; vector++) {
        reset_gate(vector);
    }
    set_descriptor(MAIN_TSS,
                   segment((uint32_t)(word)&main_tss, sizeof(main_tss) - 1, TSS_ACCESS, 0));
#ifdef __x86_64__
    main_tss.rsp0 = (word)exception_stack;
#else
    main_tss.esp0 = (word)exception_stack;
    main_tss.ss0 = KERNEL_DS;
#endif
    main_tss.iomap = sizeof(main_tss);
    __asm__ volatile("lgdt %0; lidt %1; lldt %w2; ltr %w3"
                     :
                     : "m"(gdt_now), "m"(idt_now), "r"(0), "r"(MAIN_TSS));
}

/* Called from every gate: keep what it shows, then boot.S goes back to the caller of try_run(). */
void guest_event(const struct frame *frame)
{
    event = (struct event){
        .vector = frame->vector,
        .error = frame->error,
        .ip = frame->ip,
        .cs = frame->cs,
        .flags = frame->flags,
        .sp = frame->sp,
        .ss = frame->ss,
        .ax = frame->ax,
        .cx = frame->cx,
        .dx = frame->dx,
        .bx = frame->bx,
        .si = frame->si,
        .di = frame->di,
        .bp = frame->bp,
        .cr2 = READ(cr2),
        .handler_sp = (word)frame,
    };
    __asm__ volatile("pushf; pop %0" : "=r"(event.handler_flags));
    if (!recover_stack) {
        print("# no case expects vector ");
        print_hex(event.vector);
        print(" at ");
        print_hex(event.ip);
        print("\n");
        finish(1);
    }
}

#ifdef __x86_64__
CODE(enter_user,
     "pushq $0x2b; push %rbx; push %rsi; pushq $0x33; push %rdx; mov code_argument, %rax; iretq");
#else
CODE(enter_user,
     "pushl $0x2b; push %ebx; push %esi; pushl $0x23; push %edx; mov $0x2b, %eax; mov %eax, %ds;"
     "mov %eax, %es; mov code_argument, %eax; iret");
#endif

static void (*user_code)(void);
word user_flags;

static void user_entry(void)
{
    word code = (word)user_code, stack = (word)(user_stack + sizeof(user_stack) - 64);
#ifdef __x86_64__
    code += USER_ALIAS;
    stack += USER_ALIAS;
#endif
    __asm__ volatile("jmp enter_user" : : "d"(code), "b"(stack), "S"(user_flags | 2));
}

static void expect_event(bool happened, word vector, word error)
{
    if (!happened) {
        event = (struct event){ .vector = NONE };
    }
    check(event.vector == vector, "vector", event.vector);
    if (vector != NONE && event.vector == vector) {
        check(event.error == error, "error code", event.error);
    }
}

void run_user(void (*code)(void))
{
    user_code = code;
    if (!try_run(user_entry)) {
        event = (struct event){ .vector = NONE };
    }
}

void expect(void (*code)(void), word vector, word error)
{
    expect_event(try_run(code), vector, error);
}

void expect_user(void (*code)(void), word vector, word error)
{
    run_user(code);
    expect_event(event.vector != NONE, vector, error);
}

void expect_ip(const void *address)
{
    word want = (word)address;
#ifdef __x86_64__
    want += (event.cs & 3) == 3 ? USER_ALIAS : 0;
#endif
    check(event.ip == want, "instruction pointer less expected", event.ip - want);
}

void check(bool good, const char *what, word found)
{
    if (!good) {
        failed = true;
        print("# ");
        print(what);
        print(": ");
        print_hex(found);
        print("\n");
    }
}

void skip(const char *reason)
{
    skipped = reason;
}

static bool run_case(const struct test *test, unsigned number)
{
    failed = false;
    skipped = NULL;
    test->run();
    print(failed ? "not ok " : "ok ");
    print_number(number);
    print(" - ");
    print(test->name);
    if (skipped && !failed) {
        print(" # SKIP ");
        print(skipped);
    }
    print("\n");
    return !failed;
}

void guest_main(void)
{
    unsigned number = 0;
    bool good = true;

    out8(COM1 + UART_LCR, LCR_DLAB);
    out8(COM1, 1);
    out8(COM1 + 1, 0);
    out8(COM1 + UART_LCR, LCR_8N1);
    set_tables();
    print("1..");
    print_number((unsigned)(cases_end - cases_start));
    print("\n");
    for (const struct test *test = cases_start; test < cases_end; test++) {
        good &= run_case(test, ++number);
    }
    print("guest-done\n");
    finish(good ? 0 : 1);
}
