"""The jobs that run under faults: each a pipeline, the input that it gets and what must come out of it."""
import dataclasses
import json
import random
from typing import Callable, Iterator

from expectation import Job, Passed, Windows
from harness.bids import START_MS, bids, pass_pipeline, sentinel, window_pipeline
from keyed_expectation import TTL_MS, WITHIN_MS, Bank, Changed, Deduplicated, Latest, Remembered, Running, WithoutNote
from window_expectation import ByTheClock, ClosedByKey, Counted, Hopping, Moved, Sessions, Triggered, WindowsOf

GRACE_MS, OUT_OF_ORDERNESS_MS = 300, 1_000
ROUND_MS = 600_000  # longer than any pause of a run
ACCOUNTS = 40
NOTE_BYTES = 16_000
AGGREGATE = {"bids": "count()", "total": "sum(revenue)", "opening": "first(seq)", "closing": "last(seq)", "newest": "max(seq)"}

# Of (how many, seed, number of the first, how many portions came before): keys and values.
Load = Callable[[int, int, int, int], Iterator[tuple[bytes, bytes]]]


def plain(count: int, seed: int, first: int, _portion: int) -> Iterator[tuple[bytes, bytes]]:
    return bids(count, seed, first=first)


def in_order(count: int, seed: int, first: int, _portion: int) -> Iterator[tuple[bytes, bytes]]:
    return bids(count, seed, first=first, late=0)


def apart(count: int, seed: int, first: int, portion: int) -> Iterator[tuple[bytes, bytes]]:
    """In order, and each portion long behind the one before."""
    for key, value in bids(count, seed, first=first, late=0):
        bid = json.loads(value)
        yield key, json.dumps(bid | {"ts": bid["ts"] + portion * ROUND_MS}).encode()


def transfers(count: int, seed: int, first: int, _portion: int) -> Iterator[tuple[bytes, bytes]]:
    for i in range(first, first + count):
        chance = random.Random(seed * 1_000_003 + i)
        giver, taker = chance.sample(range(ACCOUNTS), 2)
        amount = chance.randrange(1, 1_000)
        legs = [{"account": giver, "amount": -amount, "number": 2 * i}, {"account": taker, "amount": amount, "number": 2 * i + 1}]
        yield str(i).encode(), json.dumps({"ts": START_MS + i, "legs": legs}).encode()


def wide(count: int, seed: int, first: int, _portion: int) -> Iterator[tuple[bytes, bytes]]:
    """Each of another auction, with a text that cannot be compressed."""
    noise = random.Random(seed + first).randbytes(count + NOTE_BYTES).hex()
    for i in range(first, first + count):
        value = {"seq": i, "ts": START_MS + i, "auction": i, "bidder": 0, "price": 100.0, "note": noise[i - first:][:NOTE_BYTES]}
        yield str(i).encode(), json.dumps(value).encode()


def repeated(count: int, seed: int, first: int, _portion: int) -> Iterator[tuple[bytes, bytes]]:
    """1 KB each, and a twentieth (lz4) or a fortieth (zstd) of that compressed: texts that repeat themselves."""
    noise = random.Random(seed + first)
    for i in range(first, first + count):
        value = {"seq": i, "ts": START_MS + i, "auction": i % 20_000, "bidder": 0, "price": 100.0,
                 "note": noise.randbytes(8).hex() + "the same again " * 60}
        yield str(i % 20_000).encode(), json.dumps(value).encode()


def closing(partition: int, count: int) -> list[tuple[bytes, bytes]]:
    return [sentinel(partition, count)]


def nothing(_partition: int, _count: int) -> list[tuple[bytes, bytes]]:
    return []


@dataclasses.dataclass(frozen=True)
class Kind:
    """`pipeline` of (name, bootstrap, topic, more). `job` makes what judges it. `at_the_end` of (partition, records sent): what a
    partition gets at the end of a run. `awaited`: results come later than their input is read. `stages`: tasks per partition.
    `large`: its state is more than this side wants to read."""
    pipeline: Callable[..., dict]
    job: Callable[[], Job]
    load: Load = plain
    at_the_end: Callable[[int, int], list[tuple[bytes, bytes]]] = closing
    partitions: int | None = None
    awaited: bool = False
    stages: int = 1
    large: bool = False
    sum_column: str | None = None


def stateful(step: dict, **settings: object) -> Callable[..., dict]:
    """What `pass_pipeline` lets through goes into the step."""
    def pipeline(name: str, bootstrap: str, topic: str, **more: object) -> dict:
        made = pass_pipeline(name, bootstrap, topic, **{**settings, **more})
        return made | {"steps": made["steps"] + [step]}
    return pipeline


def window(**settings: object) -> dict:
    return {"window": {"by": ["auction"], "aggregate": AGGREGATE, **settings}}


def moved(name: str, bootstrap: str, topic: str, **more: object) -> dict:
    """The windows of `window_pipeline` behind a repartition topic."""
    made = window_pipeline(name, bootstrap, topic, **more)
    del made["source"]["key"]
    return made


def table(name: str, bootstrap: str, topic: str, **more: object) -> dict:
    """A table of long texts, of which the output has none."""
    made = pass_pipeline(name, bootstrap, topic, **more)
    made["source"]["schema"]["note"] = "string"
    return made | {"steps": made["steps"] + [{"latest": {"by": ["auction"]}}, {"drop": "note"}]}


def changes(name: str, bootstrap: str, topic: str, **more: object) -> dict:
    made = pass_pipeline(name, bootstrap, topic, **more)
    return made | {"steps": made["steps"] + [{"with": {"cheap": "price < 500"}}, {"changes": {"by": ["auction"], "columns": ["cheap"]}}]}


def bank(name: str, bootstrap: str, topic: str, **more: object) -> dict:
    made = pass_pipeline(name, bootstrap, topic, **more)
    made["source"] = {"topic": topic, "format": "json", "timestamp": "ts", "schema": {
        "ts": "timestamp[ms]", "legs": "list<struct<account: int64, amount: int64, number: int64>>"}}
    made["steps"] = [{"explode": "legs"},
                     {"select": {"account": "legs.account", "amount": "legs.amount", "number": "legs.number"}},
                     {"running": {"by": ["account"], "aggregate": {
                         "amount": "argmax(amount, number)", "balance": "sum(amount)", "newest": "max(number)"}}}]
    made["sinks"] = [{"topic": f"{name}-out", "format": "json", "key": "account", "partitions": 1}]
    return made


RUNNING = {"bids": "count()", "total": "sum(revenue)", "low": "min(price)", "opening": "first(seq)", "closing": "last(seq)",
           "newest": "max(seq)"}
KINDS: dict[str, Kind] = {
    "windows": Kind(window_pipeline, Windows),
    "stateless": Kind(pass_pipeline, Passed),
    "sessions": Kind(stateful(window(session="500ms", grace="300ms")), lambda: WindowsOf(Sessions, GRACE_MS)),
    "hopping": Kind(stateful(window(hopping={"size": "5s", "step": "2s"}, grace="300ms")), lambda: WindowsOf(Hopping, GRACE_MS)),
    "count": Kind(stateful(window(count={"size": 7, "step": 3, "kind": "hopping"})), lambda: WindowsOf(Counted)),
    "by-key": Kind(stateful(window(tumbling="2s", grace="300ms", closing="key"), out_of_orderness="1s"),
                   lambda: WindowsOf(ClosedByKey, GRACE_MS, OUT_OF_ORDERNESS_MS)),
    "trigger": Kind(stateful(window(tumbling="5s", trigger={"when": "bids = 3", "after": "update"})), lambda: WindowsOf(Triggered)),
    "deduplicate": Kind(stateful({"deduplicate": {"by": ["auction"], "within": f"{WITHIN_MS}ms"}}), lambda: Remembered(Deduplicated)),
    "changes": Kind(changes, lambda: Remembered(Changed)),
    "running": Kind(stateful({"running": {"by": ["auction"], "aggregate": RUNNING}}), lambda: Remembered(Running)),
    "latest": Kind(stateful({"latest": {"by": ["auction"], "ttl": f"{TTL_MS}ms"}}), lambda: Remembered(Latest)),
    "by-the-clock": Kind(stateful(window(tumbling="2s"), idle_after="500ms"), ByTheClock, load=apart, at_the_end=nothing, awaited=True),
    "moved": Kind(moved, Moved, load=in_order, awaited=True, stages=2),
    "table": Kind(table, WithoutNote, load=wide, at_the_end=nothing, large=True),
    "repeated": Kind(table, WithoutNote, load=repeated, at_the_end=nothing, large=True),
    "bank": Kind(bank, Bank, load=transfers, at_the_end=nothing, partitions=1, sum_column="amount"),
}
