/* SPDX-License-Identifier: MIT */
/*
 * Character devices: a back end (module) on one side, a front end (a serial port, a monitor) on
 * the other.
 *
 * A back end is a type derived from TN_TYPE_CHARDEV with the interface TN_IFACE_CHARDEV. Options of
 * -chardev are its properties. Everything runs [main +lock] unless said otherwise.
 */
#ifndef TENON_CHARDEV_H
#define TENON_CHARDEV_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tenon/macros.h"
#include "tenon/object.h"

TN_BEGIN_DECLS

/* A chardev type is named "chardev-" plus its -chardev name, e.g. "chardev-stdio". */
#define TN_TYPE_CHARDEV "chardev"
#define TN_IFACE_CHARDEV "chardev"

/* A chardev as an object is a TnObject; this name says that it is one. */
typedef TnObject TnChardev;

typedef enum TnChardevEvent {
    TN_CHARDEV_OPENED = 0,
    TN_CHARDEV_CLOSED = 1,
    TN_CHARDEV_BREAK = 2,
    TN_CHARDEV_MUX_IN = 3,  /* this front end got the mux's focus */
    TN_CHARDEV_MUX_OUT = 4,
} TnChardevEvent;

/* Serial line parameters for back ends on real ports. */
typedef struct TnSerialParams {
    uint32_t size;
    uint32_t speed; /* baud */
    char parity;    /* 'N', 'O', 'E' */
    uint8_t data_bits, stop_bits;
} TnSerialParams;

/* ---- Back end --------------------------------------------------------------------------- */

typedef struct TnChardevOps {
    uint32_t size;
    uint32_t flags;
    /* Opens with the properties set. */
    bool (*open)(TnChardev *chr, void *state, GError **error);
    void (*close)(TnChardev *chr, void *state);
    /* Takes up to n bytes, returns how many were taken (0: full now; tn_chardev_writable
     * follows). */
    size_t (*write)(TnChardev *chr, void *state, const uint8_t *buf, size_t n);
    /* The front end can take input again: resume reading. */
    void (*accept_input)(TnChardev *chr, void *state);
    /* The front end sends a break; line parameters; modem lines. May be NULL. */
    void (*set_break)(TnChardev *chr, void *state, bool on);
    void (*set_params)(TnChardev *chr, void *state, const TnSerialParams *params);
    void (*set_modem)(TnChardev *chr, void *state, bool dtr, bool rts);
    /* bit 0 CTS, 1 DSR, 2 DCD, 3 RI; or -1 when unknown */
    int (*modem)(TnChardev *chr, void *state);
    /* -chardev's short form in -serial: "file:PATH" gives PATH here; sets properties. NULL: the
     * short form takes no argument. */
    bool (*parse_short)(TnChardev *chr, void *state, const char *rest, GError **error);
    /* The descriptor channel met the end of file, the front end knows: the channel may be freed
     * later, not from within. May be NULL. */
    void (*ended)(TnChardev *chr, void *state);
} TnChardevOps;

/* What a back end calls. */

/* Bytes that the front end can take now; 0 without one. [main +lock] */
TN_API size_t tn_chardev_can_receive(TnChardev *chr);
/* Delivers n bytes of input, at most what can_receive gave. [main +lock] */
TN_API void tn_chardev_receive(TnChardev *chr, const uint8_t *buf, size_t n);
/* Tells the front end of an event. [main +lock] */
TN_API void tn_chardev_event(TnChardev *chr, TnChardevEvent event);
/* Says that the back end can take output again. [main +lock] */
TN_API void tn_chardev_writable(TnChardev *chr);

/* ---- Front end -------------------------------------------------------------------------- */

/* What a front end gives to tn_chardev_attach; members may be NULL. All run [main +lock]. */
typedef struct TnChardevHandlers {
    uint32_t size;
    uint32_t flags;
    size_t (*can_receive)(void *opaque); /* bytes that fit now */
    void (*receive)(void *opaque, const uint8_t *buf, size_t n);
    void (*event)(void *opaque, TnChardevEvent event);
    void (*writable)(void *opaque);
} TnChardevHandlers;

/* Claims the chardev (or a place on its mux). `handlers` must stay valid until detach; `opaque` is
 * given to them and names the claim. Fails when another front end has it. [main +lock] */
TN_API bool tn_chardev_attach(TnChardev *chr, const TnChardevHandlers *handlers, void *opaque,
                              GError **error);
/* Gives the claim back; nothing happens without one. [main +lock] */
TN_API void tn_chardev_detach(TnChardev *chr, void *opaque);
/* Writes; `opaque` is the front end's, given at attach. chr may be NULL: bytes vanish. Returns
 * the bytes taken, 0..n; when fewer than n, `writable` is called later. [main or vcpu +lock] */
TN_API size_t tn_chardev_write(TnChardev *chr, void *opaque, const uint8_t *buf, size_t n);
/* The same, queueing what does not fit: for front ends without flow control. [main or vcpu
 * +lock] */
TN_API void tn_chardev_write_all(TnChardev *chr, void *opaque, const uint8_t *buf, size_t n);
/* The front end can take input again. [main or vcpu +lock] */
TN_API void tn_chardev_accept_input(TnChardev *chr, void *opaque);
/* Carry the line's break, parameters and modem outputs to the back end; chr may be NULL, and a back
 * end that is no serial line does nothing. [main or vcpu +lock] */
TN_API void tn_chardev_set_break(TnChardev *chr, bool on);
TN_API void tn_chardev_set_params(TnChardev *chr, const TnSerialParams *params);
TN_API void tn_chardev_set_modem(TnChardev *chr, bool dtr, bool rts);
/* The modem inputs: bit 0 CTS, 1 DSR, 2 DCD, 3 RI; -1 when the back end has none.
 * [main or vcpu +lock] */
TN_API int tn_chardev_modem(TnChardev *chr);

/* The chardev with an id (borrowed), or NULL with an error that lists the ids there are. [main] */
TN_API TnChardev *tn_chardev_find(const char *id, GError **error);
/* From -chardev's key=value form, and from the short form of -serial ("stdio", "mon:stdio",
 * "file:x", "chardev:ID", "none" gives NULL without error). Borrowed. [main +lock] */
TN_API TnChardev *tn_chardev_new(const char *options, GError **error);
TN_API TnChardev *tn_chardev_new_short(const char *id, const char *text, GError **error);
/* The chardev of -serial or -parallel number n (from 0); NULL where there is none. Borrowed.
 * [main] */
TN_API TnChardev *tn_serial_chardev(unsigned n);
TN_API TnChardev *tn_parallel_chardev(unsigned n);

/* ---- File descriptor helper for back ends ------------------------------------------------ */

typedef struct TnFdChannel TnFdChannel;
/* Serves a chardev from file descriptors (-1 for none): reads when the front end can take input,
 * closes both when freed if `own`. On end of file calls tn_chardev_event(CLOSED). Never NULL; the
 * caller frees it. [main +lock] */
TN_API TnFdChannel *tn_fd_channel_new(TnChardev *chr, int fd_in, int fd_out, bool own);
/* Ends a channel; takes NULL. Not from within its own callbacks. [main +lock] */
TN_API void tn_fd_channel_free(TnFdChannel *channel);
/* Writes up to n bytes without waiting; returns those taken. tn_chardev_writable is called when
 * more fit. [main or vcpu +lock] */
TN_API size_t tn_fd_channel_write(TnFdChannel *channel, const uint8_t *buf, size_t n);
/* The front end can take input: reading goes on. [main or vcpu +lock] */
TN_API void tn_fd_channel_accept_input(TnFdChannel *channel);

TN_END_DECLS

#endif
