"""A process that is frozen until the group has given its work away, and then goes on."""
import signal

import pytest
from harness.bids import WindowOracle, assert_passed, bids, pass_pipeline, sentinel, window_pipeline
from harness.lab import Lab

PARTITIONS = 2


@pytest.mark.parametrize("kind", ["windows", "stateless"])
def test_nothing_that_a_frozen_process_wrote_becomes_visible_twice(lab: Lab, kind: str):
    topic = lab.create_input(PARTITIONS)
    build = window_pipeline if kind == "windows" else pass_pipeline
    # Long transactions, so that the process is frozen inside one.
    file = lab.write(build(lab.name, lab.broker.bootstrap, topic, commit_interval="2s", batch={"rows": 200}))
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
    for partition in range(PARTITIONS):
        key, value = sentinel(partition, 4 * part)
        feeder.send(topic, key, value, partition=partition)
    feeder.flush()
    frozen.wait_log("partitions (lost|revoked)")
    lab.await_read(topic)
    frozen.stop()
    heir.stop()
    inputs, output = lab.topics.read(topic), lab.topics.read(lab.output())
    if kind == "windows":
        WindowOracle.of(inputs).assert_equals(output)
    else:
        assert_passed(inputs, output)
    lab.topics.assert_nothing_pending(lab.output())
