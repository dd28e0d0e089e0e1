/* SPDX-License-Identifier: MIT */
/* What the general-purpose chapters share among themselves. */
#ifndef TENON_X86_INSN_GENERAL_H
#define TENON_X86_INSN_GENERAL_H

#include "insn.h"
#include "model.h"

/* transfer.c: loads a segment register; the second ends the block as that demands. */
void x86_gen_load_seg(X86Ctx *c, unsigned seg, TnTemp selector);
void x86_gen_after_load_seg(X86Ctx *c, unsigned seg);

/* Calls a helper that wrote the pc and must not be followed by a step (INT n and its like). */
void x86_gen_end_int(X86Ctx *c);

/* Translation functions named in another file's rows. */
#define X86_GEN(name) void x86_gen_##name(X86Ctx *c)
X86_GEN(mov); X86_GEN(movzx); X86_GEN(movsx); X86_GEN(movsxd); X86_GEN(cmov); X86_GEN(xchg);
X86_GEN(xchg_acc); X86_GEN(bswap); X86_GEN(movbe); X86_GEN(lea); X86_GEN(xlat); X86_GEN(lahf);
X86_GEN(sahf); X86_GEN(salc); X86_GEN(mov_to_seg); X86_GEN(load_far);
X86_GEN(push); X86_GEN(pop); X86_GEN(pop_seg); X86_GEN(pusha); X86_GEN(popa); X86_GEN(pushf);
X86_GEN(popf); X86_GEN(enter); X86_GEN(leave);
X86_GEN(alu); X86_GEN(test); X86_GEN(incdec); X86_GEN(neg); X86_GEN(not); X86_GEN(mul);
X86_GEN(imul); X86_GEN(imul2); X86_GEN(div); X86_GEN(cbw); X86_GEN(cwd); X86_GEN(decimal);
X86_GEN(aam); X86_GEN(xadd); X86_GEN(cmpxchg); X86_GEN(cmpxchg8b);
X86_GEN(shift); X86_GEN(rotate); X86_GEN(rotate_carry); X86_GEN(shift_double);
X86_GEN(bt); X86_GEN(bit_scan); X86_GEN(count_zeros); X86_GEN(popcnt); X86_GEN(setcc);
/* X86Row.helper of the bit tests. */
enum { X86_BT, X86_BTS, X86_BTR, X86_BTC };
#undef X86_GEN

#endif
