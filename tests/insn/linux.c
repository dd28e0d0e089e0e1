/* SPDX-License-Identifier: MIT */
/*
 * The instruction suite as a static Linux program without a C library: system calls, the arena's
 * pages, and a signal handler that records a fault's registers, vector and error code.
 */
#include "suite.h"

#include <asm/unistd.h>
#include <linux/mman.h>
#include <linux/signal.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>

/* The fourth argument of rt_sigaction(): bytes of a signal set. */
enum { SIGSET_BYTES = 8, STANDARD_OUTPUT = 1 };

/* What rt_sigaction() takes; the C header of i386 holds the layout of an older call. */
struct signal_action {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void (*restorer)(void);
    uint8_t mask[SIGSET_BYTES];
};

static uint8_t signal_stack[65536] __attribute__((aligned(64)));

#ifdef __x86_64__
static long system_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#define CALL_MMAP __NR_mmap
#else
static long system_call(long number, long a, long b, long c, long d, long e, long f)
{
    long sixth[2] = { f, number };
    long result;
    __asm__ volatile("push %%ebp\n\t"
                     "mov (%%eax), %%ebp\n\t"
                     "mov 4(%%eax), %%eax\n\t"
                     "int $0x80\n\t"
                     "pop %%ebp"
                     : "=a"(result)
                     : "a"(sixth), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                     : "memory");
    return result;
}
#define CALL_MMAP __NR_mmap2
#endif

void platform_write(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    while (size > 0) {
        long done = system_call(__NR_write, STANDARD_OUTPUT, (long)bytes, (long)size, 0, 0, 0);
        if (done <= 0) {
            system_call(__NR_exit, 2, 0, 0, 0, 0, 0);
        }
        bytes += done;
        size -= (size_t)done;
    }
}

static void map(uintptr_t address, size_t size, int protection)
{
    system_call(CALL_MMAP, (long)address, (long)size, protection,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    /* A page that is present tells of its fault the same as the bare machine's. */
    for (size_t at = 0; at < size; at += PAGE_SIZE) {
        volatile uint8_t *page = (uint8_t *)address + at;
        if (protection & PROT_WRITE) {
            *page = 0;
        } else {
            (void)*page;
        }
    }
}

#ifdef __x86_64__
static void keep_registers(const struct sigcontext_64 *context)
{
    const uint64_t gpr[16] = {
        context->ax,  context->cx,  context->dx,  context->bx,  context->sp,  context->bp,
        context->si,  context->di,  context->r8,  context->r9,  context->r10, context->r11,
        context->r12, context->r13, context->r14, context->r15,
    };
    for (int i = 0; i < 16; i++) {
        outcome.gpr[i] = gpr[i];
    }
    outcome.rip = context->ip;
    outcome.rflags = context->flags;
}
#define SIGCONTEXT struct sigcontext_64
#else
static void keep_registers(const struct sigcontext_32 *context)
{
    const uint32_t gpr[8] = { context->ax, context->cx, context->dx, context->bx,
                              context->sp, context->bp, context->si, context->di };
    for (int i = 0; i < 8; i++) {
        outcome.gpr[i] = gpr[i];
    }
    outcome.rip = context->ip;
    outcome.rflags = context->flags;
}
#define SIGCONTEXT struct sigcontext_32
#endif

enum { VECTOR_PF = 14 };

static void on_signal(int number, siginfo_t *info, void *data)
{
    struct ucontext *user = data;
    SIGCONTEXT *context = (SIGCONTEXT *)&user->uc_mcontext;

    (void)number;
    (void)info;
    keep_registers(context);
    outcome.vector = context->trapno;
    outcome.error = context->err;
    outcome.cr2 = context->trapno == VECTOR_PF ? context->cr2 : 0;
    context->ip = (uintptr_t)case_fault_exit;
    context->sp = case_stack;
    context->flags = 0x202;
}

void signal_return(void);
#ifdef __x86_64__
__asm__(".text\nsignal_return: mov $15, %eax\n syscall\n");
#else
__asm__(".text\nsignal_return: mov $173, %eax\n int $0x80\n");
#endif

static void catch_signals(void)
{
    static const int numbers[] = { SIGSEGV, SIGFPE, SIGILL, SIGBUS, SIGTRAP };
    stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };

    system_call(__NR_sigaltstack, (long)&stack, 0, 0, 0, 0, 0);
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct signal_action action = {
            .handler = on_signal,
            .flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER,
            .restorer = signal_return,
        };
        system_call(__NR_rt_sigaction, numbers[i], (long)&action, 0, SIGSET_BYTES, 0, 0);
    }
}

/* Called by _start with the initial stack: argc, then argv. */
void linux_main(uintptr_t *stack)
{
    const char *options = stack[0] > 1 ? (const char *)stack[2] : "";

    map(ARENA_BASE, ARENA_SIZE, PROT_READ | PROT_WRITE);
    map(STACK_BASE, STACK_SIZE, PROT_READ | PROT_WRITE);
    map(RDONLY_BASE, PAGE_SIZE, PROT_READ);
    map(EDGE_BASE, PAGE_SIZE, PROT_READ | PROT_WRITE);
    catch_signals();
    suite_main(options);
    system_call(__NR_exit, 0, 0, 0, 0, 0, 0);
}

#ifdef __x86_64__
__asm__(
    ".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call linux_main\n");
#else
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %esp, %eax\n and $-16, %esp\n"
        " sub $12, %esp\n push %eax\n call linux_main\n");
#endif
