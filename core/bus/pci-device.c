/* SPDX-License-Identifier: MIT */
/* The type "pci-device": identity, properties, life. */
#include <string.h>

#include "bus/pci-internal.h"
#include "object/object.h"
#include "tenon/error.h"

enum {
    PCI_DEFAULT_SUBSYSTEM_VENDOR = 0x1af4, PCI_DEFAULT_SUBSYSTEM = 0x1100,
    PCI_HEADER_LATENCY_WRITABLE = 0xf8,
};

/* ---- Identity ---------------------------------------------------------------------------- */

static void pci_device_header(PciDevice *pci)
{
    const TnPciDeviceOps *ops = &pci->ops;
    uint8_t *config = pci->config, *writable = pci->writable;
    pci_put16(config + TN_PCI_VENDOR_ID, ops->vendor_id);
    pci_put16(config + TN_PCI_DEVICE_ID, ops->device_id);
    config[TN_PCI_REVISION_ID] = ops->revision;
    config[TN_PCI_CLASS_PROG] = ops->prog_if;
    pci_put16(config + TN_PCI_CLASS_DEVICE, ops->class_id);
    config[TN_PCI_HEADER_TYPE] = pci->multifunction ? PCI_HEADER_MULTIFUNCTION : 0;
    config[TN_PCI_INTERRUPT_PIN] = ops->interrupt_pin;
    if (!ops->is_bridge) {
        bool own = ops->subsystem_vendor_id || ops->subsystem_id;
        pci_put16(config + TN_PCI_SUBSYSTEM_VENDOR_ID,
                  own ? ops->subsystem_vendor_id : PCI_DEFAULT_SUBSYSTEM_VENDOR);
        pci_put16(config + TN_PCI_SUBSYSTEM_ID, own ? ops->subsystem_id : PCI_DEFAULT_SUBSYSTEM);
    }
    pci_put16(writable + TN_PCI_COMMAND,
              TN_PCI_COMMAND_IO | TN_PCI_COMMAND_MEMORY | TN_PCI_COMMAND_MASTER |
                  PCI_COMMAND_PARITY | TN_PCI_COMMAND_SERR | TN_PCI_COMMAND_INTX_DISABLE);
    pci_put16(pci->w1c + TN_PCI_STATUS, PCI_STATUS_ERRORS);
    writable[TN_PCI_CACHE_LINE_SIZE] = 0xff;
    writable[TN_PCI_LATENCY_TIMER] = PCI_HEADER_LATENCY_WRITABLE;
    writable[TN_PCI_INTERRUPT_LINE] = 0xff;
}

/* The most derived type's table tells the identity. */
static bool pci_device_identify(PciDevice *pci, GError **error)
{
    const TnPciDeviceOps *ops =
        tn_object_interface_state(pci->obj, TN_IFACE_PCI_DEVICE, &pci->ops_state);
    if (!ops || ops->size < offsetof(TnPciDeviceOps, config_read)) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "the device has no table '%s'",
                    TN_IFACE_PCI_DEVICE);
        return false;
    }
    memset(&pci->ops, 0, sizeof(pci->ops));
    memcpy(&pci->ops, ops, MIN(ops->size, sizeof(pci->ops)));
    return true;
}

static bool pci_device_realize(TnObject *dev, void *state, GError **error)
{
    PciDevice *pci = state;
    PciBus *bus = pci_bus_of(pci);
    if (!bus) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "a PCI device needs a PCI bus");
        return false;
    }
    if (!pci_device_identify(pci, error)) {
        return false;
    }
    memset(pci->config, 0, sizeof(pci->config));
    memset(pci->writable, 0, sizeof(pci->writable));
    memset(pci->w1c, 0, sizeof(pci->w1c));
    memset(pci->used, 0, sizeof(pci->used));
    pci->config_size = pci->ops.is_express && bus->express ? TN_PCIE_CONFIG_SIZE
                                                           : TN_PCI_CONFIG_SIZE;
    pci_device_header(pci);
    return (!pci->ops.is_bridge || tn_pci_bridge_realize(pci, error)) &&
           tn_pci_rom_realize(pci, error);
}

static void pci_device_unrealize(TnObject *dev, void *state)
{
    PciDevice *pci = state;
    pci->intx_level = false;
    tn_pci_irq_update(pci);
    tn_pci_bars_unmap(pci);
    if (pci->bridge) {
        tn_pci_bridge_unrealize(pci);
    }
    tn_pci_msix_clear(pci);
    pci->msi = (PciMsi){ 0 };
    memset(pci->bars, 0, sizeof(pci->bars));
}

/* Everything that follows from the configuration bytes. */
static void pci_device_derive(PciDevice *pci)
{
    tn_memory_begin();
    tn_pci_bars_update(pci);
    tn_pci_dma_update(pci);
    if (pci->bridge) {
        tn_pci_bridge_update(pci);
    }
    tn_memory_commit();
    tn_pci_irq_update(pci);
}

/* What a reset of the bus clears: the header's writable bits, and messages. */
static void pci_device_reset(TnObject *dev, void *state, TnResetKind kind)
{
    PciDevice *pci = state;
    for (unsigned at = 0; at < PCI_HEADER_SIZE; at++) {
        pci->config[at] &= ~(pci->writable[at] | pci->w1c[at]);
    }
    tn_pci_msi_reset(pci);
    tn_pci_msix_reset(pci);
    pci->intx_level = false;
    pci_device_derive(pci);
}

static bool pci_device_loaded(TnObject *dev, void *state, unsigned version, GError **error)
{
    pci_device_derive(state);
    return true;
}

static bool pci_device_init(TnObject *dev, void *state, GError **error)
{
    PciDevice *pci = state;
    pci->obj = dev;
    return true;
}

static void pci_device_clear(TnObject *dev, void *state)
{
    PciDevice *pci = state;
    g_clear_pointer(&pci->bridge, g_free);
}

uint8_t tn_pci_devfn(TnObject *dev)
{
    PciDevice *pci = pci_device(dev);
    return pci ? pci->devfn : 0;
}

/* ---- Properties -------------------------------------------------------------------------- */

static bool pci_parse_addr(PciDevice *pci, const char *text, GError **error)
{
    char *end = (char *)text;
    guint64 slot = g_ascii_isxdigit(*text) ? g_ascii_strtoull(text, &end, 16) : UINT64_MAX;
    guint64 function = 0;
    if (*end == '.' && g_ascii_isxdigit(end[1])) {
        function = g_ascii_strtoull(end + 1, &end, 16);
    }
    if (*end || end == text || slot >= PCI_DEVFNS / PCI_FUNCTIONS || function >= PCI_FUNCTIONS) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "'%s' is no PCI address; valid is SLOT or SLOT.FUNCTION, hexadecimal, up to "
                    "1f.7", text);
        return false;
    }
    pci->wanted_devfn = slot * PCI_FUNCTIONS + function;
    return true;
}

static bool pci_set_addr(TnObject *dev, void *state, const char *text, GError **error)
{
    PciDevice *pci = state;
    if (strcmp(text, "-1") == 0) {
        pci->wanted_devfn = -1;
        return true;
    }
    return pci_parse_addr(pci, text, error);
}

static const TnProperty pci_properties[] = {
    { .name = "addr", .kind = TN_PROP_STRING, .set = pci_set_addr, .def = "-1",
      .doc = "Place on the bus: slot or slot.function, hexadecimal; -1 takes the next free slot" },
    { .name = "multifunction", .kind = TN_PROP_BOOL, .offset = offsetof(PciDevice, multifunction),
      .def = "off", .doc = "The slot has further functions" },
    { .name = "romfile", .kind = TN_PROP_STRING, .offset = offsetof(PciDevice, romfile),
      .doc = "File with the expansion ROM; empty for none" },
    { .name = "rombar", .kind = TN_PROP_BOOL, .offset = offsetof(PciDevice, rombar), .def = "on",
      .doc = "Offer the ROM in a BAR; off hands it to the firmware as an option ROM" },
    { 0 },
};

/* ---- Type -------------------------------------------------------------------------------- */

static const TnStateField pci_state[] = {
    TN_STATE_BUFFER(PciDevice, config),
    TN_STATE(BOOL, PciDevice, intx_level),
    TN_STATE_LAST,
};

static const TnDeviceOps pci_device_ops = {
    .size = sizeof(TnDeviceOps),
    .realize = pci_device_realize,
    .unrealize = pci_device_unrealize,
    .reset = pci_device_reset,
    .loaded = pci_device_loaded,
};

static const TnInterfaceImpl pci_device_interfaces[] = { { TN_IFACE_DEVICE, &pci_device_ops },
                                                         { 0 } };

static const TnTypeInfo pci_device_type = {
    .size = sizeof(TnTypeInfo),
    .flags = TN_TYPE_ABSTRACT,
    .name = TN_TYPE_PCI_DEVICE,
    .parent = TN_TYPE_DEVICE,
    .state_size = sizeof(PciDevice),
    .property_stride = TN_PROPERTY_STRIDE,
    .properties = pci_properties,
    .state = pci_state, .state_stride = TN_STATE_STRIDE,
    .interfaces = pci_device_interfaces,
    .description = "The ancestor of all PCI devices",
    .init = pci_device_init,
    .clear = pci_device_clear,
};
TN_CORE_TYPE(pci_device_type);
