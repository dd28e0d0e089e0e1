/* SPDX-License-Identifier: MIT */
/*
 * A machine for checking devices: memory, a PCI and an ISA bus whose interrupts lead nowhere, and the
 * virtual clock moved by hand. No vCPU, no firmware, no other device.
 */
#include <string.h>

#include "clock/clock-internal.h"
#include "machine/machine.h"
#include "memory/memory-internal.h"
#include "memory/region.h"
#include "modcheck/check.h"
#include "object/device.h"
#include "tenon/apic.h"
#include "tenon/error.h"
#include "tenon/isa.h"
#include "tenon/pci.h"

enum {
    RAM_SIZE = 16 << 20,
    MEMORY_WINDOW = 0x20000000, /* of system memory, where memory BARs go */
    IO_WINDOW = 0xc000,         /* of ports, where I/O BARs go */
    PCI_INPUTS = 4,
    ISA_LINES = 16,
    BARS = 6,
    BAR_BYTES = 4,
    BAR_IO_MASK = 3, BAR_MEMORY_MASK = 15,
};

/* ---- The board --------------------------------------------------------------------------- */

static void drop_irq(void *opaque, unsigned line, int level)
{
}

static unsigned map_irq(void *opaque, uint8_t devfn, unsigned pin)
{
    return ((devfn >> 3) + pin) % PCI_INPUTS;
}

static void drop_message(void *opaque, uint64_t address, uint32_t data)
{
}

static bool make_buses(TnObject *board, GError **error)
{
    TnIrq *lines[ISA_LINES];
    TnObject *pci = tn_pci_root_bus_new(board, "pci.0", tn_system_memory(), tn_system_io(), true, error);
    TnObject *isa = tn_isa_bus_new(board, "isa.0", tn_system_memory(), tn_system_io(), error);

    if (!pci || !isa)
        return false;
    tn_pci_bus_set_irqs(pci, drop_irq, map_irq, NULL, PCI_INPUTS);
    for (unsigned i = 0; i < ISA_LINES; i++)
        lines[i] = tn_irq_new(board, drop_irq, NULL, i);
    tn_isa_bus_set_irqs(isa, lines);
    return true;
}

bool tn_board_make(GError **error)
{
    TnObject *machine, *board;
    TnRegion *ram;

    tn_clock_set_manual();
    tn_device_lock();
    tn_machine_assume_config(RAM_SIZE);
    machine = tn_object_new_child(tn_object_root(), "machine", "container", error);
    /* First in the tree: a bus that a helper brings is taken before the board's own. */
    if (machine && (!tn_object_new_child(machine, "helpers", "container", error) ||
                    !tn_object_new_child(machine, "cpus", "container", error)))
        return false;
    board = machine ? tn_object_new_child(machine, "board", "container", error) : NULL;
    ram = board ? tn_region_new_ram(board, "ram", RAM_SIZE, error) : NULL;
    if (!ram || !tn_object_new_child(machine, "peripheral", "container", error) ||
        !make_buses(board, error))
        return false;
    tn_region_add(tn_system_memory(), 0, ram);
    tn_set_msi_sink(drop_message, NULL);
    return true;
}

/* ---- Devices on it ----------------------------------------------------------------------- */

/* The user's --set NAME.PROPERTY=VALUE. */
static bool apply_settings(const void *data, TnObject *dev, GError **error)
{
    const Check *check = data;
    g_autofree char *prefix = g_strconcat(tn_object_type(dev), ".", NULL);

    for (unsigned i = 0; i < check->options->settings->len; i++) {
        const char *setting = check->options->settings->pdata[i];
        const char *equals = strchr(setting, '=');
        g_autofree char *name = NULL;

        if (!g_str_has_prefix(setting, prefix) || !equals)
            continue;
        name = g_strndup(setting + strlen(prefix), equals - setting - strlen(prefix));
        if (!tn_object_set(dev, name, equals + 1, error))
            return false;
    }
    return true;
}

static bool place(TnObject *dev, const char *home, bool *skip, GError **error)
{
    TnObject *bus = tn_bus_find_for(dev);
    const char *wanted = tn_bus_type_for(dev), *missing = tn_object_missing_property(dev);
    const char *type = tn_object_type(dev);

    *skip = true;
    if (missing)
        return tn_check_fail(error, "property '%s' must be set: --set %s.%s=VALUE, or, for a link, "
                             "--with %s:TYPE", missing, type, missing, type);
    if (!bus && wanted)
        return tn_check_fail(error, "it wants a bus of type '%s', and there is none here: --with "
                             "%s:TYPE", wanted, type);
    *skip = false;
    return bus ? tn_bus_plug(bus, dev, error)
               : tn_device_add_named(tn_object_find(home, NULL), dev, error);
}

TnObject *tn_board_place(const char *type, const char *home, TnBoardSetFn set, const void *data,
                         bool *skip, GError **error)
{
    TnObject *dev = tn_object_new(type, error);
    bool placed = dev && set(data, dev, error) && tn_helpers_link(dev, error) &&
                  place(dev, home, skip, error);

    if (dev)
        tn_object_unref(dev); /* its place holds it, or it ends here */
    return placed ? dev : NULL;
}

TnObject *tn_board_device_new(Check *check, const char *type, bool *skip, GError **error)
{
    GError *cause = NULL;
    TnObject *dev = tn_board_place(type, "/machine/peripheral", apply_settings, check, skip, error);

    if (!dev)
        return NULL;
    if (!tn_device_realize(dev, &cause)) {
        /* What only a board makes may want that board; what a user makes must say that it misses
         * something. */
        *skip = !(check->provide->flags & TN_PROVIDE_USER) ||
                g_error_matches(cause, TN_ERROR, TN_ERROR_UNSUPPORTED);
        g_propagate_error(error, cause);
        tn_object_unparent(dev);
        return NULL;
    }
    tn_device_reset(dev, TN_RESET_COLD);
    return dev;
}

void tn_board_device_free(TnObject *dev)
{
    tn_object_unparent(dev);
}

/* ---- Its regions ------------------------------------------------------------------------- */

void tn_board_map(TnObject *dev)
{
    uint64_t memory = MEMORY_WINDOW, io = IO_WINDOW;

    if (!tn_object_is_a(dev, TN_TYPE_PCI_DEVICE))
        return;
    for (unsigned i = 0; i < BARS; i++) {
        uint32_t at = TN_PCI_BASE_ADDRESS_0 + BAR_BYTES * i, probe, size;
        bool is_io, wide;
        uint64_t *next;

        tn_pci_config_write(dev, at, UINT32_MAX, BAR_BYTES);
        probe = tn_pci_config_read(dev, at, BAR_BYTES);
        if (!probe)
            continue;
        is_io = probe & TN_PCI_BAR_IO;
        wide = !is_io && (probe & TN_PCI_BAR_MEM64);
        size = -(probe & ~(uint32_t)(is_io ? BAR_IO_MASK : BAR_MEMORY_MASK));
        next = is_io ? &io : &memory;
        size = is_io ? size & UINT16_MAX : size;
        *next = (*next + size - 1) & -(uint64_t)MAX(size, 1u);
        tn_pci_config_write(dev, at, (uint32_t)*next, BAR_BYTES);
        *next += size;
        if (wide)
            tn_pci_config_write(dev, TN_PCI_BASE_ADDRESS_0 + BAR_BYTES * ++i, 0, BAR_BYTES);
    }
    tn_pci_config_write(dev, TN_PCI_COMMAND,
                        TN_PCI_COMMAND_IO | TN_PCI_COMMAND_MEMORY | TN_PCI_COMMAND_MASTER, 2);
}

static bool belongs_to(const TnRegion *region, TnObject *dev)
{
    TnObject *owner = region->owner;

    while (owner && owner != dev)
        owner = tn_object_parent(owner);
    return owner != NULL;
}

static void collect(TnRegion *region, TnObject *dev, GPtrArray *found)
{
    if (region->kind == TN_REGION_ALIAS) {
        collect(region->alias, dev, found);
        return;
    }
    if (region->kind != TN_REGION_CONTAINER && belongs_to(region, dev) &&
        !g_ptr_array_find(found, region, NULL))
        g_ptr_array_add(found, region);
    for (unsigned i = 0; region->children && i < region->children->len; i++)
        collect(region->children->pdata[i], dev, found);
}

GPtrArray *tn_board_regions(TnObject *dev)
{
    GPtrArray *found = g_ptr_array_new();
    TnRegion *offered;

    collect(tn_system_memory(), dev, found);
    collect(tn_system_io(), dev, found);
    for (unsigned i = 0; tn_object_is_a(dev, TN_TYPE_SYSTEM_DEVICE) &&
                         (offered = tn_system_device_region(dev, i)); i++)
        collect(offered, dev, found);
    return found;
}

/* ---- Accesses ---------------------------------------------------------------------------- */

/* Numbers that devices trip over more often than over even ones. */
static uint64_t any_value(GRand *random)
{
    static const uint64_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
                                      0x80000000, 0xffffffff, UINT64_MAX };
    uint64_t value = (uint64_t)g_rand_int(random) << 32 | g_rand_int(random);

    switch (g_rand_int_range(random, 0, 3)) {
    case 0:
        return edges[g_rand_int_range(random, 0, G_N_ELEMENTS(edges))];
    case 1:
        return UINT64_C(1) << (value & 63);
    default:
        return value;
    }
}

static void poke_region(TnRegion *region, GRand *random)
{
    static const unsigned sizes[] = { 1, 2, 4, 8 };
    unsigned size = sizes[g_rand_int_range(random, 0, G_N_ELEMENTS(sizes))];
    uint64_t bytes = (uint64_t)MIN(region->size, (TnWide)UINT64_MAX), at = any_value(random), value;

    if (bytes < size)
        return;
    at %= bytes - size + 1;
    if (g_rand_boolean(random))
        at -= at % size;
    if (g_rand_int_range(random, 0, 3))
        tn_region_store(region, at, size, any_value(random), TN_MEM_ATTR_NONE);
    else
        tn_region_load(region, at, size, &value, TN_MEM_ATTR_NONE);
}

static void poke_config(TnObject *dev, GRand *random)
{
    unsigned size = 1u << g_rand_int_range(random, 0, 3);
    uint32_t at = g_rand_int_range(random, 0, TN_PCI_CONFIG_SIZE) & -size;

    if (g_rand_boolean(random))
        tn_pci_config_write(dev, at, (uint32_t)any_value(random), size);
    else
        tn_pci_config_read(dev, at, size);
}

void tn_board_poke(TnObject *dev, unsigned accesses, GRand *random)
{
    enum { STEP_EVERY = 16, STEP_NS = 1000 * 1000, CONFIG_EVERY = 64 };
    g_autoptr(GPtrArray) regions = NULL;

    tn_board_map(dev);
    regions = tn_board_regions(dev);
    for (unsigned i = 0; i < accesses; i++) {
        if (regions->len)
            poke_region(regions->pdata[g_rand_int_range(random, 0, (int)regions->len)], random);
        if (i % CONFIG_EVERY == CONFIG_EVERY - 1 && tn_object_is_a(dev, TN_TYPE_PCI_DEVICE))
            poke_config(dev, random);
        if (i % STEP_EVERY == STEP_EVERY - 1)
            tn_clock_step_to(tn_clock_now(TN_CLOCK_VIRTUAL) + g_rand_int_range(random, 1, STEP_NS));
    }
}
