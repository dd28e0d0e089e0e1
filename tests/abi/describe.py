# SPDX-License-Identifier: MIT
"""The stable interface as lines of text: what modules have built into them.

A probe that includes every header of abi/tenon is compiled, and its DWARF read: sizes and offsets are
the compiler's, not ours. Symbol versions come from the library itself.

One item a line, children indented; an item's first word is its kind:

    symbol tn_object_new TENON_1.0
    function tn_object_new TnObject *(const char *, GError **)
    struct TnSmp sized 32          sized: begins with its size, may grow at its end
      cpus 4 uint32_t              strided: rows of a table whose stride the module tells
    enum TnClock                   frozen: neither; opaque: only pointers to it are public
      TN_CLOCK_VIRTUAL 0
    type TnIrqFn void (*)(void *, unsigned int, int)
    macro TN_TYPE_OBJECT "object"
"""

import pathlib
import re
import subprocess
import sys
import tempfile

try:
    from elftools.elf.elffile import ELFFile
except ImportError:  # a python3 that is not Debian's comes first in PATH
    sys.path.append("/usr/lib/python3/dist-packages")
    from elftools.elf.elffile import ELFFile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent

# Tables whose rows lie as far apart as another struct says.
STRIDED = {"TnProperty": "TnTypeInfo.property_stride", "TnStateField": "TnTypeInfo.state_stride",
           "TnRegister": "TnRegisterBank.stride"}
SIZE_MEMBERS = ("size", "size_of")


def declared(header):
    """Names that a header declares with TN_API, but for the module's own descriptor."""
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    text = re.sub(r"^#.*(\\\n.*)*$", "", text, flags=re.M)
    names = re.findall(r"TN_API[^;{]*?\b(tn_\w+)\s*[(;\[]", text, flags=re.S)
    return [name for name in names if name != "tn_module"]


def headers(folder):
    return sorted((folder / "tenon").glob("*.h"))


def compiler_flags(folder):
    glib = subprocess.run(["pkg-config", "--cflags", "glib-2.0"], capture_output=True, text=True,
                          check=True).stdout.split()
    return [f"-I{folder}", *glib]


def probe_text(folder):
    lines = [f'#include "tenon/{header.name}"' for header in headers(folder)]
    for header in headers(folder):
        lines += [f"__typeof__(&{name}) probe_{name};" for name in declared(header)]
    return "\n".join(lines) + "\n"


def compile_probe(folder, target):
    """Compile the probe; the macros that the headers define. gcc, whatever the build uses: compilers
    differ in what debug information says, not in what the platform's ABI is."""
    command = ["gcc", "-std=gnu11", *compiler_flags(folder), "-x", "c", "-"]
    text = probe_text(folder)
    subprocess.run([*command, "-c", "-g", "-gdwarf-4", "-O0", "-fno-eliminate-unused-debug-types",
                    "-o", str(target)], input=text, text=True, check=True)
    return subprocess.run([*command, "-dM", "-E"], input=text, capture_output=True, text=True,
                          check=True).stdout


# ---- DWARF ---------------------------------------------------------------------------------


def name_of(die):
    return die.attributes["DW_AT_name"].value.decode() if "DW_AT_name" in die.attributes else None


def target_of(die):
    return die.get_DIE_from_attribute("DW_AT_type") if "DW_AT_type" in die.attributes else None


def parameters(die):
    types = [type_text(target_of(child)) for child in die.iter_children()
             if child.tag == "DW_TAG_formal_parameter"]
    if any(child.tag == "DW_TAG_unspecified_parameters" for child in die.iter_children()):
        types.append("...")
    return ", ".join(types) or "void"


def pointer_text(die, suffix):
    target = target_of(die)
    if target is not None and target.tag == "DW_TAG_subroutine_type":
        return f"{type_text(target_of(target))} ({suffix})({parameters(target)})"
    text = type_text(target)
    return text + suffix if text.endswith("*") else f"{text} {suffix}"


def array_text(die):
    counts = [child.attributes.get("DW_AT_upper_bound") for child in die.iter_children()]
    bounds = "".join(f"[{count.value + 1 if count else ''}]" for count in counts)
    return type_text(target_of(die)) + bounds


def type_text(die):
    """A type as C names it; a typedef's name stands for what is behind it."""
    if die is None:
        return "void"
    if die.tag == "DW_TAG_pointer_type":
        return pointer_text(die, "*")
    if die.tag == "DW_TAG_array_type":
        return array_text(die)
    if die.tag == "DW_TAG_subroutine_type":
        return f"{type_text(target_of(die))} ({parameters(die)})"
    if die.tag in ("DW_TAG_const_type", "DW_TAG_volatile_type"):
        word = die.tag[len("DW_TAG_"):-len("_type")]
        text = type_text(target_of(die))
        return f"{text} {word}" if text.endswith("*") else f"{word} {text}"
    prefix = {"DW_TAG_structure_type": "struct ", "DW_TAG_enumeration_type": "enum ",
              "DW_TAG_union_type": "union "}.get(die.tag, "")
    return prefix + (name_of(die) or "(anonymous)")


def struct_lines(die):
    name = name_of(die)
    if "DW_AT_declaration" in die.attributes:
        return [f"struct {name} opaque"]
    members = [child for child in die.iter_children() if child.tag == "DW_TAG_member"]
    kind = "sized" if name_of(members[0]) in SIZE_MEMBERS else "frozen"
    kind = "strided" if name in STRIDED else kind
    lines = [f"struct {name} {kind} {die.attributes['DW_AT_byte_size'].value}"]
    for member in members:
        offset = member.attributes["DW_AT_data_member_location"].value
        lines.append(f"  {name_of(member)} {offset} {type_text(target_of(member))}")
    return lines


def enum_lines(die):
    values = [(name_of(child), child.attributes["DW_AT_const_value"].value)
              for child in die.iter_children() if child.tag == "DW_TAG_enumerator"]
    head = name_of(die) or f"with-{values[0][0]}"
    return [f"enum {head}", *(f"  {name} {value}" for name, value in values)]


def die_lines(die):
    name = name_of(die)
    ours = (name or "").startswith("Tn")
    if die.tag == "DW_TAG_structure_type" and ours:
        return struct_lines(die)
    if die.tag == "DW_TAG_enumeration_type":
        children = [name_of(child) or "" for child in die.iter_children()]
        return enum_lines(die) if children and children[0].startswith("TN_") else []
    if die.tag == "DW_TAG_typedef" and ours:
        text = type_text(target_of(die))
        return [] if text.split(" ", 1)[-1] == name else [f"type {name} {text}"]
    if die.tag == "DW_TAG_variable" and name.startswith("probe_"):
        text = type_text(target_of(die))
        return [f"function {name[len('probe_'):]} {text.replace(' (*)', ' ', 1)}"]
    return []


def macro_lines(text):
    """Macros that stand for a text or a number: they are compiled into modules. The minor version is
    there to grow."""
    found = re.findall(r'^#define (TN_\w+) ((?:"|[0-9]|INT64_C).*)$', text, flags=re.M)
    return [f"macro {name} {value}" for name, value in found if name != "TN_ABI_MINOR"]


# ---- The whole -----------------------------------------------------------------------------


def symbols(library):
    """(name, version) of what a shared library exports."""
    with open(library, "rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".dynsym")
        versions = elf.get_section_by_name(".gnu.version")
        names = {0: "local", 1: "global"}
        for definition, auxiliary in elf.get_section_by_name(".gnu.version_d").iter_versions():
            names[definition["vd_ndx"]] = next(auxiliary).name
        found = []
        for index, symbol in enumerate(table.iter_symbols()):
            if symbol["st_shndx"] == "SHN_UNDEF" or symbol["st_info"]["bind"] == "STB_LOCAL":
                continue
            number = versions.get_symbol(index)["ndx"]
            version = names[number & 0x7FFF] if isinstance(number, int) else str(number)
            if symbol.name not in names.values():
                found.append((symbol.name, version))
    return sorted(found)


def describe(folder=TOP / "abi", library=None):
    """All lines about the headers in a folder, and the library where one is given."""
    with tempfile.TemporaryDirectory() as scratch:
        target = pathlib.Path(scratch) / "probe.o"
        macros = compile_probe(folder, target)
        items = set()
        with open(target, "rb") as file:
            for unit in ELFFile(file).get_dwarf_info().iter_CUs():
                for die in unit.iter_DIEs():
                    lines = die_lines(die)
                    if lines:
                        items.add("\n".join(lines))
    items |= set(macro_lines(macros))
    if library:
        items |= {f"symbol {name} {version}" for name, version in symbols(library)
                  if version != "TENON_INTERNAL"}
    return "\n".join(sorted(items)) + "\n"


if __name__ == "__main__":
    print(describe(library=sys.argv[1] if len(sys.argv) > 1 else None), end="")
