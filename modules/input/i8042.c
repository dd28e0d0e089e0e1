/* SPDX-License-Identifier: MIT */
/*
 * The PC's keyboard controller, an Intel 8042 with IBM PS/2 firmware (PS/2 Hardware Interface
 * Technical Reference, "Keyboard and Auxiliary Device Controller"), and port 0x92 (system control
 * port A): A20 gate and fast reset.
 */
#include "ps2.h"

#include <string.h>

#include "tenon/isa.h"
#include "tenon/machine.h"
#include "tenon/module.h"

enum {
    STATUS_OBF = 1u << 0, STATUS_SYS = 1u << 2, STATUS_CMD = 1u << 3, STATUS_UNLOCKED = 1u << 4,
    STATUS_AUX = 1u << 5,
    CCB_INT = 1u << 0, CCB_INT2 = 1u << 1, CCB_SYS = 1u << 2, CCB_DISABLE = 1u << 4,
    CCB_DISABLE2 = 1u << 5, CCB_TRANSLATE = 1u << 6,
    OUT_RESET = 1u << 0, OUT_A20 = 1u << 1, OUT_OBF = 1u << 4, OUT_AUX_OBF = 1u << 5,

    CMD_READ_RAM = 0x20, CMD_WRITE_RAM = 0x60, CMD_DISABLE2 = 0xa7, CMD_ENABLE2 = 0xa8,
    CMD_TEST2 = 0xa9, CMD_SELF_TEST = 0xaa, CMD_TEST1 = 0xab, CMD_DISABLE = 0xad, CMD_ENABLE = 0xae,
    CMD_READ_INPUT = 0xc0, CMD_READ_OUTPUT = 0xd0, CMD_WRITE_OUTPUT = 0xd1, CMD_WRITE_OBF = 0xd2,
    CMD_WRITE_AUX_OBF = 0xd3, CMD_WRITE_AUX = 0xd4, CMD_A20_OFF = 0xdd, CMD_A20_ON = 0xdf,
    CMD_PULSE = 0xf0, CMD_NOP = 0xff,
    RAM_MASK = 0x1f,
    IRQ_KEYBOARD = 1, IRQ_MOUSE = 12,
    PORT92_RESET = 1u << 0, PORT92_A20 = 1u << 1,
};

typedef struct I8042 {
    TnObject *obj;
    Ps2Keyboard keyboard;
    Ps2Mouse mouse;
    uint8_t ram[32];      /* byte 0 is the command byte */
    uint8_t status, output_port, command;
    uint8_t obf;          /* output buffer */
    bool release;         /* 0xf0 was seen by the translation */
    uint8_t port92;
} I8042;

/* Set 2 to set 1, the controller's translation. */
static uint8_t translate(uint8_t code)
{
    static const uint8_t set1[0x84 + 1] = {
        0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
        0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
        0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
        0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
        0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
        0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
        0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
        0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
        0x80, 0x81, 0x82, 0x41, 0x54,
    };
    return code < sizeof(set1) ? set1[code] : code;
}

static void settle(TnObject *dev, void *state)
{
    const I8042 *s = state;
    bool full = s->status & STATUS_OBF, aux = s->status & STATUS_AUX;
    tn_irq_out(dev, NULL, 0, full && !aux && s->ram[0] & CCB_INT);
    tn_irq_out(dev, NULL, 1, full && aux && s->ram[0] & CCB_INT2);
}

static void fill(I8042 *s, uint8_t byte, bool aux)
{
    s->obf = byte;
    s->status = (uint8_t)((s->status & ~STATUS_AUX) | STATUS_OBF | (aux ? STATUS_AUX : 0));
    settle(s->obj, s);
}

/* Moves the next byte of a device to the output buffer when it is free. */
static void pump(I8042 *s)
{
    while (!(s->status & STATUS_OBF)) {
        if (ps2_pending(&s->keyboard.port) && !(s->ram[0] & CCB_DISABLE)) {
            uint8_t byte = ps2_take(&s->keyboard.port);
            if (s->ram[0] & CCB_TRANSLATE && s->keyboard.set != 1) {
                if (byte == 0xf0) {
                    s->release = true;
                    continue;
                }
                byte = (uint8_t)(translate(byte) | (s->release ? 0x80 : 0));
                s->release = false;
            }
            fill(s, byte, false);
        } else if (ps2_pending(&s->mouse.port) && !(s->ram[0] & CCB_DISABLE2)) {
            fill(s, ps2_take(&s->mouse.port), true);
        } else {
            break;
        }
    }
}

static void device_changed(void *opaque)
{
    pump(opaque);
}

static void set_a20(I8042 *s, bool on)
{
    s->output_port = on ? s->output_port | OUT_A20 : s->output_port & ~OUT_A20;
    s->port92 = on ? s->port92 | PORT92_A20 : s->port92 & ~PORT92_A20;
    tn_irq_out(s->obj, "a20", 0, on);
}

static void write_output_port(I8042 *s, uint8_t value)
{
    s->output_port = value;
    set_a20(s, value & OUT_A20);
    if (!(value & OUT_RESET))
        tn_machine_request_reset(TN_SHUTDOWN_GUEST_RESET);
}

static uint8_t read_output_port(const I8042 *s)
{
    uint8_t full = s->status & STATUS_AUX ? OUT_AUX_OBF : OUT_OBF;
    return s->output_port | (s->status & STATUS_OBF ? full : 0);
}

static void set_ccb(I8042 *s, uint8_t value)
{
    s->ram[0] = value;
    s->status = (uint8_t)((s->status & ~STATUS_SYS) | (value & CCB_SYS ? STATUS_SYS : 0));
    settle(s->obj, s);
    pump(s);
}

static void write_command(I8042 *s, uint8_t value)
{
    s->command = 0;
    switch (value) {
    case CMD_READ_RAM ... CMD_READ_RAM + RAM_MASK: fill(s, s->ram[value & RAM_MASK], false); break;
    case CMD_WRITE_RAM ... CMD_WRITE_RAM + RAM_MASK:
    case CMD_WRITE_OUTPUT: case CMD_WRITE_OBF: case CMD_WRITE_AUX_OBF: case CMD_WRITE_AUX:
        s->command = value;
        break;
    case CMD_DISABLE2: set_ccb(s, s->ram[0] | CCB_DISABLE2); break;
    case CMD_ENABLE2: set_ccb(s, s->ram[0] & ~CCB_DISABLE2); break;
    case CMD_TEST2: case CMD_TEST1: fill(s, 0x00, false); break;
    case CMD_SELF_TEST:
        s->status |= STATUS_SYS;
        fill(s, 0x55, false);
        break;
    case CMD_DISABLE: set_ccb(s, s->ram[0] | CCB_DISABLE); break;
    case CMD_ENABLE: set_ccb(s, s->ram[0] & ~CCB_DISABLE); break;
    case CMD_READ_INPUT: fill(s, 0x80, false); break;
    case CMD_READ_OUTPUT: fill(s, read_output_port(s), false); break;
    case CMD_A20_OFF: set_a20(s, false); break;
    case CMD_A20_ON: set_a20(s, true); break;
    case CMD_PULSE ... CMD_NOP:
        if (!(value & OUT_RESET))
            tn_machine_request_reset(TN_SHUTDOWN_GUEST_RESET);
        break;
    default: tn_guest_error("i8042", "unknown controller command 0x%02x", value); break;
    }
}

static void write_data(I8042 *s, uint8_t value)
{
    uint8_t command = s->command;
    s->command = 0;
    switch (command) {
    case 0:
        s->ram[0] &= ~CCB_DISABLE;
        ps2_keyboard_write(&s->keyboard, value);
        break;
    case CMD_WRITE_RAM: set_ccb(s, value); break;
    case CMD_WRITE_RAM + 1 ... CMD_WRITE_RAM + RAM_MASK: s->ram[command & RAM_MASK] = value; break;
    case CMD_WRITE_OUTPUT: write_output_port(s, value); break;
    case CMD_WRITE_OBF: fill(s, value, false); break;
    case CMD_WRITE_AUX_OBF: fill(s, value, true); break;
    case CMD_WRITE_AUX:
        s->ram[0] &= ~CCB_DISABLE2;
        ps2_mouse_write(&s->mouse, value);
        break;
    }
    pump(s);
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned size)
{
    I8042 *s = opaque;
    uint8_t value = s->obf;
    s->status &= ~(STATUS_OBF | STATUS_AUX);
    settle(s->obj, s);
    pump(s);
    return value;
}

static void data_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    I8042 *s = opaque;
    s->status &= ~STATUS_CMD;
    write_data(s, (uint8_t)value);
}

static uint64_t status_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((I8042 *)opaque)->status;
}

static void command_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    I8042 *s = opaque;
    s->status |= STATUS_CMD;
    write_command(s, (uint8_t)value);
}

static uint64_t port92_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((I8042 *)opaque)->port92;
}

static void port92_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    I8042 *s = opaque;
    bool reset = value & ~s->port92 & PORT92_RESET;
    s->port92 = (uint8_t)value;
    set_a20(s, value & PORT92_A20);
    if (reset)
        tn_machine_request_reset(TN_SHUTDOWN_GUEST_RESET);
}

static const TnRegionOps data_ops = {
    .size_of = sizeof(data_ops), .read = data_read, .write = data_write, .impl_min = 1, .impl_max = 1,
};
static const TnRegionOps status_ops = {
    .size_of = sizeof(status_ops), .read = status_read, .write = command_write, .impl_min = 1,
    .impl_max = 1,
};
static const TnRegionOps port92_ops = {
    .size_of = sizeof(port92_ops), .read = port92_read, .write = port92_write, .impl_min = 1,
    .impl_max = 1,
};

/* ---- Life ------------------------------------------------------------------------------- */

static void keyboard_event(void *opaque, const TnInputEvent *e)
{
    ps2_keyboard_event(opaque, e);
}

static void mouse_event(void *opaque, const TnInputEvent *e)
{
    ps2_mouse_event(opaque, e);
}

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    I8042 *s = state;
    memset(s->ram, 0, sizeof(s->ram));
    s->ram[0] = CCB_INT | CCB_INT2;
    s->status = STATUS_CMD | STATUS_UNLOCKED;
    s->output_port = OUT_RESET | OUT_A20;
    s->command = s->obf = 0;
    s->release = false;
    s->port92 = 0;
    ps2_keyboard_reset(&s->keyboard);
    ps2_mouse_reset(&s->mouse);
    set_a20(s, true);
}

static bool init(TnObject *obj, void *state, GError **error)
{
    I8042 *s = state;
    s->obj = obj;
    s->keyboard.port.changed = s->mouse.port.changed = device_changed;
    s->keyboard.port.opaque = s->mouse.port.opaque = s;
    tn_irq_declare_out(obj, NULL, 2);
    tn_irq_declare_out(obj, "a20", 1);
    return true;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    static const TnInputHandler keyboard = {
        .size = sizeof(keyboard), .kinds = 1u << TN_INPUT_KEY, .name = "PS/2 Keyboard",
        .event = keyboard_event,
    };
    static const TnInputHandler mouse = {
        .size = sizeof(mouse), .kinds = 1u << TN_INPUT_REL | 1u << TN_INPUT_BUTTON | 1u << TN_INPUT_SYNC,
        .name = "PS/2 Mouse", .event = mouse_event,
    };
    I8042 *s = state;
    TnObject *bus = tn_device_bus(dev);
    tn_isa_map_io(dev, 0x60, tn_region_new_io(dev, "i8042-data", &data_ops, s, 1));
    tn_isa_map_io(dev, 0x64, tn_region_new_io(dev, "i8042-cmd", &status_ops, s, 1));
    tn_isa_map_io(dev, 0x92, tn_region_new_io(dev, "port92", &port92_ops, s, 1));
    tn_irq_connect(dev, NULL, 0, tn_isa_irq(bus, IRQ_KEYBOARD));
    tn_irq_connect(dev, NULL, 1, tn_isa_irq(bus, IRQ_MOUSE));
    tn_input_add_handler(dev, &keyboard, &s->keyboard);
    tn_input_add_handler(dev, &mouse, &s->mouse);
    return true;
}

static const TnStateField fields[] = {
    TN_STATE_SUB(I8042, keyboard, ps2_keyboard_fields), TN_STATE_SUB(I8042, mouse, ps2_mouse_fields),
    TN_STATE_BUFFER(I8042, ram), TN_STATE(U8, I8042, status), TN_STATE(U8, I8042, output_port),
    TN_STATE(U8, I8042, command), TN_STATE(U8, I8042, obf), TN_STATE(BOOL, I8042, release),
    TN_STATE(U8, I8042, port92), TN_STATE_LAST,
};

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .reset = reset, .settle = settle,
};

static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &device_ops }, { 0 } };

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "i8042", .parent = TN_TYPE_ISA_DEVICE, .state_size = sizeof(I8042),
    .state = fields, .state_stride = TN_STATE_STRIDE, .interfaces = interfaces, .init = init,
    .description = "PS/2 keyboard controller with keyboard and mouse",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("i8042") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_DEVICE("i8042", "ISA", "input", "PS/2 keyboard controller with keyboard and mouse"));
