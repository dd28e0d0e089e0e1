/* SPDX-License-Identifier: MIT */
/* Running translated code: the host's side of entering and leaving it. */
#include "compile.h"

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xmmintrin.h>

#include "code-buffer.h"
#include "notes.h"

/* What the entry thunk returns, in rax and rdx. */
typedef struct X64Left {
    uint64_t why;        /* TnRunExit */
    const uint8_t *note; /* DIRECT: behind the exit's call */
} X64Left;

typedef X64Left (*EnterFn)(TnCpu *cpu, void *code);

void x64_unwound(TnCpu *cpu)
{
    if (cpu->x87_live)
        x64_plan.target->x87->save(cpu);
}

/* The base of this thread's GS, which nobody else in the process uses. */
static __thread __attribute__((tls_model("initial-exec"))) TnTlb *gs_base;

void x64_tlb_moved(TnCpu *cpu)
{
    if (TN_LIKELY(gs_base == cpu->tlb))
        return;
    gs_base = cpu->tlb;
    if (x64_host.fsgsbase)
        __asm__ volatile("wrgsbase %0" : : "r"(gs_base));
    else
        syscall(SYS_arch_prctl, ARCH_SET_GS, gs_base);
}

/* The pc goes to the state. */
static TnRunResult direct_exit(TnCpu *cpu, const uint8_t *note)
{
    X64ExitNote n = x64_noting_exit(note);
    uint8_t *state = tn_cpu_state(cpu);

    *(uint64_t *)(void *)(state + x64_plan.target->pc_offset) = n.block->exits[n.exit].pc;
    return (TnRunResult){ .why = TN_RUN_EXIT_DIRECT, .exit = n.exit, .block = n.block };
}

TnRunResult x64_run(TnCpu *cpu, TnBlock *block)
{
    x64_tlb_moved(cpu);
    x64_sampling_start(cpu);
    cpu->scratch_mxcsr = x64_mxcsr_host(_mm_getcsr());
    X64Left left = ((EnterFn)x64_code_rx(x64_thunks.enter))(cpu, block->code);

    x64_unwound(cpu);
    if (left.why == TN_RUN_EXIT_DIRECT)
        return direct_exit(cpu, left.note);
    return (TnRunResult){ .why = (TnRunExit)left.why };
}
