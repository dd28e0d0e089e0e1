/* SPDX-License-Identifier: MIT */
/*
 * Modules: the descriptor `tn_module`, and the ELF note made from the same source.
 *
 * A module file ends with one TN_MODULE(...) block:
 *
 *     static const TnTypeInfo *const types[] = { &edu_type, NULL };
 *     static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };
 *
 *     TN_MODULE(hooks,
 *         TN_NOTE_NAME("edu") TN_NOTE_VERSION("1.0") TN_NOTE_LICENCE("MIT")
 *         TN_NOTE_DEVICE("edu", "PCI", "misc", "Teaching device"));
 *
 * The note is text: lines of `key=value`, in `.note.tenon` (owner "Tenon", type 1, allocated).
 * Listing reads it from the file without running code; the loader compares it with the text that
 * the loaded descriptor points to. Unknown keys are ignored, so a newer module still lists.
 */
#ifndef TENON_MODULE_H
#define TENON_MODULE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tenon/macros.h"
#include "tenon/object.h"

TN_BEGIN_DECLS

#define TN_ABI_MAJOR 1
#define TN_ABI_MINOR 0

#define TN_NOTE_OWNER "Tenon"
#define TN_NOTE_TYPE 1

#define TN_STR_(x) #x
#define TN_STR(x) TN_STR_(x)

/* ---- Note lines ------------------------------------------------------------------------- */

#define TN_NOTE_NAME(n) "name=" n "\n"
#define TN_NOTE_VERSION(v) "version=" v "\n"
#define TN_NOTE_LICENCE(l) "licence=" l "\n"
#define TN_NOTE_VENDOR(v) "vendor=" v "\n"
/* Another module that must be loaded before this one. */
#define TN_NOTE_REQUIRES(m) "requires=" m "\n"
/* Guest architectures it serves, comma-separated; without the line: all. */
#define TN_NOTE_GUESTS(g) "guests=" g "\n"
/* A module of the internal tier (targets, accelerators): its build must be the core's. The file
 * includes "tenon-internal-hash.h". */
#define TN_NOTE_INTERNAL "tier=internal\ninternal-hash=" TN_INTERNAL_HASH "\n"

/*
 * provides=KIND|NAME|BUS|CATEGORY|FLAGS|DESCRIPTION A line `alias=KIND|ALIAS|NAME` adds another
 * name. FLAGS: "u" user-creatable, "-" not. Categories: bridge, storage, network, input, display,
 * sound, usb, cpu, misc, watchdog, uncategorized.
 */
#define TN_NOTE_PROVIDES(kind, name, bus, category, flags, description) \
    "provides=" kind "|" name "|" bus "|" category "|" flags "|" description "\n"
#define TN_NOTE_ALIAS(kind, alias, name) "alias=" kind "|" alias "|" name "\n"

/* A device that -device can make. bus: "PCI", "ISA", "System", or "" for none. */
#define TN_NOTE_DEVICE(name, bus, category, description) \
    TN_NOTE_PROVIDES("device", name, bus, category, "u", description)
/* A device that only machines and other devices make. */
#define TN_NOTE_INTERNAL_DEVICE(name, bus, category, description) \
    TN_NOTE_PROVIDES("device", name, bus, category, "-", description)
#define TN_NOTE_MACHINE(name, description) TN_NOTE_PROVIDES("machine", name, "", "", "u", description)
#define TN_NOTE_CHARDEV(name, description) TN_NOTE_PROVIDES("chardev", name, "", "", "u", description)
#define TN_NOTE_TARGET(name, description) TN_NOTE_PROVIDES("target", name, "", "", "u", description)
#define TN_NOTE_ACCEL(name, description) TN_NOTE_PROVIDES("accel", name, "", "", "u", description)
#define TN_NOTE_OBJECT(name, description) TN_NOTE_PROVIDES("object", name, "", "", "u", description)

/* ---- Descriptor ------------------------------------------------------------------------- */

struct TnTargetInfo;

/* What a module brings; all members but size may be NULL. Appended to only. */
typedef struct TnModuleHooks {
    uint32_t size;
    uint32_t flags;
    /* Types of every kind (devices, machines, chardevs, objects): NULL-terminated list. The core
     * registers them before init; all or none. */
    const TnTypeInfo *const *types;
    /* Runs after the types are registered. On failure the whole load is rolled back. Once fini has run,
     * it may run again. [main] */
    bool (*init)(GError **error);
    /* At the end of the process, in reverse order of loading. Gives back what init took. [main] */
    void (*fini)(void);
    /* Interfaces between modules and of the internal tier, by name ("target/x86_64", ...). */
    const void *(*interface)(const char *name);
} TnModuleHooks;

/* What the exported symbol `tn_module` is; TN_MODULE makes it. */
typedef struct TnModule {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    const char *note;       /* the same text as in the ELF note */
    uint32_t note_size;     /* with the final NUL */
    uint32_t reserved;
    const TnModuleHooks *hooks;
} TnModule;

#define TN_MODULE(hooks_, lines_) \
    struct tn_note_layout { \
        uint32_t namesz, descsz, type; \
        char owner[8]; \
        char text[(sizeof("format=1\nabi=" TN_STR(TN_ABI_MAJOR) "." TN_STR(TN_ABI_MINOR) "\n" lines_) + 3) & ~3ul]; \
    }; \
    __attribute__((section(".note.tenon"), aligned(4), used)) \
    static const struct tn_note_layout tn_note_ = { \
        sizeof(TN_NOTE_OWNER), sizeof(tn_note_.text), TN_NOTE_TYPE, TN_NOTE_OWNER, \
        "format=1\nabi=" TN_STR(TN_ABI_MAJOR) "." TN_STR(TN_ABI_MINOR) "\n" lines_ }; \
    extern TN_API const TnModule tn_module; \
    const TnModule tn_module = { sizeof(TnModule), TN_ABI_MAJOR, TN_ABI_MINOR, tn_note_.text, \
                                 sizeof(tn_note_.text), 0, &(hooks_) }

/*
 * The vtable of an interface that another module offers, loading it when needed: `name` as in the
 * provider's `provides=iface|NAME|...` line. Borrowed, NULL with an error. [main]
 */
TN_API const void *tn_interface_find(const char *name, GError **error);

/* The core's version, such as "1.2.0", for messages; static. What a core can do is told by its ABI
 * version, not by this. [any] */
TN_API const char *tn_version(void);

TN_END_DECLS

#endif
