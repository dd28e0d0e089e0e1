/* SPDX-License-Identifier: MIT */
/*
 * Attributes used by every public header.
 *
 * Thread tags in comments: [vcpu] on a vCPU's thread, [main] on the main loop's thread, [worker] on
 * the worker pool, [any] anywhere; "+lock" means that the device lock is held.
 */
#ifndef TENON_MACROS_H
#define TENON_MACROS_H

#include <stddef.h>

#ifdef __cplusplus
#define TN_BEGIN_DECLS extern "C" {
#define TN_END_DECLS }
#else
#define TN_BEGIN_DECLS
#define TN_END_DECLS
#endif

/* Exported from libtenon.so. Everything else is hidden. */
#define TN_API __attribute__((visibility("default")))
#define TN_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define TN_NORETURN __attribute__((noreturn))
#define TN_PACKED __attribute__((packed))
/* Bytes of a struct up to and with a member: what its `size` reaches when it has the member. */
#define TN_SIZE_WITH(type_, member_) (offsetof(type_, member_) + sizeof(((type_ *)0)->member_))
#define TN_LIKELY(x) __builtin_expect(!!(x), 1)
#define TN_UNLIKELY(x) __builtin_expect(!!(x), 0)

#endif
