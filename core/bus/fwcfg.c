/* SPDX-License-Identifier: MIT */
/*
 * What boards and devices hand to the firmware through fw_cfg: option ROMs and the boot order.
 *
 * The boot order names devices as Open Firmware does (IEEE 1275 and its PCI binding):
 * "/pci@i0cf8/ide@1,1/drive@0/disk@0". A PCI device's node is named after its class.
 */
#include "tenon/fwcfg.h"

#include <string.h>

#include "clock/owned.h"
#include "tenon/error.h"
#include "tenon/machine.h"
#include "tenon/pci.h"

typedef struct BootEntry {
    TnObject *dev; /* borrowed; NULL for option ROMs */
    char *suffix;  /* or the whole path, owned */
    int index;
} BootEntry;

static TnObject *fw_cfg_object; /* borrowed */
static GPtrArray *boot_entries; /* of BootEntry * */

TnObject *tn_fw_cfg(void)
{
    return fw_cfg_object;
}

void tn_set_fw_cfg(TnObject *fw_cfg)
{
    fw_cfg_object = fw_cfg;
}

/* ---- Boot order -------------------------------------------------------------------------- */

static void boot_entry_free(void *opaque)
{
    BootEntry *entry = opaque;
    g_free(entry->suffix);
    g_free(entry);
}

static void boot_entry_ended(void *opaque)
{
    g_ptr_array_remove(boot_entries, opaque);
}

static void boot_add(TnObject *dev, const char *suffix, int index)
{
    if (index < 0) {
        return;
    }
    BootEntry *entry = g_new(BootEntry, 1);
    *entry = (BootEntry){ .dev = dev, .suffix = g_strdup(suffix), .index = index };
    if (!boot_entries) {
        boot_entries = g_ptr_array_new_with_free_func(boot_entry_free);
    }
    g_ptr_array_add(boot_entries, entry);
    if (dev) {
        tn_owned_add(dev, entry, boot_entry_ended);
    }
}

void tn_add_boot_device(TnObject *dev, const char *suffix, int boot_index)
{
    g_return_if_fail(dev);
    boot_add(dev, suffix, boot_index);
}

/* Names of the PCI binding to Open Firmware, table 1, by base class and subclass. */
static const struct {
    uint16_t class_id;
    const char *name;
} pci_class_names[] = {
    { 0x0001, "display" }, { 0x0100, "scsi" }, { 0x0101, "ide" }, { 0x0102, "fdc" },
    { 0x0103, "ipi" }, { 0x0104, "raid" }, { 0x0106, "sata" }, { 0x0107, "sas" },
    { 0x0200, "ethernet" }, { 0x0201, "token-ring" }, { 0x0202, "fddi" }, { 0x0203, "atm" },
    { 0x0300, "display" }, { 0x0400, "video" }, { 0x0401, "sound" }, { 0x0500, "memory" },
    { 0x0501, "flash" }, { 0x0600, "host" }, { 0x0601, "isa" }, { 0x0602, "eisa" },
    { 0x0603, "mca" }, { 0x0604, "pci-bridge" }, { 0x0605, "pcmcia" }, { 0x0607, "cardbus" },
    { 0x0700, "serial" }, { 0x0701, "parallel" }, { 0x0800, "interrupt-controller" },
    { 0x0801, "dma-controller" }, { 0x0802, "timer" }, { 0x0803, "rtc" }, { 0x0900, "keyboard" },
    { 0x0901, "pen" }, { 0x0902, "mouse" }, { 0x0c00, "firewire" }, { 0x0c01, "access-bus" },
    { 0x0c02, "ssa" }, { 0x0c03, "usb" }, { 0x0c04, "fibre-channel" }, { 0x0c05, "smb" },
};

static void boot_pci_node(GString *path, TnObject *dev)
{
    const uint8_t *config = tn_pci_config(dev);
    uint16_t class_id = config[TN_PCI_CLASS_DEVICE] | config[TN_PCI_CLASS_DEVICE + 1] << 8;
    const char *name = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(pci_class_names) && !name; i++) {
        name = pci_class_names[i].class_id == class_id ? pci_class_names[i].name : NULL;
    }
    if (name) {
        g_string_append_printf(path, "/%s", name);
    } else {
        g_string_append_printf(path, "/pci%04x,%04x", config[0] | config[1] << 8,
                               config[2] | config[3] << 8);
    }
    uint8_t devfn = tn_pci_devfn(dev);
    g_string_append_printf(path, "@%x", devfn >> 3);
    if (devfn & 7) {
        g_string_append_printf(path, ",%x", devfn & 7);
    }
}

/* The nodes from the root down to dev. Objects that the firmware does not know add none. */
static void boot_path(GString *path, TnObject *dev)
{
    if (!dev) {
        return;
    }
    boot_path(path, tn_object_parent(dev));
    if (tn_object_is_a(dev, TN_TYPE_PCI_DEVICE)) {
        boot_pci_node(path, dev);
    } else if (tn_object_is_a(dev, TN_IFACE_PCI_HOST)) {
        g_string_append(path, "/pci@i0cf8");
    }
}

static int boot_compare(const void *a, const void *b)
{
    const BootEntry *left = *(BootEntry *const *)a, *right = *(BootEntry *const *)b;
    return left->index - right->index;
}

static void boot_line(GString *text, const BootEntry *entry)
{
    if (text->len) {
        g_string_append_c(text, '\n');
    }
    boot_path(text, entry->dev);
    if (entry->suffix && entry->suffix[0]) {
        if (entry->suffix[0] != '/') {
            g_string_append_c(text, '/');
        }
        g_string_append(text, entry->suffix);
    }
}

char *tn_boot_order_list(size_t *n)
{
    GString *text = g_string_new(NULL);
    const TnMachineConfig *config = tn_machine_config();
    if (boot_entries) {
        g_ptr_array_sort(boot_entries, boot_compare);
    }
    for (unsigned i = 0; boot_entries && i < boot_entries->len; i++) {
        boot_line(text, boot_entries->pdata[i]);
    }
    if (config && config->boot_strict) {
        g_string_append(text, text->len ? "\nHALT" : "HALT");
    }
    if (n) {
        *n = text->len;
    }
    return g_string_free(text, FALSE);
}

/* ---- Option ROMs ------------------------------------------------------------------------- */

bool tn_add_option_rom(const char *name, GBytes *image, int boot_index, GError **error)
{
    const TnFwCfgOps *ops = fw_cfg_object ? tn_object_interface(fw_cfg_object, TN_IFACE_FW_CFG)
                                          : NULL;
    if (!ops || !ops->add_file_bytes) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                    "option ROM '%s': this machine has no firmware configuration device", name);
        return false;
    }
    g_autofree char *file = g_strdup_printf("genroms/%s", name);
    if (!ops->add_file_bytes(fw_cfg_object, file, image, NULL, NULL, error)) {
        return false;
    }
    g_autofree char *path = g_strdup_printf("/rom@genroms/%s", name);
    boot_add(NULL, path, boot_index);
    return true;
}
