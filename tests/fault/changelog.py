"""A changelog topic as what it means: the last value of each key."""
import struct

from harness.topics import Topics

SLICE_BYTES = 8  # a changelog key begins with its time slice, big-endian with the sign bit flipped


def live_entries(topics: Topics, changelog: str) -> dict[bytes, bytes]:
    """Key to value of what has no tombstone behind it, as a restore at read_committed sees it."""
    live: dict[bytes, bytes] = {}
    for record in topics.read(changelog):
        if record.key is None:
            raise AssertionError(f"{changelog}: a record without a key at {record.partition}/{record.offset}")
        if record.value is None:
            live.pop(record.key, None)
        else:
            live[record.key] = record.value
    return live


def slice_of(key: bytes) -> int:
    return struct.unpack(">Q", key[:SLICE_BYTES])[0] - (1 << 63)
