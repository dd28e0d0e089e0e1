/* SPDX-License-Identifier: MIT */
/* Chardevs inside the core: the state of the type "chardev", the mux, start and end. */
#ifndef TN_CHARDEV_CHARDEV_INTERNAL_H
#define TN_CHARDEV_CHARDEV_INTERNAL_H

#include "tenon/chardev.h"

/* Closes every chardev: the terminal is as it was before. At the process's end. [main +lock] */
void tn_chardev_close_all(void);
/* The ids there are, in order of making. g_free the array. */
const char **tn_chardev_ids(void);
/* -echr: the escape character of muxes; 0x01 (Ctrl-A) at first, 0 for none. */
void tn_chardev_set_escape(uint8_t escape);

/* ---- Between the files of this folder ---------------------------------------------------- */

typedef struct TnMux TnMux;

/* One front end of a chardev. */
typedef struct TnFrontEnd {
    TnChardevHandlers handlers; /* a copy */
    void *opaque;
    bool attached;
} TnFrontEnd;

/* The state of the type TN_TYPE_CHARDEV. */
typedef struct TnChardevState {
    TnObject *obj;
    TnChardevOps ops;        /* a copy of the back end's */
    void *ops_state;
    bool made;               /* open succeeded: close is due */
    bool connected;          /* between OPENED and CLOSED */
    bool mux_wanted, log_append;
    char *log_path;          /* owned by the property */
    int log_fd;              /* -1 for none */
    TnFrontEnd front;        /* without mux */
    TnMux *mux;              /* owned; NULL without mux */
    GByteArray *queue;       /* what tn_chardev_write_all could not write; NULL when empty */
} TnChardevState;

TnChardevState *tn_chardev_state(TnChardev *chr);

/* Bytes to the back end, past queue and mux. */
size_t tn_chardev_write_raw(TnChardevState *chr, const uint8_t *buf, size_t n);
void tn_chardev_queue(TnChardevState *chr, const uint8_t *buf, size_t n);
/* Writes the queue; false when some is left. */
bool tn_chardev_flush(TnChardevState *chr);

size_t tn_front_can_receive(const TnFrontEnd *front);
void tn_front_receive(const TnFrontEnd *front, const uint8_t *buf, size_t n);
void tn_front_event(const TnFrontEnd *front, TnChardevEvent event);
void tn_front_writable(const TnFrontEnd *front);
void tn_front_set(TnFrontEnd *front, const TnChardevHandlers *handlers, void *opaque);

/* mux.c */
TnMux *tn_mux_new(TnChardevState *chr);
void tn_mux_free(TnMux *mux);
bool tn_mux_attach(TnMux *mux, const TnChardevHandlers *handlers, void *opaque, GError **error);
void tn_mux_detach(TnMux *mux, void *opaque);
size_t tn_mux_can_receive(TnMux *mux);
void tn_mux_receive(TnMux *mux, const uint8_t *buf, size_t n);
void tn_mux_event(TnMux *mux, TnChardevEvent event);
void tn_mux_writable(TnMux *mux);
void tn_mux_accept_input(TnMux *mux, void *opaque);
size_t tn_mux_write(TnMux *mux, const uint8_t *buf, size_t n);

#endif
