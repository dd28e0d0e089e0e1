/* SPDX-License-Identifier: MIT */
/*
 * Intel 82371AB (PIIX4) SMBus host controller (datasheet 290562, 7.3), protocols of SMBus 1.0. A
 * transaction is over when the write that starts it returns, so HOST_BUSY is never seen. Left out:
 * the slave port, which no other master is there to address.
 */
#include "smbus-host.h"

#include <string.h>

enum {
    SMBHSTSTS = 0, SMBHSTCNT = 2, SMBHSTCMD = 3, SMBHSTADD = 4, SMBHSTDAT0 = 5, SMBHSTDAT1 = 6,
    SMBBLKDAT = 7,

    STS_INTR = 1u << 1, STS_DEV_ERR = 1u << 2, STS_FAILED = 1u << 4, STS_W1C = 0x1e,
    CNT_INTEREN = 1u << 0, CNT_KILL = 1u << 1, CNT_PROTOCOL_SHIFT = 2, CNT_PROTOCOL = 7,
    CNT_START = 1u << 6,
    ADD_READ = 1u << 0,
};

typedef enum Protocol {
    QUICK = 0, BYTE = 1, BYTE_DATA = 2, WORD_DATA = 3, BLOCK = 5,
} Protocol;

/* ---- Transactions ------------------------------------------------------------------------ */

static bool send(SmbusHost *s, const uint8_t *bytes, unsigned n)
{
    const TnI2cBusOps *ops = tn_object_interface(s->bus, TN_IFACE_I2C_BUS);

    return ops->write(s->bus, s->reg[SMBHSTADD] >> 1, bytes, n);
}

static bool receive(SmbusHost *s, uint8_t *bytes, unsigned n)
{
    const TnI2cBusOps *ops = tn_object_interface(s->bus, TN_IFACE_I2C_BUS);

    return ops->read(s->bus, s->reg[SMBHSTADD] >> 1, bytes, n);
}

static bool write_transaction(SmbusHost *s, Protocol protocol)
{
    uint8_t message[2 + SMBUS_BLOCK_MAX] = { s->reg[SMBHSTCMD], s->reg[SMBHSTDAT0],
                                             s->reg[SMBHSTDAT1] };
    unsigned n = s->reg[SMBHSTDAT0];

    switch (protocol) {
    case QUICK:
        return send(s, NULL, 0);
    case BYTE:
        return send(s, message, 1);
    case BYTE_DATA:
        return send(s, message, 2);
    case WORD_DATA:
        return send(s, message, 3);
    case BLOCK:
        if (!n || n > SMBUS_BLOCK_MAX)
            return false;
        memcpy(message + 2, s->block, n);
        return send(s, message, 2 + n);
    }
    return false;
}

static bool read_block(SmbusHost *s)
{
    uint8_t message[1 + SMBUS_BLOCK_MAX];

    if (!send(s, &s->reg[SMBHSTCMD], 1) || !receive(s, message, sizeof(message)) || !message[0] ||
        message[0] > SMBUS_BLOCK_MAX)
        return false;
    s->reg[SMBHSTDAT0] = message[0];
    memcpy(s->block, message + 1, message[0]);
    return true;
}

static bool read_transaction(SmbusHost *s, Protocol protocol)
{
    switch (protocol) {
    case QUICK:
        return receive(s, NULL, 0);
    case BYTE:
        return receive(s, &s->reg[SMBHSTDAT0], 1);
    case BYTE_DATA:
        return send(s, &s->reg[SMBHSTCMD], 1) && receive(s, &s->reg[SMBHSTDAT0], 1);
    case WORD_DATA:
        return send(s, &s->reg[SMBHSTCMD], 1) && receive(s, &s->reg[SMBHSTDAT0], 2);
    case BLOCK:
        return read_block(s);
    }
    return false;
}

static void start(SmbusHost *s)
{
    Protocol protocol = s->reg[SMBHSTCNT] >> CNT_PROTOCOL_SHIFT & CNT_PROTOCOL;
    bool done = s->reg[SMBHSTADD] & ADD_READ ? read_transaction(s, protocol)
                                             : write_transaction(s, protocol);

    s->reg[SMBHSTSTS] |= done ? STS_INTR : STS_DEV_ERR;
    s->at = 0;
}

/* ---- Registers --------------------------------------------------------------------------- */

void smbus_reset(SmbusHost *s)
{
    memset(s->reg, 0, sizeof(s->reg));
    memset(s->block, 0, sizeof(s->block));
    s->at = 0;
}

uint8_t smbus_read(SmbusHost *s, unsigned offset)
{
    if (offset == SMBHSTCNT)
        s->at = 0; /* reading the control register resets the block's index */
    if (offset == SMBBLKDAT)
        return s->block[s->at++ % SMBUS_BLOCK_MAX];
    return offset < SMBUS_REGISTERS ? s->reg[offset] : 0;
}

void smbus_write(SmbusHost *s, unsigned offset, uint8_t value)
{
    switch (offset) {
    case SMBHSTSTS:
        s->reg[SMBHSTSTS] &= (uint8_t)~(value & STS_W1C);
        break;
    case SMBHSTCNT:
        s->reg[SMBHSTCNT] = value & (uint8_t)~CNT_START;
        if (value & CNT_KILL)
            s->reg[SMBHSTSTS] |= STS_FAILED;
        else if (value & CNT_START)
            start(s);
        break;
    case SMBBLKDAT:
        s->block[s->at++ % SMBUS_BLOCK_MAX] = value;
        break;
    default:
        if (offset < SMBUS_REGISTERS)
            s->reg[offset] = value;
    }
}

bool smbus_interrupts(const SmbusHost *s)
{
    return s->reg[SMBHSTCNT] & CNT_INTEREN && s->reg[SMBHSTSTS] & STS_W1C;
}
