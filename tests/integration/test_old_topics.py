"""What ended before a pipeline ran for the first time does not come back with its old topic."""
import json
import time

from harness.lab import Lab
from harness.process import command
from harness.waiting import wait_until

HOUR_MS = 3_600_000


def stories(lab: Lab, topic: str, late: str) -> dict:
    return {"name": lab.name, "kafka": {"bootstrap.servers": lab.broker.bootstrap}, "guarantee": "exactly_once", "idle_after": "never",
            "source": {"topic": topic, "key": "story", "timestamp": "posted_at", "schema": {"story": "string", "posted_at": "timestamp[ms]"}},
            "steps": [{"expire": {"by": ["story"], "at": "date_add('hour', 24, posted_at)", "late": {"topic": late}}},
                      {"latest": {"by": ["story"]}}],
            "sinks": [{"topic": lab.output(), "key": "story"}]}


def record(story: str, posted_ms: int) -> tuple[bytes, bytes]:
    return story.encode(), json.dumps({"story": story, "posted_at": posted_ms}).encode()


def test_an_old_topic_brings_nothing_back_in_a_new_pipeline_and_after_a_reset(lab: Lab):
    topic, late = lab.create_input(1), lab.topics.create(f"{lab.name}-late", 1)
    now_ms = int(time.time() * 1000)
    feeder = lab.topics.producer()
    # In order and an hour apart: by event time alone the last day of them would be there.
    feeder.send_all(topic, [record(f"old-{hour}", now_ms - (72 - hour) * HOUR_MS) for hour in range(48)])
    file = lab.write(stories(lab, topic, late))
    lab.run_to_end(file, topic)
    assert lab.topics.read(lab.output()) == []
    gone = [json.loads(row.value) for row in lab.topics.read(late)]
    assert [row["story"] for row in gone] == [f"old-{hour}" for hour in range(48)]
    assert all(0 <= row["late_by"] - (48 - hour) * HOUR_MS < 600_000 for hour, row in enumerate(gone)), gone

    # A row that lives passes, also behind a restart without the disk: the first run is committed.
    feeder.send_all(topic, [record("new", now_ms - HOUR_MS)])
    process = lab.run(file, state_dir=lab.folder / "other-disk")
    wait_until(lambda: len(lab.topics.read(lab.output())) == 1, 60, "what lives passes")
    process.stop()

    reset = command("reset", file, "--yes", "--state-dir", lab.state_dir)
    assert reset.returncode == 0, reset.stderr
    lab.run_to_end(file, topic)
    assert [json.loads(row.value)["story"] for row in lab.topics.read(lab.output())] == ["new", "new"]
    assert len(lab.topics.read(late)) == 2 * 48
