/* SPDX-License-Identifier: MIT */
/* The interval timer as the speaker port sees it. */
#ifndef TENON_MODULES_TIMER_I8254_H
#define TENON_MODULES_TIMER_I8254_H

#include "tenon/isa.h"

/* GATE input of a channel. */
void i8254_set_gate(TnObject *pit, unsigned channel, bool level);
bool i8254_gate(TnObject *pit, unsigned channel);
/* OUT of a channel now. */
bool i8254_output(TnObject *pit, unsigned channel);

extern const TnTypeInfo pcspk_type;

#endif
