/* SPDX-License-Identifier: MIT */
/* Prototypes of the helpers of helpers.def in this folder. */
#ifndef TENON_X86_INSN_HELPERS_H
#define TENON_X86_INSN_HELPERS_H

#include "x86.h"

void x86_helper_check_fetch(TnCpu *cpu, uint32_t offset);

uint64_t x86_helper_div(TnCpu *cpu, uint64_t dividend, uint64_t divisor, uint32_t size);
uint64_t x86_helper_idiv(TnCpu *cpu, uint64_t dividend, uint64_t divisor, uint32_t size);
uint64_t x86_helper_div32(TnCpu *cpu, uint64_t low, uint64_t high, uint64_t divisor);
uint64_t x86_helper_idiv32(TnCpu *cpu, uint64_t low, uint64_t high, uint64_t divisor);
uint64_t x86_helper_div64(TnCpu *cpu, uint64_t low, uint64_t high, uint64_t divisor);
uint64_t x86_helper_idiv64(TnCpu *cpu, uint64_t low, uint64_t high, uint64_t divisor);
void x86_helper_pause(TnCpu *cpu);

void x86_helper_daa(TnCpu *cpu);
void x86_helper_das(TnCpu *cpu);
void x86_helper_aaa(TnCpu *cpu);
void x86_helper_aas(TnCpu *cpu);
void x86_helper_aam(TnCpu *cpu, uint32_t base);
void x86_helper_aad(TnCpu *cpu, uint32_t base);

uint64_t x86_helper_rcl(uint64_t value, uint32_t how, uint32_t flags);
uint32_t x86_helper_rcl_flags(uint64_t value, uint32_t how, uint32_t flags);
uint64_t x86_helper_rcr(uint64_t value, uint32_t how, uint32_t flags);
uint32_t x86_helper_rcr_flags(uint64_t value, uint32_t how, uint32_t flags);
uint64_t x86_helper_shld(uint64_t value, uint64_t filler, uint32_t how);
uint64_t x86_helper_shrd(uint64_t value, uint64_t filler, uint32_t how);
uint32_t x86_helper_shld_flags(uint64_t value, uint64_t filler, uint32_t how, uint32_t flags);
uint32_t x86_helper_shrd_flags(uint64_t value, uint64_t filler, uint32_t how, uint32_t flags);

uint64_t x86_helper_pdep(uint64_t value, uint64_t mask);
uint64_t x86_helper_pext(uint64_t value, uint64_t mask);
uint64_t x86_helper_bextr(uint64_t value, uint32_t control);
uint64_t x86_helper_bzhi(uint64_t value, uint32_t index);
uint32_t x86_helper_crc32(uint32_t crc, uint64_t data, uint32_t bytes);

void x86_helper_cmpxchg16b(TnCpu *cpu, uint64_t addr, uint32_t mmu);
void x86_helper_bound(TnCpu *cpu, uint64_t index, uint64_t lower, uint64_t upper);

/* Of system/. */
void x86_helper_check_io(TnCpu *cpu, uint32_t port, uint32_t size);
void x86_helper_data_breakpoint(TnCpu *cpu, uint64_t linear, uint32_t access);

#endif
