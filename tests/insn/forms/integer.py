# SPDX-License-Identifier: MIT
"""Integer forms, in the order of the manual's groups (SDM volume 1, chapter 7)."""

from forms.form import AF, ALL, CF, OF, PF, SF, SUFFIX, ZF, Form, Mode, reg

CONDITIONS = "o no b ae e ne be a s ns p np l ge le g".split()
ARITHMETIC = "add or adc sbb and sub xor cmp".split()
LOGIC_UNDEFINED = AF
IMMEDIATES = {8: (0, 1, 127, -128), 16: (1, -1, 0x1234, -0x8000),
              32: (0, -1, 0x12345678, -0x80000000)}


def form(code, **settings):
    return Form(code=code, group="integer", **settings)


def two_operand(mode):
    for name in ARITHMETIC + ["test"]:
        undefined = LOGIC_UNDEFINED if name in ("and", "or", "xor", "test") else 0
        for size in mode.sizes:
            yield from two_operand_forms(mode, name, size, undefined)


def two_operand_forms(mode, name, size, undefined):
    op = name + SUFFIX[size]
    for source, target in mode.pairs(size):
        yield form(f"{op} {source}, {target}", undefined=undefined)
    yield form(f"{op} {reg('c', size)}, {mode.mem}", undefined=undefined)
    if name != "test":
        yield form(f"{op} {mode.mem}, {reg('d', size)}", undefined=undefined)
    for value in IMMEDIATES[min(size, 32)]:
        yield form(f"{op} ${value}, {reg('a', size)}", undefined=undefined, count=12)
        yield form(f"{op} ${value}, {reg('d', size)}", undefined=undefined, count=12)
        yield form(f"{op} ${value}, {mode.mem}", undefined=undefined, count=12)
    if size > 8 and name != "test":
        yield form(f"{op} $-3, {reg('S', size)}", undefined=undefined, count=12)
    if name not in ("cmp", "test"):
        yield form(f"lock {op} {reg('c', size)}, {mode.mem}", undefined=undefined, count=12)


def one_operand(mode):
    for name in ("inc", "dec", "neg", "not"):
        for size in mode.sizes:
            op = name + SUFFIX[size]
            for target in mode.targets(size):
                yield form(f"{op} {target}")
            yield form(f"{op} {mode.mem}")
            yield form(f"lock {op} {mode.mem}", count=12)


def multiply(mode):
    undefined = SF | ZF | AF | PF
    for size in mode.sizes:
        for name in ("mul", "imul"):
            yield form(f"{name}{SUFFIX[size]} {reg('c', size)}", undefined=undefined, kind="wide")
            yield form(f"{name}{SUFFIX[size]} {reg('a', size)}", undefined=undefined, kind="wide")
            yield form(f"{name}{SUFFIX[size]} {mode.mem}", undefined=undefined, kind="wide")
    for size in mode.wide:
        op = "imul" + SUFFIX[size]
        for source, target in mode.pairs(size):
            yield form(f"{op} {source}, {target}", undefined=undefined, kind="wide")
            for value in (3, -7, 0x1234):
                yield form(f"{op} ${value}, {source}, {target}", undefined=undefined, count=12)
        yield form(f"{op} {mode.mem}, {reg('d', size)}", undefined=undefined)
        yield form(f"{op} $-99, {mode.mem}, {reg('d', size)}", undefined=undefined)


def divide(mode):
    undefined = CF | OF | SF | ZF | AF | PF
    for size in mode.sizes:
        for name in ("div", "idiv"):
            kind = f"{name}{size}"
            yield form(f"{name}{SUFFIX[size]} {reg('c', size)}", undefined=undefined, kind=kind)
            yield form(f"{name}{SUFFIX[size]} {mode.mem}", undefined=undefined, kind=kind)


def shift_rule(name, size):
    if name in ("rol", "ror", "rcl", "rcr"):
        return "rotate64" if size == 64 else "rotate32"
    return f"shift{size}"


def shift_undefined(name, size, count):
    """Flags left undefined by a shift of a fixed count; OF tells nothing unless it is one."""
    masked = count & (63 if size == 64 else 31)
    if masked == 0:
        return 0
    undefined = 0 if masked == 1 else OF
    if name in ("shl", "shr", "sar"):
        undefined |= AF
        if masked >= size:
            undefined |= CF
    return undefined


def shifts(mode):
    for name in ("rol", "ror", "rcl", "rcr", "shl", "shr", "sar"):
        for size in mode.sizes:
            op = name + SUFFIX[size]
            rule = shift_rule(name, size)
            for target in mode.targets(size):
                if "c" not in target:
                    yield form(f"{op} %cl, {target}", kind="shift", rule=rule)
            yield form(f"{op} %cl, {mode.mem}", kind="shift", rule=rule)
            yield form(f"{op} %cl, {reg('c', size)}", kind="shift", rule=rule)
            yield form(f"{op} {reg('a', size)}", undefined=shift_undefined(name, size, 1))
            yield form(f"{op} {mode.mem}", undefined=shift_undefined(name, size, 1))
            for count in (0, 1, 3, 7, 8, 15, 16, 31, 33, 63):
                yield form(f"{op} ${count}, {reg('d', size)}",
                           undefined=shift_undefined(name, size, count), count=10)
            yield form(f"{op} $5, {mode.mem}", undefined=shift_undefined(name, size, 5))


def double_shifts(mode):
    for name in ("shld", "shrd"):
        for size in mode.wide:
            op, rule = name + SUFFIX[size], f"double{size}"
            kind = "shift16" if size == 16 else "shift"
            source, target = reg("d", size), reg("a", size)
            yield form(f"{op} %cl, {source}, {target}", kind=kind, rule=rule)
            yield form(f"{op} %cl, {source}, {mode.mem}", kind=kind, rule=rule)
            for count in (0, 1, 2, 9, 15) + ((17, 31) if size > 16 else ()) + ((33, 63)
                    if size == 64 else ()):
                undefined = shift_undefined("shl", size, count)
                yield form(f"{op} ${count}, {source}, {target}", undefined=undefined, count=12)
                yield form(f"{op} ${count}, {source}, {mode.mem}", undefined=undefined, count=12)


def bits(mode):
    undefined = OF | SF | AF | PF
    for name in ("bt", "bts", "btr", "btc"):
        for size in mode.wide:
            op = name + SUFFIX[size]
            for source, target in mode.pairs(size):
                yield form(f"{op} {source}, {target}", undefined=undefined)
            yield form(f"{op} {reg('c', size)}, {mode.mem}", undefined=undefined, kind="bitmem")
            for value in (0, 7, 15, 31, 63, 200):
                yield form(f"{op} ${value}, {reg('d', size)}", undefined=undefined, count=8)
                yield form(f"{op} ${value}, {mode.mem}", undefined=undefined, count=8)
            if name != "bt":
                yield form(f"lock {op} {reg('c', size)}, {mode.mem}", undefined=undefined,
                           kind="bitmem")
    for size in mode.wide:
        source, target = reg("c", size), reg("d", size)
        for name in ("bsf", "bsr"):
            op = name + SUFFIX[size]
            yield form(f"{op} {source}, {target}", undefined=ALL & ~ZF, kind="nonzero")
            yield form(f"{op} {mode.mem}, {target}", undefined=ALL & ~ZF, kind="nonzero")
        for name, feature, other in (("lzcnt", "lzcnt", OF | SF | AF | PF),
                                     ("tzcnt", "bmi1", OF | SF | AF | PF),
                                     ("popcnt", "popcnt", 0)):
            op = name + SUFFIX[size]
            yield form(f"{op} {source}, {target}", undefined=other, features=(feature,))
            yield form(f"{op} {target}, {target}", undefined=other, features=(feature,))
            yield form(f"{op} {mode.mem}, {target}", undefined=other, features=(feature,))
    for size in mode.wide[1:]:
        for target in mode.targets(size):
            yield form(f"bswap {target}")


def bmi(mode):
    for size in mode.wide[1:]:
        s = SUFFIX[size]
        a, c, d, w = (reg(name, size) for name in ("a", "c", "d", "S"))
        yield form(f"andn{s} {c}, {d}, {a}", undefined=AF | PF, features=("bmi1",))
        yield form(f"andn{s} {mode.mem}, {d}, {a}", undefined=AF | PF, features=("bmi1",))
        for kind in ("int", "bitfield"):
            yield form(f"bextr{s} {c}, {d}, {a}", undefined=AF | SF | PF, features=("bmi1",),
                       kind=kind)
        yield form(f"bextr{s} {c}, {mode.mem}, {a}", undefined=AF | SF | PF, features=("bmi1",),
                   kind="bitfield")
        for name in ("blsi", "blsmsk", "blsr"):
            yield form(f"{name}{s} {c}, {d}", undefined=AF | PF, features=("bmi1",))
            yield form(f"{name}{s} {mode.mem}, {d}", undefined=AF | PF, features=("bmi1",))
        for kind in ("int", "shift"):
            yield form(f"bzhi{s} {c}, {d}, {a}", undefined=AF | PF, features=("bmi2",), kind=kind)
            for name in ("sarx", "shlx", "shrx"):
                yield form(f"{name}{s} {c}, {d}, {a}", features=("bmi2",), kind=kind)
                yield form(f"{name}{s} {c}, {mode.mem}, {a}", features=("bmi2",), kind=kind)
        for name in ("pdep", "pext", "mulx"):
            yield form(f"{name}{s} {c}, {d}, {a}", features=("bmi2",))
            yield form(f"{name}{s} {mode.mem}, {d}, {a}", features=("bmi2",))
        yield form(f"mulx{s} {c}, {a}, {a}", features=("bmi2",))
        for count in (0, 1, 13, 31, 63):
            yield form(f"rorx{s} ${count}, {c}, {a}", features=("bmi2",), count=8)
            yield form(f"rorx{s} ${count}, {mode.mem}, {a}", features=("bmi2",), count=8)
        for name in ("adcx", "adox"):
            yield form(f"{name}{s} {c}, {d}", features=("adx",))
            yield form(f"{name}{s} {mode.mem}, {w}", features=("adx",))
    for size in mode.wide:
        s, d = SUFFIX[size], reg("d", size)
        yield form(f"movbe{s} {mode.mem}, {d}", features=("movbe",))
        yield form(f"movbe{s} {d}, {mode.mem}", features=("movbe",))
    for size in mode.sizes:
        target = "%edx" if size < 64 else "%rdx"
        yield form(f"crc32{SUFFIX[size]} {reg('c', size)}, {target}", features=("sse4_2",))
        yield form(f"crc32{SUFFIX[size]} {mode.mem}, {target}", features=("sse4_2",))


def exchange(mode):
    for size in mode.sizes:
        s = SUFFIX[size]
        for source, target in mode.pairs(size):
            yield form(f"xchg{s} {source}, {target}")
            yield form(f"xadd{s} {source}, {target}")
            yield form(f"cmpxchg{s} {source}, {target}")
            yield form(f"mov {target}, {reg('a', size)}; cmpxchg{s} {source}, {target}", count=12)
        for lock in ("", "lock "):
            c = reg("c", size)
            yield form(f"xchg{s} {c}, {mode.mem}" if not lock else f"lock xchg{s} {mode.mem}, {c}")
            yield form(f"{lock}xadd{s} {c}, {mode.mem}")
            yield form(f"{lock}cmpxchg{s} {c}, {mode.mem}")
            yield form(f"mov {mode.mem}, {reg('a', size)}; {lock}cmpxchg{s} {c}, {mode.mem}")
    for lock in ("", "lock "):
        match = f"mov {mode.mem}, %eax; mov 4{mode.mem}, %edx; "
        fresh = f"mov {mode.cx}, {mode.si}; "
        # RBX is both the pointer and the new low half.
        for prepare in ("", match):
            yield form(f"{prepare}{lock}cmpxchg8b {mode.mem}", features=("cx8",))
        if mode.long:
            wide = f"{fresh}mov {mode.mem}, %rax; mov 8{mode.mem}, %rdx; "
            for prepare in ("", wide):
                yield form(f"{prepare}{lock}cmpxchg16b {mode.mem}", features=("cx16",))


def moves(mode):
    for size in mode.sizes:
        s = SUFFIX[size]
        for source, target in mode.pairs(size):
            yield form(f"mov{s} {source}, {target}", count=6)
        for value in IMMEDIATES[min(size, 32)]:
            yield form(f"mov{s} ${value}, {reg('a', size)}", count=4)
            yield form(f"mov{s} ${value}, {mode.mem}", count=4)
        yield form(f"mov{s} {mode.mem}, {reg('d', size)}", count=6)
        yield form(f"mov{s} {reg('d', size)}, {mode.mem}", count=6)
        for name in ("movs", "movz"):
            for target in mode.wide:
                if target > size and not (name == "movz" and size == 32):
                    op = f"{name}{s}{SUFFIX[target]}"
                    yield form(f"{op} {reg('c', size)}, {reg('d', target)}")
                    yield form(f"{op} {mode.mem}, {reg('d', target)}")
                    if size == 8:
                        yield form(f"{op} %ch, {reg('d', target)}"
                                   if target < 64 else f"{op} %sil, {reg('d', target)}")
    if mode.long:
        yield form("movabs $0x123456789abcdef0, %r11", count=2)
        yield form("movabs %rax, 0x2000108", count=4)
        yield form("movabs 0x2000108, %al", count=4)
        yield form("movslq %ecx, %rdx")
        yield form(".byte 0x63, 0xd1", count=8)  # MOVSXD without REX.W
        yield form(".byte 0x66, 0x63, 0xd1", count=8)
    yield form(f"movnti %ecx, {mode.mem}", features=("sse2",), count=6)
    for name in ("cbtw", "cwtl", "cwtd", "cltd") + (("cltq", "cqto") if mode.long else ()):
        yield form(name)
    yield form(f"mov {mode.bx}, {mode.bx}; xlat", kind="xlat")
    for name in ("clc", "stc", "cmc", "cld", "std"):
        yield form(name, count=8)
    yield form("lahf", features=("lahf64",) if mode.long else ())
    yield form("sahf", features=("lahf64",) if mode.long else ())
    for text in ("nop", ".byte 0x66, 0x90", "nopw 0(%eax,%eax,1)"
                 if not mode.long else "nopw 0(%rax,%rax,1)", "pause",
                 "lfence", "sfence", "mfence", ".byte 0xf3, 0x0f, 0x1e, 0xfa"):
        yield form(text, count=2)


def addresses(mode):
    places = ["({bx})", "8({bx})", "-120({bx})", "300({bx})", "({bx},{cx})", "4({bx},{cx},2)",
              "-16({bx},{cx},4)",
              "({bx},{cx},8)", "3({bx},{dx},8)", "({cx},{bx})", "64(,{bx})"]
    if mode.long:
        places += ["({bx},%r9)", "5({bx},%r10,2)", "(%ebx,%ecx,2)", "300(%ebx)"]
    else:
        places += ["%ds:({bx})", "%ss:({bx},{cx})"]
    names = {name: getattr(mode, name) for name in ("bx", "cx", "dx")}
    for place in (text.format(**names) for text in places):
        yield form(f"lea {place}, {mode.ax}", kind="index")
        yield form(f"mov {place}, {mode.ax}", kind="index")
        yield form(f"add %eax, {place}", kind="index")
        yield form(f"movzbl {place}, %eax", kind="index")
    for text in ("lea (%ebx,%ecx,4), %ax", "lea 0x12345(%ecx,%edx,8), %eax"):
        yield form(text)
    if mode.long:
        yield form("lea (%rbx,%rcx,4), %eax")
        yield form("lea (%ebx,%ecx,4), %rax")
        yield form("lea 0x1234(%rip), %rax", count=1)
    else:
        for place in ("(%bx,%si)", "(%bx,%di)", "(%bp,%si)", "(%bp,%di)", "(%si)", "(%di)",
                      "0x1234(%bp)", "8(%bx)"):
            yield form(f"leaw {place}, %ax")
            yield form(f"leal {place}, %eax")


def crossing(mode):
    """Operands that lie on two pages."""
    for size in mode.wide:
        s, d = SUFFIX[size], reg("d", size)
        for text in (f"mov{s} {mode.mem}, {d}", f"mov{s} {d}, {mode.mem}",
                     f"add{s} {d}, {mode.mem}",
                     f"xchg{s} {d}, {mode.mem}", f"lock xadd{s} {d}, {mode.mem}",
                     f"not{s} {mode.mem}",
                     f"cmpxchg{s} {d}, {mode.mem}", f"bts{s} $3, {mode.mem}",
                     f"shl{s} $1, {mode.mem}"):
            yield form(text, kind="cross", undefined=0 if "bts" not in text
                       and "shl" not in text else OF | SF | AF | PF)
    yield form(f"cmpxchg8b {mode.mem}", kind="cross", features=("cx8",))


def conditions(mode):
    for name in CONDITIONS:
        for target in mode.targets(8)[:3] + [mode.mem]:
            yield form(f"set{name} {target}")
        for size in mode.wide:
            yield form(f"cmov{name} {reg('c', size)}, {reg('d', size)}", features=("cmov",))
            yield form(f"cmov{name} {mode.mem}, {reg('d', size)}", features=("cmov",))
        yield form(f"j{name} 1f; lea 1({mode.dx}), {mode.dx}; 1:")
        yield form(f"j{name} 1f; lea 1({mode.dx}), {mode.dx}; .skip 130, 0x90; 1:")
        yield form(f"cmpl %ecx, %eax; j{name} 1f; not {mode.dx}; 1:")
        yield form(f"testl %ecx, %eax; set{name} %dl; cmov{name} %ecx, %eax", features=("cmov",),
                   undefined=AF)
        yield form(f"decl %eax; set{name} %dl")
        yield form(f"subw %cx, %ax; set{name} %dl")
        yield form(f"addb %cl, %al; j{name} 1f; not {mode.dx}; 1:")
        yield form(f"shll $3, %eax; j{name} 1f; not {mode.dx}; 1: test {mode.dx}, {mode.dx}",
                   undefined=AF) \
            if name not in ("o", "no", "l", "ge", "le",
                            "g") else form(f"negl %eax; j{name} 1f; not {mode.dx}; 1:")
    for name in ("loop", "loope", "loopne"):
        yield form(f"1: lea 1({mode.dx}), {mode.dx}; {name} 1b", kind="index16")
    yield form(f"j{mode.cx[1:]}z 1f; not {mode.dx}; 1:", kind="index")
    if mode.long:
        yield form("addr32 loop 1f; not %rdx; 1:", kind="index")
        yield form("jecxz 1f; not %rdx; 1:", kind="index")
    else:
        yield form("jcxz 1f; not %edx; 1:", kind="index")


def stack(mode):
    def on_stack(code, **settings):
        return form(code, kind="stack", count=settings.pop("count", 8), **settings)

    p = mode.bits
    for name in ("a", "bp", "sp", "D") + (("8", "13") if mode.long else ()):
        yield on_stack(f"push {reg(name, p)}")
        yield on_stack(f"pop {reg(name, p)}"
                       if name != "sp" else f"pop {mode.sp}; mov {mode.sp}, {mode.ax}; "
                       f"mov {mode.bx}, {mode.sp}")
        yield on_stack(f"pushw {reg(name, 16)}")
        yield on_stack(f"popw {reg(name, 16)}" if name != "sp" else "nop")
    for value in (1, -1, 0x12345678):
        yield on_stack(f"push ${value}")
    yield on_stack("pushw $0x1234")
    for place in (mode.mem, f"8({mode.sp})", f"-24({mode.sp})"):
        yield on_stack(f"push {place}")
        yield on_stack(f"pop {place}")
        yield on_stack(f"popw {place}")
    yield on_stack("pushf")
    yield on_stack("pushfw")
    # IF, IOPL and the system flags keep still in user mode; TF would trap, AC would check.
    for flags in ("0x8d5", "0x202", "0xcd7", "0x200ad7"):
        yield on_stack(f"push ${flags}; popf; pushf; pop {mode.ax}")
    yield on_stack(f"push $0x8d5; popfw; mov {mode.bx}, {mode.sp}")
    yield on_stack(f"push {mode.bp}; mov {mode.sp}, {mode.bp}; leave")
    for size, level in ((0, 0), (16, 0), (32, 1), (8, 2), (0, 3)):
        yield on_stack(f"mov {mode.sp}, {mode.bp}; enter ${size}, ${level}")
    yield on_stack(f"mov {mode.bx}, {mode.bp}; leavew")
    yield on_stack("call 1f; nop; 1:")
    yield on_stack(f"call 1f; jmp 2f; 1: lea 5({mode.dx}), {mode.dx}; ret; 2:")
    yield on_stack(f"push {mode.ax}; push {mode.ax}; call 1f; jmp 2f; 1: ret ${2 * p // 8}; 2:")
    yield on_stack(f"lea 1f({'%rip' if mode.long else ''}), {mode.ax}; call *{mode.ax}; jmp 2f; 1: ret; 2:"
                   if mode.long else "mov $1f, %eax; call *%eax; jmp 2f; 1: ret; 2:")
    target = f"lea 1f(%rip), {mode.ax}" if mode.long else "mov $1f, %eax"
    yield on_stack(f"{target}; mov {mode.ax}, {mode.mem}; jmp *{mode.mem}; not {mode.dx}; 1:")
    yield on_stack(f"{target}; jmp *{mode.ax}; not {mode.dx}; 1:")
    yield on_stack(f"{target}; mov {mode.ax}, {mode.mem}; call *{mode.mem}; 1:")
    yield on_stack(f"{target}; push {mode.ax}; ret; not {mode.dx}; 1:")


def strings(mode):
    for size in mode.sizes:
        s = SUFFIX[size]
        for prefix in ("", "rep "):
            for name in ("movs", "stos"):
                yield form(f"{prefix}{name}{s}", kind="string")
        yield form(f"lods{s}", kind="string")
        yield form(f"rep lods{s}", kind="string")
        for prefix in ("", "repe ", "repne "):
            yield form(f"{prefix}cmps{s}", kind="string")
            yield form(f"{prefix}scas{s}", kind="string")
        # Overlapping operands: the elements are copied one by one.
        yield form(f"lea 1({mode.si}), {mode.di}; rep movs{s}", kind="string")
        yield form(f"lea {size // 8}({mode.si}), {mode.di}; rep movs{s}", kind="string")
        yield form(f"lea -3({mode.si}), {mode.di}; rep movs{s}", kind="string")
        yield form(f"repne movs{s}", kind="string", count=8)
        if mode.long:
            yield form(f"addr32 rep movs{s}", kind="string")
            yield form(f"addr32 rep stos{s}", kind="string")


def decimal(mode):
    """Instructions that 64-bit mode has not."""
    if mode.long:
        return
    yield form("aaa", undefined=OF | SF | ZF | PF)
    yield form("aas", undefined=OF | SF | ZF | PF)
    yield form("daa", undefined=OF)
    yield form("das", undefined=OF)
    for base in (10, 16, 7):
        yield form(f"aam ${base}", undefined=OF | AF | CF)
        yield form(f"aad ${base}", undefined=OF | AF | CF)
    yield form(".byte 0xd6", count=8)  # SALC
    yield form("pusha", kind="stack", count=8)
    yield form("pushaw", kind="stack", count=8)
    yield form("mov %esp, %eax; popa; lea 100(%esp), %esp", kind="stack", count=8)
    yield form("popaw", kind="stack", count=8)
    yield form("mov $0x2b, %eax; arpl %cx, %ax")
    yield form("arpl %cx, (%ebx)")
    for value in (".byte 0x40", ".byte 0x4a", ".byte 0x66, 0x41"):
        yield form(value)


def segments(mode):
    for name in ("verr", "verw"):
        for selector in (0, 3, 0x10, 0x18, 0x23, 0x2B, 0x33, 0x40, 0xFFF8):
            yield form(f"mov ${selector}, %eax; {name} %ax", count=1)
    for name in ("lar", "lsl"):
        for selector in (0, 3, 0x10, 0x18, 0x23, 0x2B, 0x33, 0xFFF8):
            for size in mode.wide:
                # LAR leaves bits 16 to 19 undefined.
                tail = "; setz %al; and $~0xf0000, %edx" if name == "lar" and size > 16 else ""
                yield form(f"mov ${selector}, %ecx; {name} {reg('c', size)}, {reg('d', size)}{tail}",
                           undefined=AF if tail else 0, count=2)
    for name in ("cs", "ss"):
        yield form(f"mov %{name}, %eax", count=2)
        yield form(f"mov %{name}, %ax", count=2)
        yield form(f"mov %{name}, {mode.mem}", count=2)
    if mode.long:
        for name in ("fs", "gs"):
            yield form(f"wr{name}base %rbx; mov %{name}:8, %rax; rd{name}base %rdx",
                       features=("fsgsbase",), count=2)
            yield form(f"wr{name}base %ecx; rd{name}base %rdx", features=("fsgsbase",), count=8)
    else:
        for name in ("es", "fs", "gs"):
            yield form(f"mov $0x2b, %ecx; mov %ecx, %{name}; mov %{name}:(%ebx), %eax; mov %{name}, %edx", count=2)
        # The upper half of the pushed word is either zero or left as it was.
        yield form("push %es; pop %eax; push %ds; pop %edx; push %cs; pop %ecx; movzwl %ax, %eax; "
                   "movzwl %dx, %edx; movzwl %cx, %ecx; movl $0, -4(%esp)", kind="stack", count=2)
        yield form("movw $0x2b, 4(%ebx); les (%ebx), %eax", count=2)
        yield form("movw $0x2b, 4(%ebx); lfs (%ebx), %eax", count=2)


GENERATORS = (
    two_operand, one_operand, multiply, divide, shifts, double_shifts, bits, bmi, exchange, moves,
    addresses,
    crossing, conditions, stack, strings, decimal, segments,
)


def generate(bits_wanted):
    mode = Mode(bits_wanted)
    for generator in GENERATORS:
        yield from generator(mode)
