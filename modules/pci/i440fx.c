/* SPDX-License-Identifier: MIT */
/*
 * Intel 82441FX (i440FX) host bridge (datasheet 290549): configuration mechanism 1 at 0xcf8, the
 * PAM registers that choose between DRAM and PCI for 0xc0000..0xfffff, and SMRAM at 0xa0000.
 *
 * "i440FX-pcihost" is the system device with the root bus; "i440FX" is function 00:00.0. DRAM timing
 * and error registers are memory without effect.
 */
#include "tenon/apic.h"
#include "tenon/module.h"
#include "tenon/pci.h"

enum {
    PAM0 = 0x59, N_PAM = 13, SMRAM = 0x72,
    PAM_RE = 1u << 0, PAM_WE = 1u << 1,
    SMRAM_D_OPEN = 1u << 6, SMRAM_D_CLS = 1u << 5, SMRAM_D_LCK = 1u << 4, SMRAM_G_SMRAME = 1u << 3,
    SMRAM_C_BASE_SEG = 2,
    SMRAM_BASE = 0xa0000, SMRAM_SIZE = 0x20000, LEGACY_SIZE = 0x60000,
    CONFIG_ENABLE = 1u << 31,
    TYPE_I440FX_DEVID = 0x1237,
    PRIORITY_PCI = -1, PRIORITY_LEGACY = 1, PRIORITY_ABORT = -1000,
};

/* What an access to a PAM area does, by its RE and WE bits. */
enum { PAM_PCI, PAM_READ_RAM, PAM_WRITE_RAM, PAM_RAM, N_PAM_MODES };

typedef struct Pam {
    TnRegion *by_mode[N_PAM_MODES];
    uint8_t *ram;
    uint64_t base;
    struct I440fx *owner;
} Pam;

typedef struct I440fx {
    TnObject *obj;
    struct I440fxHost *host;
    Pam pam[N_PAM];
    TnRegion *smram_closed; /* PCI seen at 0xa0000 outside SMM */
    TnRegion *smram_smm;    /* DRAM seen at 0xa0000 in SMM */
    bool smram_locked;
} I440fx;

typedef struct I440fxHost {
    TnObject *obj;
    TnObject *bus;
    TnRegion *pci_memory;
    TnAddressSpace *pci_space;
    TnRegion *ram;           /* of the board; set before realize */
    TnObject *ram_owner;
    uint32_t address;        /* CONFADD */
} I440fxHost;

/* Where no PCI device answers below 1 MiB, the cycle is aborted; DRAM behind must not show. */
static uint64_t abort_read(void *opaque, uint64_t offset, unsigned size)
{
    return UINT64_MAX;
}

static void abort_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
}

static const TnRegionOps abort_ops = {
    .size_of = sizeof(abort_ops), .read = abort_read, .write = abort_write, .impl_min = 1,
    .impl_max = 8, .impl_unaligned = true, .valid_unaligned = true,
};

/* ---- PAM -------------------------------------------------------------------------------- */

static uint64_t pam_span(unsigned n)
{
    return n == 0 ? 0x10000 : 0x4000;
}

static uint64_t pam_base(unsigned n)
{
    return n == 0 ? 0xf0000 : 0xc0000 + (n - 1) * 0x4000ull;
}

/* Area n's two bits: 0 is PAM0[5:4], then PAM1[1:0], PAM1[5:4], PAM2[1:0] ... */
static unsigned pam_bits(const uint8_t *config, unsigned n)
{
    return config[PAM0 + (n + 1) / 2] >> (n & 1 ? 0 : 4) & 3;
}

static void update_pam(I440fx *s)
{
    const uint8_t *config = tn_pci_config(s->obj);
    tn_memory_begin();
    for (unsigned n = 0; n < N_PAM; n++)
        for (unsigned mode = 0; mode < N_PAM_MODES; mode++)
            tn_region_set_enabled(s->pam[n].by_mode[mode], mode == pam_bits(config, n));
    tn_memory_commit();
}

/* Write-only areas: reads come from PCI, writes go to DRAM. */
static uint64_t pam_read(void *opaque, uint64_t offset, unsigned size)
{
    Pam *p = opaque;
    uint64_t value = UINT64_MAX;
    tn_memory_load(p->owner->host->pci_space, p->base + offset, size, &value, TN_MEM_ATTR_NONE);
    return value;
}

static void pam_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Pam *p = opaque;
    tn_region_store(p->owner->host->ram, p->base + offset, size, value, TN_MEM_ATTR_NONE);
}

static const TnRegionOps pam_ops = {
    .size_of = sizeof(pam_ops), .read = pam_read, .write = pam_write, .impl_min = 1, .impl_max = 8,
    .impl_unaligned = true, .valid_unaligned = true,
};

static void init_pam(I440fx *s, unsigned n)
{
    Pam *p = &s->pam[n];
    uint64_t base = pam_base(n), size = pam_span(n);
    p->owner = s;
    p->base = base;
    p->by_mode[PAM_PCI] = tn_region_new_alias(s->obj, "pam-pci", s->host->pci_memory, base, size);
    p->by_mode[PAM_READ_RAM] = tn_region_new_alias(s->obj, "pam-rom", s->host->ram, base, size);
    tn_region_set_readonly(p->by_mode[PAM_READ_RAM], true);
    p->by_mode[PAM_WRITE_RAM] = tn_region_new_io(s->obj, "pam-write", &pam_ops, p, size);
    p->by_mode[PAM_RAM] = tn_region_new_alias(s->obj, "pam-ram", s->host->ram, base, size);
    for (unsigned mode = 0; mode < N_PAM_MODES; mode++) {
        tn_region_set_enabled(p->by_mode[mode], mode == PAM_PCI);
        tn_region_add_overlap(tn_system_memory(), base, p->by_mode[mode], PRIORITY_LEGACY);
    }
}

/* ---- SMRAM ------------------------------------------------------------------------------ */

static void update_smram(I440fx *s)
{
    uint8_t *config = tn_pci_config(s->obj);
    if (config[SMRAM] & SMRAM_D_LCK) {
        config[SMRAM] &= ~SMRAM_D_OPEN;
        s->smram_locked = true;
    }
    tn_memory_begin();
    tn_region_set_enabled(s->smram_closed, !(config[SMRAM] & SMRAM_D_OPEN));
    tn_region_set_enabled(s->smram_smm, config[SMRAM] & SMRAM_G_SMRAME);
    tn_memory_commit();
}

static void init_smram(I440fx *s)
{
    TnRegion *smm_root = tn_region_new_container(s->obj, "memory-smm", 0);
    s->smram_closed = tn_region_new_alias(s->obj, "smram-closed", s->host->pci_memory, SMRAM_BASE,
                                          SMRAM_SIZE);
    s->smram_smm = tn_region_new_alias(s->obj, "smram", s->host->ram, SMRAM_BASE, SMRAM_SIZE);
    tn_region_set_enabled(s->smram_smm, false);
    tn_region_add_overlap(tn_system_memory(), SMRAM_BASE, s->smram_closed, PRIORITY_LEGACY);
    tn_region_add(smm_root, 0, tn_region_new_alias(s->obj, "memory", tn_system_memory(), 0, 0));
    tn_region_add_overlap(smm_root, SMRAM_BASE, s->smram_smm, PRIORITY_LEGACY);
    tn_set_smm_memory(tn_address_space_new(s->obj, "memory-smm", smm_root));
}

/* ---- Function 0 ------------------------------------------------------------------------- */

static void config_write(TnObject *dev, void *state, uint32_t offset, uint32_t value, unsigned size)
{
    I440fx *s = state;
    uint8_t smram = tn_pci_config(dev)[SMRAM];
    tn_pci_config_write(dev, offset, value, size);
    if (s->smram_locked)
        tn_pci_config(dev)[SMRAM] = smram;
    if (offset + size > PAM0 && offset <= PAM0 + N_PAM / 2)
        update_pam(s);
    if (offset <= SMRAM && offset + size > SMRAM)
        update_smram(s);
}

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    I440fx *s = state;
    uint8_t *config = tn_pci_config(dev);
    s->smram_locked = false;
    config[0x04] = 0x06;
    config[0x07] = 0x02;
    for (unsigned i = 0; i <= N_PAM / 2; i++)
        config[PAM0 + i] = 0;
    config[SMRAM] = SMRAM_C_BASE_SEG;
    update_pam(s);
    update_smram(s);
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    I440fx *s = state;
    TnObject *host_object = tn_object_parent(tn_device_bus(dev));
    s->obj = dev;
    s->host = tn_object_state(host_object, "i440FX-pcihost");
    if (!s->host) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "i440FX: must be on the bus of an i440FX-pcihost");
        return false;
    }
    uint8_t *writable = tn_pci_config_writable(dev);
    for (unsigned i = 0x50; i < 0x9f; i++)
        writable[i] = 0xff;
    for (unsigned n = 0; n < N_PAM; n++)
        init_pam(s, n);
    init_smram(s);
    return true;
}

static void unrealize(TnObject *dev, void *state)
{
    I440fx *s = state;
    tn_set_smm_memory(NULL);
    tn_memory_begin();
    tn_region_remove(tn_system_memory(), s->smram_closed);
    for (unsigned n = 0; n < N_PAM; n++)
        for (unsigned mode = 0; mode < N_PAM_MODES; mode++)
            tn_region_remove(tn_system_memory(), s->pam[n].by_mode[mode]);
    tn_memory_commit();
}

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .unrealize = unrealize, .reset = reset,
};

static const TnPciDeviceOps pci_ops = {
    .size = sizeof(pci_ops), .vendor_id = 0x8086, .device_id = TYPE_I440FX_DEVID, .class_id = 0x0600,
    .revision = 2, .config_write = config_write,
};

static const TnInterfaceImpl interfaces[] = {
    { TN_IFACE_DEVICE, &device_ops }, { TN_IFACE_PCI_DEVICE, &pci_ops }, { 0 },
};

static const TnStateField fields[] = { TN_STATE(BOOL, I440fx, smram_locked), TN_STATE_LAST };

static const TnTypeInfo device_type = {
    .size = sizeof(device_type), .name = "i440FX", .parent = TN_TYPE_PCI_DEVICE,
    .state_size = sizeof(I440fx), .state = fields, .state_stride = TN_STATE_STRIDE,
    .interfaces = interfaces,
    .description = "Intel 82441FX host bridge",
};

/* ---- The host --------------------------------------------------------------------------- */

static uint64_t address_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((I440fxHost *)opaque)->address;
}

static void address_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    if (offset == 0 && size == 4)
        ((I440fxHost *)opaque)->address = (uint32_t)value;
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned size)
{
    I440fxHost *s = opaque;
    if (!(s->address & CONFIG_ENABLE))
        return UINT64_MAX;
    return tn_pci_host_config_read(s->bus, (s->address & 0xfffffc) | (uint32_t)offset, size);
}

static void data_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    I440fxHost *s = opaque;
    if (s->address & CONFIG_ENABLE)
        tn_pci_host_config_write(s->bus, (s->address & 0xfffffc) | (uint32_t)offset, (uint32_t)value, size);
}

/* Only whole dword accesses are CONFADD; the rest of 0xcf8..0xcfb belongs to others (0xcf9). */
static const TnRegionOps address_ops = {
    .size_of = sizeof(address_ops), .read = address_read, .write = address_write, .valid_min = 4,
    .valid_max = 4, .impl_min = 4, .impl_max = 4,
};

static const TnRegionOps data_ops = {
    .size_of = sizeof(data_ops), .read = data_read, .write = data_write, .impl_min = 1, .impl_max = 4,
};

static void host_reset(TnObject *dev, void *state, TnResetKind kind)
{
    ((I440fxHost *)state)->address = 0;
}

static bool host_realize(TnObject *dev, void *state, GError **error)
{
    I440fxHost *s = state;
    s->obj = dev;
    s->ram = s->ram_owner ? tn_system_device_region(s->ram_owner, 0) : NULL;
    if (!s->ram) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "i440FX-pcihost: property 'ram' names no RAM");
        return false;
    }
    s->pci_memory = tn_region_new_container(dev, "pci", 0);
    tn_region_add_overlap(tn_system_memory(), 0, s->pci_memory, PRIORITY_PCI);
    tn_region_add_overlap(s->pci_memory, SMRAM_BASE,
                          tn_region_new_io(dev, "pci-abort", &abort_ops, s, LEGACY_SIZE), PRIORITY_ABORT);
    s->pci_space = tn_address_space_new(dev, "pci", s->pci_memory);
    s->bus = tn_pci_root_bus_new(dev, "pci.0", s->pci_memory, tn_system_io(), false, error);
    if (!s->bus)
        return false;
    tn_region_add(tn_system_io(), 0xcf8, tn_region_new_io(dev, "pci-conf-idx", &address_ops, s, 4));
    tn_region_add(tn_system_io(), 0xcfc, tn_region_new_io(dev, "pci-conf-data", &data_ops, s, 4));
    tn_system_device_add_region(dev, s->pci_memory);
    return tn_pci_create(s->bus, 0, false, "i440FX", NULL, error);
}

static const TnProperty host_properties[] = {
    { .name = "ram", .kind = TN_PROP_LINK, .offset = offsetof(I440fxHost, ram_owner),
      .type = TN_TYPE_SYSTEM_DEVICE, .flags = TN_PROP_REQUIRED,
      .doc = "device whose first region is the board's RAM" },
    { 0 },
};

static const TnDeviceOps host_device_ops = {
    .size = sizeof(host_device_ops), .realize = host_realize, .reset = host_reset,
};
static const TnInterfaceImpl host_interfaces[] = { { TN_IFACE_DEVICE, &host_device_ops }, { 0 } };
static const TnStateField host_fields[] = { TN_STATE(U32, I440fxHost, address), TN_STATE_LAST };

static const TnTypeInfo host_type = {
    .size = sizeof(host_type), .name = "i440FX-pcihost", .parent = TN_TYPE_SYSTEM_DEVICE,
    .state_size = sizeof(I440fxHost), .property_stride = TN_PROPERTY_STRIDE,
    .properties = host_properties, .state = host_fields, .state_stride = TN_STATE_STRIDE,
    .interfaces = host_interfaces,
    .description = "Intel 82441FX host",
};

static const TnTypeInfo *const types[] = { &device_type, &host_type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("i440fx") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_INTERNAL_DEVICE("i440FX", "PCI", "bridge", "Intel 82441FX host bridge")
          TN_NOTE_INTERNAL_DEVICE("i440FX-pcihost", "System", "bridge", "Intel 82441FX host"));
