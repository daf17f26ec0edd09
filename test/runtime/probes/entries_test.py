#!/usr/bin/env python3
"""entries_test.py LIBVIGIL WATCHER: which body the dynamic linker gives those who call channel_send() and channel_receive().

runtime/src/channel_entry.cpp has two of each: told where somebody listens to the probe, silently where nobody can. Asked are the linker, for each
way in which a program can load the library, with and without a watcher in front; and the resolver in a copy of the library that nobody has
relocated, as it is when a caller is bound too early.
"""
import ctypes
import mmap
import os
import pathlib
import struct
import subprocess
import sys

OPERATIONS = ("channel_send", "channel_receive")
ELSEWHERE = "channel_close"
WAYS = {"now": os.RTLD_NOW, "lazy": os.RTLD_LAZY, "global": os.RTLD_NOW | os.RTLD_GLOBAL, "deep": os.RTLD_NOW | os.RTLD_DEEPBIND}


def symbols_of(library):
    """Mangled name and offset of each function, by its plain name."""
    found = {}
    for line in subprocess.run(["nm", library], capture_output=True, text=True, check=True).stdout.splitlines():
        offset, name = line[:16], line.rpartition(" ")[2]
        for plain in [ELSEWHERE, *OPERATIONS, *(f"{operation}_{how}" for operation in OPERATIONS for how in ("told", "silently"))]:
            if name.startswith(f"_ZN5vigil6detail{len(plain)}{plain}E") and not name.endswith(".cold"):
                found[plain] = (name, int(offset, 16))
    return found


def how_of(symbols, operation, offset):
    names = [how for how in ("told", "silently") if symbols[f"{operation}_{how}"][1] == offset]
    return names[0] if names else f"{offset:#x}, which is neither body"


def unrelocated(library, symbols):
    data = pathlib.Path(library).read_bytes()
    table, size, count = struct.unpack_from("<Q14xHH", data, 32)
    parts = [struct.unpack_from("<IIQQQQQQ", data, table + i * size) for i in range(count)]
    loaded = [(at, address, in_file, in_memory) for kind, _, at, address, _, in_file, in_memory, _ in parts if kind == 1]
    memory = mmap.mmap(-1, max(address + in_memory for _, address, _, in_memory in loaded),
                       prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    for at, address, in_file, _ in loaded:
        memory[address:address + in_file] = data[at:at + in_file]
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for operation in OPERATIONS:
        resolver = ctypes.CFUNCTYPE(ctypes.c_uint64)(base + symbols[operation][1])
        yield how_of(symbols, operation, resolver() - base)


def loaded(library, symbols, way):
    handle = ctypes.CDLL(library, mode=WAYS[way])

    def address(plain):
        return ctypes.cast(getattr(handle, symbols[plain][0]), ctypes.c_void_p).value

    base = address(ELSEWHERE) - symbols[ELSEWHERE][1]
    for operation in OPERATIONS:
        yield how_of(symbols, operation, address(operation) - base)


def main(library, watcher, way=None):
    symbols = symbols_of(library)
    if way is not None:  # in a process of its own, since a library is bound once
        print(*loaded(library, symbols, way), flush=True)  # before the watcher's counts
        return 0
    wanted = {("unrelocated", False): "told"}
    given = {("unrelocated", False): list(unrelocated(library, symbols))}
    for way in WAYS:
        for watched in (False, True):
            # Deep binding looks into the library first: no watcher can be heard there, with this or any other choice.
            wanted[way, watched] = "told" if watched and way != "deep" else "silently"
            environment = os.environ | ({"LD_PRELOAD": watcher} if watched else {})
            asked = subprocess.run([sys.executable, "-B", __file__, library, watcher, way], env=environment, capture_output=True, text=True)
            if asked.returncode != 0:
                print(asked.stderr)
            given[way, watched] = asked.stdout.splitlines()[0].split() if asked.stdout else []
    wrong = {key: given[key] for key, how in wanted.items() if given[key] != [how] * len(OPERATIONS)}
    for (way, watched), got in wrong.items():
        print(f"{way}, {'watched' if watched else 'unwatched'}: {got}, wanted {wanted[way, watched]}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
