"""What windows must give that are not those of `window_pipeline`, from docs/concepts.md, one row after the other.

A key is looked at alone: which of its windows are closed, and whether a row is late, follows from the watermark before the row. What
that has closed is given out before the row is looked at.
"""
import abc
import collections
import dataclasses
import json

from expectation import NEVER, Bid, Id, Job, Outcome, Windows, decodes, passing
from harness.bids import GRACE_MS, WindowOracle
from harness.topics import Record


@dataclasses.dataclass
class Held:
    """Bids of one key that one window counts."""
    start: int
    end: int
    bids: list[Bid] = dataclasses.field(default_factory=list)

    def row(self) -> dict:
        times = [(bid.ts, bid.place, bid.row["seq"]) for bid in self.bids]
        return {"auction": self.bids[0].auction, "window_start": self.start, "window_end": self.end, "bids": len(self.bids),
                "total": sum(bid.row["revenue"] for bid in self.bids), "opening": min(times)[2], "closing": max(times)[2],
                "newest": max(bid.row["seq"] for bid in self.bids)}


class Key(abc.ABC):
    """The windows of one key that are open. `given`: results, in their order."""

    def __init__(self, grace_ms: int):
        self.grace_ms = grace_ms
        self.windows: list[Held] = []
        self.given: list[dict] = []

    def close(self, watermark: int) -> None:
        done = [window for window in self.windows if window.end + self.grace_ms <= watermark]
        self.windows = [window for window in self.windows if window.end + self.grace_ms > watermark]
        self.given += [window.row() for window in sorted(done, key=lambda window: window.end) if window.bids]

    @abc.abstractmethod
    def take(self, bid: Bid) -> None:
        """Puts it into its windows, where it is not late for them."""


class Sessions(Key):
    """Rows less than `gap` apart; one ends a gap after its last row."""
    gap_ms = 500

    def take(self, bid: Bid) -> None:
        reached = [window for window in self.windows if window.start - self.gap_ms < bid.ts < window.end]
        end = max([bid.ts + self.gap_ms, *(window.end for window in reached)])
        if end + self.grace_ms <= bid.before:
            return
        merged = Held(min([bid.ts, *(window.start for window in reached)]), end,
                      [bid, *(held for window in reached for held in window.bids)])
        self.windows = [window for window in self.windows if window not in reached] + [merged]


class Hopping(Key):
    """Windows of `size` that begin every `step`, which the size is no multiple of."""
    size_ms, step_ms = 5_000, 2_000

    def take(self, bid: Bid) -> None:
        newest = bid.ts - bid.ts % self.step_ms
        for start in range(newest, bid.ts - self.size_ms, -self.step_ms):
            if start + self.size_ms + self.grace_ms > self.now(bid):
                self.window(start).bids.append(bid)

    def now(self, bid: Bid) -> int:
        return bid.before

    def window(self, start: int) -> Held:
        found = next((window for window in self.windows if window.start == start), None)
        if found is None:
            self.windows.append(found := Held(start, start + self.size_ms))
        return found


class ClosedByKey(Hopping):
    """Tumbling windows that the greatest time of their key closes, or the watermark."""
    size_ms = step_ms = 2_000

    def __init__(self, grace_ms: int):
        super().__init__(grace_ms)
        self.clock = NEVER

    def now(self, bid: Bid) -> int:
        return max(bid.before, self.clock)

    def take(self, bid: Bid) -> None:
        start = bid.ts - bid.ts % self.size_ms
        if start + self.size_ms + self.grace_ms <= self.now(bid):
            return
        super().take(bid)
        self.clock = max(self.clock, bid.ts)
        self.close(self.clock)


class Triggered(Hopping):
    """Tumbling windows whose result leaves after every third row; what is held at the close leaves then."""
    size_ms = step_ms = 5_000
    every = 3

    def take(self, bid: Bid) -> None:
        super().take(bid)
        for window in self.windows:
            if len(window.bids) == self.every:
                self.given.append(window.row())
                window.bids = []


class Counted(Key):
    """Windows of `size` rows in the order in which they come, one beginning every `step`."""
    size, step = 7, 3

    def __init__(self, grace_ms: int):
        super().__init__(grace_ms)
        self.number = 0

    def take(self, bid: Bid) -> None:
        if self.number % self.step == 0:
            self.windows.append(Held(bid.ts, bid.ts + 1))
        self.number += 1
        for window in self.windows:
            window.bids.append(bid)
        full = [window for window in self.windows if len(window.bids) == self.size]
        self.windows = [window for window in self.windows if window not in full]
        for window in full:
            times = [held.ts for held in window.bids]
            self.given.append(Held(min(times), max(times) + 1, window.bids).row())

    def close(self, watermark: int) -> None:
        """No clock closes them."""


KEPT_IN_PARTS = (Hopping, Counted)  # state has no rows of whole windows


class WindowsOf(Job):
    """A result is named by its auction and by the newest bid in it, which is in each of its windows once."""

    def __init__(self, kind: type[Key], grace_ms: int = 0, out_of_orderness_ms: int = 0) -> None:
        super().__init__()
        self._kind, self._grace_ms, self._out_of_orderness_ms = kind, grace_ms, out_of_orderness_ms

    def replay(self, inputs: list[Record]) -> Outcome:
        found = Outcome({}, None if self._kind in KEPT_IN_PARTS else {})
        keys: dict[int, Key] = collections.defaultdict(lambda: self._kind(self._grace_ms))

        def end(partition: int, watermark: int) -> None:
            for key in keys.values():
                key.close(watermark)
                found.results |= {self.identify(row): row for row in key.given}
                if found.open is not None:
                    rows = (window.row() for window in key.windows if window.bids)
                    found.open |= {(row["auction"], row["newest"]): row for row in rows}
            keys.clear()  # an auction has one partition
        for bid in passing(inputs, self._out_of_orderness_ms, end):
            keys[bid.auction].close(bid.before)
            keys[bid.auction].take(bid)
        return found

    def identify(self, row: dict) -> Id:
        return (row["auction"], row["window_start"], row["newest"])

    def due(self, row: dict) -> int | None:
        return None if self._kind in (Triggered, Counted) else row["window_end"] + self._grace_ms

    def state(self, row: dict) -> tuple[Id, dict]:
        found = row["key"] | {name: row[name] for name in ("window_start", "window_end")} | row["values"]
        return (found["auction"], found["newest"]), found


class ByTheClock(Job):
    """Tumbling windows that nothing but the clock of a quiet partition closes. No row is late: each portion of the input lies
    further ahead of the one before it than any pause of a run is long."""
    size_ms = 2_000

    def replay(self, inputs: list[Record]) -> Outcome:
        windows: dict[Id, Held] = {}
        for bid in passing(inputs):
            start = bid.ts - bid.ts % self.size_ms
            windows.setdefault((bid.auction, start), Held(start, start + self.size_ms)).bids.append(bid)
        rows = sorted((window.row() for window in windows.values()), key=lambda row: row["window_end"])
        return Outcome({self.identify(row): row for row in rows}, {})

    def settled(self, inputs: list[Record]) -> set[Id]:
        return set()

    def identify(self, row: dict) -> Id:
        return (row["auction"], row["window_start"])


class Moved(Windows):
    """`window_pipeline` where the rows of a key come from all partitions, each of them in order, so that none is late."""

    def replay(self, inputs: list[Record]) -> Outcome:
        reached: dict[int, int] = {}
        times: list[tuple[int, Record]] = []
        for record in filter(decodes, inputs):
            times.append((json.loads(record.value)["ts"], record))
            reached[record.partition] = max(times[-1][0], reached.get(record.partition, NEVER))
        times.sort(key=lambda entry: (entry[0], entry[1].key))
        oracle = WindowOracle.of(Record(0, i, record.key, record.value, 0) for i, (_, record) in enumerate(times))
        watermark = min(reached.values(), default=NEVER)
        closed = {found for found, row in oracle.results.items() if row["window_end"] + GRACE_MS <= watermark}
        rows = oracle.results | oracle.open
        return Outcome({found: rows[found] for found in rows if found in closed},
                       {found: row for found, row in rows.items() if found not in closed})

    def settled(self, inputs: list[Record]) -> set[Id]:
        """Rows are on their way when their input is committed."""
        return set()
