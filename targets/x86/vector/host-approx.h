/* SPDX-License-Identifier: MIT */
/*
 * RCPSS and RSQRTSS of one single-precision bit pattern. The manual bounds the relative error by
 * 1.5 * 2^-12 and leaves the bits to the processor: on an x86-64 host they are the host's own, so
 * that both back ends agree; elsewhere the correctly rounded value is delivered.
 */
#ifndef TENON_X86_HOST_APPROX_H
#define TENON_X86_HOST_APPROX_H

#include <stdint.h>

uint32_t host_approx_rcp(uint32_t v);
uint32_t host_approx_rsqrt(uint32_t v);

#endif
