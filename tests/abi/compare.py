# SPDX-License-Identifier: MIT
"""Two descriptions of the interface (see describe.py): what breaks modules, and what only adds.

Every message names the thing. A breach can not be approved once 1.0 is released; an addition can.
"""


def parse(text):
    """{(kind, name): (rest of the line, [child lines])}"""
    items, children = {}, None
    for line in text.splitlines():
        if line.startswith("  "):
            children.append(line.strip())
        elif line:
            kind, name, *rest = line.split(" ", 2)
            children = []
            items[kind, name] = (" ".join(rest), children)
    return items


class Report:
    def __init__(self):
        self.breaches, self.additions = [], []


def compare_struct(report, name, old, new):
    (old_head, old_members), (new_head, new_members) = old, new
    if "opaque" in (old_head, new_head):
        if old_head != new_head:
            report.breaches.append(f"struct {name} was {old_head}, and is {new_head}")
        return
    (kind, old_size), (new_kind, new_size) = old_head.split(), new_head.split()
    before = [member.split(" ", 2) for member in old_members]
    after = {member.split(" ", 2)[0]: member.split(" ", 2) for member in new_members}
    for member, offset, type_ in before:
        if member not in after:
            report.breaches.append(f"struct {name}: member {member} was removed")
        elif after[member][1] != offset:
            report.breaches.append(f"struct {name}: member {member} moved from offset {offset} to "
                                   f"{after[member][1]}")
        elif after[member][2] != type_:
            report.breaches.append(f"struct {name}: member {member} was of type '{type_}' and is of "
                                   f"type '{after[member][2]}'")
    if new_kind != kind:
        report.breaches.append(f"struct {name} was {kind}, and is {new_kind}")
    known = {member[0] for member in before}
    added = [member for key, member in after.items() if key not in known]
    for member, offset, _ in added:
        if kind == "frozen":
            report.breaches.append(f"struct {name} is passed by value and may not grow: member "
                                   f"{member} was added")
        elif int(offset) < int(old_size):
            report.breaches.append(f"struct {name}: member {member} was added at offset {offset}, "
                                   f"inside of the {old_size} bytes that older modules have")
        else:
            report.additions.append(f"struct {name}: member {member} was appended")
    if not added and new_size != old_size:
        report.breaches.append(f"struct {name}: its size changed from {old_size} to {new_size} bytes")


def compare_enum(report, name, old, new):
    before = dict(value.split(" ") for value in old[1])
    after = dict(value.split(" ") for value in new[1])
    for key, value in before.items():
        if key not in after:
            report.breaches.append(f"enum {name}: {key} was removed")
        elif after[key] != value:
            report.breaches.append(f"enum {name}: {key} was {value}, and is {after[key]}")
    for key in after.keys() - before.keys():
        report.additions.append(f"enum {name}: {key} was added")


def compare(old_text, new_text):
    report = Report()
    old, new = parse(old_text), parse(new_text)
    for (kind, name), item in old.items():
        other = new.get((kind, name))
        if other is None:
            report.breaches.append(f"{kind} {name} was removed")
        elif kind == "struct":
            compare_struct(report, name, item, other)
        elif kind == "enum":
            compare_enum(report, name, item, other)
        elif item[0] != other[0]:
            report.breaches.append(f"{kind} {name} was '{item[0]}', and is '{other[0]}'")
    for kind, name in new.keys() - old.keys():
        report.additions.append(f"{kind} {name} was added")
    report.breaches.sort()
    report.additions.sort()
    return report
