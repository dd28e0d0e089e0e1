/* SPDX-License-Identifier: MIT */
/*
 * Operand access for translation functions: addresses, memory, general registers.
 *
 * Intel SDM vol. 1, 3.7 (operand addressing) and vol. 3A, 5.3 (limit checking). In 64-bit mode only
 * FS and GS have a base and there are no limits; non-canonical addresses are the MMU's business.
 * Below it, DS, ES and SS are taken as base 0 and unlimited when the block's mode says so.
 */
#include "insn.h"

/* ---- Addresses -------------------------------------------------------------------------- */

TnTemp x86_mem_offset(X86Ctx *c)
{
    TnIrType t = c->addr_size == 8 ? TN_I64 : TN_I32;
    TnTemp base = TN_TEMP_NONE, index = TN_TEMP_NONE, offset;

    if (c->mem_base < 0 && c->mem_index < 0) {
        uint64_t mask = c->addr_size == 8 ? ~0ull : c->addr_size == 4 ? 0xffffffffu : 0xffffu;
        return tn_ir_const(c->b, t, (uint64_t)c->mem_disp & mask);
    }
    if (c->mem_base >= 0)
        base = c->mem_root ? c->mem_root : x86_ir_get(c, t, (unsigned)c->mem_base);
    if (c->mem_index >= 0)
        index = x86_ir_get(c, t, (unsigned)c->mem_index);
    if (!index && c->mem_disp == 0)
        offset = base;
    else
        offset = tn_ir_lea(c->b, t, base, index, c->mem_scale, c->mem_disp);
    return c->addr_size == 2 ? tn_ir_1(c->b, TN_IR_EXT16U, TN_I32, offset) : offset;
}

static bool seg_is_flat(const X86Ctx *c, unsigned seg)
{
    return c->mode & MODE_FLAT && (seg == DS || seg == ES || seg == SS);
}

static bool seg_needs_check(const X86Ctx *c, unsigned seg)
{
    if (seg == FS || seg == GS)
        return !(c->mode & (seg == FS ? MODE_FS_OK : MODE_GS_OK));
    return !seg_is_flat(c, seg);
}

static TnTemp seg_base(X86Ctx *c, unsigned seg, TnIrType t)
{
    return tn_ir_ldenv(c->b, t, offsetof(X86State, seg) + seg * sizeof(X86Segment) +
                                    offsetof(X86Segment, base));
}

static TnTemp linear(X86Ctx *c, unsigned seg, TnTemp offset, uint32_t access)
{
    if (c->code64) {
        if (seg != FS && seg != GS)
            return offset;
        return tn_ir_2(c->b, TN_IR_ADD, TN_I64, offset, seg_base(c, seg, TN_I64));
    }
    if (seg_is_flat(c, seg))
        return offset;
    if (seg_needs_check(c, seg))
        tn_ir_call_void(c->b, X86_HELPER_check_seg, tn_ir_const(c->b, TN_I32, seg), offset,
                        tn_ir_const(c->b, TN_I32, access), 0);
    return tn_ir_2(c->b, TN_IR_ADD, TN_I32, offset, seg_base(c, seg, TN_I32));
}

TnTemp x86_linear(X86Ctx *c, unsigned seg, TnTemp offset, unsigned n, bool write)
{
    uint32_t access = n | (uint32_t)write << 16; /* as the helpers take it */
    TnTemp addr = linear(c, seg, offset, access);

    if (c->mode & MODE_DR7)
        tn_ir_call_void(c->b, X86_HELPER_data_breakpoint, addr,
                        tn_ir_const(c->b, TN_I32, access), 0, 0);
    return addr;
}

TnTemp x86_mem_addr(X86Ctx *c, unsigned n, bool write)
{
    bool recheck = write && !c->mem_checked && !c->code64 && seg_needs_check(c, c->mem_seg);

    if (!c->mem_addr || recheck) {
        c->mem_addr = x86_linear(c, c->mem_seg, x86_mem_offset(c), n, write);
        c->mem_checked = write;
    }
    return c->mem_addr;
}

/* An address as accesses take it. */
typedef struct Place {
    TnTemp base;
    int64_t disp;
} Place;

/* Where the address is a register and a displacement, the access adds them. */
static inline Place mem_place(X86Ctx *c, unsigned n, bool write)
{
    if (!c->mem_plain || c->mem_addr)
        return (Place){ x86_mem_addr(c, n, write), 0 };
    if (!c->mem_root)
        c->mem_root = x86_ir_get(c, TN_I64, (unsigned)c->mem_base);
    return (Place){ c->mem_root, c->mem_disp };
}

/* ---- Memory ----------------------------------------------------------------------------- */

unsigned x86_mem_flags_aligned(const X86Ctx *c, unsigned n)
{
    bool align = c->mode & MODE_AC && n > 1 && n <= 8;

    if (c->row->flags & ROW_ALIGN && n >= 16)
        align = true;
    return c->mmu << TN_MEM_MODE_SHIFT | (align ? TN_MEM_ALIGN : 0u);
}

TnTemp x86_load(X86Ctx *c, TnIrType t, TnTemp addr)
{
    return tn_ir_ld(c->b, t, addr, 0, x86_mem_flags(c, 1u << (t - TN_I8)));
}

void x86_store(X86Ctx *c, TnIrType t, TnTemp addr, TnTemp value)
{
    tn_ir_st(c->b, t, addr, 0, value, x86_mem_flags(c, 1u << (t - TN_I8)));
}

/* ---- General registers ------------------------------------------------------------------ */

/* Whether an operation's value has bits 63..32 clear. */
static bool is_low(const TnIrOp *op)
{
    if (op->opc == TN_IR_LD)
        return op->type <= TN_I32 && (!(op->aux & TN_MEM_SIGN) || op->aux & TN_MEM_DST32);
    return op->type == TN_I32 && (op->opc == TN_IR_CONST || op->opc == TN_IR_GET ||
                                  (op->opc >= TN_IR_ADD && op->opc <= TN_IR_FLAGCOND));
}

/* Whether one of the last operations defines the value, and it is such a one. */
static bool is_seen_to_be_low(const TnIrBuilder *b, TnTemp value)
{
    enum { AS_FAR = 4 };
    const TnIrOp *first = b->ops + (b->n_ops > AS_FAR ? b->n_ops - AS_FAR : 0);

    for (const TnIrOp *op = b->ops + b->n_ops; op-- > first;) {
        if (op->dst == value)
            return is_low(op);
    }
    return false;
}

/* A PUT of TN_I32 clears the upper half. */
void x86_ir_put(X86Ctx *c, TnIrType t, unsigned reg, TnTemp value)
{
    bool low = t == TN_I32 && is_seen_to_be_low(c->b, value);

    c->b->known[reg][0] = low ? value : TN_TEMP_NONE;
    c->b->known[reg][1] = low || t == TN_I64 ? value : TN_TEMP_NONE;
    tn_ir_put(c->b, t, reg, value);
}

TnTemp x86_get_reg(X86Ctx *c, unsigned reg, unsigned size)
{
    TnTemp value = x86_ir_get(c, x86_calc_type(size), reg);

    if (size >= 4)
        return value;
    return tn_ir_1(c->b, size == 2 ? TN_IR_EXT16U : TN_IR_EXT8U, TN_I32, value);
}

static void put_part(X86Ctx *c, unsigned reg, TnTemp value, unsigned pos, unsigned len)
{
    TnTemp old = x86_ir_get(c, TN_I64, reg);

    x86_ir_put(c, TN_I64, reg, tn_ir_deposit(c->b, TN_I64, old, value, pos, len));
}

void x86_put_reg(X86Ctx *c, unsigned reg, unsigned size, TnTemp value)
{
    if (size >= 4)
        x86_ir_put(c, x86_calc_type(size), reg, value);
    else
        put_part(c, reg, value, 0, size * 8);
}

/* ---- Integer operands ------------------------------------------------------------------- */

static TnTemp read_mem(X86Ctx *c, const X86Operand *op, unsigned mem_flags)
{
    Place place = mem_place(c, op->size, mem_flags & TN_MEM_RMW);

    return tn_ir_ld(c->b, x86_type(op->size), place.base, place.disp,
                    x86_mem_flags(c, op->size) | mem_flags);
}

/* An operand that is neither memory nor a general register whose low byte is asked for. */
static TnTemp read_other(X86Ctx *c, const X86Operand *op)
{
    switch ((X86OperandKind)op->kind) {
    case OPERAND_REG:
        return tn_ir_extract(c->b, TN_I32, x86_ir_get(c, TN_I32, op->reg), 8, 8);
    case OPERAND_IMM:
        return tn_ir_const(c->b, TN_I64, (uint64_t)op->imm);
    case OPERAND_LATE:
        return tn_ir_ldcode(c->b, TN_I64, (uintptr_t)op->imm);
    case OPERAND_SEG:
        return tn_ir_ldenv(c->b, TN_I32, offsetof(X86State, seg) + op->reg * sizeof(X86Segment) +
                                             offsetof(X86Segment, selector));
    default:
        g_return_val_if_reached(tn_ir_const(c->b, TN_I64, 0));
    }
}

static inline TnTemp read_operand(X86Ctx *c, unsigned n, bool any, unsigned mem_flags)
{
    const X86Operand *op = &c->op[n];

    if (op->kind == OPERAND_MEM)
        return read_mem(c, op, mem_flags);
    if (op->kind != OPERAND_REG || op->high)
        return read_other(c, op);
    if (any)
        return x86_ir_get(c, x86_calc_type(op->size), op->reg);
    return x86_get_reg(c, op->reg, op->size);
}

TnTemp x86_read(X86Ctx *c, unsigned n)
{
    return read_operand(c, n, false, 0);
}

TnTemp x86_read_any(X86Ctx *c, unsigned n)
{
    return read_operand(c, n, true, 0);
}

TnTemp x86_read_rmw(X86Ctx *c, unsigned n)
{
    return read_operand(c, n, true, TN_MEM_RMW);
}

TnTemp x86_read_signed(X86Ctx *c, unsigned n)
{
    static const uint8_t extend[] = { TN_IR_EXT8S, TN_IR_EXT16S, TN_IR_EXT32S };
    const X86Operand *op = &c->op[n];

    if (op->kind == OPERAND_MEM && op->size < 8)
        return read_operand(c, n, false, TN_MEM_SIGN);
    TnTemp value = x86_read_any(c, n);
    if (op->kind != OPERAND_REG || op->size == 8)
        return value;
    return tn_ir_1(c->b, (TnIrOpc)extend[x86_log2(op->size)], TN_I64, value);
}

static void write_mem(X86Ctx *c, const X86Operand *op, TnTemp value)
{
    Place place = mem_place(c, op->size, true);

    tn_ir_st(c->b, x86_type(op->size), place.base, place.disp, value,
             x86_mem_flags(c, op->size));
}

void x86_write(X86Ctx *c, unsigned n, TnTemp value)
{
    const X86Operand *op = &c->op[n];

    if (op->kind == OPERAND_MEM) {
        write_mem(c, op, value);
        return;
    }
    g_return_if_fail(op->kind == OPERAND_REG);
    if (op->size >= 4)
        x86_ir_put(c, x86_calc_type(op->size), op->reg, value);
    else
        put_part(c, op->reg, value, op->high ? 8 : 0, op->size * 8);
}

/* ---- Flags ------------------------------------------------------------------------------ */

TnTemp x86_get_flags(X86Ctx *c)
{
    return x86_ir_get(c, TN_I32, X86_REG_FLAGS);
}

void x86_put_flags(X86Ctx *c, TnTemp flags)
{
    x86_ir_put(c, TN_I32, X86_REG_FLAGS, flags);
}
