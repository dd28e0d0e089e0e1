/* SPDX-License-Identifier: MIT */
/* What the translator, the accelerators and the start-up code use of the memory bus. */
#ifndef TN_MEMORY_MEMORY_INTERNAL_H
#define TN_MEMORY_MEMORY_INTERNAL_H

#include "tenon/memory.h"

/*
 * Translated code and dirty pages. Each RAM-like region has a TN_DIRTY_CODE bit per 4 KiB page,
 * set at first; the translator clears it (tn_region_code_protect) when it takes code from the
 * page. Until it sets it again (tn_region_code_unprotect), every write that does not come through
 * its own soft TLB - DMA, tn_region_mark_dirty, tn_memory_store - calls the code hook, after the
 * bytes have changed, once per page, with the span that lies in that page. The hook may run on any
 * thread, with or without the device lock, and inside an RCU read section.
 */
typedef void (*TnCodeHook)(TnRegion *region, uint64_t offset, uint64_t size);
void tn_memory_set_code_hook(TnCodeHook fn);
void tn_region_code_protect(TnRegion *region, uint64_t offset, uint64_t size);
void tn_region_code_unprotect(TnRegion *region, uint64_t offset, uint64_t size);
/* True while the page of `offset` is protected (its TN_DIRTY_CODE bit is clear). [any] */
bool tn_region_has_code(TnRegion *region, uint64_t offset);

/*
 * True while a store to the page must be told to the bus (tn_region_written): a display or a
 * migration logs the page and its bit is clear. A soft TLB then keeps the write tag slow. [any]
 */
bool tn_region_logs_page(TnRegion *region, uint64_t offset);
/* Sets the display and migration bits of a span, without the code hook: for a vCPU's stores. [any] */
void tn_region_written(TnRegion *region, uint64_t offset, uint64_t size);
/*
 * Called after dirty bits of display or migration were cleared, or logging began: cached fast write
 * tags must go. [+lock]
 */
void tn_memory_set_log_hook(void (*fn)(void));

/* A number that changes with every published view of any space: lets a cache see that it is old. */
uint64_t tn_memory_generation(void);

/* Every address space in order of making. [main +lock] */
void tn_address_space_each(void (*fn)(TnAddressSpace *as, void *data), void *data);
const char *tn_address_space_name(const TnAddressSpace *as);
TnRegion *tn_address_space_root(const TnAddressSpace *as);

#endif
