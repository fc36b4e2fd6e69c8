"""Every kind of state goes on in other partitions as it would have in its own."""
import collections
import json

import pytest
from harness.bids import START_MS, bids, close_windows, murmur2_partition, sentinel
from harness.lab import Lab
from harness.process import command
from harness.savepoints import create, pipeline_of, restore
from harness.topics import Record
from harness.waiting import wait_until

HALF = 6_000
SUMS = {"n": "count()", "total": "sum(price)"}
# Behind rows that come in order per key it does not matter where they are.
STEPS = {
    "hopping": {"window": {"by": ["auction"], "hopping": {"size": "2s", "step": "500ms"}, "aggregate": SUMS}},
    "sliding": {"window": {"by": ["auction"], "sliding": "700ms", "aggregate": SUMS}},
    "session": {"window": {"by": ["auction"], "session": "150ms", "aggregate": SUMS}},
    "count": {"window": {"by": ["auction"], "count": {"size": 10, "step": 3, "kind": "hopping"}, "aggregate": SUMS}},
    "closing-key": {"window": {"by": ["auction"], "tumbling": "1s", "closing": "key", "aggregate": SUMS}},
    "two-columns": {"window": {"by": ["bidder", "auction"], "tumbling": "5s", "aggregate": SUMS}},
    "deduplicate": {"deduplicate": {"by": ["auction", "bidder"], "within": "2s"}},
    "changes": {"changes": {"by": ["auction"], "columns": ["bidder"]}},
    "running": {"running": {"by": ["auction"], "aggregate": SUMS}},
    "latest": {"latest": {"by": ["auction"], "ttl": "1d"}},
    # All end within the hour, and most in the first half only: their tombstones come of what was moved.
    "expire": {"expire": {"by": ["auction", "bidder"], "at": "date_add('hour', 1, date_trunc('hour', ts))", "already_over": "pass"}},
}


def beats() -> list[tuple[bytes, bytes]]:
    """A record of one event time for each of two partitions: their watermarks are the same."""
    value = {"seq": -9, "ts": START_MS + HALF - 1, "bidder": 0, "price": 1.0}
    keys = [next(key for key in range(8_000_000, 9_000_000) if murmur2_partition(str(key).encode(), 2) == p) for p in range(2)]
    return [(str(key).encode(), json.dumps(value | {"auction": key}).encode()) for key in keys]


def results(output: list[Record], only_last: bool) -> dict[bytes, list[str]]:
    by_key: dict[bytes, list[str]] = collections.defaultdict(list)
    for record in output:
        row = json.loads(record.value or "null")
        by_key[record.key].append(json.dumps(row, sort_keys=True))
    return {key: rows[-1:] if only_last else sorted(rows) for key, rows in by_key.items()}


@pytest.mark.parametrize("kind", STEPS)
def test_state_goes_on(lab: Lab, kind: str):
    def pipeline(name: str, topic: str, out: str) -> dict:
        made = pipeline_of(lab, "keyed", topic, name)
        made["steps"] = [STEPS[kind]]
        made["sinks"] = [{"topic": out, "format": "json", "key": "auction"}]
        return made

    def run(made: dict, topic: str):
        process = lab.run(lab.write(made), state_dir=lab.folder / made["name"])
        lab.topics.wait_read(made["name"], topic)
        process.stop()

    feeder = lab.topics.producer()
    whole = lab.topics.create(f"{lab.name}-whole", 1)
    feeder.send_all(whole, bids(HALF, seed=97, late=0))
    feeder.send_all(whole, beats())
    feeder.send_all(whole, bids(HALF, seed=97, first=HALF, late=0))
    feeder.send_all(whole, [sentinel(partition, 2 * HALF) for partition in range(5)])
    run(pipeline(f"{lab.name}-whole", whole, f"{lab.name}-expected"), whole)
    expected = results(lab.topics.read(f"{lab.name}-expected"), kind in ("running", "latest"))
    assert len(expected) > 100

    first = lab.topics.create(f"{lab.name}-first", 2)
    feeder.send_all(first, bids(HALF, seed=97, late=0))
    feeder.send_all(first, beats())
    made = pipeline(lab.name, first, lab.output())
    run(made, first)
    folder = create(lab, lab.write(made))
    second = lab.topics.create(f"{lab.name}-second", 5)
    made = pipeline(f"{lab.name}-b", second, lab.output())
    told = restore(lab.write(made), folder, "--map", f"{first}={second}")
    assert "placed anew by key" in told and " 0 rows" not in told, told
    feeder.send_all(second, bids(HALF, seed=97, first=HALF, late=0))
    close_windows(feeder, second, 5, 2 * HALF)
    run(made, second)
    found = results(lab.topics.read(lab.output()), kind in ("running", "latest"))
    different = {key: (rows, found.get(key)) for key, rows in expected.items() if found.get(key) != rows}
    assert found.keys() == expected.keys() and not different, f"{len(different)} keys, e.g. {next(iter(different.items()), None)}"


def input_with_one_partition_ahead(lab: Lab, seed: int) -> str:
    """Two partitions; only in the second has the time come far enough to close windows."""
    topic = lab.create_input(2)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(HALF, seed=seed, late=0))
    ahead = next(i for i in range(1_000) if murmur2_partition(str(i).encode(), 2) == 1)
    value = {"seq": -9, "ts": START_MS + HALF + 1_000, "auction": ahead, "bidder": 0, "price": 1.0}
    feeder.send(topic, str(ahead).encode(), json.dumps(value).encode())
    feeder.flush()
    return topic


def test_windows_that_overlap_do_not_close_twice(lab: Lab):
    topic = input_with_one_partition_ahead(lab, seed=98)
    made = pipeline_of(lab, "keyed", topic)
    made["steps"] = [STEPS["hopping"]]
    file = lab.write(made)
    lab.run_to_end(file, topic)
    folder = create(lab, file)
    other = lab.topics.create(f"{lab.name}-other", 3)
    file = lab.write(pipeline_of(lab, "keyed", other, f"{lab.name}-b") | {"steps": made["steps"]})
    done = command("savepoint", "restore", file, "--from", folder, "--map", f"{topic}={other}")
    assert done.returncode == 1 and "step 'window-1': its windows overlap" in done.stderr, done.stdout + done.stderr


def test_windows_with_a_trigger_go_on_wherever_they_have_closed(lab: Lab):
    """Each has rows of its own, so that nothing of a window that closed is left to close again."""
    def windows() -> list[tuple[int, int]]:
        rows = [json.loads(record.value) for record in lab.topics.read(lab.output())]
        return [(row["auction"], row["window_start"]) for row in rows]

    topic = input_with_one_partition_ahead(lab, seed=96)
    rows = [json.loads(record.value) for record in lab.topics.read(topic)]
    expected = {(row["auction"], row["ts"] - row["ts"] % 500 - 500 * i) for row in rows for i in range(4)}
    made = pipeline_of(lab, "keyed", topic)
    made["steps"] = [{"window": STEPS["hopping"]["window"] | {"trigger": {"when": "n > 1000000", "after": "update"}}}]
    file = lab.write(made)
    lab.run_to_end(file, topic)
    assert len(windows()) > 100
    folder = create(lab, file)
    other = lab.topics.create(f"{lab.name}-other", 3)
    made = pipeline_of(lab, "keyed", other, f"{lab.name}-b") | {"steps": made["steps"]}
    file = lab.write(made)
    restore(file, folder, "--map", f"{topic}={other}")
    close_windows(lab.topics.producer(), other, 3, HALF)
    process = lab.run(file, state_dir=lab.folder / made["name"])
    lab.topics.wait_read(made["name"], other)
    process.stop()
    found = windows()
    assert len(found) == len(set(found)), "a window gave its result twice"
    assert set(found) == expected


def test_windows_that_overlap_do_not_close_twice_behind_a_new_repartition(lab: Lab):
    """The topic that is new to the windows begins with what the savepoint says of their time."""
    topic = lab.create_input(2)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(HALF, seed=99, late=0))
    feeder.send_all(topic, beats())
    made = pipeline_of(lab, "keyed", topic)
    made["steps"] = [STEPS["hopping"]]
    file = lab.write(made)
    lab.run_to_end(file, topic)
    before = {record.value for record in lab.topics.read(lab.output())}
    assert len(before) > 100
    folder = create(lab, file)
    made = pipeline_of(lab, "moved", topic, f"{lab.name}-b") | {"steps": made["steps"]}
    made["sinks"][0]["topic"] = f"{lab.name}-after"
    file = lab.write(made)
    restore(file, folder)
    close_windows(feeder, topic, 2, HALF)
    process = lab.run(file, state_dir=lab.folder / made["name"])
    wait_until(lambda: len(lab.topics.read(f"{lab.name}-after")) > 100, 60, "windows are closed", every=0.5)
    lab.topics.wait_read(made["name"], topic)
    process.stop()
    again = [record.value for record in lab.topics.read(f"{lab.name}-after") if record.value in before]
    assert not again, f"{len(again)} results came twice, e.g. {again[0]}"
