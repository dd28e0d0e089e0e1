/* SPDX-License-Identifier: MIT */
/* Logging (-d, -D), guest errors, trace points. */
#ifndef TENON_LOG_H
#define TENON_LOG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tenon/macros.h"

TN_BEGIN_DECLS

/* Items of -d, spelled as in its help: in_asm, op, out_asm, int, cpu_reset, ... */
typedef enum TnLogItem {
    TN_LOG_OUT_ASM = 1u << 0,
    TN_LOG_IN_ASM = 1u << 1,
    TN_LOG_OP = 1u << 2,
    TN_LOG_OP_OPT = 1u << 3,
    TN_LOG_INT = 1u << 4,
    TN_LOG_EXEC = 1u << 5,
    TN_LOG_CPU = 1u << 6,
    TN_LOG_PCALL = 1u << 7,
    TN_LOG_CPU_RESET = 1u << 8,
    TN_LOG_UNIMP = 1u << 9,
    TN_LOG_GUEST_ERROR = 1u << 10,
    TN_LOG_MMU = 1u << 11,
    TN_LOG_PAGE = 1u << 12,
    TN_LOG_NOCHAIN = 1u << 13,
    TN_LOG_FPU = 1u << 14,
    TN_LOG_TID = 1u << 15,
    TN_LOG_TRACE = 1u << 16,
} TnLogItem;

/* The items that are on, of TnLogItem; read-only outside the core. [any] */
TN_API extern uint32_t tn_log_mask;
/* Whether an item is on: for work that is done only to be logged. [any] */
#define tn_log_enabled(item) TN_UNLIKELY(tn_log_mask & (item))

/* Writes to the log when the item is on. [any] */
TN_API void tn_log(TnLogItem item, const char *fmt, ...) TN_PRINTF(2, 3);

/* A guest did something the hardware does not define; rate-limited per call site and `who`.
 * [any] */
TN_API void tn_guest_error(const char *who, const char *fmt, ...) TN_PRINTF(2, 3);

/* A feature of the modelled hardware that is not there yet was used by the guest. [any] */
TN_API void tn_unimplemented(const char *who, const char *fmt, ...) TN_PRINTF(2, 3);

/* Warnings and information to the user on stderr, "tenon: warning: ..." [any] */
TN_API void tn_warn(const char *fmt, ...) TN_PRINTF(1, 2);
TN_API void tn_info(const char *fmt, ...) TN_PRINTF(1, 2);

/* A trace point: a static object per site, switched by `-d trace:GLOB` (matched against `name`). */
typedef struct TnTracePoint {
    uint32_t size;           /* sizeof(TnTracePoint) */
    int32_t state;           /* the core's; 0 at first */
    const char *name;        /* "serial_write" */
    uint32_t generation;     /* the core's; 0 at first */
    uint32_t reserved;       /* 0 */
} TnTracePoint;
/* Whether a point is switched on. TN_TRACE asks only while tracing is on at all. [any] */
TN_API bool tn_trace_on(TnTracePoint *point);
/* Writes a point's line to the log: its name and the text. [any] */
TN_API void tn_trace_write(TnTracePoint *point, const char *fmt, ...) TN_PRINTF(2, 3);
/* Traces: TN_TRACE("serial_write", "offset 0x%x", offset). Arguments are evaluated only when the
 * point is on. [any] */
#define TN_TRACE(name_, ...) \
    do { \
        static TnTracePoint tn_point_ = { sizeof(TnTracePoint), 0, name_, 0, 0 }; \
        if (tn_log_enabled(TN_LOG_TRACE) && tn_trace_on(&tn_point_)) \
            tn_trace_write(&tn_point_, __VA_ARGS__); \
    } while (0)

TN_END_DECLS

#endif
