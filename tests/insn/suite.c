/* SPDX-License-Identifier: MIT */
/*
 * The instruction suite's runner: runs each form on its rows and writes one record a case, a
 * 64-bit hash of the state it ended with, or that whole state when dumping is asked for.
 *
 * The same object is linked into a Linux program and into a bare-metal kernel. It uses general
 * registers only, so that a case's vector state lives on untouched from one case to its record.
 */
#include "suite.h"

#include <cpuid.h>

enum {
    FLAG_CF = 1u << 0,
    FLAG_AF = 1u << 4,
    FLAG_OF = 1u << 11,
    FLAG_RF = 1u << 16,
    /* ID, VIP, VIF, AC, VM and RF down to CF: what a case may show. */
    FLAGS_SHOWN = 0x3f7fd7,
};

/* FXSAVE area, SDM volume 1 table 10-2. */
enum {
    FX_FSW = 2,
    FX_FOP = 6,
    FX_FIP = 8,
    FX_FDP = 16,
    FX_MXCSR_MASK = 28,
    FX_ST0 = 32,
    FX_XMM_END = sizeof(void *) == 8 ? 416 : 288,
    FX_SIZE = 512,
};

enum {
    OUTPUT_SIZE = 4096,
    EDGE_BYTES = 64, /* fresh before each case, at the end of the page at EDGE_BASE */
};

struct range {
    uint32_t first;
    uint32_t last;
    uint32_t row;
    bool one_row;
    bool dump;
};

/* Flags compared: FLAGS_SHOWN, without RF when the option `norf` asks for it. */
static uint32_t flags_shown = FLAGS_SHOWN;

static uint8_t output[OUTPUT_SIZE];
static size_t output_used;

static void flush(void)
{
    platform_write(output, output_used);
    output_used = 0;
}

static void emit(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        if (output_used == OUTPUT_SIZE) {
            flush();
        }
        output[output_used++] = bytes[i];
    }
}

static void copy(void *to, const void *from, size_t size)
{
    uint64_t *target = to;
    const uint64_t *source = from;
    for (size_t i = 0; i < size / sizeof(uint64_t); i++) {
        target[i] = source[i];
    }
}

static void clear(void *at, size_t size)
{
    uint8_t *bytes = at;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = 0;
    }
}

static uint64_t hash(const void *data, size_t size)
{
    const uint32_t *words = data;
    uint32_t low = 0x811c9dc5u, high = 0x2545f491u;
    for (size_t i = 0; i < size / sizeof(uint32_t); i++) {
        low = (low ^ words[i]) * 0x01000193u;
        high = (high + low) ^ (high << 5) ^ (high >> 27);
    }
    return (uint64_t)high << 32 | low;
}

/* Shifts by CL, SDM volume 2 "SAL/SAR/SHL/SHR": OF for a count of one, CF below the size, no AF. */
static uint32_t shift_mask(uint32_t count, uint32_t size)
{
    uint32_t mask = FLAGS_SHOWN;
    if (count == 0) {
        return mask;
    }
    mask &= ~FLAG_AF;
    if (count != 1) {
        mask &= ~FLAG_OF;
    }
    /* SAR fills with the sign and defines CF for any count; the looser rule serves all three. */
    if (count >= size) {
        mask &= ~FLAG_CF;
    }
    return mask;
}

static uint32_t defined_flags(const struct form *form, const struct row *row)
{
    uint32_t count = row->gpr[1] & 31;
    uint32_t wide = row->gpr[1] & 63;

    switch (form->mask_rule) {
    case MASK_SHIFT8:
        return shift_mask(count, 8);
    case MASK_SHIFT16:
        return shift_mask(count, 16);
    case MASK_SHIFT32:
    case MASK_DOUBLE32:
        return shift_mask(count, 32);
    case MASK_SHIFT64:
    case MASK_DOUBLE64:
        return shift_mask(wide, 64);
    case MASK_ROTATE32:
        return count > 1 ? FLAGS_SHOWN & ~FLAG_OF : FLAGS_SHOWN;
    case MASK_ROTATE64:
        return wide > 1 ? FLAGS_SHOWN & ~FLAG_OF : FLAGS_SHOWN;
    case MASK_DOUBLE16:
        /* Above 16 the result and all flags are undefined; the rows keep below. */
        return shift_mask(count, 16);
    default:
        return form->flags;
    }
}

/* Pointers and opcode of the last x87 instruction differ between processors: not compared. */
static void normalise_fx(const struct form *form)
{
    uint8_t *fx = outcome.fx;
    uint16_t fsw = (uint16_t)(fx[FX_FSW] | fx[FX_FSW + 1] << 8) & form->fsw;

    fx[FX_FSW] = (uint8_t)fsw;
    fx[FX_FSW + 1] = (uint8_t)(fsw >> 8);
    clear(fx + FX_FOP - 1, FX_FDP + 8 - FX_FOP + 1);
    clear(fx + FX_MXCSR_MASK, 4);
    for (int i = 0; i < 8; i++) {
        clear(fx + FX_ST0 + 16 * i + 10, 6);
    }
    clear(fx + FX_XMM_END, FX_SIZE - FX_XMM_END);
}

static void normalise(const struct form *form, const struct row *row)
{
    bool faulted = outcome.vector != NO_VECTOR;

    outcome.rflags &= flags_shown & (faulted ? FLAGS_SHOWN : defined_flags(form, row));
    if (form->state == STATE_GPR) {
        clear(outcome.fx, sizeof(outcome.fx));
    } else {
        normalise_fx(form);
    }
    if (form->state != STATE_YMM) {
        clear(outcome.ymmh, sizeof(outcome.ymmh));
    }
}

static void run_row(const struct form *form, const struct row *row, bool dump)
{
    void *window = (void *)(uintptr_t)row->window;

    copy((void *)(EDGE_BASE + PAGE_SIZE - EDGE_BYTES), row->memory, EDGE_BYTES);
    copy(window, row->memory, WINDOW_SIZE);
    clear(&outcome, AT_FX);
    outcome.vector = NO_VECTOR;
    outcome.error = 0;
    outcome.cr2 = 0;
    case_entry = form->code;
    case_state = form->state;
    run_case(row);
    copy(outcome.memory, window, WINDOW_SIZE);
    normalise(form, row);
    if (dump) {
        emit(&outcome, sizeof(outcome));
    } else {
        uint64_t value = hash(&outcome, sizeof(outcome));
        emit(&value, sizeof(value));
    }
}

static void run_form(const struct form *form, const struct range *range, uint32_t features)
{
    static const uint64_t skipped = 0;

    if (form->features & ~features) {
        for (uint32_t i = 0; i < form->count && !range->dump; i++) {
            emit(&skipped, sizeof(skipped));
        }
        return;
    }
    for (uint32_t i = 0; i < form->count; i++) {
        if (!range->one_row || i == range->row) {
            run_row(form, &rows[form->rows + i], range->dump);
        }
    }
}

/* The number after `word`, such as `first=`, in the options; `missing` when it is not there. */
static uint32_t option(const char *options, const char *word, uint32_t missing)
{
    for (; *options; options++) {
        const char *a = options, *b = word;
        while (*b && *a == *b) {
            a++;
            b++;
        }
        if (!*b) {
            uint32_t value = 0;
            for (; *a >= '0' && *a <= '9'; a++) {
                value = value * 10 + (uint32_t)(*a - '0');
            }
            return value;
        }
    }
    return missing;
}

void suite_main(const char *options)
{
    struct range range = {
        .first = option(options, "first=", 0),
        .last = option(options, "last=", form_count - 1),
        .row = option(options, "row=", 0),
        .one_row = option(options, "row=", UINT32_MAX) != UINT32_MAX,
        .dump = option(options, "dump", 1) == 0,
    };
    uint32_t features = host_features();

    if (option(options, "norf", 1) == 0) {
        flags_shown &= ~FLAG_RF;
    }
    emit("INSN", 4);
    emit(&features, sizeof(features));
    for (uint32_t i = range.first; i <= range.last && i < form_count; i++) {
        run_form(&forms[i], &range, features);
    }
    emit("DONE", 4);
    flush();
}
