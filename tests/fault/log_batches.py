"""Record batches as they lie in a broker's log: who wrote them, under which epoch, in which transaction."""
import dataclasses
import pathlib
import struct
from typing import Iterator

# Base offset, length, leader epoch, magic, crc, attributes, last offset delta, two timestamps, producer id, epoch, sequence, count.
HEADER = struct.Struct(">qiibIhiqqqhii")
BEFORE_LENGTH_COUNTS = 12
TRANSACTIONAL, CONTROL = 0x10, 0x20
COMMIT_MARKER = 1


@dataclasses.dataclass(frozen=True)
class LogBatch:
    """Offsets `first` to `last` of one producer. A control batch is the marker that ends a transaction."""
    first: int
    last: int
    producer: int
    epoch: int
    transactional: bool
    control: bool = False
    commits: bool = False  # of a control batch


@dataclasses.dataclass(frozen=True)
class Span:
    """One transaction in one partition: from its first batch to its marker."""
    producer: int
    epoch: int
    first: int
    marker: int
    committed: bool


def parse_segment(data: bytes) -> Iterator[LogBatch]:
    at = 0
    while at + HEADER.size <= len(data):
        (base, length, _, magic, _, attributes, delta, _, _, producer, epoch, _, count) = HEADER.unpack_from(data, at)
        end = at + BEFORE_LENGTH_COUNTS + length
        if magic != 2 or length <= 0 or end > len(data):
            return  # space that is allocated and not written yet
        control = bool(attributes & CONTROL)
        commits = False
        if control and count:
            # A control record: length, attributes, time and offset deltas, key length (one byte each); then version and type.
            record = data[at + HEADER.size:end]
            commits = struct.unpack(">hh", _control_key(record))[1] == COMMIT_MARKER
        yield LogBatch(base, base + delta, producer, epoch, bool(attributes & TRANSACTIONAL), control, commits)
        at = end


def read_log(data_dir: pathlib.Path, topic: str, partition: int) -> list[LogBatch]:
    """What the broker has on disk for one partition, in offset order."""
    return [batch for segment in sorted((data_dir / f"{topic}-{partition}").glob("*.log"))
            for batch in parse_segment(segment.read_bytes())]


def spans(batches: list[LogBatch]) -> list[Span]:
    """Ended transactions in the order of their markers. A producer has one open transaction at a time."""
    open_at: dict[int, LogBatch] = {}
    found = []
    for batch in batches:
        if batch.control:
            begun = open_at.pop(batch.producer, None)
            if begun is not None:
                found.append(Span(batch.producer, begun.epoch, begun.first, batch.first, batch.commits))
        elif batch.transactional:
            open_at.setdefault(batch.producer, batch)
    return found


def _control_key(record: bytes) -> bytes:
    at = 0
    for field in range(5):
        if field == 1:
            at += 1  # attributes are one byte
            continue
        while record[at] & 0x80:
            at += 1
        at += 1
    return record[at:at + 4]
