"""Builds shim.c, and steers it: a wall clock that jumps and a disk that fails, for one process."""
import mmap
import os
import pathlib
import struct
import subprocess

SOURCE = pathlib.Path(__file__).with_name("shim.c")
FIELDS = struct.Struct("=qqqqq")
EVERYTHING, SYNCS, HALVES = range(3)


class Shim:
    """Hand `environment` to the process. Set `shift_ms` and `write_errno` at any time."""

    def __init__(self, folder: pathlib.Path, failing: pathlib.Path | None = None):
        library = folder / "shim.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
        path = folder / "shim.control"
        path.write_bytes(bytes(FIELDS.size))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), FIELDS.size)
        # A build with AddressSanitizer wants to be loaded first.
        sanitizer = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
        self.environment = {"LD_PRELOAD": str(library), "MILLRACE_SHIM": str(path), "ASAN_OPTIONS": sanitizer}
        if failing is not None:
            self.environment["MILLRACE_SHIM_FOLDER"] = os.path.realpath(failing)

    def _get(self, field: int) -> int:
        return FIELDS.unpack_from(self._map)[field]

    def shift_clock(self, ms: int) -> None:
        struct.pack_into("=q", self._map, 0, ms)

    def fail_writes(self, errno: int, what: int = EVERYTHING) -> None:
        """0: they work again."""
        struct.pack_into("=q", self._map, 32, what)
        struct.pack_into("=q", self._map, 8, errno)

    @property
    def moved_calls(self) -> int:
        return self._get(2)

    @property
    def failed_calls(self) -> int:
        return self._get(3)
