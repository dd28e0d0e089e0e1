/* SPDX-License-Identifier: MIT */
/*
 * Serial presence detect of SDRAM modules: JEDEC standard 21-C, 4.1.2.5, and Intel's PC SDRAM
 * Serial Presence Detect (SPD) Specification 1.2B for bytes 126 and 127. PC133 modules of one or
 * two rows of 4-bank devices, 64 bits wide, as the i440FX's successors took them: 8 MiB to 1 GiB.
 */
#include "spd.h"

#include <string.h>

enum {
    MIB = 1 << 20,
    ROW_MIN = 8 * MIB, ROW_MAX = 512 * MIB, ROWS_MAX = 2,

    BYTES_USED = 0, BYTES_TOTAL_LOG2 = 1, MEMORY_TYPE = 2, ROW_ADDRESSES = 3, COLUMN_ADDRESSES = 4,
    MODULE_ROWS = 5, DATA_WIDTH = 6, VOLTAGE = 8, CYCLE_TIME = 9, ACCESS_TIME = 10, REFRESH = 12,
    DEVICE_WIDTH = 13, RANDOM_COLUMN_DELAY = 15, BURST_LENGTHS = 16, DEVICE_BANKS = 17,
    CAS_LATENCIES = 18, CS_LATENCY = 19, WE_LATENCY = 20, DEVICE_ATTRIBUTES = 22,
    CYCLE_TIME_2 = 23, ACCESS_TIME_2 = 24, T_RP = 27, T_RRD = 28, T_RCD = 29, T_RAS = 30,
    ROW_DENSITY = 31, ADDRESS_SETUP = 32, ADDRESS_HOLD = 33, DATA_SETUP = 34, DATA_HOLD = 35,
    REVISION = 62, CHECKSUM = 63, PART_NUMBER = 73, PART_NUMBER_SIZE = 18, FREQUENCY = 126,
    FREQUENCY_DETAILS = 127,
};

enum { BANKS = 4, BUS_BYTES = 8, COLUMNS_MIN = 8, COLUMNS_MAX = 11, DENSITY_UNIT = 4 * MIB };

uint64_t spd_module_size(uint64_t ram)
{
    uint64_t size = (uint64_t)ROW_MAX * ROWS_MAX;

    while (size > ram)
        size /= 2;
    return size >= ROW_MIN ? size : 0;
}

static unsigned log2_of(uint64_t power)
{
    return (unsigned)__builtin_ctzll(power);
}

/* Addresses of a row of devices: two more row bits than column bits, as devices had them. */
static void put_geometry(uint8_t *image, uint64_t size)
{
    uint64_t row = size > ROW_MAX ? size / ROWS_MAX : size;
    unsigned bits = log2_of(row / (BANKS * BUS_BYTES));
    unsigned columns = (bits - 2) / 2;

    columns = columns < COLUMNS_MIN ? COLUMNS_MIN : columns > COLUMNS_MAX ? COLUMNS_MAX : columns;
    image[ROW_ADDRESSES] = (uint8_t)(bits - columns);
    image[COLUMN_ADDRESSES] = (uint8_t)columns;
    image[MODULE_ROWS] = (uint8_t)(size / row);
    image[ROW_DENSITY] = (uint8_t)(row / DENSITY_UNIT);
}

void spd_make(uint8_t image[SPD_SIZE], uint64_t size)
{
    static const struct {
        uint8_t at, value;
    } fixed[] = {
        { BYTES_USED, 128 }, { BYTES_TOTAL_LOG2, 8 }, { MEMORY_TYPE, 4 }, { DATA_WIDTH, 64 },
        { VOLTAGE, 1 },             /* LVTTL */
        { CYCLE_TIME, 0x75 },       /* 7.5 ns at CL 3 */
        { ACCESS_TIME, 0x54 },      /* 5.4 ns */
        { REFRESH, 0x82 },          /* 7.8 us, self refresh */
        { DEVICE_WIDTH, 8 }, { RANDOM_COLUMN_DELAY, 1 },
        { BURST_LENGTHS, 0x8f },    /* 1, 2, 4, 8, page */
        { DEVICE_BANKS, BANKS },
        { CAS_LATENCIES, 0x06 },    /* 2 and 3 */
        { CS_LATENCY, 1 }, { WE_LATENCY, 1 },
        { DEVICE_ATTRIBUTES, 0x0e }, /* precharge all, auto precharge, write-1 read burst */
        { CYCLE_TIME_2, 0xa0 }, { ACCESS_TIME_2, 0x60 }, /* 10 ns and 6 ns at CL 2 */
        { T_RP, 20 }, { T_RRD, 15 }, { T_RCD, 20 }, { T_RAS, 45 }, /* ns */
        { ADDRESS_SETUP, 0x15 }, { ADDRESS_HOLD, 0x08 }, /* 1.5 ns, 0.8 ns */
        { DATA_SETUP, 0x15 }, { DATA_HOLD, 0x08 },
        { REVISION, 0x12 },
        { FREQUENCY, 0x64 },        /* the value for 100 MHz and more */
        { FREQUENCY_DETAILS, 0xff }, /* all clocks, junction temperature, CL 3 and 2, ... */
    };
    uint8_t sum = 0;

    memset(image, 0, SPD_SIZE);
    for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        image[fixed[i].at] = fixed[i].value;
    put_geometry(image, size);
    for (unsigned i = 0; i < CHECKSUM; i++)
        sum = (uint8_t)(sum + image[i]);
    image[CHECKSUM] = sum;
    memset(image + PART_NUMBER, ' ', PART_NUMBER_SIZE);
    memcpy(image + PART_NUMBER, "TENON", strlen("TENON"));
}
