"""Several processes of one pipeline, and a load for them."""
import pathlib
import re
import threading

from harness.bids import WindowOracle, bids, close_windows
from harness.broker import free_port
from harness.lab import Lab
from harness.process import Http


class Load(threading.Thread):
    """Produces small portions until it is told to end."""

    def __init__(self, lab: Lab, topic: str, partitions: int, seed: int, auctions: int = 200):
        super().__init__(daemon=True)
        self.lab, self.topic, self.partitions, self.seed, self.auctions = lab, topic, partitions, seed, auctions
        self.sent = 0
        self.ends = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            feeder = self.lab.topics.producer(compression_type="lz4")
            while not self.ends.wait(0.05):
                feeder.send_all(self.topic, bids(500, self.seed, auctions=self.auctions, first=self.sent))
                self.sent += 500
            close_windows(feeder, self.topic, self.partitions, self.sent)
        except BaseException as error:
            self.error = error

    def finish(self) -> None:
        self.ends.set()
        self.join(60)
        assert not self.is_alive() and self.error is None, self.error


class Member:
    """A process of the group, with its counters."""

    def __init__(self, lab: Lab, pipeline: dict, state_dir: pathlib.Path | None = None):
        port = free_port()
        self.process = lab.run(lab.write(pipeline), "--http", f"127.0.0.1:{port}", state_dir=state_dir)
        self.http = Http(port)

    def running(self) -> float:
        return self.http.metric("millrace_tasks_running")

    def started(self) -> float:
        return self.http.metric("millrace_tasks_started_total")

    def count(self, event: str, field: str = "partitions") -> int:
        """The sum of a field over the events of that name in the log."""
        return sum(int(n) for n in re.findall(rf"{event} .*?\b{field}=(\d+)", self.process.log()))

    def assert_never_recovered(self) -> None:
        assert self.http.metric("millrace_recoveries_total") == 0, self.process.tail()


def verdict(lab: Lab, load: Load, members: list[Member]) -> None:
    load.finish()
    lab.await_read(load.topic, 120)
    for member in members:
        member.process.stop()
    # What comes behind the open transaction of a killed process is seen when the broker has ended that.
    lab.topics.assert_nothing_pending(lab.output())
    WindowOracle.of(lab.topics.read(load.topic, seconds=120)).assert_equals(lab.topics.read(lab.output(), seconds=120))
