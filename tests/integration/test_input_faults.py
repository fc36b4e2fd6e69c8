"""Records that cannot be processed, and the extremes of those that can."""
import json

from harness.broker import free_port
from harness.lab import Lab
from harness.waiting import wait_until

MAX_TS = (1 << 63) - 1


def pipeline(lab: Lab, topic: str, **source: object) -> dict:
    return {"name": lab.name, "kafka": {"bootstrap.servers": lab.broker.bootstrap}, "idle_after": "never",
            "dead_letter": {"topic": f"{lab.name}-dead"},
            "source": {"topic": topic, "format": "json", "schema": {"id": "int64", "x": "int64", "y": "int64"}, **source},
            "steps": [{"with": {"ratio": "x / y"}}],
            "sinks": [{"topic": lab.output(), "format": "json"}]}


def test_broken_records_become_dead_letters_with_headers_and_the_rest_goes_on(lab: Lab):
    topic = lab.create_input(1)
    broken = {1: b"{\"id\":1,", 3: b"\xff\xfe", 5: b"", 7: b'{"id": 7, "x": "text", "y": 1}',
              9: b'{"id": 9, "x": 1, "y": 0}', 11: b'{"id": 18446744073709551616}', 13: b"[" * 100_000, 15: b"null x"}
    feeder = lab.topics.producer()
    for offset in range(20):
        value = broken.get(offset, json.dumps({"id": offset, "x": 10, "y": 2}).encode())
        feeder.send(topic, b"key-%d" % offset, value, partition=0, headers=[("trace", b"t%d" % offset), ("empty", None)])
        feeder.flush()
    lab.run_to_end(lab.write(pipeline(lab, topic)), topic)

    rows = [json.loads(record.value) for record in lab.topics.read(lab.output())]
    assert rows == [{"id": i, "x": 10, "y": 2, "ratio": 5} for i in range(20) if i not in broken]
    dead = {int(record.header("__connect.errors.offset")): record for record in lab.topics.read(f"{lab.name}-dead")}
    assert sorted(dead) == sorted(broken)
    for offset, record in dead.items():
        assert record.value == broken[offset] and record.key == b"key-%d" % offset
        assert record.header("trace") == f"t{offset}" and ("empty", None) in record.headers
        assert record.header("__connect.errors.topic") == topic
        assert record.header("__connect.errors.partition") == "0"
        for name in ("stage", "class.name", "exception.message"):
            assert record.header(f"__connect.errors.{name}"), (offset, name, record.headers)
    lab.topics.assert_nothing_pending(lab.output(), f"{lab.name}-dead")


def test_without_a_dead_letter_topic_a_broken_record_fails_the_pipeline_by_name(lab: Lab):
    topic = lab.create_input(1)
    lab.topics.producer().send_all(topic, [(None, b'{"id": 1, "x": 4, "y": 2}'), (None, b"broken")])
    without = pipeline(lab, topic)
    del without["dead_letter"]
    process = lab.run(lab.write(without))
    assert process.wait_exit() == 1
    assert topic in process.log() and "offset 1" in process.log(), process.log()


def test_null_keys_and_null_values_pass_stateless_steps(lab: Lab):
    topic = lab.create_input(1)
    feeder = lab.topics.producer()
    feeder.send_all(topic, [(None, b'{"id": 1, "x": 4, "y": 2}'), (b"k", None), (None, None),
                            (b"", b'{"id": 2, "x": 4, "y": 2}'), (b"k", b'{"id": 3}')])
    lab.run_to_end(lab.write(pipeline(lab, topic)), topic)
    found = [(record.key, record.value and json.loads(record.value)) for record in lab.topics.read(lab.output())]
    assert found == [(None, {"id": 1, "x": 4, "y": 2, "ratio": 2}), (b"k", None), (None, None),
                     (b"", {"id": 2, "x": 4, "y": 2, "ratio": 2}), (b"k", {"id": 3, "x": None, "y": None, "ratio": None})]
    assert lab.topics.read(f"{lab.name}-dead") == []


def test_tombstones_delete_in_a_compacted_topic_and_those_without_a_known_key_are_dead_letters(lab: Lab):
    topic = lab.create_input(1)
    by_id, by_x = (lab.topics.create(f"{lab.name}-by-{column}", 1, cleanup_policy="compact") for column in ("id", "x"))
    feeder = lab.topics.producer()
    feeder.send_all(topic, [(b"1", b'{"id":1,"x":5}'), (b"1", None), (b"2", b'{"id":2,"x":6}')])
    compacted = pipeline(lab, topic, key="id")
    del compacted["steps"]
    compacted["sinks"] = [{"topic": by_id, "key": "id"}, {"topic": by_x, "key": "x"}]
    lab.run_to_end(lab.write(compacted), topic)
    assert [(r.key, r.value is None) for r in lab.topics.read(by_id)] == [(b"1", False), (b"1", True), (b"2", False)]
    assert [(r.key, r.value is None) for r in lab.topics.read(by_x)] == [(b"5", False), (b"6", False)]
    dead = lab.topics.read(f"{lab.name}-dead")
    assert [(r.key, r.value, r.header("__connect.errors.class.name")) for r in dead] == [(b"1", None, "unknown_key")]


def test_event_times_at_the_extremes_are_results_or_dead_letters(lab: Lab):
    topic = lab.create_input(1)
    times = {0: -MAX_TS - 1, 1: -1, 2: 0, 3: 1, 4: 1_767_225_600_000, 5: MAX_TS}
    feeder = lab.topics.producer()
    feeder.send_all(topic, [(b"a", json.dumps({"id": i, "ts": ts}).encode()) for i, ts in times.items()])
    job = pipeline(lab, topic, timestamp="ts", key="", schema={"id": "int64", "ts": "timestamp[ms]"})
    del job["source"]["key"]
    job["steps"] = [{"filter": "id >= 0"}]
    lab.run_to_end(lab.write(job), topic)
    passed = [json.loads(record.value)["id"] for record in lab.topics.read(lab.output())]
    dead = [json.loads(record.value)["id"] for record in lab.topics.read(f"{lab.name}-dead")]
    assert sorted(passed + dead) == list(times), "every record is in exactly one place"
    assert {1, 2, 3, 4} <= set(passed) and 5 in dead


def test_an_empty_topic_is_waited_on_quietly(lab: Lab):
    topic = lab.create_input(2)
    process, http = lab.run_with_http(lab.write(pipeline(lab, topic)), free_port())
    http.wait_ready(process)
    wait_until(lambda: "kafka_consumergroup_lag" in http.get("/metrics")[1], 5, "the lag of each partition")
    process.stop()
    assert lab.topics.read(lab.output()) == []
