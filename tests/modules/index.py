#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The index of a module directory: used where it is true, and without effect where it is not.

Arguments: the program, tenon-modinfo, and a folder for the modules that are made here.
"""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support import index, modules, tap  # noqa: E402
from support.console import Failure  # noqa: E402

PROGRAM, MODINFO = (pathlib.Path(name).resolve() for name in sys.argv[1:3])
FOLDER = pathlib.Path(sys.argv[3]).resolve()
LIBRARY, STOCK, MARK = PROGRAM.parent / "core", FOLDER / "stock", FOLDER / "mark"
PLACE = FOLDER / "place"
INDEX = PLACE / index.NAME
NAMES = ("mod-one", "mod-two", "mod-tre")
MARKS = f"""
#include <fcntl.h>
__attribute__((constructor)) static void run(void) {{ creat("{MARK}", 0600); }}
"""


def run(program, *arguments, wrapper=()):
    return subprocess.run([*wrapper, program, *arguments], capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, "TENON_MODULE_PATH": str(PLACE)})


def listed():
    """The listing of devices, and of modules without what it says of indexes."""
    devices, whole = run(PROGRAM, "-device", "help"), run(PROGRAM, "-module", "help,format=json")
    if devices.returncode or whole.returncode or devices.stderr or whole.stderr:
        raise Failure(f"a listing fails: {devices.stderr}{whole.stderr}")
    whole = json.loads(whole.stdout)
    mine = [entry for entry in whole.pop("indexes") if entry["path"] == str(INDEX)]
    return (devices.stdout, whole), mine


def found():
    (_, whole), _ = listed()
    return {pathlib.Path(entry["path"]).stem: entry for entry in whole["modules"]}


def read_directly():
    """The listing without the index, which stays as it is."""
    if not os.path.lexists(INDEX):
        return listed()[0]
    os.rename(INDEX, FOLDER / "away")
    try:
        return listed()[0]
    finally:
        os.rename(FOLDER / "away", INDEX)


def expect_used(count):
    """The listing is the one without the index, which described so many of the modules."""
    listing, mine = listed()
    if len(mine) != 1 or mine[0]["cause"] is not None or mine[0]["modules"] != count:
        raise Failure(f"{mine} instead of {count} modules")
    if listing != read_directly():
        raise Failure("the listing with the index is another one")


def expect_passed_over(cause):
    listing, mine = listed()
    if len(mine) != 1 or not mine[0]["cause"] or cause not in mine[0]["cause"] or mine[0]["modules"]:
        raise Failure(f"{mine} instead of {cause!r}")
    if listing != read_directly():
        raise Failure("the listing with the index is another one")
    if f"passed over: {mine[0]['cause']}\n" not in run(PROGRAM, "-module", "help").stdout:
        raise Failure("-module help does not tell of it")


def expect_stale(*lines):
    done = run(MODINFO, "--check-index", PLACE)
    wanted = "".join(f"{PLACE}/{line}\n" for line in lines)
    if (done.returncode, done.stdout) != (3 if lines else 0, wanted) or done.stderr:
        raise Failure(f"--check-index: {done.returncode} {done.stdout}{done.stderr}\nnot {wanted}")


def write():
    done = run(MODINFO, "--write-index", PLACE)
    if done.returncode or done.stdout or done.stderr:
        raise Failure(f"--write-index: {done.returncode} {done.stdout}{done.stderr}")


def fresh():
    """Three modules and their index."""
    shutil.rmtree(PLACE, ignore_errors=True)
    shutil.copytree(STOCK, PLACE)
    PLACE.chmod(0o755)
    MARK.unlink(missing_ok=True)
    write()


def changed(name, old=b"made for the test", new=b"made for the rest"):
    return modules.replace((STOCK / f"{name}.so").read_bytes(), (old, new))


def put_index(data):
    INDEX.unlink()
    INDEX.write_bytes(data)
    INDEX.chmod(0o644)


# ---- A true index ---------------------------------------------------------------------------


def a_fresh_index_is_used():
    expect_used(len(NAMES))
    expect_stale()
    if f"  {INDEX}\n    describes 3 of the modules\n" not in run(PROGRAM, "-module", "help").stdout:
        raise Failure("-module help does not tell of it")


def it_saves_opening_the_files():
    done = run("true", wrapper=["strace", "-e", "trace=openat"]) if shutil.which("strace") else None
    if not done or done.returncode:
        raise tap.Skip("strace is not installed, or may not trace here")
    opened = {}
    for here in (True, False):
        if not here:
            INDEX.unlink()
        trace = run(PROGRAM, "-device", "help", wrapper=["strace", "-f", "-e", "trace=openat,open"])
        opened[here] = [name for name in NAMES if f'{name}.so"' in trace.stderr]
    if opened != {True: [], False: list(NAMES)}:
        raise Failure(f"with and without the index were opened: {opened}")


def its_modules_load():
    done = run(PROGRAM, "-device", "test-mod-one,help")
    if done.returncode or not MARK.exists():
        raise Failure(done.stderr)


def it_has_the_form_that_is_documented():
    st, entries = INDEX.stat(), index.decode(INDEX.read_bytes())
    if st.st_mode & 0o7777 != 0o644:
        raise Failure(f"mode {st.st_mode:o}")
    if [entry.file for entry in entries] != sorted(f"{name}.so" for name in NAMES):
        raise Failure(str(entries))
    if any(entry.stamped(PLACE / entry.file) != entry for entry in entries):
        raise Failure("stamps")
    if index.encode(entries) != INDEX.read_bytes():
        raise Failure("the test's encoder makes another one")


def writing_again_gives_the_same_bytes():
    before, inode = INDEX.read_bytes(), INDEX.stat().st_ino
    old = os.umask(0o077)
    try:
        write()
    finally:
        os.umask(old)
    if INDEX.read_bytes() != before or INDEX.stat().st_ino == inode:
        raise Failure("other bytes, or not a new file")
    if INDEX.stat().st_mode & 0o7777 != 0o644:
        raise Failure("the umask counts")
    if {path.name for path in PLACE.iterdir()} != {f"{name}.so" for name in NAMES} | {index.NAME}:
        raise Failure("something was left behind")


def listings_while_it_is_written_are_whole():
    wanted, done = read_directly(), threading.Event()

    def keep_writing():
        while not done.is_set():
            write()

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        for _ in range(30):
            listing, mine = listed()
            if listing != wanted or mine[0]["cause"]:
                raise Failure(f"{mine}")
    finally:
        done.set()
        writer.join()


def what_is_no_module_of_its_own_is_left_out():
    (PLACE / "text.so").write_text("not a library\n")
    shutil.copy(PLACE / "mod-one.so", PLACE / "open.so")
    (PLACE / "open.so").chmod(0o777)
    (PLACE / "link.so").symlink_to("mod-one.so")
    (PLACE / "folder.so").mkdir()
    os.mkfifo(PLACE / "fifo.so")
    write()
    expect_used(len(NAMES))
    expect_stale()


def what_not_everyone_may_read_is_left_out():
    """Whoever lists must find out by opening it whether it can be read."""
    (PLACE / "mod-one.so").chmod(0o700)
    write()
    expect_used(len(NAMES) - 1)
    expect_stale()


def modules_of_other_hosts_are_described():
    data = bytearray((STOCK / "mod-one.so").read_bytes())
    data[18:20] = b"\xf3\0"  # e_machine: RISC-V
    (PLACE / "mod-one.so").write_bytes(data)
    write()
    expect_used(len(NAMES))
    if "it was built for riscv64 hosts" not in found()["mod-one"]["cause"]:
        raise Failure("the host is not told")


# ---- Files that changed ---------------------------------------------------------------------


def expect_only(path, line, used=len(NAMES) - 1):
    expect_used(used)
    expect_stale(line)
    write()
    expect_stale()
    expect_used(len(NAMES) if path.exists() else used)


def keep_times(path, change):
    """Does something to a file and sets its times back, as package managers do."""
    st = path.stat()
    change(path)
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))
    if (path.stat().st_size, path.stat().st_mtime_ns) != (st.st_size, st.st_mtime_ns):
        raise Failure("the test does not do what it says")


AFTER = "it changed after the index was written"


def a_file_replaced_by_one_of_its_size_and_date_is_read():
    path, other = PLACE / "mod-one.so", PLACE / "mod-one.new"

    def replace(_):
        other.write_bytes(changed("mod-one"))
        other.chmod(0o755)
        other.rename(path)

    keep_times(path, replace)
    if found()["mod-one"]["provides"][0]["description"] != "made for the rest":
        raise Failure("the listing is old")
    expect_only(path, f"mod-one.so: {AFTER}")


def a_file_written_in_place_is_read():
    path = PLACE / "mod-two.so"
    keep_times(path, lambda _: path.write_bytes(changed("mod-two")))
    if found()["mod-two"]["provides"][0]["description"] != "made for the rest":
        raise Failure("the listing is old")
    expect_only(path, f"mod-two.so: {AFTER}")


def the_index_is_written_when_the_clock_of_the_files_has_gone_on():
    """Else a change right after it could leave the same stamp; how fine that clock is varies."""
    path = PLACE / "mod-two.so"
    for turn in range(8):
        path.write_bytes(changed("mod-two", new=b"made for a%7d" % turn))
        write()
        passed = INDEX.stat().st_mtime_ns - path.stat().st_ctime_ns
        if passed <= 0:
            raise Failure(f"{passed} ns in turn {turn}")


def a_touched_file_is_read():
    os.utime(PLACE / "mod-tre.so")
    expect_only(PLACE / "mod-tre.so", f"mod-tre.so: {AFTER}")


def a_removed_file_is_not_listed():
    (PLACE / "mod-two.so").unlink()
    if "mod-two" in found():
        raise Failure("it is")
    expect_only(PLACE / "mod-two.so",
                "mod-two.so: the index has it, and it is no usable module file here")


def an_added_file_is_listed():
    (PLACE / "new.so").write_bytes(changed("mod-one", b"mod-one", b"mod-new"))
    (PLACE / "new.so").chmod(0o755)
    if found()["new"]["name"] != "mod-new":
        raise Failure("it is not")
    expect_used(len(NAMES))
    expect_stale("new.so: the index does not have it")
    write()
    expect_used(len(NAMES) + 1)


def a_file_under_another_name_is_read():
    (PLACE / "mod-one.so").rename(PLACE / "eno.so")
    expect_used(len(NAMES) - 1)
    (PLACE / "mod-two.so").rename(PLACE / "mod-one.so")
    expect_used(len(NAMES) - 2)


def a_file_that_others_can_write_now_is_refused():
    (PLACE / "mod-one.so").chmod(0o777)
    if "writable by everyone" not in found()["mod-one"]["cause"]:
        raise Failure("it is not")
    expect_used(len(NAMES) - 1)


def a_link_in_a_files_place_is_followed():
    (PLACE / "mod-one.so").unlink()
    (PLACE / "mod-one.so").symlink_to("mod-two.so")
    expect_used(len(NAMES) - 1)


# ---- Indexes that are not believed ----------------------------------------------------------


def a_torn_index_is_passed_over():
    """At each length; tests/unit/test-index.c has the same without the program."""
    whole = INDEX.read_bytes()
    for size in [*range(0, len(whole), 8), len(whole) - 1]:
        put_index(whole[:size])
        _, mine = listed()
        if not mine[0]["cause"] or mine[0]["modules"]:
            raise Failure(f"{size} bytes: {mine}")
        if size % 128 == 0:
            expect_passed_over("")


def a_flipped_bit_is_noticed():
    whole = INDEX.read_bytes()
    for at in range(0, len(whole), 5):
        data = bytearray(whole)
        data[at] ^= 1 << at % 8
        put_index(data)
        _, mine = listed()
        if not mine[0]["cause"] or mine[0]["modules"]:
            raise Failure(f"byte {at}: {mine}")
        if at % 125 == 0:
            expect_passed_over("")


def another_versions_index_is_passed_over():
    entries = index.decode(INDEX.read_bytes())
    for more in ({"version": 2}, {"note_format": 2}):
        put_index(index.encode(entries, **more))
        expect_passed_over("it was written by another version")
    put_index(b"\x7fELF" + bytes(60))
    expect_passed_over("it is not an index of modules")


def hostile_numbers_are_noticed():
    entries = index.decode(INDEX.read_bytes())
    for count in (0, 1, 4, 2**32 - 1):
        put_index(index.encode(entries, count=count))
        expect_passed_over("it is malformed")
    put_index(bytes(2**24 + 8))
    expect_passed_over("it is of 16777224 bytes")


def who_else_could_write_the_index_is_not_believed():
    INDEX.chmod(0o666)
    expect_passed_over("it is writable by everyone (mode 0666)")
    INDEX.chmod(0o644)
    if os.geteuid() == 0:
        os.chown(INDEX, 12345, 0)
        expect_passed_over("it belongs neither to root nor to this user nor to its directory's owner")
        os.chown(INDEX, 0, 12345)
        INDEX.chmod(0o664)
        expect_passed_over("it is writable by the group 12345 (mode 0664)")
        os.chown(INDEX, 12345, 0)
        os.chown(PLACE, 12345, 0)
        INDEX.chmod(0o644)
        expect_used(len(NAMES))  # who owns the directory could replace the modules as well


def links_and_other_files_are_judged():
    wide, safe = FOLDER / "wide", FOLDER / "safe"
    for folder in (wide, safe):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(INDEX, folder / "index")
    wide.chmod(0o777)
    safe.chmod(0o755)
    INDEX.unlink()
    INDEX.symlink_to(wide / "index")
    expect_passed_over("that it links to is writable by everyone")
    INDEX.unlink()
    INDEX.symlink_to(safe / "index")
    expect_used(len(NAMES))
    INDEX.unlink()
    INDEX.symlink_to("nowhere")
    expect_passed_over("No such file")
    INDEX.unlink()
    INDEX.mkdir()
    expect_passed_over("it is not a regular file")
    INDEX.rmdir()
    os.mkfifo(INDEX)
    expect_passed_over("it is not a regular file")


def writing_replaces_a_link_and_not_its_target():
    target = FOLDER / "target"
    target.write_text("mine")
    INDEX.unlink()
    INDEX.symlink_to(target)
    write()
    if INDEX.is_symlink() or target.read_text() != "mine":
        raise Failure("the target was written")


def files_that_do_not_exist_are_not_listed():
    entries = index.decode(INDEX.read_bytes())
    ghosts = [dataclasses.replace(entries[0], file=name) for name in ("aaa.so", "zzz.so")]
    put_index(index.encode(sorted(entries + ghosts, key=lambda entry: entry.file)))
    expect_used(len(NAMES))
    for name in ("../stock/mod-one.so", "/mod-one.so", "place/mod-one.so"):
        put_index(index.encode([dataclasses.replace(entries[0], file=name)]))
        expect_passed_over("it is malformed")
    put_index(index.encode(entries[::-1]))
    expect_passed_over("it is malformed")
    put_index(index.encode([entries[0], entries[0]]))
    expect_passed_over("it is malformed")


# ---- Indexes that lie -----------------------------------------------------------------------


def lie(note, name="mod-one.so"):
    """An index whose stamps are right, with another note of one file."""
    entries = index.decode(INDEX.read_bytes())
    put_index(index.encode([dataclasses.replace(entry, note=note(entry.note))
                            if entry.file == name else entry for entry in entries]))


def what_is_no_note_is_read_from_the_file():
    for bad in (b"", b"\0", b"x" * 70000, b"format=2\n", b"format=1\n\x1b[31m\n", b"\xff" * 64):
        lie(lambda note, bad=bad: bad)
        expect_used(len(NAMES) - 1)


def a_lie_ends_before_loading():
    """The listing has it: a stamp cannot be right by accident. No code runs on its word."""
    lie(lambda note: note.replace(b"test-mod-one", b"test-mod-lie"))
    if found()["mod-one"]["provides"][0]["name"] != "test-mod-lie":
        raise Failure("the test does not do what it says")
    expect_stale("mod-one.so: the index has another note than the file")
    done = run(PROGRAM, "-device", "test-mod-lie,help")
    for text in (f"{PLACE}/mod-one.so", "it was changed after it was listed, or the index of its "
                 f"directory is wrong: 'tenon-modinfo --write-index {PLACE}' renews that"):
        if text not in done.stderr:
            raise Failure(done.stderr)
    if done.returncode != 1 or MARK.exists():
        raise Failure("code ran")
    write()
    if run(PROGRAM, "-device", "test-mod-one,help").returncode:
        raise Failure("renewing does not help")


def a_lie_about_what_is_required_loads_nothing():
    lie(lambda note: note.rstrip(b"\0") + b"requires=mod-two\n")
    done = run(PROGRAM, "-device", "test-mod-one,help")
    if done.returncode != 1 or "or the index of its directory is wrong" not in done.stderr:
        raise Failure(done.stderr)
    if MARK.exists():
        raise Failure("what it required was loaded")


# ---- The tool -------------------------------------------------------------------------------


def the_tool_names_what_it_cannot_do():
    wide = FOLDER / "tool-wide"
    shutil.rmtree(wide, ignore_errors=True)
    wide.mkdir()
    wide.chmod(0o777)
    for option in ("--write-index", "--check-index"):
        for path, why in ((FOLDER / "absent", "cannot be opened: No such file"),
                          (wide, "is writable by everyone"), (FOLDER / "mark", "cannot be opened")):
            done = run(MODINFO, option, path, PLACE)
            if done.returncode != 1 or not re.match(rf"tenon-modinfo: {path}: .*{why}", done.stderr):
                raise Failure(f"{option} {path}: {done.returncode} {done.stderr}")
        for more in (["--json"], ["--check"], ["--catalogue"]):
            done = run(MODINFO, option, *more, PLACE)
            if done.returncode != 2 or "each stand alone" not in done.stderr:
                raise Failure(f"{option} {more}: {done.returncode} {done.stderr}")
        done = run(MODINFO, option)
        if done.returncode != 2 or "no directory is given" not in done.stderr:
            raise Failure(f"{option}: {done.returncode} {done.stderr}")


def no_index_and_a_bad_one_are_not_fresh():
    put_index(b"")
    expect_stale(f"{index.NAME}: it is of 0 bytes; an index has 1 to {2**24}")
    INDEX.unlink()
    expect_stale(f"{index.NAME}: there is none")


CASES = [
    a_fresh_index_is_used, it_saves_opening_the_files, its_modules_load,
    it_has_the_form_that_is_documented, writing_again_gives_the_same_bytes,
    listings_while_it_is_written_are_whole, what_is_no_module_of_its_own_is_left_out,
    what_not_everyone_may_read_is_left_out, modules_of_other_hosts_are_described,
    a_file_replaced_by_one_of_its_size_and_date_is_read, a_file_written_in_place_is_read,
    the_index_is_written_when_the_clock_of_the_files_has_gone_on, a_touched_file_is_read,
    a_removed_file_is_not_listed, an_added_file_is_listed, a_file_under_another_name_is_read,
    a_file_that_others_can_write_now_is_refused, a_link_in_a_files_place_is_followed,
    a_torn_index_is_passed_over, a_flipped_bit_is_noticed, another_versions_index_is_passed_over,
    hostile_numbers_are_noticed, who_else_could_write_the_index_is_not_believed,
    links_and_other_files_are_judged, writing_replaces_a_link_and_not_its_target,
    files_that_do_not_exist_are_not_listed, what_is_no_note_is_read_from_the_file,
    a_lie_ends_before_loading, a_lie_about_what_is_required_loads_nothing,
    the_tool_names_what_it_cannot_do, no_index_and_a_bad_one_are_not_fresh,
]


def prepare():
    shutil.rmtree(FOLDER, ignore_errors=True)
    STOCK.mkdir(parents=True)
    FOLDER.chmod(0o755)
    first = modules.build(STOCK, LIBRARY, NAMES[0], code=MARKS)
    for name in NAMES[1:]:
        (STOCK / f"{name}.so").write_bytes(
            modules.replace(first.read_bytes(), (NAMES[0].encode(), name.encode())))
        (STOCK / f"{name}.so").chmod(0o755)


def case(function):
    def run_fresh():
        fresh()
        function()
    return "/index/" + function.__name__.replace("_", "-"), run_fresh


if __name__ == "__main__":
    prepare()
    sys.exit(tap.run([case(function) for function in CASES]))
