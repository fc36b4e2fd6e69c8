"""What the steps must give that remember something per key without a window, from docs/state-steps.md, one row after the other."""
import abc
import collections
import json
from typing import Iterator

from expectation import Bid, Id, Job, Outcome, Passed, passing
from harness.topics import Record

WITHIN_MS = 300
TTL_MS = 500  # short enough that a row ends to the millisecond


class Key(abc.ABC):
    """What is kept of one key. `rows`: what a bid gives."""

    @abc.abstractmethod
    def rows(self, bid: Bid) -> Iterator[dict]:
        """Results, in their order."""

    def end(self, watermark: int) -> Iterator[dict]:
        """At the end of the input."""
        return iter(())

    def kept(self) -> dict | None:
        """The row of state; None: there is none."""
        return None


class Deduplicated(Key):
    def __init__(self) -> None:
        self.passed: list[int] = []

    def rows(self, bid: Bid) -> Iterator[dict]:
        late = bid.before >= bid.ts + WITHIN_MS
        if not late and all(abs(bid.ts - time) >= WITHIN_MS for time in self.passed):
            self.passed.append(bid.ts)
            yield bid.row


class Changed(Key):
    """Of the column `cheap`."""

    def __init__(self) -> None:
        self.last: bool | None = None

    def rows(self, bid: Bid) -> Iterator[dict]:
        cheap = bid.row["price"] < 500
        if cheap != self.last:
            yield bid.row | {"cheap": cheap}
        self.last = cheap

    def kept(self) -> dict | None:
        return {"cheap": self.last}


class Running(Key):
    def __init__(self) -> None:
        self.bids: list[tuple[int, tuple[int, int], int]] = []
        self.total, self.low = 0.0, float("inf")

    def rows(self, bid: Bid) -> Iterator[dict]:
        self.bids.append((bid.ts, bid.place, bid.row["seq"]))
        self.total += bid.row["revenue"]
        self.low = min(self.low, bid.row["price"])
        self.newest = bid.row["seq"]
        yield {"auction": bid.auction, **self.kept()}

    def kept(self) -> dict | None:
        return {"bids": len(self.bids), "total": self.total, "low": self.low, "opening": min(self.bids)[2],
                "closing": max(self.bids)[2], "newest": self.newest}


class Latest(Key):
    """With a time to live: a row that ends leaves a tombstone."""

    def __init__(self) -> None:
        self.held: Bid | None = None

    def rows(self, bid: Bid) -> Iterator[dict]:
        if bid.before >= bid.ts + TTL_MS:
            return
        yield from self.end(bid.before)
        if self.held is None or (bid.ts, bid.place) > (self.held.ts, self.held.place):
            self.held = bid
            yield bid.row

    def end(self, watermark: int) -> Iterator[dict]:
        if self.held is not None and self.held.ts + TTL_MS <= watermark:
            yield {"auction": self.held.auction, "gone": self.held.ts + TTL_MS}
            self.held = None

    def kept(self) -> dict | None:
        return self.held and self.held.row


class Remembered(Job):
    """A result is named by the bid that it comes with; a tombstone by its key and time."""

    def __init__(self, kind: type[Key]) -> None:
        super().__init__()
        self._kind = kind

    def replay(self, inputs: list[Record]) -> Outcome:
        found = Outcome({}, None if self._kind is Deduplicated else {})  # which forgets by slices, when it must
        keys: dict[int, Key] = collections.defaultdict(self._kind)

        def add(rows: Iterator[dict]) -> None:
            found.results.update((self.identify(row), row) for row in rows)

        def end(partition: int, watermark: int) -> None:
            for auction, key in keys.items():
                add(key.end(watermark))
                if found.open is not None and (kept := key.kept()) is not None:
                    found.open[auction] = kept
            keys.clear()  # an auction has one partition
        for bid in passing(inputs, then=end):
            add(keys[bid.auction].rows(bid))
        return found

    def row(self, record: Record) -> dict:
        if record.value is None:
            return {"auction": int(record.key), "gone": record.timestamp_ms}
        return json.loads(record.value)

    def identify(self, row: dict) -> Id:
        if "gone" in row:
            return ("gone", row["auction"], row["gone"])
        return row["seq"] if "seq" in row else row["newest"]

    def due(self, row: dict) -> int | None:
        return row.get("gone", row.get("ts"))

    def state(self, row: dict) -> tuple[Id, dict]:
        return row["key"]["auction"], row["values"]


class WithoutNote(Passed):
    """Every bid, for each is of another auction."""

    def replay(self, inputs: list[Record]) -> Outcome:
        rows = ({name: value for name, value in bid.row.items() if name != "note"} for bid in passing(inputs))
        return Outcome({self.identify(row): row for row in rows})


class Bank(Job):
    """Transfers from one account to another: two rows each, which add up to nothing, and the balance after each of them."""

    def replay(self, inputs: list[Record]) -> Outcome:
        found = Outcome({}, {})
        balances: collections.Counter[int] = collections.Counter()
        for record in inputs:
            for leg in json.loads(record.value)["legs"]:
                balances[leg["account"]] += leg["amount"]
                kept = {"amount": leg["amount"], "balance": balances[leg["account"]], "newest": leg["number"]}
                found.results[leg["number"]] = {"account": leg["account"], **kept}
                found.open[leg["account"]] = kept
        return found

    def key(self, row: dict) -> bytes:
        return str(row["account"]).encode()

    def identify(self, row: dict) -> Id:
        return row["newest"]

    def state(self, row: dict) -> tuple[Id, dict]:
        return row["key"]["account"], row["values"]
