/* SPDX-License-Identifier: MIT */
/* MXCSR (SDM vol. 1, 10.2.3). */
#ifndef TENON_X86_MXCSR_H
#define TENON_X86_MXCSR_H

enum {
    MXCSR_FLAGS = 0x3f, /* IE DE ZE OE UE PE */
    MXCSR_DAZ = 1u << 6,
    MXCSR_MASKS_SHIFT = 7,
    MXCSR_MASKS = 0x3fu << MXCSR_MASKS_SHIFT,
    MXCSR_RC_SHIFT = 13,
    MXCSR_FTZ = 1u << 15,
    MXCSR_VALID = 0xffff,
    MXCSR_RESET = 0x1f80,
};

#endif
