/* SPDX-License-Identifier: MIT */
/*
 * The PC's parallel port (IEEE 1284-1994, compatibility mode; PC87332 data, status and control
 * registers): a strobe sends the data register to the chardev, which is always ready. Left out: EPP and
 * ECP modes.
 */
#include "tenon/chardev.h"
#include "tenon/isa.h"
#include "tenon/module.h"

enum {
    DATA = 0, STATUS = 1, CONTROL = 2,
    STATUS_NBUSY = 1u << 7, STATUS_NACK = 1u << 6, STATUS_SELECT = 1u << 4, STATUS_NERROR = 1u << 3,
    STATUS_RESERVED = 3u,
    CONTROL_STROBE = 1u << 0, CONTROL_INIT = 1u << 2, CONTROL_SELECT = 1u << 3, CONTROL_IRQ = 1u << 4,
    CONTROL_RESERVED = 0xc0,
    N_PLACES = 3,
};

typedef struct Parallel {
    TnObject *obj;
    TnChardev *chr;
    int32_t index;
    uint32_t iobase, irq;
    uint8_t data, status, control;
    bool pending;
} Parallel;

static const uint16_t places[N_PLACES] = { 0x378, 0x278, 0x3bc };

static void settle(TnObject *dev, void *state)
{
    const Parallel *s = state;
    tn_irq_out(dev, NULL, 0, s->pending && s->control & CONTROL_IRQ);
}

/* The printer takes the byte at the strobe's rising edge and acknowledges at once. */
static void write_control(Parallel *s, uint8_t value)
{
    bool strobe = value & ~s->control & CONTROL_STROBE;
    s->control = value | CONTROL_RESERVED;
    if (!(value & CONTROL_INIT)) { /* initialise: busy until the line is released */
        s->status &= ~STATUS_NBUSY;
        return;
    }
    s->status |= STATUS_NBUSY;
    if (!strobe || !(value & CONTROL_SELECT))
        return;
    tn_chardev_write_all(s->chr, s, &s->data, 1);
    s->pending = true;
}

static uint64_t io_read(void *opaque, uint64_t offset, unsigned size)
{
    Parallel *s = opaque;
    switch (offset) {
    case DATA: return s->data;
    case STATUS:
        s->pending = false;
        settle(s->obj, s);
        return s->status;
    case CONTROL: return s->control;
    }
    return 0xff;
}

static void io_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Parallel *s = opaque;
    if (offset == DATA)
        s->data = (uint8_t)value;
    else if (offset == CONTROL)
        write_control(s, (uint8_t)value);
    settle(s->obj, s);
}

static const TnRegionOps io_ops = {
    .size_of = sizeof(io_ops), .read = io_read, .write = io_write, .impl_min = 1, .impl_max = 1,
};

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    Parallel *s = state;
    s->data = 0xff;
    s->status = STATUS_NBUSY | STATUS_NACK | STATUS_SELECT | STATUS_NERROR | STATUS_RESERVED;
    s->control = CONTROL_SELECT | CONTROL_INIT | CONTROL_RESERVED;
    s->pending = false;
}

static bool init(TnObject *obj, void *state, GError **error)
{
    ((Parallel *)state)->obj = obj;
    tn_irq_declare_out(obj, NULL, 1);
    return true;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    static const TnChardevHandlers handlers = { .size = sizeof(handlers) };
    Parallel *s = state;
    if (s->chr && !tn_chardev_attach(s->chr, &handlers, s, error))
        return false;
    uint16_t iobase = s->iobase ? (uint16_t)s->iobase : places[s->index];
    tn_isa_map_io(dev, iobase, tn_region_new_io(dev, "parallel", &io_ops, s, 3));
    tn_irq_connect(dev, NULL, 0, tn_isa_irq(tn_device_bus(dev), s->irq));
    return true;
}

static void unrealize(TnObject *dev, void *state)
{
    Parallel *s = state;
    if (s->chr)
        tn_chardev_detach(s->chr, s);
}

static const TnProperty properties[] = {
    { .name = "index", .kind = TN_PROP_INT32, .offset = offsetof(Parallel, index), .max = N_PLACES - 1,
      .doc = "which of the PC's ports" },
    { .name = "iobase", .kind = TN_PROP_UINT32, .offset = offsetof(Parallel, iobase), .max = 0xfffc,
      .doc = "I/O port; 0: by index" },
    { .name = "irq", .kind = TN_PROP_UINT32, .offset = offsetof(Parallel, irq), .def = "7", .max = 15,
      .doc = "ISA interrupt" },
    { .name = "chardev", .kind = TN_PROP_CHARDEV, .offset = offsetof(Parallel, chr),
      .doc = "id of the character device" },
    { 0 },
};

static const TnStateField fields[] = {
    TN_STATE(U8, Parallel, data), TN_STATE(U8, Parallel, status), TN_STATE(U8, Parallel, control),
    TN_STATE(BOOL, Parallel, pending), TN_STATE_LAST,
};

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .unrealize = unrealize, .reset = reset,
    .settle = settle,
};
static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &device_ops }, { 0 } };

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "isa-parallel", .parent = TN_TYPE_ISA_DEVICE,
    .state_size = sizeof(Parallel), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE,
    .interfaces = interfaces, .init = init, .description = "Parallel port",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("isa-parallel") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_DEVICE("isa-parallel", "ISA", "input", "Parallel port"));
