/* SPDX-License-Identifier: MIT */
/*
 * Memory accesses under a mask: VMASKMOVPx, VPMASKMOVx and the AVX2 gathers (Intel SDM vol. 2C,
 * vol. 1, 14.6). The sign bit of a mask element selects; what is not selected never faults.
 */
#include "vector.h"

#include <string.h>

#include "helpers-vector.h"

/* ---- VMASKMOV --------------------------------------------------------------------------- */

/* Control of the helpers: MMU mode, log2 of the element's bytes, vector bytes. */
enum { REX_X = 2, REX_W = 8 };
enum { MASKMOV_MMU = 15, MASKMOV_SIZE_SHIFT = 4, MASKMOV_BYTES_SHIFT = 8 };

static TnTemp mask_control(X86Ctx *c, unsigned vector_bytes)
{
    /* 2D and 2F are PD; 8C and 8E are told by W. */
    bool quads = c->opcode < 0x80 ? c->opcode & 1 : c->rex & REX_W;

    return tn_ir_const(c->b, TN_I32, c->mmu | (quads ? 3u : 2u) << MASKMOV_SIZE_SHIFT |
                                         vector_bytes << MASKMOV_BYTES_SHIFT);
}

static void pass_vector(X86Ctx *c, unsigned scratch, unsigned n)
{
    unsigned bytes = c->op[n].size;

    tn_ir_stenv(c->b, bytes > 16 ? TN_V256 : TN_V128, x86_scratch_offset(scratch),
                x86_read_vec(c, n, bytes));
}

void x86_gen_vmaskmov(X86Ctx *c)
{
    unsigned bytes = c->op[0].size;

    pass_vector(c, 1, 1);
    tn_ir_call_void(c->b, X86_HELPER_vmaskmov_load, x86_mem_addr(c, bytes, false),
                    mask_control(c, bytes), 0, 0);
    x86_write_vec(c, 0, bytes, tn_ir_ldenv(c->b, bytes > 16 ? TN_V256 : TN_V128,
                                           x86_scratch_offset(0)));
}

void x86_gen_vmaskmov_store(X86Ctx *c)
{
    unsigned bytes = c->op[2].size;

    pass_vector(c, 0, 2);
    pass_vector(c, 1, 1);
    tn_ir_call_void(c->b, X86_HELPER_vmaskmov_store, x86_mem_addr(c, bytes, true),
                    mask_control(c, bytes), 0, 0);
}

static bool selected(const X86Ymm *mask, unsigned i, unsigned size_log2)
{
    return mask->u8[((i + 1) << size_log2) - 1] & 0x80;
}

void x86_helper_vmaskmov_load(TnCpu *cpu, uint64_t addr, uint32_t control)
{
    X86State *s = x86_state(cpu);
    unsigned size_log2 = control >> MASKMOV_SIZE_SHIFT & 15, mmu = control & MASKMOV_MMU;
    unsigned n = control >> MASKMOV_BYTES_SHIFT >> size_log2;

    s->scratch[0] = (X86Ymm){ 0 };
    for (unsigned i = 0; i < n; i++) {
        if (!selected(&s->scratch[1], i, size_log2))
            continue;
        if (size_log2 == 2)
            s->scratch[0].u32[i] = tn_ld32(cpu, addr + 4 * i, mmu);
        else
            s->scratch[0].u64[i] = tn_ld64(cpu, addr + 8 * i, mmu);
    }
}

void x86_helper_vmaskmov_store(TnCpu *cpu, uint64_t addr, uint32_t control)
{
    X86State *s = x86_state(cpu);
    unsigned size_log2 = control >> MASKMOV_SIZE_SHIFT & 15, mmu = control & MASKMOV_MMU;
    unsigned n = control >> MASKMOV_BYTES_SHIFT >> size_log2;

    /* All faults come before the first store. */
    for (unsigned i = 0; i < n; i++)
        if (selected(&s->scratch[1], i, size_log2))
            tn_probe(cpu, addr + (i << size_log2), 1u << size_log2, TN_ACCESS_WRITE, mmu);
    for (unsigned i = 0; i < n; i++) {
        if (!selected(&s->scratch[1], i, size_log2))
            continue;
        if (size_log2 == 2)
            tn_st32(cpu, addr + 4 * i, s->scratch[0].u32[i], mmu);
        else
            tn_st64(cpu, addr + 8 * i, s->scratch[0].u64[i], mmu);
    }
}

/* ---- Gathers ---------------------------------------------------------------------------- */

/* Shape: element and index sizes (log2), number of elements, scale, address bytes, segment. */
enum {
    GATHER_SIZE_SHIFT = 0, GATHER_INDEX_SHIFT = 4, GATHER_N_SHIFT = 8, GATHER_SCALE_SHIFT = 12,
    GATHER_ADDRESS_SHIFT = 16, GATHER_SEG_SHIFT = 20, GATHER_MMU_SHIFT = 24,
    GATHER_SEGMENTED = 1u << 28, /* the segment has a base */
    GATHER_CHECKED = 1u << 29,   /* and a limit */
    GATHER_WIDE = 1u << 30,      /* VEX.L */
    GATHER_FIELD = 15,
    /* Registers: destination, index, mask. */
    GATHER_INDEX_REG_SHIFT = 4, GATHER_MASK_REG_SHIFT = 8,
};

/* The index register: SIB.index as VSIB has it, which no value of the field empties. */
static unsigned vsib_index(const X86Ctx *c)
{
    unsigned disp = c->mod == 1 ? 1 : c->mod == 2 ? 4 : 0;
    uint8_t sib;

    if (c->mod == 0 && c->mem_base < 0)
        disp = 4;
    sib = c->code[c->length - disp - 1];
    return (sib >> 3 & 7) | (c->code64 && c->rex & REX_X ? 8 : 0);
}

void x86_gen_gather(X86Ctx *c)
{
    enum { RM_SIB = 4 };
    unsigned index = vsib_index(c), dst = c->op[0].reg, mask = c->op[2].reg;
    unsigned size = c->rex & REX_W ? 3 : 2, index_size = c->opcode & 1 ? 3 : 2;
    unsigned n = (c->vex_l ? 32u : 16u) >> MAX(size, index_size);
    uint32_t shape;

    if ((c->modrm & 7) != RM_SIB || c->addr_size == 2 || dst == index || dst == mask ||
        mask == index) {
        x86_gen_raise(c, X86_UD);
        return;
    }
    shape = size << GATHER_SIZE_SHIFT | index_size << GATHER_INDEX_SHIFT | n << GATHER_N_SHIFT |
            (uint32_t)c->mem_scale << GATHER_SCALE_SHIFT |
            (uint32_t)c->addr_size << GATHER_ADDRESS_SHIFT |
            (uint32_t)c->mem_seg << GATHER_SEG_SHIFT | c->mmu << GATHER_MMU_SHIFT;
    if (!c->code64)
        shape |= GATHER_SEGMENTED | GATHER_CHECKED;
    else if (c->mem_seg == FS || c->mem_seg == GS)
        shape |= GATHER_SEGMENTED;
    if (c->vex_l)
        shape |= GATHER_WIDE;
    c->mem_index = -1;
    tn_ir_call_void(c->b, X86_HELPER_gather, x86_mem_offset(c), tn_ir_const(c->b, TN_I32, shape),
                    tn_ir_const(c->b, TN_I32, dst | index << GATHER_INDEX_REG_SHIFT |
                                                  mask << GATHER_MASK_REG_SHIFT), 0);
}

static uint64_t gather_address(TnCpu *cpu, uint64_t base, uint32_t shape, const X86Ymm *index,
                               unsigned i, unsigned bytes)
{
    unsigned seg = shape >> GATHER_SEG_SHIFT & GATHER_FIELD;
    int64_t step = (shape >> GATHER_INDEX_SHIFT & GATHER_FIELD) == 3 ? (int64_t)index->u64[i]
                                                                     : (int32_t)index->u32[i];
    uint64_t offset = base + ((uint64_t)step << (shape >> GATHER_SCALE_SHIFT & GATHER_FIELD));

    if ((shape >> GATHER_ADDRESS_SHIFT & GATHER_FIELD) == 4)
        offset = (uint32_t)offset;
    if (shape & GATHER_CHECKED)
        x86_check_seg(cpu, seg, (uint32_t)offset, bytes, false);
    if (shape & GATHER_SEGMENTED)
        offset += x86_state(cpu)->seg[seg].base;
    return shape & GATHER_CHECKED ? (uint32_t)offset : offset;
}

/* Before the first access each mask element becomes all ones or zeros, and zero above VL. */
static void widen_mask(X86Ymm *mask, unsigned size_log2, unsigned bytes)
{
    X86Ymm wide = { 0 };

    for (unsigned i = 0; i < bytes >> size_log2; i++)
        if (selected(mask, i, size_log2))
            memset(wide.u8 + (i << size_log2), 0xff, 1u << size_log2);
    *mask = wide;
}

/*
 * Elements in order; each one done clears its mask, so that after a fault the instruction goes on
 * where it was. What the element count leaves of the destination is zeroed, and all of the mask.
 */
void x86_helper_gather(TnCpu *cpu, uint64_t base, uint32_t shape, uint32_t regs)
{
    X86State *s = x86_state(cpu);
    X86Ymm *dst = &s->ymm[regs & GATHER_FIELD];
    X86Ymm *mask = &s->ymm[regs >> GATHER_MASK_REG_SHIFT & GATHER_FIELD];
    const X86Ymm *index = &s->ymm[regs >> GATHER_INDEX_REG_SHIFT & GATHER_FIELD];
    unsigned size_log2 = shape >> GATHER_SIZE_SHIFT & GATHER_FIELD;
    unsigned n = shape >> GATHER_N_SHIFT & GATHER_FIELD, mmu = shape >> GATHER_MMU_SHIFT & 15;

    widen_mask(mask, size_log2, shape & GATHER_WIDE ? 32 : 16);
    for (unsigned i = 0; i < n; i++) {
        if (!selected(mask, i, size_log2))
            continue;
        uint64_t addr = gather_address(cpu, base, shape, index, i, 1u << size_log2);
        if (size_log2 == 3) {
            dst->u64[i] = tn_ld64(cpu, addr, mmu);
            mask->u64[i] = 0;
        } else {
            dst->u32[i] = tn_ld32(cpu, addr, mmu);
            mask->u32[i] = 0;
        }
        /* As with any VEX.128 destination, and seen when a later element faults. */
        if (n << size_log2 <= 16)
            dst->u64[2] = dst->u64[3] = 0;
    }
    *mask = (X86Ymm){ 0 };
    for (unsigned at = n << size_log2; at < sizeof(*dst); at++)
        dst->u8[at] = 0;
}
