#!/usr/bin/env python3
"""Makes a private copy of an Arrow library that no longer shows the symbols of libraries linked into it.

The pyarrow wheel's libparquet exports OpenSSL and simdjson, its libarrow_compute exports RE2. Another version of
one of those in the same process would bind to the wrong copy. Each such symbol in .dynsym becomes STV_HIDDEN, so
the dynamic loader binds the library's own references to itself, and takes the name of a library (a string of
DT_NEEDED or DT_SONAME), so that no linker or lookup finds it. One name per symbol type and size 0: linkers compare both.

usage: hide_exports.py IN OUT
"""
import pathlib
import re
import struct
import sys

SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
DYNAMIC = struct.Struct("<QQ")
SHT_DYNSYM, SHT_DYNAMIC, STV_HIDDEN = 11, 6, 2
DT_NEEDED, DT_SONAME = 1, 14
EXPORTED = (1, 2, 10)  # STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE

LEAKED_CXX = re.compile(rb"^_Z(T[ISVC]|GV)?N?[KVO]*\d*(8simdjson|18simdjson_fast_float|17simdjson_internal|3re2)")
OWN_C = (b"_Z", b"parquet", b"arrow", b"Arrow", b"_fini", b"_init")


def leaked(name: bytes, in_parquet: bool) -> bool:
    return bool(LEAKED_CXX.search(name)) or (in_parquet and not name.startswith(OWN_C))


def hide(image: bytearray, in_parquet: bool) -> int:
    (table,), (count,) = struct.unpack_from("<Q", image, 0x28), struct.unpack_from("<H", image, 0x3C)
    sections = [SECTION_HEADER.unpack_from(image, table + i * SECTION_HEADER.size) for i in range(count)]
    symbols = next(s for s in sections if s[1] == SHT_DYNSYM)
    dynamic = next(s for s in sections if s[1] == SHT_DYNAMIC)
    strings = sections[symbols[6]][4]
    entries = (DYNAMIC.unpack_from(image, at) for at in range(dynamic[4], dynamic[4] + dynamic[5], DYNAMIC.size))
    unused_names = [value for tag, value in entries if tag in (DT_NEEDED, DT_SONAME)]
    name_by_type: dict[int, int] = {}
    hidden = 0
    for at in range(symbols[4], symbols[4] + symbols[5], SYMBOL.size):
        name, info, other, section, value, size = SYMBOL.unpack_from(image, at)
        if section == 0 or info >> 4 not in EXPORTED:
            continue
        if leaked(bytes(image[strings + name:image.index(b"\0", strings + name)]), in_parquet):
            name = name_by_type.setdefault(info & 15, unused_names[len(name_by_type)])
            SYMBOL.pack_into(image, at, name, info, (other & ~3) | STV_HIDDEN, section, value, 0)
            hidden += 1
    return hidden


def main(source: str, target: str) -> int:
    image = bytearray(pathlib.Path(source).read_bytes())
    hidden = hide(image, "libparquet" in pathlib.Path(source).name)
    if hidden == 0:
        print(f"{source}: nothing to hide; is this the library of the pinned wheel?", file=sys.stderr)
        return 1
    pathlib.Path(target).write_bytes(image)
    print(f"{pathlib.Path(target).name}: {hidden} foreign symbols hidden")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
