"""Pipelines on `millrace broker` in a process of its own: first steps without any Kafka."""
import json
import pathlib

import pytest
from harness.process import Millrace, command
from harness.waiting import wait_until

BIDS = [{"ts": 1_700_000_000_000 + i, "auction": i % 5, "price": 40 + i % 20} for i in range(100)]


class FirstSteps:
    """A broker with these topics, and commands that talk to it."""

    def __init__(self, folder: pathlib.Path, *topics: str):
        self.folder = folder
        flags = [word for topic in topics for word in ("--topic", topic)]
        self.broker = Millrace(["broker", *flags], folder / "broker.log")
        self.address = self.broker.wait_log(r"127\.0\.0\.1:\d+")

    def millrace(self, *words: str, stdin: str = "") -> str:
        done = command(*words, stdin=stdin, KAFKA=self.address)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def write_bids(self) -> None:
        self.millrace("topic", "write", "bids", "-K", ":",
                      stdin="".join(f"{bid['auction']}:{json.dumps(bid)}\n" for bid in BIDS))

    def run(self, guarantee: str) -> Millrace:
        pipeline = {"name": "first", "kafka": {"bootstrap.servers": self.address}, "guarantee": guarantee,
                    "idle_after": "1s", "state_dir": str(self.folder / "state"),
                    "source": {"topic": "bids", "key": "auction", "timestamp": "ts",
                               "schema": {"ts": "timestamp[ms]", "auction": "int64", "price": "double"}},
                    "steps": [{"filter": "price > 50"},
                              {"window": {"by": ["auction"], "tumbling": "1s", "aggregate": {"bids": "count()"}}}],
                    "sinks": [{"topic": "out", "key": "auction"}]}
        file = self.folder / "first.yaml"
        file.write_text(json.dumps(pipeline))
        return Millrace(["run", file], self.folder / f"run-{guarantee}.log")

    def rows(self) -> list[dict]:
        listed = self.millrace("topic", "list")
        return [json.loads(line) for line in self.millrace("topic", "read", "out").splitlines()] if "out " in listed else []


def test_windows_come_out_with_the_topics_that_the_message_asks_for(tmp_path: pathlib.Path):
    steps = FirstSteps(tmp_path, "bids:2")
    with steps.broker:
        refused = steps.run("at_least_once")
        assert refused.wait_exit() == 1
        flags = "--topic bids:2 --topic first-window-1-changelog:2"
        assert f"millrace broker {flags}" in refused.log(), refused.log()
    steps = FirstSteps(tmp_path, *flags.split()[1::2])
    with steps.broker:
        steps.write_bids()
        with steps.run("at_least_once") as process:
            rows = wait_until(lambda: len(found := steps.rows()) == 5 and found, 40, "five windows are closed", every=0.3)
            process.stop()
    assert {row["auction"]: row["bids"] for row in rows} == {
        auction: sum(bid["price"] > 50 for bid in BIDS if bid["auction"] == auction) for auction in range(5)}


def test_topics_made_on_first_use_fit_each_other(tmp_path: pathlib.Path):
    steps = FirstSteps(tmp_path, "bids:4")
    with steps.broker:
        steps.write_bids()
        with steps.run("at_least_once") as process:
            wait_until(lambda: len(steps.rows()) == 5, 40, "five windows are closed", every=0.3)
            process.stop()


@pytest.mark.parametrize("partitions", [2, 4])
def test_exactly_once_is_refused_because_it_would_not_hold(tmp_path: pathlib.Path, partitions: int):
    steps = FirstSteps(tmp_path, f"bids:{partitions}")
    with steps.broker:
        process = steps.run("exactly_once")
        assert process.wait_exit() == 1
        assert "guarantee: at_least_once" in process.log(), process.log()
