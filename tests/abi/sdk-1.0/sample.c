/* SPDX-License-Identifier: MIT */
/*
 * What a vendor built with the first SDK: sample.so beside this file, which every later 1.x core must
 * load and run as it is. It is never built again; this is its source. It was made on Debian 12 (gcc
 * 12.2, x86-64) against ABI 1.0 by
 *
 *     gcc -std=gnu11 -O2 -fPIC -fvisibility=hidden -shared sample.c -Iabi -Lcore -o sample.so -ltenon
 *         $(pkg-config --cflags --libs glib-2.0) && strip sample.so
 *
 * "sdk-sample" is a PCI device that copies: from SOURCE to TARGET, LENGTH bytes, inverting them on the
 * way, DELAY microseconds after START is written; then it interrupts. I/O ports in BAR 1 are a
 * scratch memory. "sdk-sample-isa" is an ISA device that echoes a chardev.
 */
#include <string.h>

#include <tenon/chardev.h>
#include <tenon/isa.h>
#include <tenon/module.h>
#include <tenon/pci.h>

/* ---- The PCI device ---------------------------------------------------------------------- */

enum { BAR_SIZE = 4096, PORTS = 16, BUFFER = 256, HISTORY = 4, NS_PER_US = 1000 };
enum { START_COPY = 1u << 0, START_IRQ = 1u << 1, STATUS_DONE = 1u << 0, STATUS_ERROR = 1u << 1 };
enum { MODE_INVERT, MODE_PLAIN };

typedef struct Copy {
    uint64_t source, target;
    uint32_t length;
} Copy;

typedef struct Sample {
    TnObject *obj;
    TnTimer *timer;
    Copy now, history[HISTORY];
    uint32_t start, status, delay, copies;
    uint8_t scratch[PORTS];
    bool enabled;
    uint32_t mode;
    uint64_t limit;
    char *label;
} Sample;

static void settle(TnObject *dev, void *state)
{
    const Sample *s = state;
    if (!tn_pci_msi_enabled(dev))
        tn_pci_set_irq(dev, (s->start & START_IRQ) && s->status);
}

static bool copy_bytes(Sample *s)
{
    uint8_t bytes[BUFFER];

    if (s->now.length > sizeof(bytes) || s->now.length > s->limit)
        return false;
    if (tn_pci_dma_read(s->obj, s->now.source, bytes, s->now.length) != TN_MEM_OK)
        return false;
    for (uint32_t i = 0; s->mode == MODE_INVERT && i < s->now.length; i++)
        bytes[i] = (uint8_t)~bytes[i];
    return tn_pci_dma_write(s->obj, s->now.target, bytes, s->now.length) == TN_MEM_OK;
}

static void finish(void *opaque)
{
    Sample *s = opaque;

    TN_TRACE("sdk_sample_copy", "%s: %u bytes", s->label ? s->label : "-", s->now.length);
    s->history[s->copies++ % HISTORY] = s->now;
    s->status = copy_bytes(s) ? STATUS_DONE : STATUS_ERROR;
    s->start &= ~(uint32_t)START_COPY;
    if (s->start & START_IRQ)
        tn_pci_msi_notify(s->obj, 0);
    tn_device_settle(s->obj);
}

static void write_start(void *state, const TnRegister *reg, uint64_t value)
{
    Sample *s = state;

    s->start = (uint32_t)value;
    if ((value & START_COPY) && s->enabled)
        tn_timer_set(s->timer, tn_clock_now(TN_CLOCK_VIRTUAL) + (int64_t)s->delay * NS_PER_US);
}

static const TnRegister registers[] = {
    { .name = "ID", .offset = 0x00, .size = 4, .flags = TN_REG_RO, .reset = 0x5d4b0100 },
    { .name = "START", .offset = 0x04, .size = 4, TN_REG_FIELD(Sample, start),
      .writable = START_COPY | START_IRQ, .write = write_start },
    { .name = "STATUS", .offset = 0x08, .size = 4, TN_REG_FIELD(Sample, status),
      .writable = STATUS_DONE | STATUS_ERROR, .w1c = STATUS_DONE | STATUS_ERROR },
    { .name = "DELAY", .offset = 0x0c, .size = 4, TN_REG_FIELD(Sample, delay), .reset = 10,
      .writable = 0xffff },
    { .name = "SOURCE", .offset = 0x10, .size = 8, TN_REG_FIELD(Sample, now.source) },
    { .name = "TARGET", .offset = 0x18, .size = 8, TN_REG_FIELD(Sample, now.target) },
    { .name = "LENGTH", .offset = 0x20, .size = 4, TN_REG_FIELD(Sample, now.length) },
    { .name = "COPIES", .offset = 0x24, .size = 4, TN_REG_FIELD(Sample, copies), .flags = TN_REG_RO },
    { 0 },
};

static const TnRegisterBank bank = {
    .size_of = sizeof(bank), .stride = sizeof(TnRegister), .name = "sdk-sample", .registers = registers,
    .size = BAR_SIZE, .access_min = 4, .access_max = 8, .absent = UINT64_MAX,
};

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((Sample *)opaque)->scratch[offset];
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    ((Sample *)opaque)->scratch[offset] = (uint8_t)value;
}

static const TnRegionOps port_ops = {
    .size_of = sizeof(port_ops), .read = port_read, .write = port_write, .impl_min = 1, .impl_max = 1,
};

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    Sample *s = state;
    tn_timer_cancel(s->timer);
    memset(s->scratch, 0, sizeof(s->scratch));
    memset(s->history, 0, sizeof(s->history));
}

static bool init(TnObject *obj, void *state, GError **error)
{
    Sample *s = state;
    s->obj = obj;
    s->timer = tn_timer_new(obj, TN_CLOCK_VIRTUAL, finish, s);
    return true;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    Sample *s = state;
    if (s->limit > BUFFER) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "sdk-sample: limit is at most %d", BUFFER);
        return false;
    }
    return tn_pci_msi_init(dev, 0, 1, true, false, error) &&
           tn_pci_add_bar(dev, 0, TN_PCI_BAR_MEM64,
                          tn_register_region_new(dev, "sdk-sample", &bank), error) &&
           tn_pci_add_bar(dev, 2, TN_PCI_BAR_IO,
                          tn_region_new_io(dev, "sdk-sample-ports", &port_ops, s, PORTS), error);
}

static const char *const modes[] = { "invert", "plain", NULL };

static const TnProperty properties[] = {
    { .name = "enabled", .kind = TN_PROP_BOOL, .offset = offsetof(Sample, enabled), .def = "on",
      .doc = "whether START does anything" },
    { .name = "mode", .kind = TN_PROP_ENUM, .offset = offsetof(Sample, mode), .def = "invert",
      .values = modes, .doc = "what becomes of the bytes" },
    { .name = "limit", .kind = TN_PROP_SIZE, .offset = offsetof(Sample, limit), .def = "256",
      .doc = "the longest copy" },
    { .name = "label", .kind = TN_PROP_STRING, .offset = offsetof(Sample, label),
      .doc = "a name for traces" },
    { 0 },
};

static const TnStateField copy_fields[] = {
    TN_STATE(U64, Copy, source), TN_STATE(U64, Copy, target), TN_STATE(U32, Copy, length),
    TN_STATE_LAST,
};

static const TnStateField fields[] = {
    TN_STATE(TIMER, Sample, timer), TN_STATE_SUB_ARRAY(Sample, history, copy_fields),
    TN_STATE_BUFFER(Sample, scratch), TN_STATE_LAST,
};

static const TnRegisterBank *const banks[] = { &bank, NULL };

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .reset = reset, .settle = settle, .banks = banks,
};

static const TnPciDeviceOps pci_ops = {
    .size = sizeof(pci_ops), .vendor_id = 0x1234, .device_id = 0x5d10, .class_id = 0x00ff,
    .revision = 1, .interrupt_pin = 1,
};

static const TnInterfaceImpl interfaces[] = {
    { TN_IFACE_DEVICE, &device_ops }, { TN_IFACE_PCI_DEVICE, &pci_ops }, { 0 },
};

static const TnTypeInfo pci_type = {
    .size = sizeof(pci_type), .name = "sdk-sample", .parent = TN_TYPE_PCI_DEVICE,
    .state_size = sizeof(Sample), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE, .interfaces = interfaces, .init = init,
    .description = "Copies, built with the first SDK",
};

/* ---- The ISA device ---------------------------------------------------------------------- */

typedef struct Echo {
    TnObject *obj;
    TnChardev *chr;
    uint32_t port, line;
    uint8_t last;
} Echo;

static uint64_t echo_read(void *opaque, uint64_t offset, unsigned size)
{
    Echo *e = opaque;
    tn_irq_lower(tn_isa_irq(tn_device_bus(e->obj), e->line));
    return e->last;
}

static void echo_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Echo *e = opaque;
    uint8_t byte = (uint8_t)value;
    e->last = byte;
    tn_chardev_write_all(e->chr, e, &byte, 1);
    tn_irq_raise(tn_isa_irq(tn_device_bus(e->obj), e->line));
}

static const TnRegionOps echo_ops = {
    .size_of = sizeof(echo_ops), .read = echo_read, .write = echo_write, .impl_min = 1, .impl_max = 1,
};

static const TnChardevHandlers handlers = { .size = sizeof(handlers) };

static bool echo_realize(TnObject *dev, void *state, GError **error)
{
    Echo *e = state;
    e->obj = dev;
    if (e->chr && !tn_chardev_attach(e->chr, &handlers, e, error))
        return false;
    tn_isa_map_io(dev, (uint16_t)e->port, tn_region_new_io(dev, "sdk-sample-isa", &echo_ops, e, 1));
    return true;
}

static void echo_unrealize(TnObject *dev, void *state)
{
    Echo *e = state;
    if (e->chr)
        tn_chardev_detach(e->chr, e);
}

static const TnProperty echo_properties[] = {
    { .name = "port", .kind = TN_PROP_UINT32, .offset = offsetof(Echo, port), .def = "0x2f0",
      .min = 0x100, .max = 0xffff, .doc = "I/O port" },
    { .name = "irq", .kind = TN_PROP_UINT32, .offset = offsetof(Echo, line), .def = "5", .max = 15,
      .doc = "interrupt line" },
    { .name = "chardev", .kind = TN_PROP_CHARDEV, .offset = offsetof(Echo, chr),
      .doc = "where bytes go" },
    { 0 },
};

static const TnStateField echo_fields[] = { TN_STATE(U8, Echo, last), TN_STATE_LAST };

static const TnDeviceOps echo_device_ops = {
    .size = sizeof(echo_device_ops), .realize = echo_realize, .unrealize = echo_unrealize,
};

static const TnInterfaceImpl echo_interfaces[] = { { TN_IFACE_DEVICE, &echo_device_ops }, { 0 } };

static const TnTypeInfo isa_type = {
    .size = sizeof(isa_type), .name = "sdk-sample-isa", .parent = TN_TYPE_ISA_DEVICE,
    .state_size = sizeof(Echo), .property_stride = TN_PROPERTY_STRIDE, .properties = echo_properties,
    .state = echo_fields, .state_stride = TN_STATE_STRIDE, .interfaces = echo_interfaces,
    .description = "Echoes, built with the first SDK",
};

/* ---- The module -------------------------------------------------------------------------- */

static const TnTypeInfo *const types[] = { &pci_type, &isa_type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("sdk-sample") TN_NOTE_VERSION("1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_VENDOR("The Tenon project")
          TN_NOTE_DEVICE("sdk-sample", "PCI", "misc", "Copies, built with the first SDK")
          TN_NOTE_ALIAS("device", "sdk-copier", "sdk-sample")
          TN_NOTE_DEVICE("sdk-sample-isa", "ISA", "misc", "Echoes, built with the first SDK"));
