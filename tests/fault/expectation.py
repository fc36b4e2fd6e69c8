"""What must come out of the two jobs of the fault runs, by the plain rules, with results and state named by ids."""
import collections
import dataclasses
import json
import struct
from typing import Hashable

from harness.bids import GRACE_MS, WINDOW_MS, WindowOracle
from harness.topics import Record

Id = Hashable


def decodes(record: Record) -> bool:
    """False: the record is a dead letter of these jobs."""
    try:
        bid = json.loads(record.value or b"")
    except (ValueError, RecursionError):
        return False
    return (isinstance(bid, dict) and all(isinstance(bid.get(name), int) for name in ("seq", "ts", "auction", "bidder"))
            and isinstance(bid.get("price"), (int, float)))


@dataclasses.dataclass
class Windows:
    """`window_pipeline`: a result is (auction, window start)."""
    grace_ms: int = GRACE_MS
    _last: tuple[list[Record], WindowOracle] | None = None  # several invariants ask for the same

    def _oracle(self, inputs: list[Record]) -> WindowOracle:
        if self._last is None or self._last[0] is not inputs:
            self._last = (inputs, WindowOracle.of(record for record in inputs if decodes(record)))
        return self._last[1]

    def results(self, inputs: list[Record]) -> dict[Id, dict]:
        return self._oracle(inputs).results

    def open(self, inputs: list[Record]) -> dict[Id, dict]:
        return self._oracle(inputs).open

    def identify(self, row: dict) -> Id:
        return (row["auction"], row["window_start"])

    def in_order(self, results: dict[Id, dict], key: bytes) -> list[Id]:
        """Results of one key in the order in which they must come."""
        return sorted((found for found in results if str(found[0]).encode() == key), key=lambda found: found[1])

    def due(self, row: dict) -> int:
        """The event time before which this result must not be seen."""
        return row["window_start"] + WINDOW_MS + self.grace_ms

    def identify_state(self, changelog_key: bytes) -> Id:
        """Slice (the window's start), then the canonical bytes of one int64."""
        start, mark, auction = struct.unpack(">QBQ", changelog_key)
        if mark != 1:
            raise AssertionError(f"the changelog has a null key {changelog_key!r}")
        return (auction - (1 << 63), start - (1 << 63))


@dataclasses.dataclass
class Passed:
    """`pass_pipeline`: a result is the number of its bid."""

    def results(self, inputs: list[Record]) -> dict[Id, dict]:
        bids = (json.loads(record.value) for record in inputs if decodes(record))
        return {bid["seq"]: bid | {"revenue": bid["price"] * 2} for bid in bids if bid["price"] > 50}

    def open(self, inputs: list[Record]) -> dict[Id, dict]:
        return {}

    def identify(self, row: dict) -> Id:
        return row["seq"]

    def in_order(self, results: dict[Id, dict], key: bytes) -> list[Id]:
        return [found for found, row in results.items() if str(row["auction"]).encode() == key]

    def due(self, row: dict) -> int:
        return row["ts"]


@dataclasses.dataclass
class Numbered(Passed):
    """`function_job`: every bid, with its number among those of its auction."""

    def results(self, inputs: list[Record]) -> dict[Id, dict]:
        numbers: collections.Counter[int] = collections.Counter()
        found = {}
        for record in sorted(inputs, key=lambda record: record.offset):  # an auction has one partition
            bid = json.loads(record.value)
            numbers[bid["auction"]] += 1
            found[bid["seq"]] = {name: bid[name] for name in ("seq", "ts", "auction", "price")} | {"nth": numbers[bid["auction"]]}
        return found


Job = Windows | Passed
