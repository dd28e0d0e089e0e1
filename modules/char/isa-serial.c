/* SPDX-License-Identifier: MIT */
/* The PC's serial ports: a 16550A at an ISA address; `index` chooses the usual places. */
#include "serial.h"

#include "tenon/isa.h"
#include "tenon/module.h"

enum { N_PLACES = 4, UNSET = -1 };

typedef struct IsaSerial {
    Serial uart;
    int32_t index;
    uint32_t iobase;
    int32_t irq;
    int place; /* the index in use */
} IsaSerial;

static const struct {
    uint16_t iobase;
    uint8_t irq;
} places[N_PLACES] = { { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 } };

static void set_irq(void *opaque, int level)
{
    tn_irq_out(opaque, NULL, 0, level);
}

/* The index of the next one without `index`: one more than the last one's. */
static int next_index;

static bool init(TnObject *obj, void *state, GError **error)
{
    IsaSerial *s = state;
    s->uart.set_irq = set_irq;
    s->uart.irq_opaque = obj;
    tn_irq_declare_out(obj, NULL, 1);
    serial_init(&s->uart, obj);
    return true;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    IsaSerial *s = state;
    int index = s->index == UNSET ? next_index : s->index;
    if (index >= N_PLACES && (!s->iobase || s->irq == UNSET)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "isa-serial: port number %d has no usual place: 'iobase' and 'irq' must be given "
                    "(at most %d ports are placed by themselves)", index, N_PLACES);
        return false;
    }
    uint16_t iobase = s->iobase ? (uint16_t)s->iobase : places[index].iobase;
    unsigned irq = s->irq == UNSET ? places[index].irq : (unsigned)s->irq;
    if (!serial_realize(&s->uart, error))
        return false;
    s->place = index;
    next_index = index + 1;
    tn_isa_map_io(dev, iobase, tn_region_new_io(dev, "serial", &serial_ops, &s->uart, 8));
    tn_irq_connect(dev, NULL, 0, tn_isa_irq(tn_device_bus(dev), irq));
    return true;
}

static void unrealize(TnObject *dev, void *state)
{
    IsaSerial *s = state;
    if (next_index == s->place + 1)
        next_index = s->place;
    serial_unrealize(&s->uart);
}

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    serial_reset(&((IsaSerial *)state)->uart);
}

static void settle(TnObject *dev, void *state)
{
    serial_settle(&((IsaSerial *)state)->uart);
}

static const TnProperty properties[] = {
    { .name = "index", .kind = TN_PROP_INT32, .offset = offsetof(IsaSerial, index), .def = "-1",
      .min = -1, .max = 255, .doc = "which of the PC's ports; -1: the next one" },
    { .name = "iobase", .kind = TN_PROP_UINT32, .offset = offsetof(IsaSerial, iobase), .min = 0,
      .max = 0xfff8, .doc = "I/O port; 0: by index" },
    { .name = "irq", .kind = TN_PROP_INT32, .offset = offsetof(IsaSerial, irq), .def = "-1",
      .min = -1, .max = 15, .doc = "ISA interrupt; -1: by index" },
    { .name = "chardev", .kind = TN_PROP_CHARDEV, .offset = offsetof(IsaSerial, uart.chr),
      .doc = "id of the character device" },
    { .name = "baudbase", .kind = TN_PROP_UINT32, .offset = offsetof(IsaSerial, uart.baudbase),
      .def = "115200", .min = 1, .max = 10000000, .doc = "baud rate at divisor 1" },
    { 0 },
};

static const TnStateField fields[] = { TN_STATE_SUB(IsaSerial, uart, serial_fields), TN_STATE_LAST };

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .unrealize = unrealize, .reset = reset,
    .settle = settle,
};

static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &device_ops }, { 0 } };

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "isa-serial", .parent = TN_TYPE_ISA_DEVICE,
    .state_size = sizeof(IsaSerial), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE,
    .interfaces = interfaces, .init = init, .description = "16550A serial port",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("isa-serial") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_DEVICE("isa-serial", "ISA", "input", "16550A serial port"));
