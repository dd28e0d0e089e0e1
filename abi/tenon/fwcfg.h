/* SPDX-License-Identifier: MIT */
/*
 * The firmware configuration device as boards and devices use it: an interface "fw-cfg" that the
 * fw_cfg module offers. Items and file names follow the fw_cfg documentation (docs/specs/fw_cfg).
 */
#ifndef TENON_FWCFG_H
#define TENON_FWCFG_H

#include "tenon/object.h"

TN_BEGIN_DECLS

#define TN_IFACE_FW_CFG "fw-cfg"

/* Well-known selectors. */
enum {
    TN_FW_CFG_SIGNATURE = 0x00, TN_FW_CFG_ID = 0x01, TN_FW_CFG_UUID = 0x02, TN_FW_CFG_RAM_SIZE = 0x03,
    TN_FW_CFG_NOGRAPHIC = 0x04, TN_FW_CFG_NB_CPUS = 0x05, TN_FW_CFG_MACHINE_ID = 0x06,
    TN_FW_CFG_KERNEL_ADDR = 0x07, TN_FW_CFG_KERNEL_SIZE = 0x08, TN_FW_CFG_KERNEL_CMDLINE = 0x09,
    TN_FW_CFG_INITRD_ADDR = 0x0a, TN_FW_CFG_INITRD_SIZE = 0x0b, TN_FW_CFG_BOOT_DEVICE = 0x0c,
    TN_FW_CFG_NUMA = 0x0d, TN_FW_CFG_BOOT_MENU = 0x0e, TN_FW_CFG_MAX_CPUS = 0x0f,
    TN_FW_CFG_KERNEL_ENTRY = 0x10, TN_FW_CFG_KERNEL_DATA = 0x11, TN_FW_CFG_INITRD_DATA = 0x12,
    TN_FW_CFG_CMDLINE_ADDR = 0x13, TN_FW_CFG_CMDLINE_SIZE = 0x14, TN_FW_CFG_CMDLINE_DATA = 0x15,
    TN_FW_CFG_SETUP_ADDR = 0x16, TN_FW_CFG_SETUP_SIZE = 0x17, TN_FW_CFG_SETUP_DATA = 0x18,
    TN_FW_CFG_FILE_DIR = 0x19, TN_FW_CFG_ACPI_TABLES = 0x8000, TN_FW_CFG_SMBIOS_ENTRIES = 0x8001,
    TN_FW_CFG_IRQ0_OVERRIDE = 0x8002, TN_FW_CFG_HPET = 0x8004,
};

/* The vtable of TN_IFACE_FW_CFG. All [main +lock]; `select` and `written` run [vcpu +lock]. */
typedef struct TnFwCfgOps {
    uint32_t size;
    uint32_t flags;
    /* Copies the bytes (n up to 2^32 - 1). Replaces an item of the same key. */
    void (*add_bytes)(TnObject *fw_cfg, uint16_t key, const void *data, size_t n);
    /* A named file (up to 55 characters), copied; replaces one of the same name. */
    bool (*add_file)(TnObject *fw_cfg, const char *name, const void *data, size_t n, GError **error);
    /* Takes the bytes by reference: for kernels and tables that may change until the guest reads
     * them. `select` (may be NULL) runs when the guest selects the file. */
    bool (*add_file_bytes)(TnObject *fw_cfg, const char *name, GBytes *bytes,
                           void (*select)(void *opaque), void *opaque, GError **error);
    /* A file the guest may write, through the DMA interface; `data` is the caller's n bytes. */
    bool (*add_writable)(TnObject *fw_cfg, const char *name, void *data, size_t n,
                         void (*written)(void *opaque, size_t offset, size_t n), void *opaque,
                         GError **error);
    /* The same as add_bytes, by reference: for what is large. `size` tells whether it is
     * there. */
    void (*add_item)(TnObject *fw_cfg, uint16_t key, GBytes *bytes);
} TnFwCfgOps;

/* The machine's fw_cfg object (has TN_IFACE_FW_CFG), borrowed; NULL when there is none. [main] */
TN_API TnObject *tn_fw_cfg(void);
/* Makes an object the machine's fw_cfg; borrowed, NULL takes it back. [main] */
TN_API void tn_set_fw_cfg(TnObject *fw_cfg);

/* Registers an option ROM file for the firmware to run ("genroms/NAME"), with a boot index or
 * -1. Keeps a reference to the image. false with an error without fw_cfg or for a name too long.
 * [main +lock] */
TN_API bool tn_add_option_rom(const char *name, GBytes *image, int boot_index, GError **error);

/* Puts a device into the firmware's boot order: `suffix` (may be NULL) is appended to its path
 * in the firmware's form (see bootorder), boot_index >= 0, lower first. [main +lock] */
TN_API void tn_add_boot_device(TnObject *dev, const char *suffix, int boot_index);
/* The list in order, one path a line, for the file "bootorder"; *n gets its bytes. g_free. [main
 * +lock] */
TN_API char *tn_boot_order_list(size_t *n);

TN_END_DECLS

#endif
