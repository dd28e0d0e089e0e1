/* SPDX-License-Identifier: MIT */
/*
 * Instruction decoder: what is off the short way of decode_short.h. The long way takes any instruction;
 * what it looks at is in decode_any.c.
 *
 * Intel SDM vol. 2, chapter 2 (instruction format) and appendix A (opcode map).
 */
#include "decode_short.h"

static uint64_t linear_pc(const X86Ctx *c)
{
    return c->code64 ? c->pc : (uint32_t)(c->pc + c->cs_base);
}

/* ---- What comes last -------------------------------------------------------------------- */

uintptr_t x86_late_number(const X86Ctx *c, unsigned n)
{
    return tn_ir_late(c->cpu, c->b, linear_pc(c), c->op[n].at);
}

static void take_late(X86Ctx *c, unsigned n)
{
    uintptr_t late = x86_late_number(c, n);

    if (!late)
        return;
    c->op[n].kind = OPERAND_LATE;
    c->op[n].imm = (int64_t)late;
    c->odd_operands = true;
}

void x86_decode_rest(X86Ctx *c)
{
    if (c->rest & X86_REST_RIP) {
        c->mem_disp = (int64_t)((uint64_t)c->mem_disp + c->next_pc);
        if (c->addr_size == 4)
            c->mem_disp = (uint32_t)c->mem_disp;
    }
    if (c->rest & X86_REST_SEG) {
        c->mem_seg = (uint8_t)c->seg_override;
        c->mem_plain = false;
        c->odd_operands = true;
    }
    if (c->rest & X86_REST_LATE)
        take_late(c, c->rest >> X86_REST_OP_SHIFT);
}

X86Cursor x86_decode_segment(X86Ctx *c, X86Cursor at)
{
    if (at != c->code || (*at != PREFIX_FS && *at != PREFIX_GS))
        return NULL;
    c->seg_override = *at == PREFIX_FS ? FS : GS;
    c->rest = X86_REST_SEG;
    return at + 1;
}

/* ---- Bytes ------------------------------------------------------------------------------ */

bool x86_decode_ahead(X86Ctx *c)
{
    uint64_t linear = linear_pc(c);
    const uint8_t *code = tn_ir_code(c->cpu, c->b, linear);

    if (!code)
        return false;
    c->code = code;
    c->ahead = c->b->n_code - (uint32_t)(linear - c->b->code_at);
    return true;
}

static X86DecodeResult read_on(X86Ctx *c)
{
    uint64_t linear = c->pc + c->n_edge;

    c->length = c->n_edge;
    if (c->n_edge == MAX_LENGTH)
        return X86_DECODE_TOO_LONG;
    if (!c->code64)
        linear = (uint32_t)(linear + c->cs_base);
    if (!tn_ir_fetch(c->cpu, c->b, linear, &c->edge[c->n_edge]))
        return X86_DECODE_NO_BYTES;
    c->n_edge++;
    return X86_DECODE_OK;
}

/* ---- The long way ----------------------------------------------------------------------- */

/*
 * Decodes as if all bytes were there. Where the instruction turns out to be longer than what has been
 * read of it, one byte more is read and it is decoded again; but that is only near the end of a page.
 */
X86DecodeResult x86_decode_long(X86Ctx *c)
{
    X86DecodeResult r = X86_DECODE_OK;
    X86Cursor end;

    c->n_edge = c->ahead >= TN_IR_CODE_BYTES ? MAX_LENGTH : 0;
    memset(&c->edge[MAX_LENGTH], 0, sizeof(c->edge) - MAX_LENGTH);
    memcpy(c->edge, c->code, c->n_edge);
    c->code = c->edge;
    c->ahead = MAX_LENGTH; /* what comes behind is elsewhere */
    for (;;) {
        x86_decode_clear(c);
        end = x86_decode_any(c, &r);
        if (end - c->code <= c->n_edge)
            break;
        r = read_on(c);
        if (r != X86_DECODE_OK)
            return r;
    }
    x86_decode_finish(c, end);
    c->odd_operands = true;
    return r;
}
