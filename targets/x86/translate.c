/* SPDX-License-Identifier: MIT */
/*
 * The translation loop: from guest code at a pc to the IR of one block.
 *
 * A block ends at a jump, at an instruction that may change the block key, at the instruction
 * limit, and before the first instruction that begins on another page than the block (so that it touches
 * two pages at most, by one instruction that crosses). Blocks of one instruction are made
 * under TF and RF (SDM vol. 3B, 17.3.1), breakpoints, and an interrupt shadow (vol. 3A, 6.8.3).
 */
#include "translate.h"

#include <string.h>

#include "decode_short.h"
#include "model.h"

/* Modes in which a block holds one instruction and leaves through the main loop. */
enum { MODES_ALONE = MODE_TF | MODE_SHADOW | MODE_RF | MODE_DR7 };

/* Modes in which something happens before each instruction; so it may in 16-bit code. */
enum { MODES_ODD = MODES_ALONE | MODE_CSLIM };

/* All but what belongs to an instruction. */
static void ctx_init(X86Ctx *c, TnCpu *cpu, TnIrBuilder *b, const TnBlockKey *key)
{
    uint32_t mode = key->flags;
    bool user = (mode & MODE_CPL) == 3;

    c->cpu = cpu;
    c->s = x86_state(cpu);
    c->b = b;
    c->mode = mode;
    c->cs_base = key->base;
    c->pc = b->pc;
    c->code = c->edge;
    c->ahead = 0;
    c->ended = c->leave = c->sti = c->goes_back = false;
    c->n_jumps = c->n_rounds = 0;
    c->code64 = (mode & MODE_CS64) != 0;
    c->plain_op_size = mode & (MODE_CS64 | MODE_CS32) ? 4 : 2;
    c->wide_op_size = c->code64 ? 8 : c->plain_op_size;
    c->page_pc = b->pc - (b->pc + key->base) % TN_PAGE_SIZE;
    c->pc_mask = c->code64 ? UINT64_MAX : UINT32_MAX;
    c->rex_mask = c->code64 ? REX_MASK : 0;
    c->bytes[0] = x86_common.bytes[c->plain_op_size / 4];
    c->bytes[1] = x86_common.bytes[c->wide_op_size / 4];
    c->plain_addr_size = c->code64 ? 8 : c->plain_op_size;
    c->odd_mode = mode & MODES_ODD || !(mode & (MODE_CS64 | MODE_CS32));
    c->common = x86_common.first[c->odd_mode ? X86_COMMON_NONE :
                                 c->code64 ? X86_COMMON64 : X86_COMMON32][0];
    c->flat64 = c->code64 && !(mode & (MODE_DR7 | MODE_AC));
    c->stack_size = c->code64 ? 8 : mode & MODE_SS32 ? 4 : 2;
    c->mmu = user ? MMU_USER : mode & MODE_SMAP_LIFTED ? MMU_KERNEL_NOSMAP : MMU_KERNEL;
}

/* Code is fetched within CS's limit: checked by a helper where it is unusual, else by sight. */
static void gen_fetch_check(X86Ctx *c)
{
    uint64_t last = c->pc + MAX(c->length, 1u) - 1;

    if (c->mode & MODE_CSLIM)
        tn_ir_call_void(c->b, X86_HELPER_check_fetch, tn_ir_const(c->b, TN_I32, last), 0, 0, 0);
    else if (!(c->mode & (MODE_CS64 | MODE_CS32)) && last > UINT16_MAX)
        x86_gen_raise_error(c, X86_GP, 0);
}

/* What must happen before an instruction's own work. */
static void gen_prologue(X86Ctx *c)
{
    if (c->mode & MODE_DR7 && !(c->mode & MODE_RF)) {
        uint64_t linear = c->code64 ? c->pc : (uint32_t)(c->pc + c->cs_base);
        tn_ir_call_void(c->b, X86_HELPER_insn_breakpoint, x86_const(c, linear), 0, 0, 0);
    }
    if (c->mode & (MODE_RF | MODE_SHADOW))
        tn_ir_call_void(c->b, X86_HELPER_boundary, 0, 0, 0, 0);
    c->leave |= (c->mode & MODES_ALONE) != 0;
    gen_fetch_check(c);
}

/* No such instruction, or one that is too long. */
static void gen_undecoded(X86Ctx *c, X86DecodeResult r)
{
    if (r == X86_DECODE_UD)
        x86_gen_raise(c, X86_UD);
    else
        x86_gen_raise_error(c, X86_GP, 0);
}

/* The long way. False when the instruction cannot be fetched whole and the block must end before it. */
static bool translate_odd(X86Ctx *c)
{
    X86DecodeResult r = x86_decode_long(c);

    if (r == X86_DECODE_NO_BYTES)
        return false;
    tn_ir_insn(c->b, c->pc, c->length);
    if (c->odd_mode) {
        gen_prologue(c);
        if (c->ended)
            return true;
    }
    if (r != X86_DECODE_OK) {
        gen_undecoded(c, r);
        return true;
    }
    if ((c->row->flags & ROW_CHECKED || c->lock) && !x86_gen_checks(c))
        return true;
    c->row->gen(c);
    if (c->row->flags & ROW_END && !c->ended)
        x86_gen_end(c);
    return true;
}

static inline bool translate_insn(X86Ctx *c)
{
    c->leave = c->sti;
    if (TN_UNLIKELY(!x86_decode_short(c)))
        return translate_odd(c);
    tn_ir_insn(c->b, c->pc, c->length);
    c->row->gen(c);
    return true;
}

/* Whether the next instruction can be the block's. */
static inline bool may_go_on(const X86Ctx *c)
{
    const TnIrBuilder *b = c->b;

    return !c->leave && b->n_insns < b->max_insns && !tn_ir_is_full(b) &&
           c->next_pc - c->page_pc < TN_PAGE_SIZE &&
           !tn_ir_at_head(b, c->next_pc + c->cs_base);
}

static inline void set_end(X86Ctx *c, uint64_t pc)
{
    c->b->end_pc = MAX(c->b->end_pc, pc);
}

static inline void go_on(X86Ctx *c)
{
    if (TN_UNLIKELY(c->goes_back)) {
        set_end(c, c->pc + c->length);
        c->ahead = c->length;
        c->goes_back = false;
    }
    c->pc = c->next_pc;
    c->code += c->length;
    c->ahead -= c->length;
}

/*
 * The block ends without a jump of its own. Right after STI the next instruction must still run
 * before an interrupt: as it is not in this block, the state says so.
 */
static void gen_fall_through(X86Ctx *c, uint64_t pc, bool after_sti)
{
    if (after_sti) {
        tn_ir_call_void(c->b, X86_HELPER_shadow, 0, 0, 0, 0);
        c->leave = true;
    }
    x86_gen_jump(c, pc);
}

void x86_translate(TnCpu *cpu, TnIrBuilder *b, const TnBlockKey *key)
{
    X86Ctx c;
    bool after_sti;

    ctx_init(&c, cpu, b, key);
    for (;;) {
        after_sti = c.sti;
        if (!translate_insn(&c)) {
            set_end(&c, c.pc);
            gen_fall_through(&c, c.pc, after_sti);
            return;
        }
        if (c.ended || !may_go_on(&c))
            break;
        go_on(&c);
    }
    set_end(&c, c.pc + c.length);
    if (!c.ended)
        gen_fall_through(&c, c.next_pc, c.sti && !after_sti);
}

/* ---- What else translations depend on ---------------------------------------------------- */

void x86_translation_identity(TnCpu *cpu, GByteArray *out)
{
    const X86Model *m = x86_state(cpu)->model;

    g_byte_array_append(out, (const void *)m->features, sizeof(m->features));
    g_byte_array_append(out, (const void *)m->vendor, (guint)strlen(m->vendor) + 1);
}
