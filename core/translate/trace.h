/* SPDX-License-Identifier: MIT */
/* What the translator writes to the log (-d in_asm, op, op_opt, out_asm, exec, cpu). */
#ifndef TN_TRANSLATE_TRACE_H
#define TN_TRANSLATE_TRACE_H

#include "tenon/log.h"
#include "translate/backend.h"

void tn_trace_ir_text(TnCpu *cpu, const TnIrBuilder *b, TnLogItem item, const char *title);
void tn_trace_block_text(TnCpu *cpu, const TnBlock *block, const TnIrBuilder *b);
void tn_trace_exec_text(TnCpu *cpu, const TnBlock *block);

static inline void tn_trace_ir(TnCpu *cpu, const TnIrBuilder *b, TnLogItem item, const char *title)
{
    if (tn_log_enabled(item))
        tn_trace_ir_text(cpu, b, item, title);
}

/* The guest's instructions and the host's. */
static inline void tn_trace_block(TnCpu *cpu, const TnBlock *block, const TnIrBuilder *b)
{
    if (tn_log_enabled(TN_LOG_IN_ASM | TN_LOG_OUT_ASM))
        tn_trace_block_text(cpu, block, b);
}

/* A block is about to run from the main loop. */
static inline void tn_trace_exec(TnCpu *cpu, const TnBlock *block)
{
    if (tn_log_enabled(TN_LOG_EXEC | TN_LOG_CPU))
        tn_trace_exec_text(cpu, block);
}

#endif
