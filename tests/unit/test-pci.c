/* SPDX-License-Identifier: MIT */
/* PCI: configuration space, BARs, INTx, MSI, MSI-X, bridges, bus mastering. */
#include <string.h>

#include "tenon/apic.h"
#include "tenon/pci.h"

static TnObject *root_bus;
static TnRegion *pci_memory, *pci_io;
static TnAddressSpace *memory_space, *io_space;
static GString *seen;

/* ---- A card, and a bridge ---------------------------------------------------------------- */

typedef struct Card {
    TnRegion *registers, *ports, *messages;
} Card;

static uint64_t card_read(void *opaque, uint64_t offset, unsigned size)
{
    return 0xca4d0000 + offset;
}

static const TnRegionOps card_region_ops = { .size_of = sizeof(TnRegionOps), .read = card_read };

static bool card_realize(TnObject *dev, void *state, GError **error)
{
    Card *card = state;
    card->registers = tn_region_new_io(dev, "registers", &card_region_ops, card, 0x1000);
    card->ports = tn_region_new_io(dev, "ports", &card_region_ops, card, 0x20);
    card->messages = tn_region_new_container(dev, "messages", 0x1000);
    return tn_pci_add_bar(dev, 0, TN_PCI_BAR_MEM32, card->registers, error) &&
           tn_pci_add_bar(dev, 1, TN_PCI_BAR_IO, card->ports, error) &&
           tn_pci_add_bar(dev, 2, TN_PCI_BAR_MEM64, card->messages, error) &&
           tn_pci_msi_init(dev, 0x50, 4, true, true, error) &&
           tn_pci_msix_init(dev, 4, card->messages, 2, 0, 0x800, 0, error);
}

static const TnPciDeviceOps card_ops = {
    .size = sizeof(TnPciDeviceOps), .vendor_id = 0x1234, .device_id = 0x11e8, .class_id = 0x00ff,
    .revision = 0x10, .interrupt_pin = 1,
};
static const TnDeviceOps card_device_ops = { .size = sizeof(TnDeviceOps), .realize = card_realize };
static const TnInterfaceImpl card_interfaces[] = { { TN_IFACE_PCI_DEVICE, &card_ops },
                                                   { TN_IFACE_DEVICE, &card_device_ops },
                                                   { 0 } };
static const TnTypeInfo card_type = {
    .size = sizeof(TnTypeInfo), .name = "test-card", .parent = TN_TYPE_PCI_DEVICE,
    .state_size = sizeof(Card), .interfaces = card_interfaces,
};

static const TnPciDeviceOps bridge_ops = {
    .size = sizeof(TnPciDeviceOps), .vendor_id = 0x1b36, .device_id = 1, .class_id = 0x0604,
    .is_bridge = 1,
};
static const TnInterfaceImpl bridge_interfaces[] = { { TN_IFACE_PCI_DEVICE, &bridge_ops }, { 0 } };
static const TnTypeInfo bridge_type = {
    .size = sizeof(TnTypeInfo), .name = "test-bridge", .parent = TN_TYPE_PCI_DEVICE,
    .interfaces = bridge_interfaces,
};

/* ---- The host ---------------------------------------------------------------------------- */

static void host_set_irq(void *opaque, unsigned n, int level)
{
    g_string_append_printf(seen, "%u=%d ", n, level);
}

static unsigned host_map_irq(void *opaque, uint8_t devfn, unsigned pin)
{
    return ((devfn >> 3) + pin) % 4;
}

static void on_msi(void *opaque, uint64_t address, uint32_t data)
{
    g_string_append_printf(seen, "%08x:%x ", (unsigned)address, data);
}

static void host_new(void)
{
    seen = g_string_new(NULL);
    pci_memory = tn_region_new_container(NULL, "pci memory", 0);
    pci_io = tn_region_new_container(NULL, "pci io", 1 << 16);
    memory_space = tn_address_space_new(NULL, "pci memory", pci_memory);
    io_space = tn_address_space_new(NULL, "pci io", pci_io);
    root_bus = tn_pci_root_bus_new(tn_object_root(), "pci.0", pci_memory, pci_io, false, NULL);
    tn_pci_bus_set_irqs(root_bus, host_set_irq, host_map_irq, NULL, 4);
    tn_set_msi_sink(on_msi, NULL);
}

static TnObject *card_new(TnObject *bus, unsigned devfn)
{
    GError *error = NULL;
    TnObject *card = tn_pci_create(bus, devfn, false, "test-card", NULL, &error);
    g_assert_no_error(error);
    g_string_truncate(seen, 0);
    return card;
}

static void card_free(TnObject *card)
{
    tn_object_unparent(card);
}

static uint32_t rd(TnObject *dev, unsigned offset, unsigned size)
{
    return tn_pci_host_config_read(root_bus, tn_pci_devfn(dev) << 8 | offset, size);
}

static void wr(TnObject *dev, unsigned offset, uint32_t value, unsigned size)
{
    tn_pci_host_config_write(root_bus, tn_pci_devfn(dev) << 8 | offset, value, size);
}

/* ---- Cases ------------------------------------------------------------------------------- */

static void test_identity(void)
{
    TnObject *card = card_new(root_bus, 3 << 3);
    g_assert_cmphex(rd(card, 0, 4), ==, 0x11e81234);
    g_assert_cmphex(rd(card, 8, 4), ==, 0x00ff0010);
    g_assert_cmphex(rd(card, TN_PCI_SUBSYSTEM_VENDOR_ID, 4), ==, 0x11001af4);
    wr(card, 0, 0, 4);
    g_assert_cmphex(rd(card, 0, 2), ==, 0x1234);
    g_assert_cmphex(tn_pci_host_ecam_read(root_bus, 3 << 15, 2), ==, 0x1234);
    g_assert_cmphex(tn_pci_host_ecam_read(root_bus, 3 << 15 | 0x100, 2), ==, 0xffff);
    g_assert_cmphex(tn_pci_host_config_read(root_bus, 9 << 11, 4), ==, 0xffffffff);
    g_assert_cmphex(tn_pci_host_config_read(root_bus, 5 << 16 | 3 << 11, 2), ==, 0xffff);
    card_free(card);
    g_assert_cmphex(tn_pci_host_config_read(root_bus, 3 << 11, 4), ==, 0xffffffff);
}

static void test_bars(void)
{
    TnObject *card = card_new(root_bus, 3 << 3);
    uint64_t value;
    wr(card, 0x10, 0xffffffff, 4);
    g_assert_cmphex(rd(card, 0x10, 4), ==, 0xfffff000);
    wr(card, 0x14, 0xffffffff, 4);
    g_assert_cmphex(rd(card, 0x14, 4), ==, 0xffffffe1);
    wr(card, 0x18, 0xffffffff, 4);
    wr(card, 0x1c, 0xffffffff, 4);
    g_assert_cmphex(rd(card, 0x18, 4), ==, 0xfffff004);
    g_assert_cmphex(rd(card, 0x1c, 4), ==, 0xffffffff);
    wr(card, TN_PCI_COMMAND, TN_PCI_COMMAND_IO | TN_PCI_COMMAND_MEMORY, 2);
    g_assert_cmphex(tn_pci_bar_address(card, 0), ==, UINT64_MAX);
    wr(card, 0x10, 0xfe001000, 4);
    wr(card, 0x14, 0xc040, 4);
    g_assert_cmphex(tn_pci_bar_address(card, 0), ==, 0xfe001000);
    g_assert_cmpint(tn_memory_load(memory_space, 0xfe001004, 4, &value, 0), ==, TN_MEM_OK);
    g_assert_cmphex(value, ==, 0xca4d0004);
    g_assert_cmpint(tn_memory_load(io_space, 0xc048, 2, &value, 0), ==, TN_MEM_OK);
    wr(card, 0x10, 0xfe002000, 4);
    g_assert_cmpint(tn_memory_load(memory_space, 0xfe001004, 4, &value, 0), ==, TN_MEM_UNASSIGNED);
    wr(card, TN_PCI_COMMAND, TN_PCI_COMMAND_MEMORY, 2);
    g_assert_cmpint(tn_memory_load(io_space, 0xc048, 2, &value, 0), ==, TN_MEM_UNASSIGNED);
    tn_device_reset(card, TN_RESET_COLD);
    g_assert_cmphex(tn_pci_bar_address(card, 0), ==, UINT64_MAX);
    g_assert_cmphex(rd(card, 0x14, 4), ==, 1);
    card_free(card);
}

static void test_wide_bar(void)
{
    TnObject *card = card_new(root_bus, 3 << 3);
    wr(card, 0x18, 0x80000000, 4);
    wr(card, 0x1c, 0x12, 4);
    wr(card, TN_PCI_COMMAND, TN_PCI_COMMAND_MEMORY, 2);
    g_assert_cmphex(tn_pci_bar_address(card, 2), ==, 0x1280000000);
    card_free(card);
}

static void test_intx(void)
{
    TnObject *a = card_new(root_bus, 3 << 3), *b = card_new(root_bus, 7 << 3);
    tn_pci_set_irq(a, 1);
    g_assert_cmphex(rd(a, TN_PCI_STATUS, 2) & TN_PCI_STATUS_INTERRUPT, !=, 0);
    tn_pci_set_irq(b, 1);
    tn_pci_set_irq(a, 0);
    g_assert_cmpint(tn_pci_bus_irq_level(root_bus, 3), ==, 1);
    wr(b, TN_PCI_COMMAND, TN_PCI_COMMAND_INTX_DISABLE, 2);
    g_assert_cmpint(tn_pci_bus_irq_level(root_bus, 3), ==, 0);
    wr(b, TN_PCI_COMMAND, 0, 2);
    g_assert_cmpstr(seen->str, ==, "3=1 3=1 3=1 3=0 3=1 ");
    card_free(b);
    g_assert_cmpint(tn_pci_bus_irq_level(root_bus, 3), ==, 0);
    card_free(a);
}

static void test_msi(void)
{
    TnObject *card = card_new(root_bus, 3 << 3);
    g_assert_cmphex(rd(card, 0x50, 2) & 0xff, ==, 5);
    g_assert_cmphex(rd(card, 0x52, 2), ==, 0x0184);
    tn_pci_msi_notify(card, 0);
    wr(card, 0x54, 0xfee01003, 4);
    wr(card, 0x5c, 0x4041, 2);
    wr(card, 0x52, 0x0021, 2);
    tn_pci_msi_notify(card, 1);
    g_assert_cmpstr(seen->str, ==, "");
    wr(card, TN_PCI_COMMAND, TN_PCI_COMMAND_MASTER, 2);
    tn_pci_msi_notify(card, 2);
    g_assert_cmpstr(seen->str, ==, "fee01000:4042 ");
    g_string_truncate(seen, 0);
    wr(card, 0x60, 0xffffffff, 4);
    g_assert_cmphex(rd(card, 0x60, 4), ==, 0xf);
    tn_pci_msi_notify(card, 3);
    g_assert_cmphex(rd(card, 0x64, 4), ==, 8);
    wr(card, 0x60, 0, 4);
    g_assert_cmpstr(seen->str, ==, "fee01000:4043 ");
    g_assert_cmphex(rd(card, 0x64, 4), ==, 0);
    tn_device_reset(card, TN_RESET_COLD);
    g_assert_false(tn_pci_msi_enabled(card));
    card_free(card);
}

static void test_msix(void)
{
    TnObject *card = card_new(root_bus, 3 << 3);
    unsigned cap = rd(card, TN_PCI_CAPABILITY_LIST, 1);
    uint64_t value;
    g_assert_cmphex(rd(card, cap, 2), ==, 0x5011);
    g_assert_cmphex(rd(card, cap + 2, 2), ==, 3);
    g_assert_cmphex(rd(card, cap + 8, 4), ==, 0x802);
    wr(card, 0x18, 0xfe000000, 4);
    wr(card, TN_PCI_COMMAND, TN_PCI_COMMAND_MEMORY | TN_PCI_COMMAND_MASTER, 2);
    tn_memory_store(memory_space, 0xfe000010, 8, 0xfee02000, 0);
    tn_memory_store(memory_space, 0xfe000018, 4, 0x31, 0);
    wr(card, cap + 2, 0x8000, 2);
    tn_pci_msix_notify(card, 1);
    g_assert_cmpstr(seen->str, ==, "");
    tn_memory_load(memory_space, 0xfe000800, 8, &value, 0);
    g_assert_cmphex(value, ==, 2);
    tn_memory_store(memory_space, 0xfe00001c, 4, 0, 0);
    g_assert_cmpstr(seen->str, ==, "fee02000:31 ");
    g_string_truncate(seen, 0);
    wr(card, cap + 2, 0xc000, 2);
    tn_pci_msix_notify(card, 1);
    tn_pci_msix_notify(card, 9);
    g_assert_cmpstr(seen->str, ==, "");
    wr(card, cap + 2, 0x8000, 2);
    g_assert_cmpstr(seen->str, ==, "fee02000:31 ");
    card_free(card);
}

static void test_dma(void)
{
    TnObject *card = card_new(root_bus, 3 << 3);
    TnRegion *ram = tn_region_new_ram(NULL, "ram", 0x1000, NULL);
    tn_region_add(tn_system_memory(), 0, ram);
    uint32_t word = 0;
    tn_region_ram(ram)[0] = 9;
    g_assert_cmpint(tn_pci_dma_read(card, 0, &word, 4), ==, TN_MEM_UNASSIGNED);
    g_assert_cmphex(word, ==, 0xffffffff);
    wr(card, TN_PCI_COMMAND, TN_PCI_COMMAND_MASTER, 2);
    g_assert_cmpint(tn_pci_dma_read(card, 0, &word, 4), ==, TN_MEM_OK);
    g_assert_cmphex(word, ==, 9);
    tn_region_remove(tn_system_memory(), ram);
    card_free(card);
}

static void test_places(void)
{
    GError *error = NULL;
    TnObject *card = card_new(root_bus, 5 << 3);
    g_assert_null(tn_pci_create(root_bus, 5 << 3, false, "test-card", NULL, &error));
    g_assert_nonnull(strstr(error->message, "taken"));
    g_clear_error(&error);
    g_assert_null(tn_pci_create(root_bus, (5 << 3) + 1, false, "test-card", NULL, &error));
    g_assert_nonnull(strstr(error->message, "multifunction"));
    g_clear_error(&error);
    g_assert_null(tn_pci_create(root_bus, -1, false, "test-card", "addr=20", &error));
    g_clear_error(&error);
    TnObject *any = tn_pci_create(root_bus, -1, false, "test-card", NULL, NULL);
    g_assert_cmpuint(tn_pci_devfn(any), ==, 0);
    card_free(any);
    TnObject *text = tn_pci_create(root_bus, -1, true, "test-card", "addr=1f.0", NULL);
    g_assert_cmpuint(tn_pci_devfn(text), ==, 0xf8);
    g_assert_cmphex(rd(text, TN_PCI_HEADER_TYPE, 1), ==, 0x80);
    card_free(text);
    card_free(card);
}

static bool find_bus(TnObject *child, void *data)
{
    if (tn_object_is_a(child, TN_TYPE_PCI_BUS)) {
        *(TnObject **)data = child;
    }
    return true;
}

static void test_bridge(void)
{
    TnObject *bridge = tn_pci_create(root_bus, 4 << 3, false, "test-bridge", NULL, NULL);
    TnObject *bus = NULL;
    uint64_t value;
    tn_object_each_child(bridge, find_bus, &bus);
    g_assert_nonnull(bus);
    TnObject *card = card_new(bus, 2 << 3);
    wr(bridge, 0x18, 0x00030300, 4);
    g_assert_cmpuint(tn_pci_bus_number(bus), ==, 3);
    uint32_t at = 3 << 16 | 2 << 11;
    g_assert_cmphex(tn_pci_host_config_read(root_bus, at, 4), ==, 0x11e81234);
    tn_pci_host_config_write(root_bus, at | 0x10, 0xfe101000, 4);
    tn_pci_host_config_write(root_bus, at | TN_PCI_COMMAND,
                             TN_PCI_COMMAND_MEMORY | TN_PCI_COMMAND_MASTER, 2);
    g_assert_cmpint(tn_memory_load(memory_space, 0xfe101000, 4, &value, 0), ==, TN_MEM_UNASSIGNED);
    wr(bridge, 0x20, 0xfe10fe10, 4);
    wr(bridge, TN_PCI_COMMAND, TN_PCI_COMMAND_MEMORY, 2);
    g_assert_cmpint(tn_memory_load(memory_space, 0xfe101000, 4, &value, 0), ==, TN_MEM_OK);
    g_assert_cmphex(value, ==, 0xca4d0000);
    tn_pci_host_config_write(root_bus, at | 0x10, 0xfe201000, 4);
    g_assert_cmpint(tn_memory_load(memory_space, 0xfe201000, 4, &value, 0), ==, TN_MEM_UNASSIGNED);
    tn_pci_set_irq(card, 1); /* slot 2 pin A is pin C of the bridge in slot 4 */
    g_assert_cmpint(tn_pci_bus_irq_level(root_bus, (4 + 2) % 4), ==, 1);
    wr(bridge, 0x3e, 0x40, 2);
    g_assert_cmpint(tn_pci_bus_irq_level(root_bus, (4 + 2) % 4), ==, 0);
    g_assert_cmphex(tn_pci_bar_address(card, 0), ==, UINT64_MAX);
    card_free(bridge);
    g_assert_cmphex(tn_pci_host_config_read(root_bus, at, 4), ==, 0xffffffff);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(tn_type_register(&card_type, NULL));
    g_assert_true(tn_type_register(&bridge_type, NULL));
    tn_device_lock();
    host_new();
    g_test_add_func("/pci/config/identity-is-read-only", test_identity);
    g_test_add_func("/pci/bar/sizing-and-mapping", test_bars);
    g_test_add_func("/pci/bar/64-bit-address", test_wide_bar);
    g_test_add_func("/pci/intx/inputs-are-shared", test_intx);
    g_test_add_func("/pci/msi/messages-and-masks", test_msi);
    g_test_add_func("/pci/msix/table-and-pending-bits", test_msix);
    g_test_add_func("/pci/dma/needs-bus-mastering", test_dma);
    g_test_add_func("/pci/bus/places", test_places);
    g_test_add_func("/pci/bridge/windows-and-pins", test_bridge);
    return g_test_run();
}
