#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tenon-modcheck on modules with one fault each: the fault is found and named, and the other checks run.

Arguments: the program, and a folder for the modules that are made here.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests"))

from support import tap  # noqa: E402
from support.console import Failure  # noqa: E402

PROGRAM, FOLDER = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
LIBRARY = PROGRAM.parent / "core"

SOURCE = r"""
#include <stdlib.h>
#include <unistd.h>
#include "tenon/isa.h"
#include "tenon/module.h"
#include "tenon/pci.h"
#include "tenon/internal/target.h"
static const TnRegionOps ops;
typedef struct Dev { TnObject *obj; uint32_t value, hidden; TnRegion *window; TnObject *other; } Dev;
%(code)s
#ifndef REALIZE
#define REALIZE(dev, s)
#endif
#ifndef UNREALIZE
#define UNREALIZE(dev, s)
#endif
#ifndef WRITE
#define WRITE(s, value) (s)->value = (uint32_t)(value)
#endif
static uint64_t io_read(void *opaque, uint64_t offset, unsigned size) { return ((Dev *)opaque)->value; }
static void io_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{ Dev *s = opaque; WRITE(s, value); }
static const TnRegionOps ops = { .size_of = sizeof(ops), .read = io_read, .write = io_write };
static bool realize(TnObject *dev, void *state, GError **error)
{
    Dev *s = state;
    s->obj = dev;
    tn_isa_map_io(dev, 0x500, tn_region_new_io(dev, "io", &ops, s, 4));
    REALIZE(dev, s);
    return true;
}
static void unrealize(TnObject *dev, void *state) { Dev *s = state; (void)s; UNREALIZE(dev, s); }
static const TnDeviceOps device_ops = { .size = sizeof(device_ops), .realize = realize,
                                        .unrealize = unrealize, %(ops)s };
static const TnStateField fields[] = { TN_STATE(U32, Dev, value), TN_STATE_LAST };
static const TnProperty properties[] = {
    { .name = "value", .kind = TN_PROP_UINT32, .offset = offsetof(Dev, value), .max = 100, %(property)s },
    { 0 } };
static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &device_ops }, { 0 } };
static const TnTypeInfo type = {
    .size = sizeof(type), .name = "test-%(name)s", .parent = TN_TYPE_ISA_DEVICE,
    .state_size = sizeof(Dev), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE, .interfaces = interfaces,
    .description = "made for the test" };
static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types, %(hooks)s };
TN_MODULE(hooks, TN_NOTE_NAME("%(name)s") TN_NOTE_VERSION("1") %(lines)s
          TN_NOTE_DEVICE("test-%(name)s", "ISA", "%(category)s", "made for the test"));
"""


def build(name, code="", hooks="", lines='TN_NOTE_LICENCE("MIT")', category="misc",
          device_property='.doc = "a number"', ops="", flags=()):
    text = SOURCE % {"name": name, "code": code, "hooks": hooks, "lines": lines, "ops": ops,
                     "category": category, "property": device_property}
    glib = subprocess.run(["pkg-config", "--cflags", "glib-2.0"], capture_output=True, text=True,
                          check=True).stdout.split()
    target = FOLDER / f"{name}.so"
    subprocess.run([*os.environ.get("CC", "cc").split(), "-shared", "-fPIC", "-fvisibility=hidden", "-w",
                    f"-I{TOP / 'abi'}", *glib, "-x", "c", "-", "-x", "none", "-o", target,
                    f"-L{LIBRARY}", "-ltenon", *flags], input=text, text=True, check=True)
    target.chmod(0o755)
    return target


def check(path, *options):
    """{check: (passed, reason)} of one module, from the JSON form."""
    result = subprocess.run([PROGRAM, "--json", *options, path], capture_output=True, text=True,
                            timeout=120, check=False)
    if result.stderr:
        raise Failure(result.stderr)
    cases = {case["name"].split("/", 1)[1]: (case["outcome"] != "failed", case.get("reason", ""))
             for case in json.loads(result.stdout)}
    if result.returncode != (0 if all(good for good, _ in cases.values()) else 1):
        raise Failure(f"exit code {result.returncode}")
    return cases


def expect(cases, **failures):
    """Just these checks fail, with these words; underscores stand for '-', double ones for '/'."""
    wanted = {name.replace("__", "/").replace("_", "-"): words for name, words in failures.items()}
    failed = {name for name, (good, _) in cases.items() if not good}
    if failed != set(wanted) or len(cases) != 12:
        raise Failure(f"failed {sorted(failed)} of {len(cases)}, expected {sorted(wanted)}: {cases}")
    for name, words in wanted.items():
        if words not in cases[name][1]:
            raise Failure(f"{name}: {cases[name][1]!r} has no {words!r}")


def of_device(name, *checks):
    return [f"test_{name}__{check}" for check in checks]


# A sanitized build would turn a crash into an exit of its own.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":handle_sigill=0:handle_segv=0"

ON_BOARD = ("realize_and_unrealize", "save_and_load", "registers")


# ---- Cases ---------------------------------------------------------------------------------


def a_good_module_passes():
    expect(check(build("good")))


def tap_is_what_it_writes_by_default():
    result = subprocess.run([PROGRAM, build("tapped")], capture_output=True, text=True, check=True)
    lines = result.stdout.splitlines()
    if lines[0] != "1..12" or lines[1] != "ok 1 - tapped.so/note" or "not ok" in result.stdout:
        raise Failure(result.stdout)


def a_wrong_command_line_is_told():
    for arguments in ([], ["--timeout", "0", "x.so"], ["--no-such"]):
        result = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)
        if result.returncode != 2 or not result.stderr.startswith("tenon-modcheck: "):
            raise Failure(f"{arguments}: {result.returncode} {result.stderr}")


def a_file_that_is_no_module_fails():
    path = FOLDER / "text.so"
    path.write_text("not a library\n")
    cases = check(path)
    if cases["note"] != (False, "it is not an ELF file") or cases["load"][0]:
        raise Failure(str(cases))


def a_second_export_is_found():
    path = build("exports", code="__attribute__((visibility(\"default\"))) int helper;")
    expect(check(path), exports="it exports 'helper' beside 'tn_module'")


def a_symbol_of_the_internal_tier_is_found():
    path = build("intern", code="void *keep = (void *)tn_tlb_flush;")
    expect(check(path), symbols="it uses tn_tlb_flush, which belongs to the internal tier")


def a_missing_library_is_found():
    stub = FOLDER / "libtest-absent.so"
    subprocess.run(["cc", "-shared", "-Wl,-soname,libtest-absent.so", "-o", stub, "-x", "c", "-"], input="int absent_thing;", text=True,
                   check=True)
    path = build("absent", code="extern int absent_thing; int *keep = &absent_thing;",
                 flags=[f"-L{FOLDER}", "-ltest-absent"])
    stub.unlink()
    cases = check(path)
    if cases["symbols"][0] or "it needs the library" not in cases["symbols"][1]:
        raise Failure(str(cases))


def a_note_without_licence_or_category_is_found():
    expect(check(build("unlicensed", lines="")), note="does not tell its version and licence")
    expect(check(build("kitchen", category="kitchen")), note="has the category 'kitchen'")


def a_note_unlike_the_descriptor_is_found():
    path = build("differs", code="""
        static const char other[64] = "format=1\\nabi=1.0\\nname=other\\n";
        #undef TN_MODULE
        #define TN_MODULE(hooks_, lines_) \\
            __attribute__((section(".note.tenon"), aligned(4), used)) static const struct { \\
                uint32_t a, b, c; char owner[8]; char text[(sizeof("format=1\\nabi=1.0\\n" lines_) + 3) & ~3ul]; \\
            } note_ = { 6, sizeof(note_.text), 1, "Tenon", "format=1\\nabi=1.0\\n" lines_ }; \\
            extern TN_API const TnModule tn_module; \\
            const TnModule tn_module = { sizeof(TnModule), 1, 0, other, sizeof(other), 0, &(hooks_) }
        """)
    cases = check(path)
    if cases["load"][0] or "is not the one that it was built with" not in cases["load"][1]:
        raise Failure(str(cases["load"]))


def a_crash_fails_its_check_alone():
    path = build("crashes", code="#define REALIZE(dev, s) if (s->value == 0) __builtin_trap()")
    cases = check(path)
    expect(cases, **{name: "it crashes: signal" for name in of_device("crashes", *ON_BOARD)})


def a_hang_fails_its_check_alone():
    path = build("hangs", code="#define WRITE(s, value) do { s->value = value; } while (value == 0x80)")
    expect(check(path, "--timeout", "2"), **{"test_hangs__registers": "it does not end within 2 s",
                                             "test_hangs__save_and_load": "it does not end within 2 s"})


def an_exit_fails_its_check_alone():
    path = build("exits", code="#define REALIZE(dev, s) exit(0)")
    expect(check(path), **{name: "it ends the process, with the exit code 0"
                           for name in of_device("exits", *ON_BOARD)})


def a_region_left_behind_is_found():
    path = build("leaves", code="""
        #define REALIZE(dev, s) s->window = tn_region_new_io(dev, "window", &ops, s, 16); \\
            tn_region_add(tn_system_memory(), 0x30000000, s->window)""")
    expect(check(path), test_leaves__realize_and_unrealize="its region 'window' can still be reached")


def state_that_does_not_come_back_is_found():
    path = build("loses", ops=".loaded = loaded", code="""
        static bool loaded(TnObject *dev, void *state, unsigned version, GError **error)
        { ((Dev *)state)->value ^= 1; return true; }""")
    expect(check(path), test_loses__save_and_load="is not saved the same again")


def properties_without_words_or_range_are_found():
    expect(check(build("silent", device_property=".doc = NULL")),
           test_silent__properties="property 'value' has no doc line")
    path = build("takes", device_property='.doc = "a number", .set = take', code="""
        static bool take(TnObject *obj, void *state, const char *text, GError **error)
        { ((Dev *)state)->value = 1; return true; }""")
    expect(check(path), test_takes__properties="property 'value' takes the bad value")


def init_that_works_once_is_found():
    path = build("once", hooks=".init = init", code="""
        static bool init(GError **error)
        {
            static int runs;
            if (runs++ == 0)
                return true;
            g_set_error(error, TN_ERROR, TN_ERROR_FAILED, "been there");
            return false;
        }""")
    expect(check(path), init_and_fini_repeat="init fails when it runs again: been there")


def what_a_device_needs_beside_it_is_made():
    build("beside")

    def wants(name, kind):
        return build(name, device_property=f"""
            .doc = "a number" }}, {{ .name = "other", .kind = TN_PROP_LINK, .type = "{kind}",
            .offset = offsetof(Dev, other), .flags = TN_PROP_REQUIRED, .doc = "a device" """)

    def reasons(path, *options):
        cases = check(path, *options)
        expect(cases)
        return {reason for name, (_, reason) in cases.items() if name.split("/")[-1].replace(
            "-", "_") in ON_BOARD}

    if reasons(wants("linked", "test-beside")) != {""}:
        raise Failure("a link to a type that there is leads nowhere")
    path = wants("any", "isa-device")
    if not all("--with test-any:TYPE" in reason for reason in reasons(path)):
        raise Failure(f"{reasons(path)}")
    if reasons(path, "--with", "test-any:test-beside,value=7") != {""}:
        raise Failure("--with does not help")
    for text, words in (("absent", "there is no device 'absent'"), ("test-beside,value=200", "100")):
        expect(check(path, "--with", f"test-any:{text}"),
               **{name: words for name in of_device("any", *ON_BOARD)})
    result = subprocess.run([PROGRAM, "--with", "any", path], capture_output=True, text=True, check=False)
    if result.returncode != 2 or "DEVICE:TYPE" not in result.stderr:
        raise Failure(result.stderr)


CASES = [a_good_module_passes, tap_is_what_it_writes_by_default, a_wrong_command_line_is_told,
         a_file_that_is_no_module_fails, a_second_export_is_found,
         a_symbol_of_the_internal_tier_is_found, a_missing_library_is_found,
         a_note_without_licence_or_category_is_found, a_note_unlike_the_descriptor_is_found,
         a_crash_fails_its_check_alone, a_hang_fails_its_check_alone, an_exit_fails_its_check_alone,
         a_region_left_behind_is_found, state_that_does_not_come_back_is_found,
         properties_without_words_or_range_are_found, init_that_works_once_is_found,
         what_a_device_needs_beside_it_is_made]

shutil.rmtree(FOLDER, ignore_errors=True)
FOLDER.mkdir(parents=True)
FOLDER.chmod(0o755)
sys.exit(tap.run([("/modcheck/" + case.__name__.replace("_", "-"), case) for case in CASES]))
