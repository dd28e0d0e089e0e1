/* SPDX-License-Identifier: MIT */
/*
 * The long way of the decoder, for all instructions that there are: the row of the opcode that fits,
 * sizes, ModRM, SIB and displacement. Prefixes and opcode are in decode_opcode.c, operands in
 * decode_operands.c.
 *
 * Intel SDM vol. 2, chapter 2 (instruction format) and appendix A (opcode map). The row and its
 * operand codes come from rows.c.
 */
#include "decode_parts.h"

/* ---- Choice of the row ------------------------------------------------------------------ */

static bool entry_matches(const X86Ctx *c, const X86Entry *e, uint8_t prefix)
{
    bool w = c->rex & REX_W;

    if (!(e->prefixes & prefix))
        return false;
    if ((e->match & ENTRY_MODRM && c->modrm != e->ext) ||
        (e->match & ENTRY_EXT && (c->modrm >> 3 & 7) != e->ext) ||
        (e->match & ENTRY_MEM && c->mod == 3) || (e->match & ENTRY_REG && c->mod != 3) ||
        (e->match & ENTRY_W0 && w) || (e->match & ENTRY_W1 && !w) ||
        (e->match & ENTRY_L0 && c->vex_l) || (e->match & ENTRY_L1 && !c->vex_l))
        return false;
    if (e->row.flags & (c->code64 ? ROW_NO64 : ROW_ONLY64))
        return false;
    return !e->row.feature || x86_has(c->s, e->row.feature);
}

static const X86Entry *choose_entry(const X86Ctx *c, const X86Slot *slot, uint8_t prefix)
{
    if (slot->certain)
        return slot->entries;
    for (unsigned i = 0; i < slot->n; i++) {
        if (entry_matches(c, &slot->entries[i], prefix))
            return &slot->entries[i];
    }
    return NULL;
}

static const X86Entry *take_any(X86Ctx *c, X86Cursor *at)
{
    const X86Slot *slot;
    uint8_t prefix;

    if (!x86_decode_opcode(c, at, &prefix))
        return NULL;
    slot = x86_rows_slot(c->vex, c->map, c->opcode);
    if (slot->n && slot->has_modrm) {
        x86_decode_modrm(c, at);
        /* MOV to and from control and debug registers takes any mod for 3 (SDM vol. 2, MOV CR). */
        if (c->map == 1 && !c->vex && c->opcode >= 0x20 && c->opcode <= 0x23)
            c->mod = 3;
    }
    return choose_entry(c, slot, prefix);
}

/* ---- Sizes ------------------------------------------------------------------------------ */

static void set_operand_size(X86Ctx *c)
{
    uint32_t flags = c->row->flags;

    if (c->rex & REX_W || flags & ROW_FORCE64 || (flags & ROW_DEF64 && !c->opsize_prefix))
        c->op_size = c->wide_op_size;
    else
        c->op_size = c->plain_op_size;
    if (c->opsize_prefix && c->op_size != 8)
        c->op_size = c->plain_op_size == 4 ? 2 : 4;
}

static void set_address_size(X86Ctx *c)
{
    if (c->addrsize_prefix)
        c->addr_size = c->plain_addr_size == 4 ? 2 : 4;
    else
        c->addr_size = c->plain_addr_size;
}

/* ---- Memory operands -------------------------------------------------------------------- */

/* SDM vol. 2, table 2-1. */
static X86Cursor decode_mem16(X86Ctx *c, X86Cursor at)
{
    static const int8_t bases[] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
    static const int8_t indexes[] = { RSI, RDI, RSI, RDI, -1, -1, -1, -1 };
    unsigned rm = c->modrm & 7;

    if (c->mod == 0 && rm == 6) {
        c->mem_disp = x86_next_number(&at, 2);
        return at;
    }
    c->mem_base = bases[rm];
    c->mem_index = indexes[rm];
    c->mem_seg = c->mem_base == RBP ? SS : DS;
    if (c->mod)
        c->mem_disp = x86_next_number(&at, c->mod);
    return at;
}

/* SDM vol. 2, tables 2-2 and 2-3. */
X86Cursor x86_decode_mem32(X86Ctx *c, X86Cursor at)
{
    unsigned rm = c->modrm & 7, base = rm;

    c->mem_plain = c->flat64;
    c->odd_operands |= !c->flat64;
    if (rm == RSP) {
        uint8_t sib = x86_next_byte(&at);
        unsigned index = (sib >> 3 & 7) | (c->rex & REX_X ? 8 : 0);
        if (index != RSP) {
            c->mem_index = (int8_t)index;
            c->mem_plain = false;
            c->odd_operands = true;
        }
        c->mem_scale = sib >> 6;
        base = sib & 7;
    }
    if (c->mod == 0 && base == RBP) {
        c->rest |= c->code64 && rm == RBP ? X86_REST_RIP : 0;
        c->mem_plain = false;
        c->odd_operands = true;
        c->mem_disp = x86_next_number(&at, 4);
        return at;
    }
    c->mem_base = (int8_t)(base | (c->rex & REX_B ? 8 : 0));
    c->mem_seg = c->mem_base == RSP || c->mem_base == RBP ? SS : DS;
    if (c->mod == 1)
        c->mem_disp = x86_next_number(&at, 1);
    else if (c->mod == 2)
        c->mem_disp = x86_next_number(&at, 4);
    return at;
}

static X86Cursor decode_memory(X86Ctx *c, X86Cursor at)
{
    at = c->addr_size == 2 ? decode_mem16(c, at) : x86_decode_mem32(c, at);
    if (c->seg_override >= 0)
        c->mem_seg = (uint8_t)c->seg_override;
    if (c->addr_size != 8 || c->mem_seg == FS || c->mem_seg == GS)
        c->mem_plain = false;
    return at;
}

X86Cursor x86_decode_any(X86Ctx *c, X86DecodeResult *result)
{
    X86Cursor at = c->code;
    const X86Entry *e = take_any(c, &at);

    set_address_size(c);
    if (c->has_modrm && c->mod != 3)
        at = decode_memory(c, at);
    if (!e) {
        *result = X86_DECODE_UD;
        return at;
    }
    c->row = &e->row;
    set_operand_size(c);
    return x86_decode_operands(c, e, at, result);
}
