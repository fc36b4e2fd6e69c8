"""One test's place: its names, its files and its processes."""
import json
import os
import pathlib
import re
import shutil

from .broker import Broker
from .process import Http, Millrace
from .topics import Topics

LONG = os.environ.get("MILLRACE_TEST_LONG") == "1"
SCALE = 10 if LONG else 1


class Lab:
    """`name` is unique in the broker: it starts the names of all topics and is the consumer group."""

    def __init__(self, name: str, folder: pathlib.Path, broker: Broker, topics: Topics | None = None):
        self.name = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        self.folder = folder
        self.broker = broker
        self.topics = topics or Topics(broker.bootstrap)
        self.state_dir = folder / "state"
        self.processes: list[Millrace] = []

    def create_input(self, partitions: int = 2, **settings: str) -> str:
        return self.topics.create(f"{self.name}-in", partitions, **settings)

    def output(self) -> str:
        return f"{self.name}-out"

    def write(self, pipeline: dict) -> pathlib.Path:
        """JSON is YAML. A process that is starting may be reading the file that this replaces."""
        path = self.folder / f"{pipeline['name']}.yaml"
        written = path.with_suffix(".new")
        written.write_text(json.dumps(pipeline, indent=2))
        return written.replace(path)

    def run(self, file: pathlib.Path, *words: str, state_dir: pathlib.Path | None = None,
            **environment: str) -> Millrace:
        number = len(self.processes)
        process = Millrace(["run", file, "--state-dir", state_dir or self.state_dir, *words],
                           self.folder / f"millrace-{number}.log", environment)
        self.processes.append(process)
        return process

    def run_with_http(self, file: pathlib.Path, port: int, *words: str) -> tuple[Millrace, Http]:
        return self.run(file, "--http", f"127.0.0.1:{port}", *words), Http(port)

    def run_to_end(self, file: pathlib.Path, topic: str, *words: str, seconds: float = 60, **environment: str) -> Millrace:
        """Runs until everything in the topic is committed, then stops it; it must end with 0."""
        process = self.run(file, *words, **environment)
        self.await_read(topic, seconds)
        process.wait_log("pipeline started")  # everything may have been read by another one before
        process.stop()
        return process

    def await_read(self, topic: str, seconds: float = 60) -> None:
        try:
            self.topics.wait_read(self.name, topic, seconds)
        except AssertionError as error:
            logs = "\n".join(f"--- process {i}, {'runs' if p.running() else f'ended with {p.process.returncode}'}\n{p.tail()}"
                             for i, p in enumerate(self.processes) if p.log())
            raise AssertionError(f"{error}\n{logs}") from None

    def close(self) -> None:
        for number, process in enumerate(self.processes):
            process.__exit__()
            print(f"--- log of process {number} of {self.name}\n{process.tail(20_000)}")  # shown when the test fails
        shutil.rmtree(self.state_dir, ignore_errors=True)
