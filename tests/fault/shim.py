"""Builds shim.c, and steers it: clocks that jump or run wrong, a disk that fails and threads that are refused, for one process."""
import mmap
import os
import pathlib
import struct
import subprocess
import time

SOURCE = pathlib.Path(__file__).with_name("shim.c")
FIELDS = struct.Struct("=12q")
EVERYTHING, SYNCS, HALVES = range(3)


def sanitizer_options(option: str) -> str:
    """Those of this run, and one more."""
    return ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), option]))


class Shim:
    """Hand `environment` to the process; the methods work at any time."""

    def __init__(self, folder: pathlib.Path, failing: pathlib.Path | None = None, user: int | None = None):
        library = folder / "shim.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
        path = folder / "shim.control"
        path.write_bytes(bytes(FIELDS.size))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), FIELDS.size)
        # A build with AddressSanitizer wants to be loaded first.
        self.environment = {"LD_PRELOAD": str(library), "MILLRACE_SHIM": str(path),
                            "ASAN_OPTIONS": sanitizer_options("verify_asan_link_order=0")}
        if user is not None:
            os.chmod(path, 0o666)
            self.environment["MILLRACE_SHIM_USER"] = str(user)
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

    def set_rate(self, rate: float) -> None:
        """Of its clocks, from now on and to its end: a monotonic clock cannot be put back."""
        struct.pack_into("=qq", self._map, 48, time.time_ns(), time.monotonic_ns())
        struct.pack_into("=q", self._map, 40, round(rate * 1000))

    def allow_threads(self, number: int) -> None:
        """No more than so many at a time, beside the main one; 0: any number."""
        struct.pack_into("=q", self._map, 80, number)

    @property
    def threads(self) -> int:
        """That run now, but for the main one."""
        return self._get(8)

    @property
    def most_threads(self) -> int:
        """There ever were at a time."""
        return self._get(9)

    @property
    def refused_threads(self) -> int:
        return self._get(11)

    @property
    def moved_calls(self) -> int:
        return self._get(2)

    @property
    def failed_calls(self) -> int:
        return self._get(3)
