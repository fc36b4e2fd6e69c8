"""A process that is frozen until the group has given its work away, and then goes on."""
import signal

import pytest
from harness.bids import PIPELINES, assert_results, bids, close_windows, with_protocol
from harness.lab import Lab

PARTITIONS = 2


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
@pytest.mark.parametrize("kind", ["windows", "stateless"])
def test_nothing_that_a_frozen_process_wrote_becomes_visible_twice(lab: Lab, kind: str, protocol: str):
    topic = lab.create_input(PARTITIONS)
    # Long transactions, so that the process is frozen inside one.
    pipeline = PIPELINES[kind](lab.name, lab.broker.bootstrap, topic, commit_interval="2s", batch={"rows": 200})
    file = lab.write(with_protocol(pipeline, protocol))
    feeder = lab.topics.producer()
    part = 10_000
    feeder.send_all(topic, bids(part, seed=71))
    frozen = lab.run(file)
    frozen.wait_log("partitions assigned")
    feeder.send_all(topic, bids(part, seed=71, first=part))
    frozen.process.send_signal(signal.SIGSTOP)
    feeder.send_all(topic, bids(part, seed=71, first=2 * part))
    heir = lab.run(file)
    lab.await_read(topic)
    frozen.process.send_signal(signal.SIGCONT)
    feeder.send_all(topic, bids(part, seed=71, first=3 * part))
    close_windows(feeder, topic, PARTITIONS, 4 * part)
    frozen.wait_log("partitions (lost|revoked)")
    lab.await_read(topic)
    frozen.stop()
    heir.stop()
    assert_results(kind, lab.topics.read(topic), lab.topics.read(lab.output()))
    lab.topics.assert_nothing_pending(lab.output())
