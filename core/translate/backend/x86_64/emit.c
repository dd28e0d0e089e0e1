/* SPDX-License-Identifier: MIT */
/* Encoders of x86-64 instructions; see emit.h. Formats: Intel SDM vol. 2A, 2.1 to 2.3. */
#include "put.h"

void x64_imm32(X64Emit *e, int32_t v)
{
    memcpy(e->p, &v, sizeof(v));
    e->p += sizeof(v);
}

void x64_imm64(X64Emit *e, uint64_t v)
{
    memcpy(e->p, &v, sizeof(v));
    e->p += sizeof(v);
}

static inline void put(X64Emit *e, uint64_t v, unsigned n)
{
    e->p = x64_put(e->p, v, n);
}

/* ModRM, SIB and displacement. */
static inline uint8_t *put_mem(uint8_t *p, int reg, X64Mem m)
{
    unsigned base = (unsigned)m.base & 7, sib = (m.index != X64_RSP) | (base == X64_RSP);
    unsigned wide = m.disp != (int8_t)m.disp, any = (m.disp != 0) | (base == X64_RBP);
    unsigned mod = any + wide;

    if (TN_UNLIKELY(m.base == X64_NONE)) /* [index << scale + disp32]: mod 00b, base 101b */
        any = wide = sib = 1, mod = 0, base = X64_RBP;
    *p++ = (uint8_t)x64_modrm(mod, reg, sib ? X64_RSP : (int)base);
    *p = (uint8_t)x64_modrm(m.scale, m.index, (int)base);
    return x64_put(p + sib, (uint32_t)m.disp, any + wide * 3);
}

/* Mandatory prefix, REX and escape bytes, and the opcode's byte. */
static inline uint8_t *put_op(uint8_t *p, uint32_t op, unsigned rex, bool need_rex)
{
    static const uint8_t mandatory[4] = { 0, 0x66, 0xf3, 0xf2 };

    if (op & X64_PP)
        *p++ = mandatory[(op & X64_PP) / X64_66];
    *p = (uint8_t)(0x40 | rex);
    p += rex || need_rex;
    if (!(op & X64_MAP)) {
        *p = (uint8_t)op;
        return p + 1;
    }
    if ((op & X64_MAP) == X64_0F)
        return x64_put(p, 0x0f | (op & UINT8_MAX) << 8, 2);
    return x64_put(p, 0x0f | ((op & X64_MAP) == X64_0F38 ? 0x38u : 0x3au) << 8 |
                          (op & UINT8_MAX) << 16, 3);
}

/* Whether it is one of those in put.h. */
static inline bool is_plain(uint32_t op)
{
    return !(op & ~(uint32_t)(X64_W | UINT8_MAX));
}

static __attribute__((noinline)) void long_rr(X64Emit *e, uint32_t op, int reg, int rm)
{
    bool byte_regs = ((op & X64_BYTE_REG) && reg >= 4) || ((op & X64_BYTE_RM) && rm >= 4);
    uint8_t *p = put_op(e->p, op, x64_rex_w(op) | x64_high(reg) << 2 | x64_high(rm), byte_regs);

    *p = (uint8_t)x64_modrm(3, reg, rm);
    e->p = p + 1;
}

void x64_rr(X64Emit *e, uint32_t op, int reg, int rm)
{
    if (is_plain(op))
        e->p = x64_put_rr(e->p, op, reg, rm);
    else
        long_rr(e, op, reg, rm);
}

static __attribute__((noinline)) uint8_t *rare_rm(uint8_t *p, uint32_t op, int reg, X64Mem m)
{
    unsigned b = m.base == X64_NONE ? 0 : x64_high(m.base);

    p = put_op(p, op, x64_rex_w(op) | x64_high(reg) << 2 | x64_high(m.index) << 1 | b,
               (op & X64_BYTE_REG) && reg >= 4);
    return put_mem(p, reg, m);
}

const X64MemForm x64_mem_forms[2 * X64_FORM_KINDS][16] = {
    { X64_FORMS(0, 0, 1, 1, 0), X64_FORMS(0, 0, 1, 1, 1) },
    { X64_FORMS(1, 1, 1, 1, 0), X64_FORMS(1, 1, 1, 1, 1) },
    { X64_FORMS(2, 4, 2, 4, 0), X64_FORMS(2, 4, 2, 4, 1) },
    { X64_FORMS_INDEXED(0, 0, 1, 1, 0), X64_FORMS_INDEXED(0, 0, 1, 1, 1) },
    { X64_FORMS_INDEXED(1, 1, 1, 1, 0), X64_FORMS_INDEXED(1, 1, 1, 1, 1) },
    { X64_FORMS_INDEXED(2, 4, 2, 4, 0), X64_FORMS_INDEXED(2, 4, 2, 4, 1) },
};

enum {
    SCALE_SHIFT = 22,
    FORMS = 1 << 24, /* an index says which forms, too */
};

#define INDEX(low, x) (low) << 19 | (x) << 1 | X64_FORM_KINDS * FORMS
#define REG(low, r) (low) << 11 | (r) << 2

const uint32_t x64_reg_parts[16] = {
    REG(0, 0), REG(1, 0), REG(2, 0), REG(3, 0), REG(4, 0), REG(5, 0), REG(6, 0), REG(7, 0),
    REG(0, 1), REG(1, 1), REG(2, 1), REG(3, 1), REG(4, 1), REG(5, 1), REG(6, 1), REG(7, 1),
};

const uint32_t x64_index_parts[16] = {
    INDEX(0, 0), INDEX(1, 0), INDEX(2, 0), INDEX(3, 0), 0, INDEX(5, 0), INDEX(6, 0), INDEX(7, 0),
    INDEX(0, 1), INDEX(1, 1), INDEX(2, 1), INDEX(3, 1),
    INDEX(4, 1), INDEX(5, 1), INDEX(6, 1), INDEX(7, 1),
};

/* Opcodes of one byte, and of the first map without a prefix: nearly all there are. */
static inline __attribute__((always_inline)) uint8_t *put_rm(uint8_t *p, uint32_t op, int reg,
                                                             X64Mem m)
{
    if (TN_UNLIKELY((op & (X64_PP | X64_0F38 | X64_BYTE_REG)) || m.base == X64_NONE))
        return rare_rm(p, op, reg, m);

    uint32_t index = x64_index_parts[(unsigned)m.index], bytes = x64_reg_parts[reg] + index;
    const X64MemForm *f = &x64_mem_forms[x64_disp_kind(m.disp) + index / FORMS][(unsigned)m.base];

    bytes += f->bytes + ((unsigned)m.scale << SCALE_SHIFT);
    p = x64_put_rex(p, x64_rex_w(op) | (bytes & X64_REX_RXB));
    *p = 0x0f;
    p += op / X64_0F & 1;
    bytes = (bytes & X64_MODRM_SIB) | (uint8_t)op;
    return x64_put(p, (uint64_t)(uint32_t)m.disp << f->shift | bytes, f->n);
}

void x64_rm(X64Emit *e, uint32_t op, int reg, X64Mem m)
{
    e->p = put_rm(e->p, op, reg, m);
}

void x64_rri(X64Emit *e, uint32_t op, int reg, int rm, uint8_t imm)
{
    x64_rr(e, op, reg, rm);
    x64_byte(e, imm);
}

void x64_rmi(X64Emit *e, uint32_t op, int reg, X64Mem m, uint8_t imm)
{
    x64_rm(e, op, reg, m);
    x64_byte(e, imm);
}

static void vex(X64Emit *e, uint32_t op, unsigned l, int reg, int v, int index, int base)
{
    unsigned pp = (op & X64_PP) / X64_66, map = (op & X64_MAP) / X64_0F;
    unsigned vvvv = v == X64_NONE ? 15 : (unsigned)v;
    unsigned tail = (~vvvv & 15) << 3 | l << 2 | pp;
    unsigned r = reg < 8 ? 0x80u : 0, x = index < 8 ? 0x40u : 0, b = base < 8 ? 0x20u : 0;

    if (v == X64_NONE)
        tail |= 15u << 3;
    if (map == 1 && x && b && !(op & X64_W)) {
        x64_byte(e, 0xc5);
        x64_byte(e, (uint8_t)(r | tail));
    } else {
        x64_byte(e, 0xc4);
        x64_byte(e, (uint8_t)(r | x | b | map));
        x64_byte(e, (uint8_t)((op & X64_W ? 0x80u : 0) | tail));
    }
    x64_byte(e, (uint8_t)op);
}

void x64_vex_rr(X64Emit *e, uint32_t op, unsigned l, int reg, int v, int rm)
{
    vex(e, op, l, reg, v, 0, rm);
    x64_byte(e, (uint8_t)x64_modrm(3, reg, rm));
}

void x64_vex_rm(X64Emit *e, uint32_t op, unsigned l, int reg, int v, X64Mem m)
{
    vex(e, op, l, reg, v, m.index, m.base);
    e->p = put_mem(e->p, reg, m);
}

/* An immediate as operations of a size take it: narrow, or a byte where `byte` says so. */
static inline void put_imm(X64Emit *e, unsigned size_log2, bool byte, int32_t imm)
{
    static const uint8_t bytes[] = { 1, 2, 4, 4 };

    put(e, (uint32_t)imm, byte ? 1 : bytes[size_log2]);
}

static uint32_t g1_op(unsigned size_log2, int32_t imm)
{
    if (size_log2 == 0)
        return 0x80 | X64_BYTE_RM;
    return x64_sized(imm == (int8_t)imm ? X64_GRP1_IMM8 : X64_GRP1_IMM32, size_log2);
}

/* An immediate of a narrow operation counts in its low bits only. */
static int32_t g1_narrow(unsigned size_log2, int32_t imm)
{
    return size_log2 == 0 ? (int8_t)imm : size_log2 == 1 ? (int16_t)imm : imm;
}

void x64_g1_ri(X64Emit *e, unsigned ext, unsigned size_log2, int rm, int32_t imm)
{
    if (size_log2 >= 2) {
        e->p = x64_put_g1(e->p, ext, size_log2 == 3 ? X64_W : 0, rm, imm);
        return;
    }
    imm = g1_narrow(size_log2, imm);
    x64_rr(e, g1_op(size_log2, imm), (int)ext, rm);
    put_imm(e, size_log2, imm == (int8_t)imm, imm);
}

void x64_g1_mi(X64Emit *e, unsigned ext, unsigned size_log2, X64Mem m, int32_t imm)
{
    imm = g1_narrow(size_log2, imm);
    x64_rm(e, g1_op(size_log2, imm), (int)ext, m);
    put_imm(e, size_log2, imm == (int8_t)imm, imm);
}

/* The instructions that keep flags note it here. */
#define KEEPS_FLAGS(e, ...) \
    do { \
        bool at_ = (e)->flags_at == (e)->p; \
        __VA_ARGS__; \
        if (at_) \
            (e)->flags_at = (e)->p; \
    } while (0)

/* The same for one instruction that ends at p. */
static inline void keep_flags(X64Emit *e, uint8_t *p)
{
    e->flags_at = e->flags_at == e->p ? p : e->flags_at;
    e->p = p;
}

void x64_mov_rr(X64Emit *e, unsigned w, int dst, int src)
{
    if (dst == src && w)
        return;
    keep_flags(e, x64_put_rr(e->p, X64_MOV_LOAD | w, dst, src));
}

static void mov_imm(X64Emit *e, int dst, uint64_t imm)
{
    if (imm <= UINT32_MAX) {
        uint64_t v = imm << 8 | 0xb8 | ((unsigned)dst & 7);

        put(e, dst >= 8 ? v << 8 | 0x41 : v, 5 + x64_high(dst));
    } else if (x64_fits32(imm)) {
        x64_rr(e, X64_MOV_IMM32 | X64_W, 0, dst);
        x64_imm32(e, (int32_t)imm);
    } else {
        x64_byte(e, dst >= 8 ? 0x49 : 0x48);
        x64_byte(e, (uint8_t)(0xb8 | (dst & 7)));
        x64_imm64(e, imm);
    }
}

void x64_mov_ri(X64Emit *e, int dst, uint64_t imm)
{
    KEEPS_FLAGS(e, mov_imm(e, dst, imm));
}

void x64_move_rm(X64Emit *e, uint32_t op, int reg, X64Mem m)
{
    keep_flags(e, put_rm(e->p, op, reg, m));
}

static void store_imm(X64Emit *e, unsigned size_log2, X64Mem m, int32_t imm)
{
    e->p = put_rm(e->p, x64_sized(X64_MOV_IMM32, size_log2), 0, m);
    put_imm(e, size_log2, false, imm);
}

void x64_store_imm(X64Emit *e, unsigned size_log2, X64Mem m, int32_t imm)
{
    KEEPS_FLAGS(e, store_imm(e, size_log2, m, imm));
}

void x64_store_imm64(X64Emit *e, X64Mem m, uint64_t imm)
{
    if (x64_fits32(imm)) {
        x64_store_imm(e, 3, m, (int32_t)imm);
        return;
    }
    x64_store_imm(e, 2, m, (int32_t)imm);
    m.disp += 4;
    x64_store_imm(e, 2, m, (int32_t)(imm >> 32));
}

static void bswap(X64Emit *e, unsigned w, int reg)
{
    unsigned rex = (w ? 8u : 0) | (reg >= 8 ? 1u : 0);

    if (rex)
        x64_byte(e, (uint8_t)(0x40 | rex));
    x64_byte(e, 0x0f);
    x64_byte(e, (uint8_t)(0xc8 | (reg & 7)));
}

void x64_bswap(X64Emit *e, unsigned w, int reg)
{
    KEEPS_FLAGS(e, bswap(e, w, reg));
}

static void vmov(X64Emit *e, bool wide, uint32_t op, int reg, const X64Mem *m, int rm)
{
    if (x64_host.avx) {
        if (m)
            x64_vex_rm(e, op, wide, reg, X64_NONE, *m);
        else
            x64_vex_rr(e, op, wide, reg, X64_NONE, rm);
    } else if (m) {
        x64_rm(e, op, reg, *m);
    } else {
        x64_rr(e, op, reg, rm);
    }
}

void x64_vmov_rr(X64Emit *e, bool wide, int dst, int src)
{
    if (dst != src)
        KEEPS_FLAGS(e, vmov(e, wide, X64_MOVAPS, dst, NULL, src));
}

void x64_vload(X64Emit *e, bool wide, int dst, X64Mem m)
{
    KEEPS_FLAGS(e, vmov(e, wide, X64_MOVUPS_LOAD, dst, &m, 0));
}

void x64_vstore(X64Emit *e, bool wide, int src, X64Mem m)
{
    KEEPS_FLAGS(e, vmov(e, wide, X64_MOVUPS_STORE, src, &m, 0));
}

void x64_vload_low(X64Emit *e, unsigned w, int dst, X64Mem m)
{
    KEEPS_FLAGS(e, x64_vex_rm(e, X64_MOVD_LOAD | w, 0, dst, X64_NONE, m));
}

void x64_vstore_low(X64Emit *e, unsigned w, int src, X64Mem m)
{
    KEEPS_FLAGS(e, x64_vex_rm(e, X64_MOVD_STORE | w, 0, src, X64_NONE, m));
}

void x64_vzeroupper(X64Emit *e)
{
    static const uint8_t code[] = { 0xc5, 0xf8, 0x77 };

    KEEPS_FLAGS(e, memcpy(e->p, code, sizeof(code)); e->p += sizeof(code));
}

uint8_t *x64_jcc8(X64Emit *e, unsigned cc)
{
    put(e, 0x70 | cc, 2);
    return e->p - 1;
}

void x64_here8(X64Emit *e, uint8_t *disp)
{
    *disp = (uint8_t)(e->p - disp - 1);
}

uint8_t *x64_jcc32(X64Emit *e, unsigned cc)
{
    put(e, 0x0f | (0x80u | cc) << 8, 6);
    return e->p - 4;
}

uint8_t *x64_jmp32(X64Emit *e)
{
    put(e, 0xe9, 5);
    return e->p - 4;
}

void x64_target32(uint8_t *disp, const uint8_t *target)
{
    int32_t v = (int32_t)(target - (disp + 4));

    memcpy(disp, &v, sizeof(v));
}

void x64_here32(X64Emit *e, uint8_t *disp)
{
    x64_target32(disp, e->p);
}

/* NOPs as Intel recommends (SDM vol. 2B, NOP). */
void x64_nops(X64Emit *e, unsigned n)
{
    static const uint8_t table[][8] = {
        { 0 },
        { 0x90 },
        { 0x66, 0x90 },
        { 0x0f, 0x1f, 0x00 },
        { 0x0f, 0x1f, 0x40, 0x00 },
        { 0x0f, 0x1f, 0x44, 0x00, 0x00 },
        { 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00 },
        { 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00 },
    };

    memcpy(e->p, table[n], sizeof(table[n]));
    e->p += n;
}

/* So that a displacement `opcode` bytes further on does not cross into the next 8 bytes. */
static void align_disp32(X64Emit *e, unsigned opcode)
{
    x64_align(e, opcode, sizeof(int32_t));
}

uint8_t *x64_jmp32_aligned(X64Emit *e)
{
    align_disp32(e, 1);
    return x64_jmp32(e);
}

uint8_t *x64_jcc32_aligned(X64Emit *e, unsigned cc)
{
    align_disp32(e, 2);
    return x64_jcc32(e, cc);
}

void x64_call(X64Emit *e, const uint8_t *target_rw)
{
    uint32_t disp = (uint32_t)(target_rw - (e->p + 5));

    put(e, 0xe8 | (uint64_t)disp << 8, 5);
}

void x64_ret(X64Emit *e)
{
    x64_byte(e, 0xc3);
}

void x64_push(X64Emit *e, int reg)
{
    if (reg >= 8)
        x64_byte(e, 0x41);
    x64_byte(e, (uint8_t)(0x50 | (reg & 7)));
}

void x64_pop(X64Emit *e, int reg)
{
    if (reg >= 8)
        x64_byte(e, 0x41);
    x64_byte(e, (uint8_t)(0x58 | (reg & 7)));
}
