/* SPDX-License-Identifier: MIT */
/*
 * The guest's x87 in the host's: translated code runs the guest's instructions on it as they are
 * (TN_IR_HOSTX) while all exceptions are masked and none is pending. Otherwise, and on other hosts,
 * helpers run them one by one: mode bit MODE_X87_SOFT.
 *
 * The control word is in the state at all times. FNSAVE and FRSTOR move the rest, in the 32-bit
 * protected-mode layout (Intel SDM vol. 1, 8.1.10), whose pointers are of no interest here.
 */
#include "x87.h"

typedef struct Image {
    uint32_t fcw, fsw, ftw, pointers[4];
    uint8_t st[8][10];
} Image;

_Static_assert(sizeof(Image) == 108, "the layout of FNSAVE");

bool x86_x87_is_soft(const X86State *s)
{
    return (~s->fcw & FSW_FLAGS) || (s->fsw & FSW_ES) || s->x87_unmasking;
}

void x87_update_mode(X86State *s)
{
    s->mode = x86_x87_is_soft(s) ? s->mode | MODE_X87_SOFT : s->mode & ~(uint32_t)MODE_X87_SOFT;
}

#ifdef __x86_64__

enum { TAG_EMPTY = 3 };

/* Which of the tags say that a register holds something does not matter: FRSTOR finds out. */
static uint32_t tag_word(const X86State *s)
{
    uint32_t tags = 0;

    for (unsigned i = 0; i < 8; i++)
        tags |= (s->ftag_empty >> i & 1 ? TAG_EMPTY : 0u) << 2 * i;
    return tags;
}

static void live_load(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    Image image = { .fcw = s->fcw, .ftw = tag_word(s),
                    .fsw = (s->fsw & ~(uint32_t)FSW_TOP) | (uint32_t)s->ftop << FSW_TOP_SHIFT };

    for (unsigned i = 0; i < 8; i++)
        memcpy(image.st[i], x87_st(s, i)->bytes, sizeof(image.st[i]));
    __asm__ volatile("frstor %0" : : "m"(image));
    cpu->x87_live = true;
}

void x86_x87_save(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    Image image;

    __asm__ volatile("fnsave %0" : "=m"(image));
    cpu->x87_live = false;
    s->fsw = (uint16_t)(image.fsw & ~(uint32_t)FSW_TOP);
    s->ftop = image.fsw >> FSW_TOP_SHIFT & 7;
    s->ftag_empty = 0;
    for (unsigned i = 0; i < 8; i++) {
        s->ftag_empty |= (uint8_t)(((image.ftw >> 2 * i & 3) == TAG_EMPTY) << i);
        memcpy(x87_st(s, i)->bytes, image.st[i], sizeof(image.st[i]));
    }
}

/* The FLDCW is translated anew as a helper's call, which runs under any mask. */
static void live_refuse(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    s->x87_unmasking = true;
    x87_update_mode(s);
    s->rip = cpu->fault_pc;
    tn_cpu_unwind_to_loop(cpu);
}

const TnX87Ops x86_x87_ops = { .load = live_load, .save = x86_x87_save, .refuse = live_refuse };

#else

void x86_x87_save(TnCpu *cpu)
{
}

#endif
