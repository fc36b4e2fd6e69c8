#!/usr/bin/env python3
"""Fails when a program loads a library that exports the same name as one of Arrow's libraries.

Two versions of OpenSSL or simdjson in one process end in a crash far from its cause; tools/hide_exports.py prevents
it, and this test, which runs with the unit tests, notices when a new version leaks again.

usage: check_symbols.py PROGRAM
"""
import pathlib
import re
import subprocess
import sys

MARKS_OF_THE_LINKER = re.compile(r"^(_init|_fini|_end|_edata|__bss_start)$")
ARROW = re.compile(r"/lib(arrow\w*|parquet)\.so")
SHARED_ON_PURPOSE = re.compile(r"/libstdc\+\+\.so")


def output(*command: str) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def exported(library: str) -> set[str]:
    """Names of functions and data; weak ones, such as inline functions, are meant to be shared."""
    names = set()
    for line in output("nm", "-D", "--defined-only", library):
        kind, name = line.split()[-2:]
        if kind in "TDBR" and not MARKS_OF_THE_LINKER.match(name):
            names.add(name.split("@")[0])
    return names


def main(program: str) -> int:
    loaded = [words[2] for line in output("ldd", program) if len(words := line.split()) > 2 and words[2] != "not"]
    arrow = {library: exported(library) for library in loaded if ARROW.search(library)}
    others = [library for library in loaded if library not in arrow and not SHARED_ON_PURPOSE.search(library)]
    bad = 0
    for other, names in ((library, exported(library)) for library in others):
        for own, own_names in arrow.items():
            if both := sorted(own_names & names):
                bad += 1
                print(f"{pathlib.Path(own).name} and {pathlib.Path(other).name} both export {len(both)} names, "
                      f"e.g. {', '.join(both[:3])}")
    print(f"{program}: {len(arrow)} Arrow libraries among {len(loaded)} loaded, {bad} conflicts")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
