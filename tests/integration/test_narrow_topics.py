"""Topics that take less than the client may write: what fits arrives, the rest are dead letters, and nothing stops."""
import json
import random
import string

import pytest
from harness.bids import START_MS
from harness.lab import Lab
from harness.topics import Topics
from harness.waiting import wait_until

TAKEN = 20_000
SIZES = {seq: size for first, size in ((50, 5_000), (51, 15_000), (52, 50_000)) for seq in range(first, 4_000, 100)}
LARGE = {seq for seq, size in SIZES.items() if size > TAKEN}


def feed(topics: Topics, topic: str) -> None:
    """Thousands of small rows with large ones among them, of random text: what is larger uncompressed is so compressed, too."""
    feeder = topics.producer(compression_type="none")
    chance = random.Random(7)
    for seq in range(4_000):
        pad = "".join(chance.choices(string.ascii_letters + string.digits, k=SIZES.get(seq, 100)))
        value = {"seq": seq, "ts": START_MS + seq, "group": seq % 7, "pad": pad}
        feeder.send(topic, str(seq).encode(), json.dumps(value, separators=(",", ":")).encode())
    feeder.flush()


def assert_only_large(lab: Lab, dead: str) -> None:
    letters = lab.topics.read(dead)
    assert {int(letter.key or b"-1") for letter in letters} == LARGE and len(letters) == len(LARGE)
    for letter in letters:
        assert letter.header("__connect.errors.class.name") == "too_large"
        reason = letter.header("__connect.errors.exception.message")
        assert f"max.message.bytes of the topic ({TAKEN})" in reason and "(1048400)" in reason, reason


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
def test_large_rows_of_a_narrow_output_are_dead_letters(lab: Lab, guarantee: str):
    topic = lab.create_input(2)
    lab.topics.create(lab.output(), 2, max_message_bytes=str(TAKEN))
    dead = lab.topics.create(f"{lab.name}-dead", 1, max_message_bytes=str(TAKEN))
    feed(lab.topics, topic)
    pipeline = {"name": lab.name, "guarantee": guarantee, "dead_letter": {"topic": dead},
                "kafka": {"bootstrap.servers": lab.broker.bootstrap, "compression.type": "none"},
                "source": {"topic": topic, "format": "json", "schema": {"seq": "int64", "pad": "string"}},
                "sinks": [{"topic": lab.output(), "format": "json"}]}
    process = lab.run_to_end(lab.write(pipeline), topic)
    assert "recover" not in process.log(), process.tail()
    rows = {row["seq"]: len(row["pad"]) for row in (json.loads(record.value) for record in lab.topics.read(lab.output()))}
    assert rows == {seq: SIZES.get(seq, 100) for seq in range(4_000) if seq not in LARGE}
    assert len(lab.topics.read(lab.output())) == len(rows), "a row is there twice"
    assert_only_large(lab, dead)
    for letter in lab.topics.read(dead):
        assert int(letter.header("__connect.errors.value.bytes")) > 50_000 and len(letter.value) == 16 << 10
    lab.topics.assert_nothing_pending(lab.output(), dead)


def test_large_rows_of_a_narrow_repartition_are_dead_letters(lab: Lab):
    topic = lab.create_input(2)
    dead = lab.topics.create(f"{lab.name}-dead", 1)
    lab.topics.create(f"{lab.name}-groups-repartition", 2, max_message_bytes=str(TAKEN))
    feed(lab.topics, topic)
    feeder = lab.topics.producer()
    for partition in range(2):
        end = {"seq": -1, "ts": START_MS + 7_200_000, "group": -1, "pad": ""}
        feeder.send(topic, None, json.dumps(end).encode(), partition=partition)
    feeder.flush()
    pipeline = {"name": lab.name, "dead_letter": {"topic": dead}, "idle_after": "never",
                "kafka": {"bootstrap.servers": lab.broker.bootstrap, "compression.type": "none"},
                "source": {"topic": topic, "format": "json", "timestamp": "ts",
                           "schema": {"seq": "int64", "ts": "timestamp[ms]", "group": "int64", "pad": "string"}},
                "steps": [{"name": "groups", "window": {"by": ["group"], "tumbling": "1h", "grace": "30m",
                                                         "aggregate": {"n": "count()", "first": "first(seq)", "bytes": "sum(length(pad))"}}}],
                "sinks": [{"topic": lab.output(), "format": "json"}]}
    process = lab.run(lab.write(pipeline))
    lab.await_read(topic)

    def complete() -> bool:
        process.assert_running()
        return len(lab.topics.read(lab.output())) >= 7
    wait_until(complete, 60, "the window closes", every=0.5)
    process.stop()
    assert "recover" not in process.log(), process.tail()
    passed = [seq for seq in range(4_000) if seq not in LARGE]
    found = {row["group"]: (row["n"], row["bytes"]) for row in map(json.loads, (r.value for r in lab.topics.read(lab.output())))}
    assert found == {group: (len(seqs), sum(SIZES.get(seq, 100) for seq in seqs))
                     for group in range(7) for seqs in [[seq for seq in passed if seq % 7 == group]]}
    assert_only_large(lab, dead)
