"""Whole jobs on topics of many shapes, compared with the oracle at read_committed."""
import json
import random
import string

import pytest
from harness.bids import START_MS, WindowOracle, assert_passed, bids, close_windows, murmur2_partition, pass_pipeline, window_pipeline
from harness.lab import SCALE, Lab
from harness.waiting import wait_until

COUNT = 60_000 * SCALE


def fill(lab: Lab, topic: str, partitions: int, codec: str, count: int, seed: int) -> None:
    feeder = lab.topics.producer(compression_type=codec)
    feeder.send_all(topic, bids(count, seed))
    close_windows(feeder, topic, partitions, count)


@pytest.mark.parametrize(("partitions", "codec"), [(1, "none"), (2, "lz4"), (6, "zstd"), (2, "gzip")])
def test_windows_equal_the_oracle(lab: Lab, partitions: int, codec: str):
    topic = lab.create_input(partitions, compression_type="producer")
    fill(lab, topic, partitions, codec, COUNT, seed=partitions)
    pipeline = window_pipeline(lab.name, lab.broker.bootstrap, topic)
    pipeline["kafka"]["compression.type"] = codec
    lab.run_to_end(lab.write(pipeline), topic)

    oracle = WindowOracle.of(lab.topics.read(topic))
    assert oracle.late > 0 and len(oracle.results) > 1_000, "the input shows nothing"
    output = lab.topics.read(lab.output())
    oracle.assert_equals(output)
    assert lab.topics.partitions(lab.output()) == partitions
    assert all(record.partition == murmur2_partition(record.key, partitions) for record in output)
    lab.topics.assert_nothing_pending(lab.output())


@pytest.mark.parametrize("workers", [1, 3])
def test_stateless_steps_pass_each_record_once_in_order(lab: Lab, workers: int):
    topic = lab.create_input(4)
    lab.topics.producer(compression_type="lz4").send_all(topic, bids(COUNT, seed=20 + workers))
    file = lab.write(pass_pipeline(lab.name, lab.broker.bootstrap, topic, workers=workers))
    lab.run_to_end(file, topic)
    assert_passed(lab.topics.read(topic), lab.topics.read(lab.output()))


def test_rows_that_change_their_key_move_through_a_repartition_topic(lab: Lab):
    topic = lab.create_input(3)
    fill(lab, topic, 3, "lz4", COUNT, seed=31)
    pipeline = window_pipeline(lab.name, lab.broker.bootstrap, topic, workers=2)
    # With so much grace nothing is late, however the partitions interleave.
    pipeline["steps"][2]["window"] = {"by": ["bidder"], "tumbling": "10s", "grace": "30m",
                                      "aggregate": {"bids": "count()", "total": "sum(revenue)", "best": "max(price)"}}
    pipeline["sinks"][0]["key"] = "bidder"
    file = lab.write(pipeline)
    expected: dict[tuple[int, int], list] = {}
    for record in lab.topics.read(topic):
        bid = json.loads(record.value)
        if bid["price"] <= 50 or bid["seq"] < 0:
            continue
        row = expected.setdefault((bid["bidder"], bid["ts"] // 10_000 * 10_000), [0, 0.0, 0.0])
        row[:] = row[0] + 1, row[1] + bid["price"] * 2, max(row[2], bid["price"])

    process = lab.run(file)
    lab.await_read(topic)

    def complete() -> bool:
        process.assert_running()
        return len(lab.topics.read(lab.output())) >= len(expected)
    wait_until(complete, 60, f"{len(expected)} results come out", every=0.5)
    process.stop()
    output = [json.loads(record.value) for record in lab.topics.read(lab.output())]
    actual = {(row["bidder"], row["window_start"]): [row["bids"], row["total"], row["best"]] for row in output}
    assert len(output) == len(actual), "a result is there twice"
    assert actual == expected
    internal = [name for name in lab.topics.names() if name.startswith(lab.name) and name.endswith("-repartition")]
    assert len(internal) == 1 and lab.topics.partitions(internal[0]) == 3


@pytest.mark.parametrize(("count", "pad"), [(20_000, 250), (8_000, 900)])
def test_a_backlog_of_wide_rows_moves_though_a_batch_is_more_than_a_record(lab: Lab, count: int, pad: int):
    topic = lab.create_input(2)
    feeder = lab.topics.producer(compression_type="lz4")
    chance = random.Random(count)
    expected: dict[int, list] = {}
    for seq in range(count):
        value = {"seq": seq, "ts": START_MS + seq, "group": seq % 7,
                 "pad": "".join(chance.choices(string.ascii_letters, k=pad))}
        feeder.send(topic, str(seq).encode(), json.dumps(value).encode())
        row = expected.setdefault(seq % 7, [0, 0, seq])
        row[0] += 1
        row[1] += seq
    for partition in range(2):
        feeder.send(topic, None, json.dumps({"seq": -1, "ts": START_MS + 7_200_000, "group": -1, "pad": ""}).encode(),
                    partition=partition)
    feeder.flush()
    pipeline = {"name": lab.name, "kafka": {"bootstrap.servers": lab.broker.bootstrap}, "idle_after": "never",
                "source": {"topic": topic, "format": "json", "timestamp": "ts",
                           "schema": {"seq": "int64", "ts": "timestamp[ms]", "group": "int64", "pad": "string"}},
                # So much grace that nothing is late, however the partitions interleave.
                "steps": [{"window": {"by": ["group"], "tumbling": "1h", "grace": "30m",
                                      "aggregate": {"n": "count()", "sum": "sum(seq)", "first": "first(seq)",
                                                    "bytes": "sum(length(pad))"}}}],
                "sinks": [{"topic": lab.output(), "format": "json"}]}
    process = lab.run(lab.write(pipeline))
    lab.await_read(topic)

    def complete() -> bool:
        process.assert_running()
        return len(lab.topics.read(lab.output())) >= len(expected)
    wait_until(complete, 60, f"{len(expected)} results come out", every=0.5)
    process.stop()
    rows = [json.loads(record.value) for record in lab.topics.read(lab.output())]
    assert {row["group"]: [row["n"], row["sum"], row["first"]] for row in rows} == expected
    assert len(rows) == len(expected), "a result is there twice"
    assert all(row["bytes"] == row["n"] * pad for row in rows)


def test_records_of_ten_bytes_to_one_megabyte(lab: Lab):
    topic = lab.create_input(2, max_message_bytes="4000000")
    lab.topics.create(lab.output(), 2, max_message_bytes="4000000")
    feeder = lab.topics.producer(message_max_bytes=4_000_000, compression_type="zstd")
    expected = []
    for seq, size in enumerate([10, 11, 100, 1_000, 10_000, 100_000, 999_000, 1_000_000, 1_048_576] * 3):
        value = json.dumps({"seq": seq}, separators=(",", ":"))
        if size > 20:
            value = json.dumps({"seq": seq, "pad": ""}, separators=(",", ":"))
            value = json.dumps({"seq": seq, "pad": "x" * (size - len(value))}, separators=(",", ":"))
        feeder.send(topic, str(seq % 5).encode(), value.ljust(size).encode())
        expected.append(json.loads(value).get("pad"))
    feeder.flush()
    pipeline = {"name": lab.name,
                "kafka": {"bootstrap.servers": lab.broker.bootstrap, "message.max.bytes": "4000000"},
                "source": {"topic": topic, "format": "json", "schema": {"seq": "int64", "pad": "string"}},
                "sinks": [{"topic": lab.output(), "format": "json"}]}
    lab.run_to_end(lab.write(pipeline), topic)
    rows = sorted((json.loads(record.value) for record in lab.topics.read(lab.output())), key=lambda row: row["seq"])
    assert [row["seq"] for row in rows] == list(range(len(expected)))
    assert [row["pad"] for row in rows] == expected


def test_as_large_as_a_topic_takes_by_default_and_dead_letters_of_that_size(lab: Lab):
    """Random text: what is larger uncompressed than the topic takes is so compressed, too."""
    topic = lab.create_input(1)
    dead = lab.topics.create(f"{lab.name}-dead", 1)
    chance = random.Random(1)
    large = "".join(chance.choices(string.ascii_letters + string.digits, k=1_000_000))
    bad = ("{" + large * 2)[:1_048_300].encode()  # no JSON
    feeder = lab.topics.producer(message_max_bytes=2_000_000, compression_type="none")
    for key, value in ((b"a", json.dumps({"pad": large}).encode()), (b"b", bad), (b"c", b'{"pad": "short"}')):
        feeder.send(topic, key, value, headers=[("own", b"x")])
        feeder.flush()
    pipeline = {"name": lab.name, "kafka": {"bootstrap.servers": lab.broker.bootstrap, "compression.type": "none"},
                "dead_letter": {"topic": dead},
                "source": {"topic": topic, "format": "json", "schema": {"pad": "string"}},
                "steps": [{"with": {"size": "length(pad)"}}],
                "sinks": [{"topic": lab.output(), "format": "json"}]}
    lab.run_to_end(lab.write(pipeline), topic)
    assert [json.loads(record.value)["size"] for record in lab.topics.read(lab.output())] == [1_000_000, 5]
    (letter,) = lab.topics.read(dead)
    assert letter.key == b"b" and letter.value == bad[:64 << 10]
    assert letter.header("__connect.errors.value.bytes") == str(len(bad))
    assert letter.header("__connect.errors.offset") == "1" and letter.header("own") is None
