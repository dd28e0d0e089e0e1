/* SPDX-License-Identifier: MIT */
/* The translator's part of the log. */
#include "translate/trace.h"

#include <inttypes.h>

#include "clock/log-internal.h"
#include "cpu/cpu-private.h"
#include "translate/ir-info.h"
#include "translate/softmmu.h"
#include "translate/translator.h"

enum { MAX_INSN_BYTES = 16 };

void tn_trace_ir_text(TnCpu *cpu, const TnIrBuilder *b, TnLogItem item, const char *title)
{
    g_autoptr(GString) text = NULL;

    if (!tn_log_in_filter(cpu->priv->translation.start, b->end_pc - b->pc))
        return;
    text = g_string_new(NULL);
    tn_ir_dump(cpu->target, b->ops, b->n_ops, text);
    tn_log(item, "%s:\n%s\n", title, text->str);
}

void tn_log_insn(TnCpu *cpu, uint64_t pc, const uint8_t *bytes, unsigned n)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < n; i++)
        g_string_append_printf(text, " %02x", bytes[i]);
    tn_log(TN_LOG_IN_ASM, "0x%08" PRIx64 ": %s\n", pc, text->str);
}

static void trace_insn(TnCpu *cpu, const TnBlock *block, uint64_t pc, unsigned length)
{
    const TnTranslation *t = &cpu->priv->translation;
    uint8_t bytes[MAX_INSN_BYTES];
    unsigned n = MIN(length, (unsigned)sizeof(bytes));

    for (unsigned i = 0; i < n; i++) {
        uint64_t linear = tn_key_linear(&block->key, pc + i);
        const uint8_t *host = t->host[tn_page_of(linear) == t->linear[0] ? 0 : 1];
        bytes[i] = host ? host[tn_page_offset(linear)] : 0;
    }
    tn_log_insn(cpu, pc, bytes, n);
}

static bool is_wanted(const TnBlock *block)
{
    return tn_log_in_filter(tn_key_linear(&block->key, block->key.pc), block->size);
}

void tn_trace_block_text(TnCpu *cpu, const TnBlock *block, const TnIrBuilder *b)
{
    if (!is_wanted(block))
        return;
    if (tn_log_enabled(TN_LOG_IN_ASM)) {
        tn_log(TN_LOG_IN_ASM, "----------------\nIN: mode 0x%x\n", block->key.flags);
        for (unsigned i = 0; i < b->n_ops; i++) {
            if (b->ops[i].opc == TN_IR_INSN)
                trace_insn(cpu, block, b->ops[i].imm, b->ops[i].aux);
        }
        tn_log(TN_LOG_IN_ASM, "\n");
    }
    if (tn_log_enabled(TN_LOG_OUT_ASM) && tn_translator.backend->dump) {
        g_autoptr(GString) text = g_string_new(NULL);
        tn_translator.backend->dump(block, text);
        tn_log(TN_LOG_OUT_ASM, "OUT: [size=%u]\n%s\n", block->code_size, text->str);
    }
}

void tn_trace_exec_text(TnCpu *cpu, const TnBlock *block)
{
    if (!is_wanted(block))
        return;
    tn_log(TN_LOG_EXEC, "Trace %u: %p [%08" PRIx64 "/%016" PRIx64 "/%08x]\n", cpu->index,
           block->code, block->key.base, block->key.pc, block->key.flags);
    if (tn_log_enabled(TN_LOG_CPU) && cpu->target->ops->dump) {
        g_autoptr(GString) text = g_string_new(NULL);
        cpu->target->ops->dump(cpu, text);
        tn_log(TN_LOG_CPU, "%s", text->str);
    }
}
