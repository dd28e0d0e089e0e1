/* SPDX-License-Identifier: MIT */
/* Runs one instruction on the host between a load and a store of the register state. */
#include "machine.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

/* What the generated code works on: rdi points here. */
typedef struct Frame {
    uint8_t fx[512] __attribute__((aligned(64)));
    X86Ymm ymm[16];
    uint64_t rax, rcx, rdx, flags, rsi, rdi;
} Frame;

enum { FX_FCW = 0, FX_FSW = 2, FX_FTW = 4, FX_MXCSR = 24, FX_ST = 32 };

static sigjmp_buf escape;

static uint32_t trapped_mxcsr;

static void on_signal(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;

    trapped_mxcsr = uc->uc_mcontext.fpregs->mxcsr;
    siglongjmp(escape, signal);
}

static uint8_t *put(uint8_t *p, const void *bytes, size_t n)
{
    memcpy(p, bytes, n);
    return p + n;
}

#define PUT(...) \
    p = put(p, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static uint8_t *put32(uint8_t *p, uint32_t v)
{
    return put(p, &v, 4);
}

/* vmovdqu ymm[i], [rbx + disp] or the other way round */
static uint8_t *move_ymm(uint8_t *p, unsigned i, bool store)
{
    PUT(0xc5, (uint8_t)(i < 8 ? 0xfe : 0x7e), (uint8_t)(store ? 0x7f : 0x6f),
        (uint8_t)(0x83 | (i & 7) << 3));
    return put32(p, (uint32_t)(offsetof(Frame, ymm) + i * sizeof(X86Ymm)));
}

/* mov r64, [rbx + disp] or the other way round */
static uint8_t *move_reg(uint8_t *p, unsigned reg, size_t offset, bool store)
{
    PUT(0x48, (uint8_t)(store ? 0x89 : 0x8b), (uint8_t)(0x83 | reg << 3));
    return put32(p, (uint32_t)offset);
}

static void emit(uint8_t *p, const uint8_t *bytes, unsigned n)
{
    PUT(0x53, 0x48, 0x89, 0xfb);             /* push rbx; mov rbx, rdi */
    PUT(0x48, 0x0f, 0xae, 0x0b);             /* fxrstor64 [rbx] */
    for (unsigned i = 0; i < 16; i++)
        p = move_ymm(p, i, false);
    PUT(0xff, 0xb3);                         /* push [rbx + flags]; popf */
    p = put32(p, offsetof(Frame, flags));
    PUT(0x9d);
    p = move_reg(p, RAX, offsetof(Frame, rax), false);
    p = move_reg(p, RCX, offsetof(Frame, rcx), false);
    p = move_reg(p, RDX, offsetof(Frame, rdx), false);
    p = move_reg(p, RSI, offsetof(Frame, rsi), false);
    p = move_reg(p, RDI, offsetof(Frame, rdi), false);
    p = put(p, bytes, n);
    p = move_reg(p, RAX, offsetof(Frame, rax), true);
    p = move_reg(p, RCX, offsetof(Frame, rcx), true);
    p = move_reg(p, RDX, offsetof(Frame, rdx), true);
    PUT(0x9c, 0x8f, 0x83);                   /* pushf; pop [rbx + flags] */
    p = put32(p, offsetof(Frame, flags));
    for (unsigned i = 0; i < 16; i++)
        p = move_ymm(p, i, true);
    PUT(0x48, 0x0f, 0xae, 0x03);             /* fxsave64 [rbx] */
    PUT(0xdb, 0xe3, 0xc5, 0xf8, 0x77, 0x5b, 0xc3); /* fninit; vzeroupper; pop rbx; ret */
}

static void to_frame(Frame *f, Machine *m)
{
    memset(f, 0, sizeof(*f));
    memcpy(f->fx + FX_FCW, &m->fcw, 2);
    memcpy(f->fx + FX_FSW, &m->fsw, 2);
    f->fx[FX_FTW] = m->ftag_full;
    memcpy(f->fx + FX_MXCSR, &m->mxcsr, 4);
    for (unsigned i = 0; i < 8; i++)
        memcpy(f->fx + FX_ST + 16 * i, m->st[i].bytes, 10);
    memcpy(f->ymm, m->ymm, sizeof(f->ymm));
    f->rax = m->rax;
    f->rcx = m->rcx;
    f->rdx = m->rdx;
    f->rsi = f->rdi = (uintptr_t)m->memory + MEMORY_AT;
    f->flags = m->flags | 2;
}

static void from_frame(Machine *m, const Frame *f)
{
    memcpy(&m->fcw, f->fx + FX_FCW, 2);
    memcpy(&m->fsw, f->fx + FX_FSW, 2);
    m->ftag_full = f->fx[FX_FTW];
    memcpy(&m->mxcsr, f->fx + FX_MXCSR, 4);
    for (unsigned i = 0; i < 8; i++)
        memcpy(m->st[i].bytes, f->fx + FX_ST + 16 * i, 10);
    memcpy(m->ymm, f->ymm, sizeof(f->ymm));
    m->rax = f->rax;
    m->rcx = f->rcx;
    m->rdx = f->rdx;
    m->flags = (uint32_t)f->flags & TN_FLAGS_ALL;
}

bool host_run(Machine *m, const uint8_t *bytes, unsigned n, int *raised)
{
    static uint8_t *code;
    static Frame frame;
    struct sigaction old[2], action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    uint32_t host_mxcsr = __builtin_ia32_stmxcsr();
    int signal;

    if (!code)
        code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                    0);
    emit(code, bytes, n);
    to_frame(&frame, m);
    sigaction(SIGILL, &action, &old[0]);
    sigaction(SIGFPE, &action, &old[1]);
    signal = sigsetjmp(escape, 1);
    if (signal == 0)
        ((void (*)(Frame *))code)(&frame);
    sigaction(SIGILL, &old[0], NULL);
    sigaction(SIGFPE, &old[1], NULL);
    __builtin_ia32_ldmxcsr(host_mxcsr);
    *raised = signal == SIGFPE ? X86_XM : -1;
    if (signal == SIGFPE)
        m->mxcsr = trapped_mxcsr;
    else if (signal == 0)
        from_frame(m, &frame);
    return signal != SIGILL;
}
