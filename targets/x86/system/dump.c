/* SPDX-License-Identifier: MIT */
/* The registers as text, for -d cpu and the monitor. */
#include "system.h"

#include <inttypes.h>

static const char *const names64[] = { "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                       "R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14", "R15" };
static const char *const names32[] = { "EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI" };
static const uint8_t order[] = { RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP,
                                 R8,  R9,  R10, R11, R12, R13, R14, R15 };

static void dump_regs(const X86State *s, GString *out)
{
    bool wide = x86_long(s);
    unsigned n = wide ? 16 : 8;

    for (unsigned i = 0; i < n; i++) {
        unsigned r = order[i];
        if (wide)
            g_string_append_printf(out, "%s=%016" PRIx64, names64[r], s->regs[r]);
        else
            g_string_append_printf(out, "%s=%08x", names32[r], (uint32_t)s->regs[r]);
        g_string_append_c(out, i % 4 == 3 ? '\n' : ' ');
    }
}

static void dump_flags(const X86State *s, GString *out)
{
    static const struct {
        uint32_t bit;
        char letter;
    } letters[] = {
        { EFLAGS_DF, 'D' }, { EFLAGS_OF, 'O' }, { EFLAGS_SF, 'S' }, { EFLAGS_ZF, 'Z' },
        { EFLAGS_AF, 'A' }, { EFLAGS_PF, 'P' }, { EFLAGS_CF, 'C' },
    };
    uint32_t flags = x86_eflags(s);

    g_string_append_printf(
        out, x86_long(s) ? "RIP=%016" PRIx64 " RFL=%08x [" : "EIP=%08" PRIx64 " EFL=%08x [", s->rip,
        flags);
    for (size_t i = 0; i < G_N_ELEMENTS(letters); i++)
        g_string_append_c(out, flags & letters[i].bit ? letters[i].letter : '-');
    g_string_append_printf(out, "] CPL=%u II=%d A20=%d SMM=%d HLT=%d\n", s->cpl, s->shadow,
                           s->a20_mask == UINT32_MAX, s->smm, tn_cpu_from_state((void *)s)->halted);
}

static void dump_segment(GString *out, const char *name, const X86Segment *seg)
{
    g_string_append_printf(out, "%-3s=%04x %016" PRIx64 " %08x %08x\n", name, seg->selector,
                           seg->base, seg->limit, seg->attrs);
}

static void dump_control(const X86State *s, GString *out)
{
    g_string_append_printf(out, "GDT=     %016" PRIx64 " %08x\nIDT=     %016" PRIx64 " %08x\n",
                           s->gdtr.base, s->gdtr.limit, s->idtr.base, s->idtr.limit);
    g_string_append_printf(
        out, "CR0=%08" PRIx64 " CR2=%016" PRIx64 " CR3=%016" PRIx64 " CR4=%08" PRIx64 "\n", s->cr0,
        s->cr2, s->cr3, s->cr4);
    for (unsigned i = 0; i < 4; i++)
        g_string_append_printf(out, "DR%u=%016" PRIx64 "%c", i, s->dr[i], i == 3 ? '\n' : ' ');
    g_string_append_printf(out, "DR6=%016" PRIx64 " DR7=%016" PRIx64 "\nEFER=%016" PRIx64 "\n",
                           s->dr[6], s->dr[7], s->efer);
}

void x86_dump(TnCpu *cpu, GString *out)
{
    static const char *const segments[] = { "ES", "CS", "SS", "DS", "FS", "GS" };
    const X86State *s = x86_state(cpu);

    dump_regs(s, out);
    dump_flags(s, out);
    for (unsigned i = 0; i < X86_N_SEGS; i++)
        dump_segment(out, segments[i], &s->seg[i]);
    dump_segment(out, "LDT", &s->ldtr);
    dump_segment(out, "TR", &s->tr);
    dump_control(s, out);
}
