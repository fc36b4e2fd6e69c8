"""Prints a TCP port of the loopback address for a server of a test: python3 free_port.py LEDGER

A port is never one that the system gives to outgoing connections, so a server that was killed finds its port free
again, and LEDGER (a small file) remembers the last one given, so two callers never get the same.
"""
import fcntl
import os
import pathlib
import random
import socket
import sys

FIRST = 10000


def free_port(ledger: pathlib.Path) -> int:
    """The next port of this ledger that nothing listens on. Raises OSError when there is none."""
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with open(ledger, "a+", encoding="ascii") as book:
        fcntl.flock(book, fcntl.LOCK_EX)
        book.seek(0)
        count = _first_ephemeral() - FIRST
        # Another tree on this machine has its own ledger: it begins somewhere else.
        last = int(book.read() or FIRST + random.SystemRandom().randrange(count))
        for step in range(1, count):
            port = FIRST + (last - FIRST + step) % count
            if _is_free(port):
                book.truncate(0)
                book.write(str(port))
                return port
    raise OSError(f"no free port from {FIRST} to {FIRST + count - 1}")


def _first_ephemeral() -> int:
    try:
        return max(FIRST + 1000, int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]))
    except OSError:
        return 32768


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


if __name__ == "__main__":
    print(free_port(pathlib.Path(sys.argv[1])))
