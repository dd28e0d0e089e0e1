/* SPDX-License-Identifier: MIT */
/*
 * The teaching device "edu", with the registers that QEMU documents (docs/specs/edu): an
 * identification, a liveness check, a factorial unit, an interrupt to raise, and a DMA engine with
 * 4 KiB of memory of its own.
 *
 * Read this file first when you want to write a device. It is what most devices are: a state
 * struct, a register table, a few functions of behaviour, one function that derives the interrupt,
 * property and state tables, and the descriptor at the end.
 */
#include "tenon/module.h"
#include "tenon/pci.h"

enum {
    VENDOR = 0x1234, DEVICE = 0x11e8, CLASS_OTHERS = 0x00ff, REVISION = 0x10,
    BAR_SIZE = 1 << 20,

    IDENTIFICATION = 0x010000ed,
    STATUS_COMPUTING = 1u << 0, STATUS_IRQ_FACTORIAL = 1u << 7,
    IRQ_FACTORIAL = 1u << 0, IRQ_DMA = 1u << 8,
    DMA_START = 1u << 0, DMA_TO_RAM = 1u << 1, DMA_IRQ = 1u << 2,

    DMA_MEMORY = 0x40000, DMA_SIZE = 4096,
    DMA_NS = 100 * 1000, /* what a transfer takes */
};

typedef struct Edu {
    TnObject *obj;
    TnTimer *factorial_timer, *dma_timer;
    uint64_t dma_mask;
    uint32_t liveness, factorial, status, irq_status;
    uint64_t dma_source, dma_destination, dma_count, dma_command;
    uint8_t memory[DMA_SIZE];
} Edu;

/* The interrupt line is a function of the state and of nothing else. */
static void settle(TnObject *dev, void *state)
{
    const Edu *s = state;
    if (!tn_pci_msi_enabled(dev))
        tn_pci_set_irq(dev, s->irq_status != 0);
}

static void raise_irq(Edu *s, uint32_t bits)
{
    s->irq_status |= bits;
    if (s->irq_status && tn_pci_msi_enabled(s->obj))
        tn_pci_msi_notify(s->obj, 0);
}

/* ---- Factorial -------------------------------------------------------------------------- */

static void factorial_done(void *opaque)
{
    Edu *s = opaque;
    uint32_t product = 1;
    for (uint32_t n = s->factorial; n > 1 && product; n--)
        product *= n;
    s->factorial = product;
    s->status &= ~STATUS_COMPUTING;
    if (s->status & STATUS_IRQ_FACTORIAL)
        raise_irq(s, IRQ_FACTORIAL);
    tn_device_settle(s->obj);
}

static void write_factorial(void *state, const TnRegister *reg, uint64_t value)
{
    Edu *s = state;
    if (s->status & STATUS_COMPUTING)
        return;
    s->factorial = (uint32_t)value;
    s->status |= STATUS_COMPUTING;
    tn_timer_set(s->factorial_timer, tn_clock_now(TN_CLOCK_VIRTUAL));
}

/* ---- DMA -------------------------------------------------------------------------------- */

/* The span of the device's memory that a transfer names, or NULL when it is not inside. */
static uint8_t *memory_span(Edu *s, uint64_t address)
{
    if (address < DMA_MEMORY || address - DMA_MEMORY > DMA_SIZE ||
        s->dma_count > DMA_SIZE - (address - DMA_MEMORY)) {
        tn_guest_error("edu", "DMA outside of the device's memory: 0x%llx + 0x%llx",
                       (unsigned long long)address, (unsigned long long)s->dma_count);
        return NULL;
    }
    return s->memory + (address - DMA_MEMORY);
}

static void dma_done(void *opaque)
{
    Edu *s = opaque;
    bool to_ram = s->dma_command & DMA_TO_RAM;
    uint8_t *span = memory_span(s, to_ram ? s->dma_source : s->dma_destination);
    if (span && to_ram)
        tn_pci_dma_write(s->obj, s->dma_destination & s->dma_mask, span, s->dma_count);
    else if (span)
        tn_pci_dma_read(s->obj, s->dma_source & s->dma_mask, span, s->dma_count);
    s->dma_command &= ~(uint64_t)DMA_START;
    if (s->dma_command & DMA_IRQ)
        raise_irq(s, IRQ_DMA);
    tn_device_settle(s->obj);
}

static bool dma_busy(const Edu *s)
{
    return s->dma_command & DMA_START;
}

/* The engine's registers do not change while it works. */
static void write_dma(void *state, const TnRegister *reg, uint64_t value)
{
    Edu *s = state;
    if (!dma_busy(s))
        *(uint64_t *)((char *)state + reg->field) = value;
}

static void write_dma_command(void *state, const TnRegister *reg, uint64_t value)
{
    Edu *s = state;
    if (dma_busy(s) || !(value & DMA_START))
        return;
    s->dma_command = value;
    tn_timer_set(s->dma_timer, tn_clock_now(TN_CLOCK_VIRTUAL) + DMA_NS);
}

/* ---- Registers -------------------------------------------------------------------------- */

static void write_liveness(void *state, const TnRegister *reg, uint64_t value)
{
    ((Edu *)state)->liveness = ~(uint32_t)value;
}

static void write_raise(void *state, const TnRegister *reg, uint64_t value)
{
    raise_irq(state, (uint32_t)value);
}

static void write_acknowledge(void *state, const TnRegister *reg, uint64_t value)
{
    ((Edu *)state)->irq_status &= ~(uint32_t)value;
}

static const TnRegister registers[] = {
    { .name = "IDENTIFICATION", .offset = 0x00, .size = 4, .flags = TN_REG_RO, .reset = IDENTIFICATION,
      .doc = "0xRRrr00ed: major and minor version" },
    { .name = "LIVENESS", .offset = 0x04, .size = 4, TN_REG_FIELD(Edu, liveness),
      .write = write_liveness, .doc = "reads as the inverse of what was written" },
    { .name = "FACTORIAL", .offset = 0x08, .size = 4, TN_REG_FIELD(Edu, factorial),
      .write = write_factorial, .doc = "write n, read n! when STATUS.0 is clear" },
    { .name = "STATUS", .offset = 0x20, .size = 4, TN_REG_FIELD(Edu, status),
      .writable = STATUS_IRQ_FACTORIAL, .doc = "0: computing; 7: interrupt after a factorial" },
    { .name = "IRQ_STATUS", .offset = 0x24, .size = 4, TN_REG_FIELD(Edu, irq_status),
      .flags = TN_REG_RO, .doc = "what raised the interrupt" },
    { .name = "IRQ_RAISE", .offset = 0x60, .size = 4, .flags = TN_REG_WO, .write = write_raise,
      .doc = "sets bits of IRQ_STATUS" },
    { .name = "IRQ_ACKNOWLEDGE", .offset = 0x64, .size = 4, .flags = TN_REG_WO,
      .write = write_acknowledge, .doc = "clears bits of IRQ_STATUS" },
    { .name = "DMA_SOURCE", .offset = 0x80, .size = 8, TN_REG_FIELD(Edu, dma_source),
      .write = write_dma, .doc = "address to copy from" },
    { .name = "DMA_DESTINATION", .offset = 0x88, .size = 8, TN_REG_FIELD(Edu, dma_destination),
      .write = write_dma, .doc = "address to copy to" },
    { .name = "DMA_COUNT", .offset = 0x90, .size = 8, TN_REG_FIELD(Edu, dma_count),
      .write = write_dma, .doc = "bytes" },
    { .name = "DMA_COMMAND", .offset = 0x98, .size = 8, TN_REG_FIELD(Edu, dma_command),
      .write = write_dma_command, .doc = "0: start; 1: towards RAM; 2: interrupt at the end" },
    { 0 },
};

static const TnRegisterBank bank = {
    .size_of = sizeof(bank), .stride = sizeof(TnRegister), .name = "edu-mmio", .registers = registers,
    .size = BAR_SIZE, .access_min = 4, .access_max = 8, .absent = UINT64_MAX,
};

/* ---- Life ------------------------------------------------------------------------------- */

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    Edu *s = state;
    tn_timer_cancel(s->factorial_timer);
    tn_timer_cancel(s->dma_timer);
}

static bool init(TnObject *obj, void *state, GError **error)
{
    Edu *s = state;
    s->obj = obj;
    s->factorial_timer = tn_timer_new(obj, TN_CLOCK_VIRTUAL, factorial_done, s);
    s->dma_timer = tn_timer_new(obj, TN_CLOCK_VIRTUAL, dma_done, s);
    return true;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    return tn_pci_msi_init(dev, 0, 1, true, false, error) &&
           tn_pci_add_bar(dev, 0, TN_PCI_BAR_MEM32, tn_register_region_new(dev, "edu", &bank), error);
}

static const TnProperty properties[] = {
    { .name = "dma_mask", .kind = TN_PROP_UINT64, .offset = offsetof(Edu, dma_mask), .def = "0x0fffffff",
      .doc = "address bits that the DMA engine drives" },
    { 0 },
};

static const TnStateField fields[] = {
    TN_STATE_BUFFER(Edu, memory), TN_STATE(TIMER, Edu, factorial_timer), TN_STATE(TIMER, Edu, dma_timer),
    TN_STATE_LAST,
};

static const TnRegisterBank *const banks[] = { &bank, NULL };

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .reset = reset, .settle = settle, .banks = banks,
};

static const TnPciDeviceOps pci_ops = {
    .size = sizeof(pci_ops), .vendor_id = VENDOR, .device_id = DEVICE, .class_id = CLASS_OTHERS,
    .revision = REVISION, .interrupt_pin = 1,
};

static const TnInterfaceImpl interfaces[] = {
    { TN_IFACE_DEVICE, &device_ops }, { TN_IFACE_PCI_DEVICE, &pci_ops }, { 0 },
};

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "edu", .parent = TN_TYPE_PCI_DEVICE, .state_size = sizeof(Edu),
    .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE,
    .interfaces = interfaces, .init = init, .description = "Teaching device",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("edu") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_DEVICE("edu", "PCI", "misc", "Teaching device"));
