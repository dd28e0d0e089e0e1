#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The metronome at its registers. Argument: the folder with metronome.so."""

import sys

from qtest import QTest

SLOT, BASE = 4, 0xE0000000
COMMAND, BAR0 = 0x04, 0x10
MEMORY_AND_MASTER, INTERRUPT = 0x06, 1 << 19  # of the command and status registers
CONTROL, STATUS, PERIOD, BEATS, ADDRESS = 0x04, 0x08, 0x0C, 0x10, 0x18
RUN, IRQ, BEAT = 1, 2, 1
BUFFER = 0x10000
MICROSECOND = 1000


def metronome(properties=""):
    q = QTest("-machine", "pc", "-module", f"dir={sys.argv[1]}",
              "-device", f"metronome,addr={SLOT:x}{properties}")
    q.config_write(SLOT, BAR0, BASE)
    q.config_write(SLOT, COMMAND, MEMORY_AND_MASTER)
    return q


def read(q, register):
    return q.command("readl", BASE + register)


def write(q, register, value):
    q.command("writel", BASE + register, value)


def equal(found, expected, what):
    assert found == expected, f"{what}: found {found:#x}, expected {expected:#x}"


def it_is_on_the_bus():
    with metronome() as q:
        equal(q.config_read(SLOT, 0), 0xBEA71234, "vendor and device")
        equal(read(q, 0), 0x0001BEA7, "identification")


def it_beats_in_time():
    with metronome() as q:
        write(q, PERIOD, 250)
        write(q, CONTROL, RUN)
        q.command("clock_step", 249 * MICROSECOND)
        equal(read(q, BEATS), 0, "beats before the first")
        q.command("clock_step", 2 * MICROSECOND)
        equal(read(q, BEATS), 1, "beats after the first")


def a_beat_interrupts_until_it_is_acknowledged():
    with metronome() as q:
        write(q, CONTROL, RUN | IRQ)
        q.command("clock_step", 1001 * MICROSECOND)
        equal(read(q, STATUS), BEAT, "status")
        equal(q.config_read(SLOT, COMMAND) & INTERRUPT, INTERRUPT, "interrupt pending")
        write(q, STATUS, BEAT)
        equal(q.config_read(SLOT, COMMAND) & INTERRUPT, 0, "interrupt after the acknowledgement")


def a_beat_is_written_to_memory():
    with metronome() as q:
        write(q, ADDRESS, BUFFER)
        write(q, CONTROL, RUN)
        q.command("clock_step", 1001 * MICROSECOND)
        equal(q.command("readl", BUFFER), 1, "count in memory")


def properties_set_the_period_and_the_end():
    with metronome(",period=10,limit=3") as q:
        equal(read(q, PERIOD), 10, "period")
        write(q, CONTROL, RUN)
        for _ in range(5):
            q.command("clock_step", 10 * MICROSECOND)
        equal(read(q, BEATS), 3, "beats")
        equal(read(q, CONTROL), 0, "control after the end")


CASES = [it_is_on_the_bus, it_beats_in_time, a_beat_interrupts_until_it_is_acknowledged,
         a_beat_is_written_to_memory, properties_set_the_period_and_the_end]

print(f"1..{len(CASES)}")
failed = 0
for number, case in enumerate(CASES, 1):
    outcome = "ok"
    try:
        case()
    except (AssertionError, RuntimeError, OSError) as reason:
        outcome, failed = "not ok", failed + 1
        print("#", reason)
    print(f"{outcome} {number} - {case.__name__.replace('_', ' ')}", flush=True)
sys.exit(failed > 0)
