/* SPDX-License-Identifier: MIT */
/*
 * Instruction decoder: the bytes, the row, ModRM, SIB and displacement. Prefixes and opcode are in
 * decode_opcode.c, operands in decode_operands.c.
 *
 * Intel SDM vol. 2, chapter 2 (instruction format) and appendix A (opcode map). The row and its
 * operand codes come from rows.c.
 */
#include "decode_parts.h"

enum { MAX_LENGTH = 15 };

/* ---- Code bytes ------------------------------------------------------------------------- */

/*
 * Decoding reads c->bytes as if all of them were there. Where the instruction turns out to be longer
 * than what has been read of it, one byte more is read and it is decoded again; but that is only near
 * the end of a page.
 */
static uint64_t linear_pc(const X86Ctx *c)
{
    return c->code64 ? c->pc : (uint32_t)(c->pc + c->cs_base);
}

/* All that an instruction can have at once, where it lies in the middle of the page. */
static void read_instruction(X86Ctx *c)
{
    const uint8_t *code = tn_ir_code(c->cpu, c->b, linear_pc(c));

    c->n_bytes = code ? MAX_LENGTH : 0;
    if (TN_LIKELY(code))
        memcpy(c->bytes, code, TN_IR_CODE_BYTES);
}

static X86DecodeResult read_on(X86Ctx *c)
{
    uint64_t linear = c->pc + c->n_bytes;

    if (c->n_bytes == MAX_LENGTH) {
        c->length = MAX_LENGTH;
        return X86_DECODE_TOO_LONG;
    }
    if (!c->code64)
        linear = (uint32_t)(linear + c->cs_base);
    if (!tn_ir_fetch(c->cpu, c->b, linear, &c->bytes[c->n_bytes])) {
        c->length = c->n_bytes;
        return X86_DECODE_NO_BYTES;
    }
    c->n_bytes++;
    return X86_DECODE_OK;
}

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

static inline bool is_wide(const X86Ctx *c)
{
    return c->code64 && (c->rex & REX_W || c->row->flags & ROW_FORCE64 ||
                         (c->row->flags & ROW_DEF64 && !c->opsize_prefix));
}

static void set_operand_size(X86Ctx *c)
{
    if (is_wide(c))
        c->op_size = 8;
    else if (c->opsize_prefix)
        c->op_size = c->plain_op_size == 4 ? 2 : 4;
    else
        c->op_size = c->plain_op_size;
}

static void set_address_size(X86Ctx *c)
{
    if (c->addrsize_prefix)
        c->addr_size = c->plain_addr_size == 4 ? 2 : 4;
    else
        c->addr_size = c->plain_addr_size;
}

/* ---- ModRM and memory operands ---------------------------------------------------------- */

/* SDM vol. 2, table 2-1. */
static void decode_mem16(X86Ctx *c, X86Cursor *at)
{
    static const int8_t bases[] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
    static const int8_t indexes[] = { RSI, RDI, RSI, RDI, -1, -1, -1, -1 };
    unsigned rm = c->modrm & 7;

    if (c->mod == 0 && rm == 6) {
        c->mem_disp = x86_next_number(at, 2);
        return;
    }
    c->mem_base = bases[rm];
    c->mem_index = indexes[rm];
    c->mem_seg = c->mem_base == RBP ? SS : DS;
    c->mem_disp = x86_next_number(at, c->mod);
}

/* SDM vol. 2, tables 2-2 and 2-3. */
static inline void decode_mem32(X86Ctx *c, X86Cursor *at)
{
    unsigned rm = c->modrm & 7, base = rm;

    if (rm == RSP) {
        uint8_t sib = x86_next_byte(at);
        unsigned index = (sib >> 3 & 7) | (c->rex & REX_X ? 8 : 0);
        c->mem_index = index == RSP ? -1 : (int8_t)index;
        c->mem_scale = sib >> 6;
        base = sib & 7;
    }
    if (c->mod == 0 && base == RBP) {
        c->mem_rip = c->code64 && rm == RBP;
        c->mem_disp = x86_next_number(at, 4);
        return;
    }
    c->mem_base = (int8_t)(base | (c->rex & REX_B ? 8 : 0));
    c->mem_seg = c->mem_base == RSP || c->mem_base == RBP ? SS : DS;
    if (c->mod)
        c->mem_disp = x86_next_number(at, c->mod == 1 ? 1 : 4);
}

static inline void decode_modrm(X86Ctx *c, X86Cursor *at)
{
    /* MOV to and from control and debug registers takes any mod for 3 (SDM vol. 2, MOV CR). */
    bool control = c->map == 1 && !c->vex && c->opcode >= 0x20 && c->opcode <= 0x23;

    c->modrm = x86_next_byte(at);
    c->has_modrm = true;
    c->mod = control ? 3 : c->modrm >> 6;
    c->reg = (c->modrm >> 3 & 7) | (c->rex & REX_R ? 8 : 0);
    c->rm = (c->modrm & 7) | (c->rex & REX_B ? 8 : 0);
}

/* Gives the end of it. */
static X86Cursor decode_memory(X86Ctx *c, X86Cursor at)
{
    if (c->addr_size == 2)
        decode_mem16(c, &at);
    else
        decode_mem32(c, &at);
    if (c->seg_override >= 0)
        c->mem_seg = (uint8_t)c->seg_override;
    return at;
}

/* ---- An instruction --------------------------------------------------------------------- */

static const X86Entry *take_any(X86Ctx *c, X86Cursor *at)
{
    const X86Slot *slot;
    uint8_t prefix;

    if (!x86_decode_opcode(c, at, &prefix))
        return NULL;
    slot = x86_rows_slot(c->vex, c->map, c->opcode);
    if (slot->n && slot->has_modrm)
        decode_modrm(c, at);
    return choose_entry(c, slot, prefix);
}

/* Gives the end of what was looked at. */
static X86Cursor decode_any(X86Ctx *c, X86DecodeResult *result)
{
    X86Cursor at = c->bytes;
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

/*
 * Most instructions: no prefix but REX, and a row that the opcode and the ModRM byte tell. Gives
 * NULL for others.
 */
static X86Cursor decode_common(X86Ctx *c, X86DecodeResult *result)
{
    X86Cursor at = c->bytes;
    const X86Entry *e;

    if (c->code64 && *at >= REX_FIRST && *at <= REX_LAST)
        c->rex = *at++;
    if (*at == ESCAPE_0F) {
        c->map = 1;
        at++;
    }
    e = x86_rows_common(c->code64, c->map, at[0], at[1]);
    if (!e || (e->row.feature && !x86_has(c->s, e->row.feature)))
        return NULL;
    c->opcode = *at++;
    c->row = &e->row;
    c->addr_size = c->plain_addr_size;
    c->op_size = is_wide(c) ? 8 : c->plain_op_size;
    if (e->has_modrm) {
        decode_modrm(c, &at);
        if (c->mod != 3)
            at = decode_memory(c, at);
    }
    return x86_decode_operands(c, e, at, result);
}

uintptr_t x86_late_number(const X86Ctx *c, unsigned n)
{
    return tn_ir_late(c->cpu, c->b, linear_pc(c), c->op[n].at);
}

/* Once all of the instruction is known to be there. */
static void take_late(const X86Ctx *c, X86Operand *op)
{
    uintptr_t late = x86_late_number(c, (unsigned)(op - c->op));

    if (!late)
        return;
    op->kind = OPERAND_LATE;
    op->imm = (int64_t)late;
}

static void finish(X86Ctx *c)
{
    c->next_pc = c->pc + c->length;
    if (!c->code64)
        c->next_pc = (uint32_t)c->next_pc;
    if (c->mem_rip) {
        c->mem_disp = (int64_t)((uint64_t)c->mem_disp + c->next_pc);
        if (c->addr_size == 4)
            c->mem_disp = (uint32_t)c->mem_disp;
    }
    if (c->late)
        take_late(c, c->late);
}

static void clear_insn(X86Ctx *c)
{
    memset(&c->length, 0, offsetof(X86Ctx, op) - offsetof(X86Ctx, length));
    memset(c->op, 0, sizeof(c->op));
    c->seg_override = -1;
    c->mem_seg = DS;
    c->mem_base = c->mem_index = -1;
    c->row = NULL;
}

X86DecodeResult x86_decode(X86Ctx *c)
{
    X86DecodeResult r = X86_DECODE_OK;
    X86Cursor end;

    read_instruction(c);
    for (;;) {
        clear_insn(c);
        end = decode_common(c, &r);
        if (TN_UNLIKELY(!end)) {
            clear_insn(c);
            end = decode_any(c, &r);
        }
        c->length = (uint8_t)(end - c->bytes);
        if (TN_LIKELY(c->length <= c->n_bytes))
            break;
        r = read_on(c);
        if (r != X86_DECODE_OK)
            return r;
    }
    finish(c);
    return r;
}
