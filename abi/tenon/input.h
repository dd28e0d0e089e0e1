/* SPDX-License-Identifier: MIT */
/* Keyboard and mouse events from displays to devices; see TnInputHandler. */
#ifndef TENON_INPUT_H
#define TENON_INPUT_H

#include "tenon/object.h"

TN_BEGIN_DECLS

typedef enum TnInputKind {
    TN_INPUT_KEY,    /* code: PS/2 set 1 scan code, extended ones with 0x80 set (0xe0 prefix) */
    TN_INPUT_BUTTON, /* code: 0 left, 1 middle, 2 right, 3 wheel up, 4 wheel down, 5 side, 6 extra */
    TN_INPUT_REL,    /* code: 0 x, 1 y; value in counts */
    TN_INPUT_ABS,    /* code: 0 x, 1 y; value 0..32767 */
    TN_INPUT_SYNC,   /* end of a group of events */
} TnInputKind;

typedef struct TnInputEvent {
    uint32_t kind; /* TnInputKind */
    uint32_t code;
    int32_t value; /* KEY, BUTTON: 1 pressed, 0 released */
} TnInputEvent;

typedef struct TnInputHandler {
    uint32_t size;
    uint32_t kinds; /* bit mask of 1 << TnInputKind */
    const char *name;
    void (*event)(void *opaque, const TnInputEvent *event);
} TnInputHandler;

/* Registers a handler; the last one active for a kind gets its events. [main +lock] */
TN_API void tn_input_add_handler(TnObject *owner, const TnInputHandler *handler, void *opaque);
TN_API void tn_input_activate(void *opaque);
TN_API void tn_input_remove_handler(void *opaque);
/* Sends an event to the active handler of its kind. [main +lock] */
TN_API void tn_input_send(const TnInputEvent *event);

TN_END_DECLS

#endif
