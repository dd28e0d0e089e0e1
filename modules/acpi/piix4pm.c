/* SPDX-License-Identifier: MIT */
/*
 * Intel 82371AB (PIIX4) function 3 (datasheet 290562): ACPI power management registers (ACPI 6.4,
 * 4.8.3), the APM ports 0xb2 and 0xb3 with SMI, a general-purpose event block, and the SMBus host.
 *
 * On this machine the firmware and the tables put S5 at SLP_TYP 0, S3 at 1 and S4 at 2. Left out:
 * legacy power management timers and device monitors, which have nothing to watch.
 */
#include <string.h>

#include "smbus-host.h"
#include "tenon/apic.h"
#include "tenon/machine.h"
#include "tenon/module.h"
#include "tenon/pci.h"

enum {
    PMBASE = 0x40, PMREGMISC = 0x80, PMREGMISC_PMIOSE = 1u << 0, DEVACTB = 0x58,
    DEVACTB_APMC_EN = 1u << 25, SMBBASE = 0x90, SMBHSTCFG = 0xd2, SMBHSTCFG_EN = 1u << 0,
    SMBHSTCFG_INTR = 7u << 1, SMBHSTCFG_IRQ9 = 4u << 1,
    PM_SIZE = 64,
    GPE_BASE = 0xafe0, GPE_LENGTH = 4,
    APM_CONTROL = 0xb2,

    PM1_STS = 0x00, PM1_EN = 0x02, PM1_CNT = 0x04, PM_TMR = 0x08,
    PM1_TMR_STS = 1u << 0, PM1_GBL_STS = 1u << 5, PM1_PWRBTN_STS = 1u << 8, PM1_WAK_STS = 1u << 15,
    PM1_RTC_STS = 1u << 10,
    PM1_STS_MASK = PM1_TMR_STS | PM1_GBL_STS | PM1_PWRBTN_STS | PM1_RTC_STS | PM1_WAK_STS,
    PM1_EN_MASK = PM1_TMR_STS | PM1_GBL_STS | PM1_PWRBTN_STS | PM1_RTC_STS,
    CNT_SCI_EN = 1u << 0, CNT_SLP_TYP_SHIFT = 10, CNT_SLP_EN = 1u << 13,
    SLP_S5 = 0, SLP_S3 = 1, SLP_S4 = 2,
    TIMER_HZ = 3579545, TIMER_BITS = 24,
    CMD_ACPI_ENABLE = 0xf1, CMD_ACPI_DISABLE = 0xf0,
};

typedef struct Piix4Pm {
    TnObject *obj;
    TnTimer *timer;
    TnRegion *pm_io, *smb_io, *gpe_io, *apm_io;
    uint32_t smb_io_base;
    bool disable_s3, disable_s4;

    uint16_t pm1_sts, pm1_en, pm1_cnt;
    uint16_t gpe_sts, gpe_en;
    uint8_t apm_control, apm_status;
    SmbusHost smbus;
} Piix4Pm;

/* ---- ACPI timer and SCI ----------------------------------------------------------------- */

static uint64_t timer_ticks(void)
{
    return tn_muldiv64((uint64_t)tn_clock_now(TN_CLOCK_VIRTUAL), TIMER_HZ, (uint32_t)TN_NS_PER_SECOND);
}

/* The SMBus host shares the line where its configuration says IRQ 9; SMI is the other choice. */
static bool smbus_level(const Piix4Pm *s)
{
    return (tn_pci_config(s->obj)[SMBHSTCFG] & SMBHSTCFG_INTR) == SMBHSTCFG_IRQ9 &&
           smbus_interrupts(&s->smbus);
}

static bool sci_level(const Piix4Pm *s)
{
    return smbus_level(s) || (s->pm1_cnt & CNT_SCI_EN &&
                              (s->pm1_sts & s->pm1_en & PM1_EN_MASK || s->gpe_sts & s->gpe_en));
}

/* The carry of the timer's top bit is due every 2^23 ticks. */
static void settle(TnObject *dev, void *state)
{
    Piix4Pm *s = state;
    tn_irq_out(dev, NULL, 0, sci_level(s));
    if (!(s->pm1_en & PM1_TMR_STS) || s->pm1_sts & PM1_TMR_STS) {
        tn_timer_cancel(s->timer);
        return;
    }
    uint64_t half = UINT64_C(1) << (TIMER_BITS - 1);
    uint64_t next = (timer_ticks() / half + 1) * half;
    tn_timer_set(s->timer, (int64_t)tn_muldiv64(next, (uint32_t)TN_NS_PER_SECOND, TIMER_HZ) + 1);
}

static void timer_carried(void *opaque)
{
    Piix4Pm *s = opaque;
    s->pm1_sts |= PM1_TMR_STS;
    settle(s->obj, s);
}

static void power_button(void *opaque)
{
    Piix4Pm *s = opaque;
    s->pm1_sts |= PM1_PWRBTN_STS;
    settle(s->obj, s);
}

static void sleep_request(Piix4Pm *s)
{
    unsigned type = s->pm1_cnt >> CNT_SLP_TYP_SHIFT & 7;
    if (type == SLP_S5 || (type == SLP_S4 && !s->disable_s4))
        tn_machine_request_shutdown(TN_SHUTDOWN_GUEST_SHUTDOWN);
    else if (type == SLP_S3 && !s->disable_s3)
        tn_machine_request_suspend();
    else
        tn_guest_error("PIIX4_PM", "sleep type %u is not offered", type);
}

static void write_cnt(Piix4Pm *s, uint16_t value)
{
    s->pm1_cnt = (uint16_t)((value & ~(CNT_SLP_EN | CNT_SCI_EN)) | (s->pm1_cnt & CNT_SCI_EN));
    if (value & CNT_SLP_EN)
        sleep_request(s);
}

static uint64_t pm_read(void *opaque, uint64_t offset, unsigned size)
{
    const Piix4Pm *s = opaque;
    switch (offset & ~1ull) {
    case PM1_STS: return s->pm1_sts;
    case PM1_EN: return s->pm1_en;
    case PM1_CNT: return s->pm1_cnt;
    case PM_TMR: return timer_ticks() & ((1u << TIMER_BITS) - 1);
    case PM_TMR + 2: return timer_ticks() >> 16 & 0xff;
    }
    return 0;
}

static void pm_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Piix4Pm *s = opaque;
    TN_TRACE("piix4_pm_write", "offset=0x%02x value=0x%04x", (unsigned)offset, (unsigned)value);
    switch (offset) {
    case PM1_STS: s->pm1_sts &= (uint16_t)~(value & PM1_STS_MASK); break;
    case PM1_EN: s->pm1_en = value & PM1_EN_MASK; break;
    case PM1_CNT: write_cnt(s, (uint16_t)value); break;
    }
    settle(s->obj, s);
}

static uint64_t timer_aware_read(void *opaque, uint64_t offset, unsigned size)
{
    if (offset == PM_TMR && size == 4)
        return timer_ticks() & ((1u << TIMER_BITS) - 1);
    if (size == 4)
        return pm_read(opaque, offset, 2) | pm_read(opaque, offset + 2, 2) << 16;
    return pm_read(opaque, offset, size) >> (offset & 1 ? 8 : 0);
}

static void wide_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    pm_write(opaque, offset, value & 0xffff, 2);
    if (size == 4)
        pm_write(opaque, offset + 2, value >> 16, 2);
}

static const TnRegionOps pm_ops = {
    .size_of = sizeof(pm_ops), .read = timer_aware_read, .write = wide_write, .impl_min = 1,
    .impl_max = 4,
};

/* ---- General-purpose events ------------------------------------------------------------- */

static uint64_t gpe_read(void *opaque, uint64_t offset, unsigned size)
{
    const Piix4Pm *s = opaque;
    uint32_t all = s->gpe_sts | (uint32_t)s->gpe_en << 16;
    return all >> offset * 8 & 0xff;
}

static void gpe_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Piix4Pm *s = opaque;
    unsigned shift = offset & 1 ? 8 : 0;
    if (offset < 2)
        s->gpe_sts &= (uint16_t)~(value << shift);
    else
        s->gpe_en = (uint16_t)((s->gpe_en & ~(0xffu << shift)) | value << shift);
    settle(s->obj, s);
}

static const TnRegionOps gpe_ops = {
    .size_of = sizeof(gpe_ops), .read = gpe_read, .write = gpe_write, .impl_min = 1, .impl_max = 1,
};

/* ---- APM: 0xb2 control, 0xb3 status ----------------------------------------------------- */

static uint64_t apm_read(void *opaque, uint64_t offset, unsigned size)
{
    const Piix4Pm *s = opaque;
    return offset ? s->apm_status : s->apm_control;
}

static void apm_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Piix4Pm *s = opaque;
    if (offset) {
        s->apm_status = (uint8_t)value;
        return;
    }
    s->apm_control = (uint8_t)value;
    if (value == CMD_ACPI_ENABLE)
        s->pm1_cnt |= CNT_SCI_EN;
    else if (value == CMD_ACPI_DISABLE)
        s->pm1_cnt &= ~CNT_SCI_EN;
    uint32_t devactb;
    memcpy(&devactb, tn_pci_config(s->obj) + DEVACTB, sizeof(devactb));
    if (GUINT32_FROM_LE(devactb) & DEVACTB_APMC_EN)
        tn_irq_out(s->obj, "smi", 0, 1);
    settle(s->obj, s);
}

static const TnRegionOps apm_ops = {
    .size_of = sizeof(apm_ops), .read = apm_read, .write = apm_write, .impl_min = 1, .impl_max = 1,
};

/* ---- SMBus host -------------------------------------------------------------------------- */

static uint64_t smb_read(void *opaque, uint64_t offset, unsigned size)
{
    return smbus_read(&((Piix4Pm *)opaque)->smbus, (unsigned)offset);
}

static void smb_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Piix4Pm *s = opaque;
    smbus_write(&s->smbus, (unsigned)offset, (uint8_t)value);
    settle(s->obj, s);
}

static const TnRegionOps smb_ops = {
    .size_of = sizeof(smb_ops), .read = smb_read, .write = smb_write, .impl_min = 1, .impl_max = 1,
};

/* ---- PCI function ----------------------------------------------------------------------- */

static void map_io(TnObject *dev, Piix4Pm *s)
{
    const uint8_t *c = tn_pci_config(dev);
    uint32_t pm = (c[PMBASE] | c[PMBASE + 1] << 8) & 0xffc0;
    uint32_t smb = (c[SMBBASE] | c[SMBBASE + 1] << 8) & 0xffc0;
    tn_memory_begin();
    tn_region_set_enabled(s->pm_io, c[PMREGMISC] & PMREGMISC_PMIOSE);
    tn_region_set_offset(s->pm_io, pm);
    tn_region_set_enabled(s->smb_io, c[SMBHSTCFG] & SMBHSTCFG_EN);
    tn_region_set_offset(s->smb_io, smb);
    tn_memory_commit();
}

static void config_write(TnObject *dev, void *state, uint32_t offset, uint32_t value, unsigned size)
{
    tn_pci_config_write(dev, offset, value, size);
    map_io(dev, state);
}

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    Piix4Pm *s = state;
    uint8_t *c = tn_pci_config(dev);
    c[0x04] = 0;
    c[0x07] = 0x02;
    memset(c + PMBASE, 0, 0x100 - PMBASE);
    c[PMBASE] = c[SMBBASE] = 1;
    c[SMBBASE] = (uint8_t)(s->smb_io_base | 1);
    c[SMBBASE + 1] = (uint8_t)(s->smb_io_base >> 8);
    c[SMBHSTCFG] = 0x09;
    /* Serial ports decoded at their usual places, parallel port off: read by firmware. */
    c[0x5f] = 0x10;
    c[0x63] = 0x60;
    c[0x67] = 0x98;
    s->pm1_sts = s->pm1_en = s->pm1_cnt = s->gpe_sts = s->gpe_en = 0;
    s->apm_control = s->apm_status = 0;
    smbus_reset(&s->smbus);
    map_io(dev, s);
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    Piix4Pm *s = state;
    TnRegion *io = tn_system_io();
    memset(tn_pci_config_writable(dev) + PMBASE, 0xff, 0x100 - PMBASE);
    s->pm_io = tn_region_new_io(dev, "acpi-pm", &pm_ops, s, PM_SIZE);
    s->smb_io = tn_region_new_io(dev, "pm-smbus", &smb_ops, s, SMBUS_PORTS);
    tn_region_set_enabled(s->pm_io, false);
    tn_region_set_enabled(s->smb_io, false);
    tn_region_add(io, 0, s->pm_io);
    tn_region_add(io, 0, s->smb_io);
    s->gpe_io = tn_region_new_io(dev, "acpi-gpe0", &gpe_ops, s, GPE_LENGTH);
    s->apm_io = tn_region_new_io(dev, "apm-io", &apm_ops, s, 2);
    tn_region_add(io, GPE_BASE, s->gpe_io);
    tn_region_add(io, APM_CONTROL, s->apm_io);
    tn_powerdown_listen(dev, power_button, s);
    return true;
}

static void unrealize(TnObject *dev, void *state)
{
    const Piix4Pm *s = state;
    TnRegion *const regions[] = { s->pm_io, s->smb_io, s->gpe_io, s->apm_io };
    for (unsigned i = 0; i < G_N_ELEMENTS(regions); i++)
        tn_region_remove(tn_system_io(), regions[i]);
}

static bool init(TnObject *obj, void *state, GError **error)
{
    Piix4Pm *s = state;
    s->obj = obj;
    s->timer = tn_timer_new(obj, TN_CLOCK_VIRTUAL, timer_carried, s);
    tn_irq_declare_out(obj, NULL, 1);
    tn_irq_declare_out(obj, "smi", 1);
    s->smbus.bus = tn_bus_new(obj, TN_TYPE_I2C_BUS, "i2c", error);
    return s->smbus.bus != NULL;
}

static const TnProperty properties[] = {
    { .name = "smb_io_base", .kind = TN_PROP_UINT32, .offset = offsetof(Piix4Pm, smb_io_base),
      .def = "0xb100", .max = 0xffc0, .doc = "I/O port of the SMBus host after reset" },
    { .name = "disable_s3", .kind = TN_PROP_BOOL, .offset = offsetof(Piix4Pm, disable_s3),
      .doc = "do not offer suspend to RAM" },
    { .name = "disable_s4", .kind = TN_PROP_BOOL, .offset = offsetof(Piix4Pm, disable_s4),
      .doc = "do not offer suspend to disk" },
    { 0 },
};

static const TnStateField fields[] = {
    TN_STATE(U16, Piix4Pm, pm1_sts), TN_STATE(U16, Piix4Pm, pm1_en), TN_STATE(U16, Piix4Pm, pm1_cnt),
    TN_STATE(U16, Piix4Pm, gpe_sts), TN_STATE(U16, Piix4Pm, gpe_en), TN_STATE(U8, Piix4Pm, apm_control),
    TN_STATE(U8, Piix4Pm, apm_status), TN_STATE_BUFFER(Piix4Pm, smbus.reg),
    TN_STATE_BUFFER(Piix4Pm, smbus.block), TN_STATE(U8, Piix4Pm, smbus.at), TN_STATE(TIMER, Piix4Pm, timer),
    TN_STATE_LAST,
};

static bool loaded(TnObject *dev, void *state, unsigned version, GError **error)
{
    map_io(dev, state);
    return true;
}

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .unrealize = unrealize, .reset = reset,
    .settle = settle, .loaded = loaded,
};

static const TnPciDeviceOps pci_ops = {
    .size = sizeof(pci_ops), .vendor_id = 0x8086, .device_id = 0x7113, .class_id = 0x0680,
    .revision = 3, .interrupt_pin = 1, .config_write = config_write,
};

static const TnInterfaceImpl interfaces[] = {
    { TN_IFACE_DEVICE, &device_ops }, { TN_IFACE_PCI_DEVICE, &pci_ops }, { 0 },
};

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "PIIX4_PM", .parent = TN_TYPE_PCI_DEVICE,
    .state_size = sizeof(Piix4Pm), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE, .interfaces = interfaces, .init = init,
    .description = "Intel 82371AB power management",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("piix4pm") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_INTERNAL_DEVICE("PIIX4_PM", "PCI", "bridge", "Intel 82371AB power management"));
