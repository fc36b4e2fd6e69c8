"""Several processes as one consumer group, coming and going while records flow."""
import json
import threading

import pytest
from harness.bids import WindowOracle, assert_passed, bids, close_windows, pass_pipeline, window_pipeline, with_protocol
from harness.lab import SCALE, Lab
from harness.process import Millrace, command

PARTITIONS = 6


class Flow(threading.Thread):
    """Produces in the background, in `steps` parts that the test releases."""

    def __init__(self, lab: Lab, topic: str, count: int, seed: int, parts: int):
        super().__init__(daemon=True)
        self.lab, self.topic, self.count, self.seed, self.parts = lab, topic, count, seed, parts
        self.released = threading.Semaphore(0)
        self.produced = [threading.Event() for _ in range(parts)]
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            feeder = self.lab.topics.producer(compression_type="lz4")
            part = self.count // self.parts
            for i in range(self.parts):
                self.released.acquire()
                feeder.send_all(self.topic, bids(part, self.seed, first=i * part))
                self.produced[i].set()
            close_windows(feeder, self.topic, PARTITIONS, self.count)
        except BaseException as error:
            self.error = error
            for event in self.produced:
                event.set()

    def finish(self) -> None:
        self.join(300)
        assert not self.is_alive() and self.error is None, self.error


def come_and_go(lab: Lab, pipeline: dict, topic: str, count: int, seed: int) -> None:
    """Joins and leaves in each part of the flow; the last two processes stop at the end."""
    file = lab.write(pipeline)

    def join() -> Millrace:
        process = lab.run(file)
        process.wait_log("partitions assigned")
        return process

    flow = Flow(lab, topic, count, seed, parts=4)
    flow.start()
    first = join()
    flow.released.release()
    second = join()
    flow.produced[0].wait(120)
    flow.released.release()
    first.stop()
    flow.produced[1].wait(120)
    flow.released.release()
    third = join()
    flow.produced[2].wait(120)
    flow.released.release()
    second.stop()
    fourth = join()
    flow.finish()
    lab.await_read(topic, 120)
    third.stop()
    fourth.stop()
    lab.topics.assert_nothing_pending(lab.output())


def test_processes_come_and_go_and_each_record_passes_once(lab: Lab):
    topic = lab.create_input(PARTITIONS)
    come_and_go(lab, pass_pipeline(lab.name, lab.broker.bootstrap, topic), topic, 200_000 * SCALE, seed=41)
    assert_passed(lab.topics.read(topic, seconds=120), lab.topics.read(lab.output(), seconds=120))


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_processes_come_and_go_and_windows_equal_the_oracle(lab: Lab, protocol: str):
    topic = lab.create_input(PARTITIONS)
    pipeline = with_protocol(window_pipeline(lab.name, lab.broker.bootstrap, topic), protocol)
    come_and_go(lab, pipeline, topic, 200_000 * SCALE, seed=42)
    WindowOracle.of(lab.topics.read(topic, seconds=120)).assert_equals(lab.topics.read(lab.output(), seconds=120))


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_at_least_once_loses_nothing_while_processes_come_and_go(lab: Lab, protocol: str):
    topic = lab.create_input(PARTITIONS)
    pipeline = pass_pipeline(lab.name, lab.broker.bootstrap, topic, guarantee="at_least_once")
    pipeline = with_protocol(pipeline, protocol)
    come_and_go(lab, pipeline, topic, 100_000 * SCALE, seed=43)
    wanted = {bid["seq"] for bid in (json.loads(record.value) for record in lab.topics.read(topic)) if bid["price"] > 50}
    assert {json.loads(record.value)["seq"] for record in lab.topics.read(lab.output())} == wanted


def test_a_reset_of_a_running_pipeline_is_refused_and_its_processes_keep_their_partitions(lab: Lab):
    topic = lab.create_input(PARTITIONS)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(2_000, seed=44))
    file = lab.write(pass_pipeline(lab.name, lab.broker.bootstrap, topic))
    process = lab.run(file)
    process.wait_log("partitions assigned")
    lab.await_read(topic)
    assigned = process.log().count("partitions assigned")
    for more in ([], ["--state-only"], ["--offsets-only", "--to", "latest"]):
        reset = command("reset", file, "--state-dir", lab.state_dir, "--yes", *more)
        assert reset.returncode == 1 and reset.stdout == "", reset.stdout
        assert f"the group '{lab.name}' has 1 member: {lab.name}-" in reset.stderr, reset.stderr
        assert " at 127.0.0.1; nothing was changed. Stop all processes" in reset.stderr, reset.stderr
    dry = command("reset", file, "--state-dir", lab.state_dir)
    assert dry.returncode == 0 and "has 1 member" in dry.stderr, dry.stderr
    feeder.send_all(topic, bids(1_000, seed=44, first=2_000))
    lab.await_read(topic)
    assert process.log().count("partitions assigned") == assigned and "partitions revoked" not in process.log(), process.log()
    process.stop()
    assert_passed(lab.topics.read(topic), lab.topics.read(lab.output()))


def test_a_reset_of_a_stopped_pipeline_moves_its_offsets(lab: Lab):
    topic = lab.create_input(2)
    lab.topics.producer().send_all(topic, bids(500, seed=45))
    file = lab.write(pass_pipeline(lab.name, lab.broker.bootstrap, topic))
    before = command("reset", file, "--to", "latest", "--yes")  # a group that nobody has used yet
    assert before.returncode == 0, before.stderr
    assert lab.topics.committed(lab.name, topic) == lab.topics.ends(topic)
    lab.run_to_end(file, topic)
    assert lab.topics.read(lab.output()) == []
    assert command("reset", file, "--state-dir", lab.state_dir, "--yes").returncode == 0
    assert lab.topics.committed(lab.name, topic) == {0: 0, 1: 0}
    lab.run_to_end(file, topic)
    assert_passed(lab.topics.read(topic), lab.topics.read(lab.output()))
