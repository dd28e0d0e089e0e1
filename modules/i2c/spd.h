/* SPDX-License-Identifier: MIT */
#ifndef TENON_MODULES_I2C_SPD_H
#define TENON_MODULES_I2C_SPD_H

#include <stdint.h>

enum { SPD_SIZE = 256 };

/* The largest module of SDRAM that fits into `ram` bytes of memory still to be described; 0 when
 * none does. */
uint64_t spd_module_size(uint64_t ram);
/* The SPD image of an unbuffered module of a size that spd_module_size gives. */
void spd_make(uint8_t image[SPD_SIZE], uint64_t size);

#endif
