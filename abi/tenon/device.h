/* SPDX-License-Identifier: MIT */
/*
 * Devices: the "device" interface, register tables, buses.
 *
 * A device is a type derived from TN_TYPE_DEVICE (or a bus's device type) with an interface
 * TN_IFACE_DEVICE. Order of life: type init (children, regions, lines) -> properties set ->
 * realize -> reset -> running. `settle` is called by the core after every access through a register
 * table, after reset and after load: it derives outputs (IRQ levels) from the state.
 *
 * Hooks get the state of the type that implements them.
 */
#ifndef TENON_DEVICE_H
#define TENON_DEVICE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tenon/clock.h"
#include "tenon/error.h"
#include "tenon/irq.h"
#include "tenon/log.h"
#include "tenon/macros.h"
#include "tenon/memory.h"
#include "tenon/object.h"
#include "tenon/state.h"

TN_BEGIN_DECLS

#define TN_TYPE_DEVICE "device"
#define TN_TYPE_SYSTEM_DEVICE "sys-bus-device" /* on no bus: mapped by its board */
#define TN_TYPE_BUS "bus"

#define TN_IFACE_DEVICE "device"

typedef enum TnResetKind {
    TN_RESET_COLD = 0, /* power-on and system reset */
    TN_RESET_WARM = 1, /* of a bus or a part of the machine */
} TnResetKind;

typedef struct TnRegisterBank TnRegisterBank;

/* The vtable of TN_IFACE_DEVICE; every hook may be NULL. */
typedef struct TnDeviceOps {
    uint32_t size;
    uint32_t flags;
    /* Checks properties and claims resources. Parents' realize runs first. [main +lock] */
    bool (*realize)(TnObject *dev, void *state, GError **error);
    /* Undoes realize; also called for a realize that failed half-way in a heir. [main +lock] */
    void (*unrealize)(TnObject *dev, void *state);
    /* Sets what register tables do not reset. Register resets were done. [main +lock] */
    void (*reset)(TnObject *dev, void *state, TnResetKind kind);
    /* Derives outputs from the state. [main or vcpu +lock] */
    void (*settle)(TnObject *dev, void *state);
    /* After loading a saved state: rebuilds what is not saved; then settle runs. `version` is the
     * state_version that the bytes were saved with. false refuses them. [main +lock] */
    bool (*loaded)(TnObject *dev, void *state, unsigned version, GError **error);
    /* Register banks of this type, NULL-terminated list; saved, reset and documented. */
    const TnRegisterBank *const *banks;
    uint32_t state_version; /* of TnTypeInfo.state; 0 means 1 */
} TnDeviceOps;

/* Realizes a device and then its children that are devices; resets it if the machine runs. true
 * when it is realized already. On failure what was done is undone, and the error names the
 * device. [main +lock] */
TN_API bool tn_device_realize(TnObject *dev, GError **error);
/* Undoes it, children first; nothing happens when it is not realized. [main +lock] */
TN_API void tn_device_unrealize(TnObject *dev);
/* Whether the device is realized. [main or vcpu +lock] */
TN_API bool tn_device_realized(const TnObject *dev);
/* Resets the device's children, then the device; then all of them settle. [main or vcpu +lock] */
TN_API void tn_device_reset(TnObject *dev, TnResetKind kind);
/* Runs settle of the whole chain. Callbacks outside register tables call it after changing state.
 * [main or vcpu +lock] */
TN_API void tn_device_settle(TnObject *dev);
/* The id given by -device id=, borrowed, or NULL. [main +lock] */
TN_API const char *tn_device_id(const TnObject *dev);

/* ---- Register tables -------------------------------------------------------------------- */

enum {
    TN_REG_RO = 1u << 0, /* writes are ignored */
    TN_REG_WO = 1u << 1, /* reads give `reset` */
    TN_REG_NO_SAVE = 1u << 2,
    TN_REG_KEEP = 1u << 3, /* not changed by reset */
};

/*
 * One register. Stored as uint8_t/16/32/64 (by `size`) at `field` in the device's state, or
 * nowhere when `size_of_field` is 0 and hooks do all. A write changes the bits in `writable` (0
 * means all, unless RO), and clears those in `w1c` that are written as 1. Hooks replace the plain
 * behaviour: `read` returns the value; `write` gets the masked new value and stores by itself.
 * With `when`, the row counts only while it returns true (banked registers); the first row that
 * matches an offset wins. Rows for one offset may differ by access with RO / WO.
 */
typedef struct TnRegister {
    const char *name;     /* as the datasheet spells it; NULL ends the table */
    uint32_t offset;      /* byte offset in the bank */
    uint8_t size;         /* bytes: 1, 2, 4, 8 */
    uint8_t size_of_field;
    uint16_t flags;
    uint32_t field;       /* offsetof in the state */
    uint32_t reserved;
    uint64_t reset;
    uint64_t writable;
    uint64_t w1c;
    uint64_t (*read)(void *state, const struct TnRegister *reg);
    void (*write)(void *state, const struct TnRegister *reg, uint64_t value);
    bool (*when)(const void *state);
    const char *doc;
} TnRegister;

#define TN_REG_FIELD(type_, field_) \
    .field = offsetof(type_, field_), .size_of_field = sizeof(((type_ *)0)->field_)

/* A table of registers that span `size` bytes. */
struct TnRegisterBank {
    uint32_t size_of;  /* sizeof(TnRegisterBank) */
    uint32_t stride;   /* sizeof(TnRegister) */
    const char *name;
    const TnRegister *registers;
    uint64_t size;     /* bytes that the bank spans */
    uint8_t access_min, access_max; /* bytes; 0 means 1..the largest register */
    uint8_t endian;    /* TnEndian */
    uint64_t absent;   /* what an offset without a register reads as */
};

/*
 * An I/O region served by a bank over the state of the type called `type` in `dev`. Each access is
 * traced, and followed by settle. [main]
 */
TN_API TnRegion *tn_register_region_new(TnObject *dev, const char *type, const TnRegisterBank *bank);

/* Direct use of a bank, for devices with index/data ports: one access of `size` bytes at
 * `offset`. `state` is of the type that has the bank. Traced; settle is left to the caller.
 * [main or vcpu +lock] */
TN_API uint64_t tn_register_read(TnObject *dev, void *state, const TnRegisterBank *bank,
                                 uint64_t offset, unsigned size);
TN_API void tn_register_write(TnObject *dev, void *state, const TnRegisterBank *bank,
                              uint64_t offset, uint64_t value, unsigned size);

/* ---- Buses ------------------------------------------------------------------------------ */

#define TN_IFACE_BUS "bus"

/* The vtable of TN_IFACE_BUS. All [main +lock]. */
typedef struct TnBusOps {
    uint32_t size;
    uint32_t flags;
    const char *device_type; /* what may be plugged */
    /* Gives the device its place (slot, address) when it is plugged, before realize. May be
     * NULL. */
    bool (*plug)(TnObject *bus, void *state, TnObject *dev, GError **error);
    /* Takes the place back, after unrealize. May be NULL. */
    void (*unplug)(TnObject *bus, void *state, TnObject *dev);
} TnBusOps;

/* Makes a bus of type `type` as a child of its controller. `name` as in -device bus=NAME ("pci.0").
 * Borrowed; NULL with an error. [main +lock] */
TN_API TnObject *tn_bus_new(TnObject *controller, const char *type, const char *name, GError **error);
/* Plugs an unrealized device: it becomes the bus's child. false with an error for a device of
 * another kind and when the bus has no room. [main +lock] */
TN_API bool tn_bus_plug(TnObject *bus, TnObject *dev, GError **error);
/* The bus a device is on (borrowed, NULL for none). [main +lock] */
TN_API TnObject *tn_device_bus(TnObject *dev);
/* The first bus of a type in the tree with room, for -device without bus=. Borrowed or NULL.
 * [main] */
TN_API TnObject *tn_bus_find(const char *bus_type);

/* Shorthand for boards: new, set properties "name=value,..." (may be NULL), plug, realize. The
 * device is a child of the bus or, for system devices, of the parent. Borrowed, or NULL with an
 * error. [main +lock] */
TN_API TnObject *tn_device_create(TnObject *bus_or_parent, const char *type, const char *props,
                                  GError **error);

/* ---- System devices --------------------------------------------------------------------- */

/* Adds a region that a system device offers to its board: n counts in order of adding. In init or
 * realize. [main +lock] */
TN_API void tn_system_device_add_region(TnObject *dev, TnRegion *region);
/* Region n, borrowed; NULL when there is none. [main +lock] */
TN_API TnRegion *tn_system_device_region(TnObject *dev, unsigned n);
/* Maps region n at an address of system memory (or port of system I/O). [main +lock] */
TN_API void tn_system_device_map(TnObject *dev, unsigned n, uint64_t addr);
TN_API void tn_system_device_map_io(TnObject *dev, unsigned n, uint16_t port);

TN_END_DECLS

#endif
