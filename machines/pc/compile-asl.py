# SPDX-License-Identifier: MIT
"""Compiles an ASL file with iasl and writes the AML as a C array: compile-asl.py IASL IN.asl OUT.c NAME"""
import pathlib
import subprocess
import sys

iasl, source, output, name = sys.argv[1:]
aml = pathlib.Path(output).with_suffix('.aml')
run = subprocess.run([iasl, '-vs', '-p', aml, source], capture_output=True, text=True)
if run.returncode:
    sys.exit(run.stdout + run.stderr)
data = aml.read_bytes()
rows = [', '.join(f'0x{b:02x}' for b in data[i:i + 16]) for i in range(0, len(data), 16)]
pathlib.Path(output).write_text(
    '#include <stddef.h>\n#include <stdint.h>\n'
    f'extern const uint8_t {name}[];\nextern const size_t {name}_size;\n'
    f'const uint8_t {name}[] = {{\n' + ''.join(f'    {row},\n' for row in rows) +
    f'}};\nconst size_t {name}_size = sizeof({name});\n')
