"""Pipelines without a declared schema (R7)."""
import json
import textwrap

from harness.lab import Lab
from harness.process import command
from harness.topics import Record


def records(count: int) -> list[tuple[bytes, bytes]]:
    """What one partition holds alone does not show the schema of all."""
    rows = []
    for i in range(count):
        row = {"id": i, "x": i} if i % 2 else {"id": i, "x": i + 0.5, "user": {"name": f"n{i}", "tags": ["a", "b"]}}
        rows.append((b"odd" if i % 2 else b"even", json.dumps(row).encode()))
    return rows


def undeclared(lab: Lab, topic: str) -> dict:
    return {"name": lab.name, "kafka": {"bootstrap.servers": lab.broker.bootstrap}, "source": {"topic": topic},
            "sinks": [{"topic": lab.output()}]}


def expected(input_records: list[Record]) -> list[dict]:
    rows = [json.loads(record.value) for record in input_records]
    return sorted(({"id": row["id"], "x": float(row["x"]), "user": row.get("user")} for row in rows), key=lambda r: r["id"])


def rows_of(output: list[Record]) -> list[dict]:
    return sorted((json.loads(record.value) for record in output), key=lambda row: row["id"])


def test_processes_that_start_at_once_agree_on_one_schema_and_later_ones_keep_it(lab: Lab):
    topic = lab.create_input(2)
    feeder = lab.topics.producer()
    for i, (key, value) in enumerate(records(2_000)):
        feeder.send(topic, key, value, partition=i % 2)
    feeder.flush()
    file = lab.write(undeclared(lab, topic))
    both = [lab.run(file, state_dir=lab.folder / f"state-{i}") for i in range(2)]
    for process in both:
        process.wait_log("partitions assigned")
    lab.await_read(topic)
    assert rows_of(lab.topics.read(lab.output())) == expected(lab.topics.read(topic))
    meta = lab.topics.read(f"{lab.name}-meta")
    assert lab.topics.partitions(f"{lab.name}-meta") == 1
    assert meta and {record.key for record in meta} == {topic.encode()}
    for process in both:
        process.stop()

    # What is there now would give another schema; the first record of the meta topic counts.
    feeder.send_all(topic, [(b"odd", b'{"id": 2000, "x": 1, "more": true}')])
    lab.run_to_end(file, topic)
    assert lab.topics.read(f"{lab.name}-meta")[0].value == meta[0].value
    assert len(lab.topics.read(f"{lab.name}-meta")) == len(meta)
    assert rows_of(lab.topics.read(lab.output()))[-1] == {"id": 2000, "x": 1.0, "user": None}


def test_the_printed_schema_can_be_pasted_and_gives_the_same_rows(lab: Lab):
    topic = lab.create_input(2)
    lab.topics.producer().send_all(topic, [*records(100), (b"k", b'{"id": 100, "x": 1, "odd name": [{"a:b": 1}]}')])
    printed = command("schema", "infer", "-b", lab.broker.bootstrap, "-t", topic).stdout
    file = lab.folder / "pasted.yaml"
    file.write_text(f"name: {lab.name}\nkafka:\n  bootstrap.servers: {lab.broker.bootstrap}\nsource:\n  topic: {topic}\n"
                    + textwrap.indent(printed, "  ") + f"sinks:\n  - topic: {lab.output()}\n")
    lab.run_to_end(file, topic)
    rows = rows_of(lab.topics.read(lab.output()))
    assert [row["x"] for row in rows] == [row["x"] for row in expected(lab.topics.read(topic))]
    assert rows[0]["user"] == {"name": "n0", "tags": ["a", "b"]}
    assert rows[100]["odd name"] == [{"a:b": 1}]
