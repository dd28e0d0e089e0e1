/* SPDX-License-Identifier: MIT */
/* Keyboard and mouse events from displays to devices; see TnInputHandler. */
#ifndef TENON_INPUT_H
#define TENON_INPUT_H

#include "tenon/object.h"

TN_BEGIN_DECLS

typedef enum TnInputKind {
    TN_INPUT_KEY = 0,    /* code: PS/2 set 1 scan code, extended ones (0xe0 prefix) with 0x80 set */
    TN_INPUT_BUTTON = 1, /* code: 0 left, 1 middle, 2 right, 3 wheel up, 4 wheel down, 5 side,
                          * 6 extra */
    TN_INPUT_REL = 2,    /* code: 0 x, 1 y; value in counts */
    TN_INPUT_ABS = 3,    /* code: 0 x, 1 y; value 0..32767 */
    TN_INPUT_SYNC = 4,   /* end of a group of events */
} TnInputKind;

/* Frozen. A kind of event that needs more gets a struct of its own. */
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

/* Registers a handler (borrowed: it must stay valid) until it is removed or `owner` goes; the
 * last one active for a kind gets its events. [main +lock] */
TN_API void tn_input_add_handler(TnObject *owner, const TnInputHandler *handler, void *opaque);
/* Makes the handler with this opaque the active one for its kinds; takes it away. [main +lock] */
TN_API void tn_input_activate(void *opaque);
TN_API void tn_input_remove_handler(void *opaque);
/* Sends an event to the active handler of its kind. [main +lock] */
TN_API void tn_input_send(const TnInputEvent *event);

TN_END_DECLS

#endif
