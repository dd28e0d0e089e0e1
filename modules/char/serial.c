/* SPDX-License-Identifier: MIT */
/*
 * National Semiconductor PC16550D UART (datasheet June 1995): registers, FIFOs, interrupt
 * identification, loop-back, break, modem status.
 *
 * The transmitter is always empty: bytes go to the chardev as they are written. The receiver's
 * timeout follows the programmed rate. Left out: DMA modes (no pins).
 */
#include "serial.h"

enum {
    RBR_THR_DLL = 0, IER_DLM = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7,

    IER_ERBFI = 1u << 0, IER_ETBEI = 1u << 1, IER_ELSI = 1u << 2, IER_EDSSI = 1u << 3,
    IIR_NONE = 0x01, IIR_MODEM = 0x00, IIR_THRE = 0x02, IIR_DATA = 0x04, IIR_LINE = 0x06,
    IIR_TIMEOUT = 0x0c, IIR_FIFOS = 0xc0,
    FCR_ENABLE = 1u << 0, FCR_RX_RESET = 1u << 1, FCR_TX_RESET = 1u << 2, FCR_TRIGGER_SHIFT = 6,
    LCR_WLS = 3, LCR_STB = 1u << 2, LCR_PEN = 1u << 3, LCR_EPS = 1u << 4, LCR_BREAK = 1u << 6,
    LCR_DLAB = 1u << 7,
    MCR_DTR = 1u << 0, MCR_RTS = 1u << 1, MCR_OUT1 = 1u << 2, MCR_OUT2 = 1u << 3, MCR_LOOP = 1u << 4,
    LSR_DR = 1u << 0, LSR_OE = 1u << 1, LSR_PE = 1u << 2, LSR_FE = 1u << 3, LSR_BI = 1u << 4,
    LSR_THRE = 1u << 5, LSR_TEMT = 1u << 6, LSR_ERRORS = LSR_OE | LSR_PE | LSR_FE | LSR_BI,
    MSR_DCTS = 1u << 0, MSR_DDSR = 1u << 1, MSR_TERI = 1u << 2, MSR_DDCD = 1u << 3,
    MSR_CTS = 1u << 4, MSR_DSR = 1u << 5, MSR_RI = 1u << 6, MSR_DCD = 1u << 7,
    MSR_LINES = 0xf0, MSR_DELTAS = 0x0f,
    MODEM_CTS = 1, MODEM_DSR = 2, MODEM_DCD = 4, MODEM_RI = 8,
};

/* ---- FIFO ------------------------------------------------------------------------------- */

static bool fifo_push(SerialFifo *f, uint8_t byte, unsigned capacity)
{
    if (f->count >= capacity)
        return false;
    f->data[(f->head + f->count++) % SERIAL_FIFO] = byte;
    return true;
}

static uint8_t fifo_pop(SerialFifo *f)
{
    uint8_t byte = f->data[f->head];
    f->head = (f->head + 1) % SERIAL_FIFO;
    f->count--;
    return byte;
}

static unsigned capacity(const Serial *s)
{
    return s->fcr & FCR_ENABLE ? SERIAL_FIFO : 1;
}

static unsigned trigger(const Serial *s)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };
    return s->fcr & FCR_ENABLE ? levels[s->fcr >> FCR_TRIGGER_SHIFT] : 1;
}

/* ---- Interrupts ------------------------------------------------------------------------- */

/* The highest-priority interrupt that is pending and enabled (datasheet table 4). */
static uint8_t identify(const Serial *s)
{
    if (s->ier & IER_ELSI && s->lsr & LSR_ERRORS)
        return IIR_LINE;
    if (s->ier & IER_ERBFI && s->rx.count >= trigger(s))
        return IIR_DATA;
    if (s->ier & IER_ERBFI && s->timeout_pending && s->rx.count)
        return IIR_TIMEOUT;
    if (s->ier & IER_ETBEI && s->thre_pending)
        return IIR_THRE;
    if (s->ier & IER_EDSSI && s->msr & MSR_DELTAS)
        return IIR_MODEM;
    return IIR_NONE;
}

void serial_settle(Serial *s)
{
    s->set_irq(s->irq_opaque, identify(s) != IIR_NONE);
}

/* ---- Line ------------------------------------------------------------------------------- */

/* Time of one character in ns. */
static int64_t character_ns(const Serial *s)
{
    unsigned bits = 1 + 5 + (s->lcr & LCR_WLS) + (s->lcr & LCR_PEN ? 1 : 0) + (s->lcr & LCR_STB ? 2 : 1);
    uint32_t divisor = s->divisor ? s->divisor : 1;
    return (int64_t)tn_muldiv64((uint64_t)bits * divisor, (uint32_t)TN_NS_PER_SECOND, s->baudbase);
}

static void update_params(Serial *s)
{
    TnSerialParams params = {
        .size = sizeof(params), .speed = s->baudbase / (s->divisor ? s->divisor : 1),
        .parity = !(s->lcr & LCR_PEN) ? 'N' : s->lcr & LCR_EPS ? 'E' : 'O',
        .data_bits = (uint8_t)(5 + (s->lcr & LCR_WLS)), .stop_bits = s->lcr & LCR_STB ? 2 : 1,
    };
    if (s->chr)
        tn_chardev_set_params(s->chr, &params);
}

static void set_modem_lines(Serial *s, uint8_t lines)
{
    uint8_t changed = (s->msr ^ lines) & MSR_LINES;
    uint8_t delta = (uint8_t)((changed & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4);
    if (changed & MSR_RI && !(lines & MSR_RI))
        delta |= MSR_TERI;
    s->msr = (uint8_t)(lines | (s->msr & MSR_DELTAS) | delta);
}

static void poll_modem(Serial *s)
{
    int bits = s->chr ? tn_chardev_modem(s->chr) : -1;
    uint8_t lines = MSR_CTS | MSR_DSR | MSR_DCD;
    if (bits >= 0)
        lines = (uint8_t)((bits & MODEM_CTS ? MSR_CTS : 0) | (bits & MODEM_DSR ? MSR_DSR : 0) |
                          (bits & MODEM_DCD ? MSR_DCD : 0) | (bits & MODEM_RI ? MSR_RI : 0));
    if (s->mcr & MCR_LOOP)
        lines = (uint8_t)((s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) |
                          (s->mcr & MCR_OUT1 ? MSR_RI : 0) | (s->mcr & MCR_OUT2 ? MSR_DCD : 0));
    set_modem_lines(s, lines);
}

static void receive_byte(Serial *s, uint8_t byte)
{
    if (!fifo_push(&s->rx, byte, capacity(s)))
        s->lsr |= LSR_OE;
    s->lsr |= LSR_DR;
    s->timeout_pending = false;
    if (s->fcr & FCR_ENABLE && s->rx.count < trigger(s))
        tn_timer_set(s->timeout, tn_clock_now(TN_CLOCK_VIRTUAL) + 4 * character_ns(s));
}

static size_t can_receive(void *opaque)
{
    Serial *s = opaque;
    if (s->mcr & MCR_LOOP)
        return 0;
    return capacity(s) - MIN(capacity(s), s->rx.count);
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
    Serial *s = opaque;
    for (size_t i = 0; i < n; i++)
        receive_byte(s, buf[i]);
    serial_settle(s);
}

static void event(void *opaque, TnChardevEvent what)
{
    Serial *s = opaque;
    if (what != TN_CHARDEV_BREAK)
        return;
    receive_byte(s, 0);
    s->lsr |= LSR_BI;
    serial_settle(s);
}

/*
 * Sends a byte. It is gone at once: a virtual line has no use for waiting, and the chardev queues
 * what it cannot take.
 */
static void transmit(Serial *s, uint8_t byte)
{
    if (s->mcr & MCR_LOOP)
        receive_byte(s, byte);
    else
        tn_chardev_write_all(s->chr, s, &byte, 1);
    s->lsr |= LSR_THRE | LSR_TEMT;
    s->thre_pending = true;
}

static void timed_out(void *opaque)
{
    Serial *s = opaque;
    s->timeout_pending = s->rx.count > 0;
    serial_settle(s);
}

/* ---- Registers -------------------------------------------------------------------------- */

static uint8_t read_rbr(Serial *s)
{
    if (!s->rx.count)
        return 0;
    uint8_t byte = fifo_pop(&s->rx);
    s->timeout_pending = false;
    if (s->rx.count == 0)
        s->lsr &= ~(LSR_DR | LSR_BI);
    else if (s->fcr & FCR_ENABLE)
        tn_timer_set(s->timeout, tn_clock_now(TN_CLOCK_VIRTUAL) + 4 * character_ns(s));
    if (s->chr)
        tn_chardev_accept_input(s->chr, s);
    return byte;
}

static void write_ier(Serial *s, uint8_t value)
{
    value &= IER_ERBFI | IER_ETBEI | IER_ELSI | IER_EDSSI;
    /* Enabling the interrupt while the register is empty raises it (datasheet 8.4). */
    if (value & ~s->ier & IER_ETBEI && s->lsr & LSR_THRE)
        s->thre_pending = true;
    s->ier = value;
    if (value & IER_EDSSI)
        poll_modem(s);
}

static uint8_t read_iir(Serial *s)
{
    uint8_t id = identify(s);
    if (id == IIR_THRE)
        s->thre_pending = false;
    return id | (s->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static void clear_rx(Serial *s)
{
    s->rx.count = s->rx.head = 0;
    s->lsr &= ~(LSR_DR | LSR_BI);
    s->timeout_pending = false;
    tn_timer_cancel(s->timeout);
    if (s->chr)
        tn_chardev_accept_input(s->chr, s);
}

static void write_fcr(Serial *s, uint8_t value)
{
    bool toggled = (value ^ s->fcr) & FCR_ENABLE;
    if (toggled || value & FCR_RX_RESET)
        clear_rx(s);
    if (toggled || value & FCR_TX_RESET)
        s->thre_pending = true;
    s->fcr = value & (FCR_ENABLE | 0xc8);
    if (!(s->fcr & FCR_ENABLE))
        s->fcr = 0;
}

static void write_lcr(Serial *s, uint8_t value)
{
    uint8_t changed = s->lcr ^ value;
    s->lcr = value;
    if (changed & LCR_BREAK && s->chr)
        tn_chardev_set_break(s->chr, value & LCR_BREAK);
    if (changed & 0x3f)
        update_params(s);
}

static void write_mcr(Serial *s, uint8_t value)
{
    bool was_loop = s->mcr & MCR_LOOP;
    s->mcr = value & 0x1f;
    if (s->chr && !(s->mcr & MCR_LOOP))
        tn_chardev_set_modem(s->chr, value & MCR_DTR, value & MCR_RTS);
    if (was_loop || s->mcr & MCR_LOOP)
        poll_modem(s);
    if (was_loop && !(s->mcr & MCR_LOOP) && s->chr)
        tn_chardev_accept_input(s->chr, s);
}

static void write_divisor(Serial *s, uint16_t value)
{
    s->divisor = value;
    update_params(s);
}

static uint8_t read_lsr(Serial *s)
{
    uint8_t value = s->lsr;
    s->lsr &= ~LSR_ERRORS;
    return value;
}

static uint8_t read_msr(Serial *s)
{
    poll_modem(s);
    uint8_t value = s->msr;
    s->msr &= MSR_LINES;
    return value;
}

static uint8_t read_register(Serial *s, unsigned n)
{
    bool dlab = s->lcr & LCR_DLAB;
    switch (n) {
    case RBR_THR_DLL: return dlab ? (uint8_t)s->divisor : read_rbr(s);
    case IER_DLM: return dlab ? (uint8_t)(s->divisor >> 8) : s->ier;
    case IIR_FCR: return read_iir(s);
    case LCR: return s->lcr;
    case MCR: return s->mcr;
    case LSR: return read_lsr(s);
    case MSR: return read_msr(s);
    }
    return s->scr;
}

static void write_register(Serial *s, unsigned n, uint8_t value)
{
    bool dlab = s->lcr & LCR_DLAB;
    switch (n) {
    case RBR_THR_DLL:
        if (dlab)
            write_divisor(s, (s->divisor & 0xff00) | value);
        else
            transmit(s, value);
        break;
    case IER_DLM:
        if (dlab)
            write_divisor(s, (uint16_t)((s->divisor & 0xff) | value << 8));
        else
            write_ier(s, value);
        break;
    case IIR_FCR: write_fcr(s, value); break;
    case LCR: write_lcr(s, value); break;
    case MCR: write_mcr(s, value); break;
    case LSR: case MSR: break; /* factory test, no effect */
    case SCR: s->scr = value; break;
    }
}

static uint64_t io_read(void *opaque, uint64_t offset, unsigned size)
{
    Serial *s = opaque;
    uint64_t value = read_register(s, (unsigned)offset & 7);
    TN_TRACE("serial_read", "register=%u value=0x%02x", (unsigned)offset, (unsigned)value);
    serial_settle(s);
    return value;
}

static void io_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Serial *s = opaque;
    TN_TRACE("serial_write", "register=%u value=0x%02x", (unsigned)offset, (unsigned)value);
    write_register(s, (unsigned)offset & 7, (uint8_t)value);
    serial_settle(s);
}

const TnRegionOps serial_ops = {
    .size_of = sizeof(serial_ops), .read = io_read, .write = io_write, .impl_min = 1, .impl_max = 1,
};

/* ---- Life ------------------------------------------------------------------------------- */

void serial_init(Serial *s, TnObject *obj)
{
    s->obj = obj;
    s->timeout = tn_timer_new(obj, TN_CLOCK_VIRTUAL, timed_out, s);
}

bool serial_realize(Serial *s, GError **error)
{
    static const TnChardevHandlers handlers = {
        .size = sizeof(handlers), .can_receive = can_receive, .receive = receive, .event = event,
    };
    return !s->chr || tn_chardev_attach(s->chr, &handlers, s, error);
}

void serial_unrealize(Serial *s)
{
    if (s->chr)
        tn_chardev_detach(s->chr, s);
}

void serial_reset(Serial *s)
{
    tn_timer_cancel(s->timeout);
    s->ier = s->fcr = s->lcr = s->scr = 0;
    s->mcr = MCR_OUT2;
    s->lsr = LSR_THRE | LSR_TEMT;
    s->msr = MSR_CTS | MSR_DSR | MSR_DCD;
    s->divisor = 12; /* 9600 baud */
    s->thre_pending = s->timeout_pending = false;
    s->rx.count = s->rx.head = 0;
}

static const TnStateField fifo_fields[] = {
    TN_STATE_BUFFER(SerialFifo, data), TN_STATE(U8, SerialFifo, head), TN_STATE(U8, SerialFifo, count),
    TN_STATE_LAST,
};

const TnStateField serial_fields[] = {
    TN_STATE(U8, Serial, ier), TN_STATE(U8, Serial, fcr), TN_STATE(U8, Serial, lcr),
    TN_STATE(U8, Serial, mcr), TN_STATE(U8, Serial, lsr), TN_STATE(U8, Serial, msr),
    TN_STATE(U8, Serial, scr), TN_STATE(U16, Serial, divisor), TN_STATE(BOOL, Serial, thre_pending),
    TN_STATE(BOOL, Serial, timeout_pending), TN_STATE_SUB(Serial, rx, fifo_fields),
    TN_STATE(TIMER, Serial, timeout), TN_STATE_LAST,
};
