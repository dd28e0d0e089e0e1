/* SPDX-License-Identifier: MIT */
/*
 * Stores to data beside code, in code. A store that came to its slow path often for nothing but code
 * elsewhere in the page gets a way of its own: its call is led to code that looks the page up, and in
 * the page's bitmap whether the line of 64 bytes has code, and stores.
 *
 * Only with one vCPU: nobody executes the call while it is changed, or translates what is stored to.
 */
#include "slow.h"

#include "code-buffer.h"
#include "tenon/internal/target.h"

enum {
    OFTEN = 16,
    SITES_BITS = 8,
    ROOM = 512,      /* no way is longer */
    CALLED = 8,      /* bytes that the call pushed */
    LINE_BITS = 6,   /* of an address within a line */
    LINES = TN_PAGE_SIZE >> LINE_BITS,
};

/* How often each call came here, by a hash of its address. */
static uint8_t seen[1 << SITES_BITS];

static bool came_often(const uint8_t *note)
{
    uint8_t *times = &seen[((uintptr_t)note * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - SITES_BITS)];

    if (*times < OFTEN)
        ++*times;
    return *times == OFTEN;
}

/* The displacement of the call before the note, or NULL where it leads elsewhere already. */
static uint8_t *call_of(uint8_t *note, const uint8_t **target)
{
    int32_t disp;

    memcpy(&disp, note - sizeof(disp), sizeof(disp));
    *target = note + disp;
    for (X64Keep keep = 0; keep < X64_N_KEEPS; keep++)
        if (*target == x64_thunks.slow[keep])
            return note - sizeof(disp);
    return NULL;
}

typedef struct Temporaries {
    int host, tag, addr;
} Temporaries;

static Temporaries choose(uint32_t busy)
{
    int reg[3], n = 0;

    for (int r = 0; n < 3; r++)
        if ((X64_SCRATCH_MASK & ~busy) >> r & 1)
            reg[n++] = r;
    return (Temporaries){ reg[0], reg[1], reg[2] };
}

static void move(X64Emit *e, const Temporaries *t, bool store)
{
    const int regs[] = { t->host, t->tag, t->addr };

    for (unsigned k = 0; k < G_N_ELEMENTS(regs); k++) {
        X64Mem m = x64_frame(X64_F_SAVE + 8 * regs[k] + CALLED);

        if (store)
            x64_store(e, X64_W, regs[k], m);
        else
            x64_load(e, X64_W, regs[k], m);
    }
}

/* t->host = the host address, with jumps out where the store is none beside code. Returns how many. */
static unsigned emit_look(X64Emit *e, const X64Beside *b, const Temporaries *t, uint8_t **out)
{
    X64Refill probe = { .addr = t->addr, .index = t->host, .tag = t->tag,
                        .last = (1 << b->size_log2) - 1, .mode = b->mode, .write = true,
                        .also = TN_TLB_SLOW_CODE };
    unsigned n = 0;

    x64_lea(e, X64_W, t->addr, x64_mem(b->addr, (int32_t)b->disp));
    out[n++] = x64_emit_probe(e, &probe);
    x64_rr(e, X64_ADD | X64_W, t->host, t->addr);
    if (b->size_log2) { /* aligned, it is within a line */
        x64_rri(e, X64_GRP3 - 1, X64_G3_TEST, t->host, (uint8_t)probe.last);
        out[n++] = x64_jcc32(e, X64_NZ);
    }
    x64_mov_rr(e, X64_W, t->tag, t->host);
    x64_g1_ri(e, X64_G1_AND, 3, t->tag, -(int32_t)TN_PAGE_SIZE);
    x64_rm(e, X64_CMP | X64_W, t->tag, x64_env(X64_CPU_OFS(code_page_host)));
    out[n++] = x64_jcc32(e, X64_NZ);
    x64_load(e, X64_W, t->tag, x64_env(X64_CPU_OFS(code_page_lines)));
    x64_mov_rr(e, 0, t->addr, t->host);
    x64_rri(e, X64_GRP2_IMM8, X64_G2_SHR, t->addr, LINE_BITS);
    x64_g1_ri(e, X64_G1_AND, 2, t->addr, LINES - 1);
    x64_g1_mi(e, X64_G1_CMP, 3, x64_mem_index(t->tag, t->addr, 3, 0), 0);
    out[n++] = x64_jcc32(e, X64_NZ);
    return n;
}

static void emit_way(X64Emit *e, const X64Beside *b, const uint8_t *slow)
{
    uint32_t value = b->value.kind == X64_SRC_REG ? 1u << b->value.reg : 0;
    Temporaries t = choose(value | 1u << b->addr);
    uint8_t *out[4];
    unsigned n;

    move(e, &t, true);
    n = emit_look(e, b, &t, out);
    if (b->value.kind == X64_SRC_REG)
        x64_store_sized(e, b->size_log2, b->value.reg, x64_mem(t.host, 0));
    else
        x64_store_imm(e, b->size_log2, x64_mem(t.host, 0), (int32_t)b->value.imm);
    move(e, &t, false);
    x64_lea(e, X64_W, X64_RSP, x64_mem(X64_RSP, CALLED));
    if (b->clear != X64_NONE)
        x64_mov_ri(e, b->clear, 0);
    x64_target32(x64_jmp32(e), b->back);
    for (unsigned k = 0; k < n; k++)
        x64_here32(e, out[k]);
    move(e, &t, false);
    x64_target32(x64_jmp32(e), slow);
}

void x64_note_beside(const X64Beside *b)
{
    X64Emit e = { .p = x64_code.next, .start = x64_code.next };
    const uint8_t *slow;
    uint8_t *call;

    if (!came_often(b->note) || !b->back || tn_cpu_count() > 1 || b->value.kind == X64_SRC_MEM ||
        b->disp != (int32_t)b->disp || x64_code.rw + x64_code.size - e.p < ROOM ||
        !(call = call_of(b->note, &slow)))
        return;
    emit_way(&e, b, slow);
    x64_target32(call, e.start);
    x64_code_take(e.p);
}
