/* SPDX-License-Identifier: MIT */
/* Port permission, IOPL, TSD, UMIP (SDM volume 1, chapter 19; volume 3, section 2.5). */
#include "guest.h"

CODE(user_in, "mov $0x80, %dx\n in %dx, %al\n int $0x80");
CODE(user_in_word, "mov $0x87, %dx\n in %dx, %ax\n int $0x80");
CODE(user_in_last, "mov $0xffff, %dx\n in %dx, %al\n int $0x80");
CODE(user_cli, "cli\n pushf\n pop " RCX "\n sti\n int $0x80");
CODE(user_popf, PUSHF "\n orl $0x3200, (" RSP ")\n " POPF "\n " PUSHF "\n pop " RCX "\n int $0x80");
CODE(user_rdtsc, "rdtsc\n int $0x80");
CODE(kernel_rdtsc, "rdtsc\n ret");
CODE(user_sgdt, "sgdt -64(" RSP ")\n int $0x80");
CODE(user_smsw, "smsw %ecx\n int $0x80");
CODE(user_str, "str %ecx\n int $0x80");

static void allow(unsigned first, unsigned count, bool yes)
{
    for (unsigned port = first; port < first + count; port++) {
        if (yes) {
            main_tss.map[port / 8] &= (uint8_t) ~(1u << port % 8);
        } else {
            main_tss.map[port / 8] |= (uint8_t)(1u << port % 8);
        }
    }
}

CASE(no_map, "ports/without-a-map-user-mode-has-no-port")
{
    main_tss.iomap = sizeof(main_tss);
    expect_user(user_in, GP, 0);
}

CASE(map, "ports/map-bit-decides-for-each-byte-of-the-access")
{
    main_tss.iomap = offsetof(struct tss, map);
    main_tss.map[TSS_MAP_BYTES] = 0xff;
    allow(0x80, 16, true);
    expect_user(user_in, FINISHED, 0);
    expect_user(user_in_word, FINISHED, 0);
    allow(0x88, 1, false);
    expect_user(user_in_word, GP, 0);
    expect_user(user_in, FINISHED, 0);
    allow(0x80, 1, false);
    expect_user(user_in, GP, 0);
    allow(0x80, 16, true);
    main_tss.iomap = sizeof(main_tss);
}

CASE(short_map, "ports/access-beyond-the-task-segment-is-gp-0")
{
    main_tss.iomap = offsetof(struct tss, map) + 0x1000;
    expect_user(user_in_last, GP, 0);
    main_tss.iomap = sizeof(main_tss);
}

CASE(iopl, "ports/iopl-3-opens-ports-and-cli")
{
    expect_user(user_cli, GP, 0);
    user_flags = IOPL | IF;
    expect_user(user_in, FINISHED, 0);
    expect_user(user_cli, FINISHED, 0);
    check(!(event.cx & IF), "flags after cli", event.cx);
    user_flags = 0;
}

CASE(popf, "ports/popf-in-user-mode-leaves-iopl-and-if")
{
    expect_user(user_popf, FINISHED, 0);
    check(!(event.cx & (IOPL | IF)), "flags", event.cx);
}

CASE(tsd, "ports/cr4-tsd-keeps-rdtsc-from-user-mode")
{
    expect_user(user_rdtsc, FINISHED, 0);
    WRITE(cr4, READ(cr4) | CR4_TSD);
    expect_user(user_rdtsc, GP, 0);
    expect(kernel_rdtsc, NONE, 0);
    WRITE(cr4, READ(cr4) & ~(word)CR4_TSD);
}

CASE(umip, "ports/cr4-umip-keeps-table-addresses-from-user-mode")
{
    if (!(cpuid(7, 0).c & 4)) {
        skip("no UMIP");
        return;
    }
    expect_user(user_sgdt, FINISHED, 0);
    WRITE(cr4, READ(cr4) | CR4_UMIP);
    expect_user(user_sgdt, GP, 0);
    expect_user(user_smsw, GP, 0);
    expect_user(user_str, GP, 0);
    WRITE(cr4, READ(cr4) & ~(word)CR4_UMIP);
}
