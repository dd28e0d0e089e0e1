#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Modules as the program meets them: good ones, and every kind of bad one beside them.

Arguments: the program, and a folder for the modules that are made here. Modules are compiled with
$CC (default cc) against abi/ and the built libtenon.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests"))

from support import modules, tap  # noqa: E402

PROGRAM, FOLDER = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
LIBRARY = PROGRAM.parent / "core"


def build(name, *arguments, **more):
    return modules.build(FOLDER, LIBRARY, name, *arguments, **more)


def patch(path, old, new):
    data = path.read_bytes()
    assert old in data and len(old) == len(new)
    path.write_bytes(data.replace(old, new))


def copy(source, name, old=None, new=None):
    """A module like `source` whose name, device and type are called otherwise."""
    path = FOLDER / f"{name}.so"
    shutil.copy(source, path)
    patch(path, b"good", name[:4].encode())
    if old:
        patch(path, old, new)
    return path


def make_modules():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    FOLDER.chmod(0o755)
    good = build("good")
    build("needs", lines='TN_NOTE_REQUIRES("good")')
    build("lone", lines='TN_NOTE_REQUIRES("absent")')
    build("ring", lines='TN_NOTE_REQUIRES("gnir")')
    build("gnir", lines='TN_NOTE_REQUIRES("ring")')
    build("crash", code="__attribute__((constructor)) static void die(void) { __builtin_trap(); }")
    build("fails", hooks=".init = refuse", code="""
        static bool refuse(GError **error)
        { g_set_error(error, TN_ERROR, TN_ERROR_FAILED, "no hardware here"); return false; }""")
    build("liar", type_name="something-else")
    build("twin", type_name="device")
    copy(good, "abi9", b"abi=1.0", b"abi=9.0")
    copy(good, "abi1", b"abi=1.0", b"abi=1.7")
    data = bytearray(copy(good, "arch").read_bytes())
    data[18:20] = b"\xf3\x00"  # e_machine: RISC-V
    (FOLDER / "arch.so").write_bytes(data)
    whole = good.read_bytes()
    for percent in (0, 1, 10, 50, 90, 99):
        (FOLDER / f"cut{percent}.so").write_bytes(whole[:len(whole) * percent // 100])
    (FOLDER / "text.so").write_text("not a library\n")
    copy(good, "open").chmod(0o777)
    (FOLDER / "link.so").symlink_to("/nowhere/at/all.so")
    (FOLDER / "loop.so").symlink_to("loop.so")
    (FOLDER / "folder.so").mkdir()
    os.mkfifo(FOLDER / "fifo.so")
    intern = build("tier", lines="TN_NOTE_INTERNAL")
    assert b"internal-hash=0\n" in intern.read_bytes()


def run(*options, path=FOLDER, environment=None):
    env = {**os.environ, "TENON_MODULE_PATH": str(path), **(environment or {})}
    return subprocess.run([PROGRAM, *options], capture_output=True, text=True, env=env, timeout=60)


def device(name):
    """What the program says to -device NAME on an empty machine."""
    return run("-machine", "none", "-display", "none", "-S", "-device", name + ",help")


# ---- Cases ---------------------------------------------------------------------------------


def the_listing_has_the_good_ones_only():
    result = run("-device", "help")
    assert result.returncode == 0, result.stderr
    names = set(re.findall(r'name "(test-[^"]*)"', result.stdout))
    expected = {"test-" + name for name in
                ("good", "needs", "lone", "ring", "gnir", "crash", "fails", "liar", "twin")}
    assert names == expected, names ^ expected


def listing(*options):
    """-module help,format=json, and in it the modules by the stem of their file."""
    result = run(*options, "-module", "help,format=json")
    assert result.returncode == 0, result.stderr
    whole = json.loads(result.stdout)
    return whole, {pathlib.Path(entry["path"]).stem: entry for entry in whole["modules"]}


def each_bad_one_says_why():
    _, found = listing()
    text = run("-module", "help").stdout
    reasons = {
        "abi9": "it needs ABI 9.0", "abi1": "it needs ABI 1.7",
        "arch": "it was built for riscv64 hosts", "cut0": "it is not an ELF file",
        "cut1": "it is truncated", "cut50": "it is truncated", "cut99": "it is truncated",
        "text": "it is not an ELF file", "open": "is writable by everyone (mode 0777)",
        "link": "/nowhere/at that it links to cannot be opened", "loop": "too many",
        "folder": "it is not a regular file",
        "fifo": "it is not a regular file", "tier": "built with another version",
    }
    for name, reason in reasons.items():
        module = found[name]
        assert module["state"] == "broken", module
        assert reason in module["cause"].lower() or reason in module["cause"], module
        assert f"  cannot be used: {module['cause']}\n" in text, text


def the_json_list_has_names_and_a_digest():
    whole, found = listing()
    good = found["good"]
    assert (good["name"], good["version"], good["state"]) == ("good", "1", "usable"), good
    assert good["provides"] == [{"kind": "device", "name": "test-good", "aliases": [], "bus": "",
                                 "category": "misc", "user": True,
                                 "description": "made for the test"}], good
    assert found["text"]["name"] is None and found["text"]["digest"] is None
    digest = hashlib.sha256()
    for module in whole["modules"]:
        digest.update(f"{module['path']}\0{module['digest'] or '-'}\n".encode())
    assert whole["digest"] == digest.hexdigest()
    extra = FOLDER / "zextra.so"
    shutil.copy(FOLDER / "good.so", extra)
    try:
        assert listing()[0]["digest"] != whole["digest"]
    finally:
        extra.unlink()
    assert listing()[0]["digest"] == whole["digest"]
    assert f"Digest: {whole['digest']}\n" in run("-module", "help").stdout


def a_good_one_loads_among_the_bad():
    result = device("test-good")
    assert result.returncode == 0 and "test-good" in result.stdout, result.stderr
    result = device("test-needs")
    assert result.returncode == 0, result.stderr


def asking_for_a_bad_one_says_why():
    for name, reason in {
        "test-abi9": "it needs ABI 9.0", "test-arch": "it was built for riscv64 hosts",
        "test-fails": "it does not start: no hardware here",
        "test-liar": "announces the device 'test-liar' and has no type",
        "test-twin": "type 'device' is registered already",
        "test-lone": "requires the module 'absent', which is not installed",
        "test-ring": "requires itself", "test-tier": "built with another version",
    }.items():
        result = device(name)
        assert result.returncode == 1 and reason in result.stderr, f"{name}: {result.stderr}"


def a_missing_name_gets_a_hint():
    result = device("test-god")
    assert "did you mean 'test-good'?" in result.stderr, result.stderr
    result = device("text")
    assert "text.so may have it" in result.stderr, result.stderr
    result = device("virtio-net-pci")
    assert "known" in result.stderr and "did you mean" not in result.stderr, result.stderr


def a_crash_happens_only_when_the_module_is_used():
    assert run("-device", "help").returncode == 0
    assert device("test-crash").returncode < 0


def a_folder_that_all_can_write_is_refused():
    FOLDER.chmod(0o777)
    try:
        result = run("-device", "help")
        assert result.returncode == 0 and "test-good" not in result.stdout
        assert "writable by everyone" in run("-module", "help").stdout
        assert "not looked into: " in device("test-good").stderr
    finally:
        FOLDER.chmod(0o755)


def what_a_group_can_write_is_refused():
    """Root's group and the owner's private one may; to give a file to another one takes root."""
    good, user = FOLDER / "good.so", os.geteuid()
    owners = [(0, 12345), (0, 0), (12345, 12345)] if user == 0 else [(user, os.getegid())]
    try:
        for owner, group in owners:
            os.chown(good, owner, group)
            good.chmod(0o775)
            found = listing()[1]["good"]
            if group in (0, owner):
                assert found["state"] == "usable", found
            else:
                assert f"it is writable by the group {group} (mode 0775)" in found["cause"], found
    finally:
        os.chown(good, user, os.getegid())
        good.chmod(0o755)


def packages(*items, **more):
    return json.dumps({"format": 1, "provides": list(items), **more})


def item(name, *names, **more):
    return {"kind": "device", "name": name, "packages": list(names), **more}


def a_name_in_a_file_of_packages_is_told_with_its_package():
    folder = FOLDER.parent / "modules-test-packages"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "catalog.d").mkdir(parents=True)
    files = {
        "one.json": packages(item("test-gone", "tenon-extra", module="gone", colour="red")),
        "two.json": packages(item("test-else", "a", "b"), install="apt install"),
        "bad.json": "{", "control.json": packages(item("test-ctl", "\x1b[31m")),
        "empty.json": packages(item("test-none")), "format.json": '{"format": 2, "provides": []}',
        "open.json": packages(item("test-open", "c")), "deep.json": "[" * 100000,
        "list.json": "[]", "text.json": '{"format": 1, "provides": ["x"]}', "readme.txt": "{",
    }
    for name, text in files.items():
        (folder / "catalog.d" / name).write_text(text)
    (folder / "catalog.d" / "open.json").chmod(0o666)
    (folder / "catalog.d" / "folder.json").mkdir()
    for name, message in {
        "test-gone": "the device 'test-gone' is not installed: it is in the module 'gone'; "
                     "install the package 'tenon-extra'\n",
        "test-else": "the device 'test-else' is not installed; install the package 'a' or 'b' "
                     "with 'apt install a'\n",
        "test-open": "there is no device 'test-open'", "test-ctl": "there is no device 'test-ctl'",
    }.items():
        result = run("-device", name + ",help", path=folder)
        assert result.returncode == 1 and message in result.stderr, result.stderr
    whole = json.loads(run("-module", "help,format=json", path=folder).stdout)
    causes = {pathlib.Path(file["path"]).name: file["cause"] for file in whole["catalogue"]
              if file["path"].startswith(str(folder))}
    assert {name for name, cause in causes.items() if not cause} == {"one.json", "two.json"}, causes
    assert set(causes) == set(files) - {"readme.txt"} | {"folder.json"}, causes
    assert "line 1: a string is wanted" in causes["bad.json"], causes
    assert "passed over: " + causes["bad.json"] in run("-module", "help", path=folder).stdout


def a_module_of_the_build_that_is_gone_is_named():
    tree = FOLDER.parent / "modules-test-tree"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "modules" / "catalog.d").mkdir(parents=True)
    (tree / "build.ninja").touch()
    program = shutil.copy(PROGRAM, tree / "tenon")
    env = {**os.environ, "LD_LIBRARY_PATH": str(LIBRARY)}

    def message():
        return subprocess.run([program, "-device", "edu,help"], capture_output=True, text=True,
                              env=env, timeout=60).stderr

    gone = "the device 'edu' is not installed: it is in the module 'edu'"
    assert message().endswith(gone + "\n"), message()
    shutil.copy(PROGRAM.parent / "modules" / "catalog.d" / "tenon.json",
                tree / "modules" / "catalog.d")
    assert re.search(gone + "; install the package '[^']+'\n$", message()), message()


def the_catalogue_knows_every_module_that_was_built():
    whole, _ = listing()
    built = {(provide["kind"], name) for module in whole["modules"]
             if module["path"].startswith(str(PROGRAM.parent / "modules"))
             for provide in module["provides"] for name in [provide["name"], *provide["aliases"]]}
    table = (PROGRAM.parent / "core" / "module" / "tenon-in-tree.h").read_text()
    known = {tuple(row) for row in re.findall(r'\{ "([^"]*)", "([^"]*)", "[^"]*" \}', table)}
    assert built and built <= known, built - known


def a_denied_module_is_there_and_forbidden():
    options = ["-module", "deny=good"]
    result = run(*options, "-device", "test-good,help")
    assert result.returncode == 1
    assert f"is in the module {FOLDER}/good.so, which is denied: '-module deny=good' forbids it" \
        in result.stderr, result.stderr
    result = run(*options, "-device", "test-needs,help")
    assert "it requires the module 'good': '-module deny=good' forbids it" in result.stderr
    assert "test-good" not in run(*options, "-device", "help").stdout
    assert listing(*options)[1]["good"]["state"] == "denied"
    assert "-module deny=nobody: no module has this name" in \
        run("-module", "deny=nobody", "-device", "help").stderr


def ask_qtest(command, *options, before=lambda: None):
    """What a machine that runs answers; `before` is called when it does."""
    with subprocess.Popen(
            [PROGRAM, "-module", f"dir={FOLDER}", *options, "-machine", "none", "-display", "none",
             "-qtest", "stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        def ask(line):
            child.stdin.write(line + "\n")
            child.stdin.flush()
            return child.stdout.readline().rstrip("\n")

        ask("endianness")
        before()
        answer = ask(command)
        child.kill()
    return answer


def after_the_lock_nothing_is_loaded():
    assert ask_qtest("module_load  test-good", "-module", "lock=off") == "OK"
    answer = ask_qtest("module_load  test-good", "-module", "lock")
    assert answer == (
        f"FAIL the device 'test-good' is in the module {FOLDER}/good.so, which is not loaded: "
        "'-module lock' forbids loading after the machine has started"), answer


def a_file_that_changed_since_it_was_listed_is_refused():
    path = FOLDER / "change.so"
    copy(FOLDER / "good.so", "change")
    answer = ask_qtest("module_load  test-chan", before=lambda: path.write_bytes(
        path.read_bytes().replace(b"made for the test", b"made for the rest")))
    path.unlink()
    assert answer.endswith(": it was changed after it was listed"), answer


def a_library_beside_its_module_is_found():
    library = FOLDER / "libbeside.so.1"
    subprocess.run([*modules.compiler(), "-shared", "-fPIC", "-o", library, "-x", "c", "-",
                    "-Wl,-soname,libbeside.so.1"], input=b"int beside(void) { return 1; }",
                   check=True)
    build("origin", options=["-Wl,--no-as-needed", library, "-Wl,-rpath,$ORIGIN"])
    result = device("test-origin")
    (FOLDER / "origin.so").unlink()
    assert result.returncode == 0, result.stderr


def the_folder_option_comes_first():
    result = run("-module", f"dir={FOLDER}", "-device", "test-good,help", path="")
    assert result.returncode == 0, result.stderr


def listing_maps_no_module():
    if not shutil.which("strace"):
        raise tap.Skip("strace is not installed")
    for options in (["-device", "help"], ["-machine", "help"], ["-module", "help"]):
        log = FOLDER.parent / "strace.log"
        env = {**os.environ, "TENON_MODULE_PATH": str(FOLDER)}
        result = subprocess.run(["strace", "-f", "-y", "-e", "trace=mmap,openat", "-o", log,
                                 PROGRAM, *options], capture_output=True, text=True, env=env,
                                timeout=120)
        if result.returncode and "ptrace" in result.stderr.lower():
            raise tap.Skip("strace may not trace here")
        lines = log.read_text().splitlines()
        opened = [line for line in lines if "openat" in line and "/good.so" in line or
                  'openat' in line and '"good.so"' in line]
        assert opened, "the listing does not even read the note"
        places = (str(FOLDER), str(PROGRAM.parent / "modules"))
        mapped = [line for line in lines if "mmap" in line and any(p in line for p in places)]
        assert not mapped, mapped[0]


CASES = [the_listing_has_the_good_ones_only, each_bad_one_says_why, a_good_one_loads_among_the_bad,
         asking_for_a_bad_one_says_why, a_missing_name_gets_a_hint,
         a_crash_happens_only_when_the_module_is_used, a_folder_that_all_can_write_is_refused,
         what_a_group_can_write_is_refused,
         the_json_list_has_names_and_a_digest,
         a_name_in_a_file_of_packages_is_told_with_its_package,
         a_module_of_the_build_that_is_gone_is_named,
         the_catalogue_knows_every_module_that_was_built,
         a_denied_module_is_there_and_forbidden, after_the_lock_nothing_is_loaded,
         a_file_that_changed_since_it_was_listed_is_refused,
         a_library_beside_its_module_is_found, the_folder_option_comes_first, listing_maps_no_module]


make_modules()
sys.exit(tap.run([("/modules/" + case.__name__.replace("_", "-"), case) for case in CASES]))
