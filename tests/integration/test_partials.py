"""Partial aggregates through a repartition topic (K2a): the results of rows, over kills and edits."""
import itertools
import json
import pathlib
import shutil

import pytest
from harness.bids import bids, close_windows, window_pipeline
from harness.broker import free_port
from harness.lab import SCALE, Lab
from harness.process import command
from harness.savepoints import manifest_of, reset, restore
from harness.waiting import wait_until

COUNT = 60_000 * SCALE
PARTITIONS = 3
PARTS = 6
WINDOW = "by-bidder"


def pipeline_of(lab: Lab, topic: str, late_topic: bool, name: str | None = None) -> dict:
    pipeline = window_pipeline(name or lab.name, lab.broker.bootstrap, topic, workers=2)
    pipeline["sinks"][0]["topic"] = lab.output()
    # With so much grace nothing is late, however the partitions interleave.
    window = {"by": ["bidder"], "tumbling": "10s", "grace": "30m",
              "aggregate": {"bids": "count()", "last": "max(seq)", "total": "sum(seq)", "best": "max(price)",
                            "high": "count() where price > 500", "mean": "mean(seq)"}}
    if late_topic:
        window["late"] = {"topic": f"{lab.name}-late"}
    pipeline["steps"] = [{"filter": "price > 50"}, {"window": window, "name": WINDOW}]
    pipeline["sinks"][0]["key"] = "bidder"
    return pipeline


def expected_of(lab: Lab, *topics: str) -> dict[tuple[int, int], list]:
    expected: dict[tuple[int, int], list] = {}
    for record in itertools.chain.from_iterable(map(lab.topics.read, topics)):
        bid = json.loads(record.value)
        if bid["price"] <= 50 or bid["seq"] < 0:
            continue
        row = expected.setdefault((bid["bidder"], bid["ts"] // 10_000 * 10_000), [0, -1, 0, 0.0, 0])
        row[0] += 1
        row[1] = max(row[1], bid["seq"])
        row[2] += bid["seq"]
        row[3] = max(row[3], bid["price"])
        row[4] += bid["price"] > 500
    return {key: [*row, row[2] / row[0]] for key, row in expected.items()}


def assert_results(lab: Lab, expected: dict[tuple[int, int], list]) -> None:
    output = [json.loads(record.value) for record in lab.topics.read(lab.output())]
    actual = {(row["bidder"], row["window_start"]): [row[name] for name in ("bids", "last", "total", "best", "high", "mean")]
              for row in output}
    assert len(output) == len(actual), "a result is there twice"
    assert actual == expected


@pytest.mark.parametrize("edited", [False, True], ids=["the same pipeline", "rows and partials in turn"])
def test_windows_of_moved_rows_equal_the_oracle_over_kills(lab: Lab, edited: bool):
    topic = lab.create_input(PARTITIONS)
    feeder = lab.topics.producer(compression_type="lz4")
    for part in range(PARTS):
        before = sum(lab.topics.committed(lab.name, topic).values())
        feeder.send_all(topic, bids(COUNT // PARTS, seed=91, first=part * (COUNT // PARTS)))
        # A late output needs rows, and so an edit changes what travels while some of the other is on its way.
        process = lab.run(lab.write(pipeline_of(lab, topic, late_topic=edited and part % 2 == 1)))
        wait_until(lambda: sum(lab.topics.committed(lab.name, topic).values()) > before, 60, "it goes on", every=0.05)
        process.kill()
        process.wait_killed()
    close_windows(feeder, topic, PARTITIONS, COUNT)
    run_until_complete(lab, pipeline_of(lab, topic, late_topic=False), expected_of(lab, topic))


def run_until_complete(lab: Lab, pipeline: dict, expected: dict[tuple[int, int], list]) -> None:
    process = lab.run(lab.write(pipeline))

    def complete() -> bool:
        process.assert_running()
        return len(lab.topics.read(lab.output())) >= len(expected)
    wait_until(complete, 90, f"{len(expected)} results come out", every=0.5)
    process.stop()
    assert_results(lab, expected)


def save_with_partials_on_their_way(lab: Lab, topic: str) -> pathlib.Path:
    """Kills the pipeline between the commit that ends its input and the one that ends what was moved."""
    feeder = lab.topics.producer()
    file, folder, sent = lab.write(pipeline_of(lab, topic, late_topic=False)), lab.folder / "savepoint", 0
    while True:
        feeder.send_all(topic, bids(COUNT // PARTS, seed=92, first=sent))
        sent += COUNT // PARTS
        process = lab.run(file)
        wait_until(lambda: lab.topics.committed(lab.name, topic) == lab.topics.ends(topic), 60, "all is read", every=0.01)
        process.kill()
        process.wait_killed()
        wait_until(lambda: command("savepoint", "create", file, "--to", folder).returncode == 0, 30, "nobody is in the group")
        stages = manifest_of(folder)["stages"]
        if sum(saved.get("in_flight_data", 0) for stage in stages for saved in stage["inputs"]) > 0:
            return folder
        assert sent < 20 * COUNT, "nothing is ever on its way"
        shutil.rmtree(folder)


@pytest.mark.parametrize("partitions", [PARTITIONS, 5])
def test_partials_on_their_way_are_saved(lab: Lab, partitions: int):
    topic = lab.create_input(PARTITIONS)
    folder = save_with_partials_on_their_way(lab, topic)
    count = sum(lab.topics.ends(topic).values())
    if partitions == PARTITIONS:
        pipeline, other = pipeline_of(lab, topic, late_topic=False), topic
        reset(lab, lab.write(pipeline))
        restore(lab.write(pipeline), folder)
    else:
        other = lab.topics.create(f"{lab.name}-other", partitions)
        pipeline = pipeline_of(lab, other, late_topic=False, name=f"{lab.name}-b")
        restore(lab.write(pipeline), folder, "--map", f"{topic}={other}")
    feeder = lab.topics.producer()
    feeder.send_all(other, bids(COUNT // PARTS, seed=92, first=count))
    close_windows(feeder, other, partitions, count + COUNT // PARTS)
    run_until_complete(lab, pipeline, expected_of(lab, *{topic, other}))


def test_a_backlog_moves_in_a_fraction_of_the_bytes(lab: Lab):
    topic = lab.create_input(PARTITIONS)
    feeder = lab.topics.producer(compression_type="lz4")
    feeder.send_all(topic, bids(COUNT, seed=92))
    close_windows(feeder, topic, PARTITIONS, COUNT)
    expected = expected_of(lab, topic)
    moved = {}
    for late_topic in (True, False):
        pipeline = pipeline_of(lab, topic, late_topic) | {"name": f"{lab.name}-{late_topic}".lower()}
        pipeline["sinks"][0]["topic"] = lab.output() if not late_topic else f"{lab.name}-rows-out"
        process, http = lab.run_with_http(lab.write(pipeline), free_port())
        http.wait_ready(process)
        rows = sum(row[0] for row in expected.values()) + PARTITIONS
        wait_until(lambda: http.metric("millrace_step_rows_in_total", step=WINDOW) == rows, 60, "all rows have moved")
        assert http.metric("millrace_step_rows_absorbed_total", step=WINDOW) == rows
        moved[late_topic] = http.metric("millrace_bytes_out_total", step=f"{WINDOW}-repartition")
        if not late_topic:
            wait_until(lambda: len(lab.topics.read(lab.output())) >= len(expected), 60, "all results come out", every=0.5)
        process.stop()
    print(f"bytes moved: {moved[True]:.0f} as rows, {moved[False]:.0f} as partial aggregates, of {rows} rows")
    assert moved[False] * 4 < moved[True]
    assert_results(lab, expected)
