"""What must come out of the jobs of the fault runs, by the plain rules, with results and rows of state named by ids.

Here are the job that every run can have and those without windows; `window_expectation.py` and `keyed_expectation.py` have the others,
`kinds.py` the pipelines that belong to them.
"""
import abc
import collections
import dataclasses
import json
from typing import Callable, Hashable, Iterator

from harness.bids import GRACE_MS, WINDOW_MS, WindowOracle
from harness.topics import Record

Id = Hashable
NEVER = -(1 << 62)


def decodes(record: Record) -> bool:
    """False: the record is a dead letter of these jobs."""
    try:
        bid = json.loads(record.value or b"")
    except (ValueError, RecursionError):
        return False
    return (isinstance(bid, dict) and all(isinstance(bid.get(name), int) for name in ("seq", "ts", "auction", "bidder"))
            and isinstance(bid.get("price"), (int, float)))


@dataclasses.dataclass
class Outcome:
    """Per id: results in the order in which those of a key come, and rows of state that are left; None: nobody says."""
    results: dict[Id, dict]
    open: dict[Id, dict] | None = None


class Job(abc.ABC):
    """Subclasses say what an input gives, and those whose state is judged what its rows are."""

    def __init__(self) -> None:
        self._last: tuple[list[Record], Outcome] | None = None

    @abc.abstractmethod
    def replay(self, inputs: list[Record]) -> Outcome:
        """What the input gives, and what it leaves."""

    def outcome(self, inputs: list[Record]) -> Outcome:
        """Several invariants ask for the same."""
        if self._last is None or self._last[0] is not inputs:
            self._last = (inputs, self.replay(inputs))
        return self._last[1]

    def results(self, inputs: list[Record]) -> dict[Id, dict]:
        return self.outcome(inputs).results

    def open(self, inputs: list[Record]) -> dict[Id, dict] | None:
        return self.outcome(inputs).open

    def settled(self, inputs: list[Record]) -> set[Id]:
        """Of the results, those that are there as soon as the input is committed."""
        return set(self.replay(inputs).results)

    def row(self, record: Record) -> dict:
        """A record of the output."""
        return json.loads(record.value)

    @abc.abstractmethod
    def identify(self, row: dict) -> Id:
        """The id of a result."""

    def key(self, row: dict) -> bytes:
        """The message key of a result."""
        return str(row["auction"]).encode()

    def in_order(self, results: dict[Id, dict]) -> list[Id]:
        """Results of one key in the order in which they must come."""
        return list(results)

    def due(self, row: dict) -> int | None:
        """The event time that somebody has to reach before this result may be seen; None: the clock may do instead."""
        return None

    def state(self, row: dict) -> tuple[Id, dict]:
        """A row of `millrace state dump --json`: its id, and what `open` says of it."""
        raise AssertionError(f"{type(self).__name__} leaves no row of state, but there is {row}")


class Windows(Job):
    """`window_pipeline`: a result is (auction, window start)."""

    def __init__(self, grace_ms: int = GRACE_MS) -> None:
        super().__init__()
        self._grace_ms = grace_ms

    def replay(self, inputs: list[Record]) -> Outcome:
        oracle = WindowOracle.of(record for record in inputs if decodes(record))
        return Outcome(oracle.results, oracle.open)

    def identify(self, row: dict) -> Id:
        return (row["auction"], row["window_start"])

    def in_order(self, results: dict[Id, dict]) -> list[Id]:
        return sorted(results, key=lambda found: found[1])

    def due(self, row: dict) -> int | None:
        return row["window_start"] + WINDOW_MS + self._grace_ms

    def state(self, row: dict) -> tuple[Id, dict]:
        start, end = row["window_start"], row["window_end"]
        return (row["key"]["auction"], start), row["key"] | {"window_start": start, "window_end": end} | row["values"]


@dataclasses.dataclass
class Bid:
    """A record that passes the filter, its columns, and the watermark before it."""
    row: dict
    place: tuple[int, int]  # partition, offset
    before: int

    @property
    def ts(self) -> int:
        return self.row["ts"]

    @property
    def auction(self) -> int:
        return self.row["auction"]


def passing(inputs: list[Record], out_of_orderness_ms: int = 0,
            then: Callable[[int, int], None] = lambda partition, watermark: None) -> Iterator[Bid]:
    """What the first two steps of every job let through, partition by partition; `then` gets the watermark at the end of each."""
    by_partition: dict[int, list[Record]] = collections.defaultdict(list)
    for record in inputs:
        if decodes(record):
            by_partition[record.partition].append(record)
    for partition, records in by_partition.items():
        watermark = NEVER
        for record in sorted(records, key=lambda record: record.offset):
            row = json.loads(record.value)
            before, watermark = watermark, max(watermark, row["ts"] - out_of_orderness_ms)
            if row["price"] > 50:
                yield Bid(row | {"revenue": row["price"] * 2}, (partition, record.offset), before)
        then(partition, watermark)


class Passed(Job):
    """`pass_pipeline`: a result is the number of its bid."""

    def replay(self, inputs: list[Record]) -> Outcome:
        return Outcome({bid.row["seq"]: bid.row for bid in passing(inputs)}, {})

    def identify(self, row: dict) -> Id:
        return row["seq"]

    def due(self, row: dict) -> int | None:
        return row["ts"]


class Numbered(Passed):
    """`function_job`: every bid, with its number among those of its auction."""

    def replay(self, inputs: list[Record]) -> Outcome:
        numbers: collections.Counter[int] = collections.Counter()
        found = {}
        for record in sorted(inputs, key=lambda record: record.offset):  # an auction has one partition
            bid = json.loads(record.value)
            numbers[bid["auction"]] += 1
            found[bid["seq"]] = {name: bid[name] for name in ("seq", "ts", "auction", "price")} | {"nth": numbers[bid["auction"]]}
        return Outcome(found)
