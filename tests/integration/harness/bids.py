"""The input of most tests: bids with times out of order, and what must come out of them."""
import collections
import dataclasses
import json
import random
import struct
from typing import Iterable, Iterator

from .topics import Feeder, Record

START_MS = 1_767_225_600_000  # 2026-01-01
SENTINEL_AUCTION = 9_000_000
WINDOW_MS = 10_000
GRACE_MS = 2_000


def bids(count: int, seed: int, auctions: int = 200, first: int = 0, late: float = 0.01) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of records `first` to `first + count`: a function of the arguments.

    Event time moves by 1 ms per record; a share `late` of the records lies up to 30 s behind, so that some of them
    are late for their window and others are not.
    """
    for i in range(first, first + count):
        random_of_record = random.Random(seed * 1_000_003 + i)
        ts = START_MS + i
        if random_of_record.random() < late:
            ts = max(START_MS, ts - random_of_record.randrange(30_000))
        auction = random_of_record.randrange(auctions)
        # Prices are quarters: sums of doubles are exact in any order.
        value = {"seq": i, "ts": ts, "auction": auction, "bidder": random_of_record.randrange(50),
                 "price": random_of_record.randrange(4_000) / 4}
        yield str(auction).encode(), json.dumps(value).encode()


def sentinel(partition: int, count: int) -> tuple[bytes, bytes]:
    """A record that closes every window of `count` bids on its partition."""
    auction = SENTINEL_AUCTION + partition
    value = {"seq": -1 - partition, "ts": START_MS + count + 3_600_000, "auction": auction, "bidder": 0, "price": 999.0}
    return str(auction).encode(), json.dumps(value).encode()


def close_windows(feeder: Feeder, topic: str, partitions: int, count: int) -> None:
    """Sends each partition the record that closes every window of `count` bids."""
    for partition in range(partitions):
        key, value = sentinel(partition, count)
        feeder.send(topic, key, value, partition=partition)
    feeder.flush()


def window_pipeline(name: str, bootstrap: str, topic: str, **more: object) -> dict:
    """The main job on `bids`: filter, a computed column, tumbling windows."""
    pipeline = _pipeline(name, bootstrap, topic)
    pipeline["steps"] = [
        {"filter": "price > 50"},
        {"with": {"revenue": "price * 2"}},
        {"window": {"by": ["auction"], "tumbling": "10s", "grace": "2s",
                    "aggregate": {"bids": "count()", "total": "sum(revenue)", "low": "min(price)", "best": "max(price)",
                                  "opening": "first(seq)", "closing": "last(seq)"}}}]
    pipeline["sinks"] = [{"topic": f"{name}-out", "format": "json", "key": "auction"}]
    return pipeline | more


def pass_pipeline(name: str, bootstrap: str, topic: str, **more: object) -> dict:
    """Every bid comes out once: shows duplicates, gaps and order record by record."""
    pipeline = _pipeline(name, bootstrap, topic)
    pipeline["steps"] = [{"filter": "price > 50"}, {"with": {"revenue": "price * 2"}}]
    pipeline["sinks"] = [{"topic": f"{name}-out", "format": "json", "key": "auction"}]
    return pipeline | more


def with_protocol(pipeline: dict, protocol: str) -> dict:
    """As a member of a group of that protocol; with `consumer` the broker knows the times."""
    if protocol == "classic":
        return pipeline
    kafka = {k: v for k, v in pipeline["kafka"].items() if k not in ("session.timeout.ms", "heartbeat.interval.ms")}
    return pipeline | {"kafka": {**kafka, "group.protocol": protocol}}


def _pipeline(name: str, bootstrap: str, topic: str) -> dict:
    return {"name": name,
            "kafka": {"bootstrap.servers": bootstrap, "session.timeout.ms": "2000", "heartbeat.interval.ms": "500"},
            "idle_after": "never",
            "source": {"topic": topic, "format": "json", "key": "auction", "timestamp": "ts",
                       "schema": {"seq": "int64", "ts": "timestamp[ms]", "auction": "int64", "bidder": "int64",
                                  "price": "double"}}}


@dataclasses.dataclass
class WindowOracle:
    """What `window_pipeline` must give for an input topic, by the plain rules, one record after the other."""
    results: dict[tuple[int, int], dict]  # (auction, window_start): the result row
    open: dict[tuple[int, int], dict]     # the same for windows that have not closed
    late: int

    @staticmethod
    def of(records: Iterable[Record]) -> "WindowOracle":
        by_partition: dict[int, list[Record]] = collections.defaultdict(list)
        for record in records:
            by_partition[record.partition].append(record)
        oracle = WindowOracle({}, {}, 0)
        for records_of_one in by_partition.values():
            oracle._add_partition(sorted(records_of_one, key=lambda record: record.offset))
        return oracle

    def _add_partition(self, records: list[Record]) -> None:
        watermark = -(1 << 62)
        windows: dict[tuple[int, int], dict] = {}
        for record in records:
            bid = json.loads(record.value)
            ts = bid["ts"]
            before, watermark = watermark, max(watermark, ts)
            if bid["price"] <= 50:
                continue
            start = ts - ts % WINDOW_MS
            if before >= start + WINDOW_MS + GRACE_MS:
                self.late += 1
                continue
            row = windows.setdefault((bid["auction"], start), {
                "auction": bid["auction"], "window_start": start, "window_end": start + WINDOW_MS, "bids": 0, "total": 0.0,
                "low": bid["price"], "best": bid["price"], "opening": bid["seq"], "closing": bid["seq"], "_times": (ts, ts)})
            row["bids"] += 1
            row["total"] += bid["price"] * 2
            row["low"], row["best"] = min(row["low"], bid["price"]), max(row["best"], bid["price"])
            first, last = row["_times"]
            if ts < first:
                row["opening"], first = bid["seq"], ts
            if ts >= last:
                row["closing"], last = bid["seq"], ts
            row["_times"] = (first, last)
        for key, row in windows.items():
            del row["_times"]
            closed = watermark >= row["window_end"] + GRACE_MS
            (self.results if closed else self.open)[key] = row

    def assert_equals(self, output: list[Record], keys_in: dict[bytes, int] | None = None) -> None:
        """Same results, each once, in window order per key, keyed by the auction's digits."""
        seen: dict[tuple[int, int], dict] = {}
        last_end: dict[int, int] = {}
        for record in output:
            row = json.loads(record.value)
            key = (row["auction"], row["window_start"])
            assert key not in seen, f"result {key} is there twice: {row} and {seen[key]}"
            seen[key] = row
            assert record.key == str(row["auction"]).encode(), f"key {record.key!r} of {row}"
            assert row["window_end"] > last_end.get(row["auction"], 0), f"out of order for its key: {row}"
            last_end[row["auction"]] = row["window_end"]
        missing = self.results.keys() - seen.keys()
        extra = seen.keys() - self.results.keys()
        assert not missing and not extra, (f"{len(missing)} results missing, {len(extra)} not expected, of "
                                           f"{len(self.results)}; e.g. {sorted(missing)[:3]} {sorted(extra)[:3]}")
        wrong = [(seen[key], row) for key, row in self.results.items() if seen[key] != row]
        assert not wrong, f"{len(wrong)} results differ, e.g. got {wrong[0][0]} instead of {wrong[0][1]}"
        if keys_in:
            for record in output:
                assert record.partition == keys_in[record.key], f"{record.key!r} went to another partition"


def assert_passed(inputs: list[Record], output: list[Record]) -> None:
    """What `pass_pipeline` must give: every bid above 50 once, per key in the order of the input."""
    expected: dict[bytes, list[int]] = collections.defaultdict(list)
    for record in inputs:
        bid = json.loads(record.value)
        if bid["price"] > 50:
            expected[record.key].append(bid["seq"])
    actual: dict[bytes, list[int]] = collections.defaultdict(list)
    for record in output:
        row = json.loads(record.value)
        assert row["revenue"] == row["price"] * 2, row
        actual[record.key].append(row["seq"])
    twice = sum(len(v) - len(set(v)) for v in actual.values())
    missing = sum(len(set(v) - set(actual.get(k, ()))) for k, v in expected.items())
    extra = sum(len(set(v) - set(expected.get(k, ()))) for k, v in actual.items())
    assert (twice, missing, extra) == (0, 0, 0), (f"{twice} twice, {missing} missing, {extra} not expected of "
                                                  f"{sum(map(len, expected.values()))}")
    disordered = [key for key in expected if expected[key] != actual[key]]
    assert not disordered, f"keys out of order: {disordered[:5]}"


PIPELINES = {"windows": window_pipeline, "stateless": pass_pipeline}


def assert_results(kind: str, inputs: list[Record], output: list[Record]) -> None:
    """What the pipeline of that kind must give."""
    if kind == "windows":
        WindowOracle.of(inputs).assert_equals(output)
    else:
        assert_passed(inputs, output)


def murmur2_partition(key: bytes, partitions: int) -> int:
    """Where a Java producer puts a key: murmur2 with the sign bit cleared."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(key)
    whole = len(key) // 4 * 4
    for (k,) in struct.iter_unpack("<I", key[:whole]):
        k = k * m & mask
        k ^= k >> 24
        h = (h * m & mask) ^ (k * m & mask)
    rest = key[whole:]
    if rest:
        h ^= int.from_bytes(rest, "little")
        h = h * m & mask
    h ^= h >> 13
    h = h * m & mask
    h ^= h >> 15
    return (h & 0x7FFFFFFF) % partitions
