"""Start, stop and what the program says when it cannot start."""
import signal
import time

import pytest
from harness.bids import WindowOracle, assert_passed, bids, pass_pipeline, sentinel, window_pipeline
from harness.broker import Broker, free_port
from harness.lab import SCALE, Lab
from harness.waiting import wait_until


def test_a_missing_source_topic_is_named_and_not_created(lab: Lab):
    missing = f"{lab.name}-nowhere"
    process = lab.run(lab.write(pass_pipeline(lab.name, lab.broker.bootstrap, missing)))
    assert process.wait_exit() == 1
    assert missing in process.log()
    assert missing not in lab.topics.names()


def test_a_missing_output_topic_is_refused_when_topics_may_not_be_created(lab: Lab):
    topic = lab.create_input(1)
    process = lab.run(lab.write(pass_pipeline(lab.name, lab.broker.bootstrap, topic, create_topics=False)))
    assert process.wait_exit() == 1
    assert lab.output() in process.log()
    assert lab.output() not in lab.topics.names()


def test_no_broker_ends_with_three_after_the_startup_timeout(lab: Lab):
    nowhere = f"127.0.0.1:{free_port()}"
    process = lab.run(lab.write(pass_pipeline(lab.name, nowhere, "bids")), "--startup-timeout", "3s")
    begin = time.monotonic()
    assert process.wait_exit(20) == 3
    assert time.monotonic() - begin > 2, "it did not wait"
    assert nowhere in process.log()


def test_a_broker_that_comes_late_is_waited_for(lab: Lab):
    port = free_port()
    process = lab.run(lab.write(pass_pipeline(lab.name, f"127.0.0.1:{port}", f"{lab.name}-in")), "--startup-timeout", "60s")
    process.wait_log("no broker answers")
    process.stop()


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:http", "no-such-host.invalid:8080"])
def test_a_bad_http_address_is_wrong_use(lab: Lab, address: str):
    process = lab.run(lab.write(pass_pipeline(lab.name, lab.broker.bootstrap, "bids")), "--http", address)
    assert process.wait_exit() == 2
    assert address in process.log()


def test_an_end_that_takes_longer_than_the_stop_timeout_is_cut_off_and_said(lab: Lab):
    own = Broker.start(f"gone-{lab.name[-6:]}")
    try:
        place = Lab(lab.name, lab.folder, own)
        topic = place.create_input(2)
        place.topics.producer().send_all(topic, bids(60_000, seed=12))
        # The first commit comes so late that there is work to commit when the broker goes.
        pipeline = pass_pipeline(place.name, own.bootstrap, topic, commit_interval="8s")
        process, http = place.run_with_http(place.write(pipeline), free_port(), "--stop-timeout", "2s")
        wait_until(lambda: http.metric("millrace_records_in_total") > 0, 30, "something is read", every=0.01)
        own.kill()
        begin = time.monotonic()
        process.process.terminate()
        assert process.wait_exit(15) == 1
        assert time.monotonic() - begin < 10
        assert "read again" in process.log(), process.log()
        own.restart()
        place.run_to_end(place.write(pass_pipeline(place.name, own.bootstrap, topic)), topic)
        assert_passed(place.topics.read(topic), place.topics.read(place.output()))
        place.close()
    finally:
        own.remove()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_under_load_ends_with_zero_and_the_next_run_goes_on(lab: Lab, sig: int):
    topic = lab.create_input(2)
    count = 150_000 * SCALE
    feeder = lab.topics.producer(compression_type="lz4")
    feeder.send_all(topic, bids(count, seed=7))
    feeder.send_all(topic, [sentinel(partition, count) for partition in range(2)])
    file = lab.write(pass_pipeline(lab.name, lab.broker.bootstrap, topic, batch={"rows": 500}))
    process = lab.run(file)
    wait_until(lambda: any(offset > 0 for offset in lab.topics.committed(lab.name, topic).values()), 30,
               "something is committed", every=0.02)
    process.stop(sig)
    lab.run_to_end(file, topic)
    assert_passed(lab.topics.read(topic), lab.topics.read(lab.output()))


def test_a_clean_stop_leaves_nothing_to_repeat_and_open_windows_go_on(lab: Lab):
    topic = lab.create_input(2)
    feeder = lab.topics.producer()
    file = lab.write(window_pipeline(lab.name, lab.broker.bootstrap, topic))
    parts = 3
    for part in range(parts):
        # Parts end in the middle of windows.
        feeder.send_all(topic, bids(23_456, seed=8, first=part * 23_456))
        lab.run_to_end(file, topic)
    oracle = WindowOracle.of(lab.topics.read(topic))
    assert oracle.open, "the input closes every window"
    oracle.assert_equals(lab.topics.read(lab.output()))


def test_state_that_was_deleted_is_rebuilt_from_the_changelog(lab: Lab):
    topic = lab.create_input(2)
    feeder = lab.topics.producer()
    file = lab.write(window_pipeline(lab.name, lab.broker.bootstrap, topic))
    for part in range(2):
        feeder.send_all(topic, bids(30_123, seed=9, first=part * 30_123))
        lab.run_to_end(file, topic)
        lab.close()  # removes the state
    feeder.send_all(topic, [sentinel(partition, 60_246) for partition in range(2)])
    lab.run_to_end(file, topic)
    WindowOracle.of(lab.topics.read(topic)).assert_equals(lab.topics.read(lab.output()))


def test_a_second_process_with_the_same_slot_ends_with_a_message(lab: Lab):
    topic = lab.create_input(2)
    lab.topics.producer().send_all(topic, bids(1_000, seed=10))
    file = lab.write(pass_pipeline(lab.name, lab.broker.bootstrap, topic))
    first = lab.run(file, MILLRACE_SLOT="0")
    lab.await_read(topic)
    second = lab.run(file, MILLRACE_SLOT="0")
    assert second.wait_exit() == 1
    assert "slot" in second.log().lower(), second.log()
    first.assert_running()
    third = lab.run(file, MILLRACE_SLOT="1")
    third.wait_log("partitions assigned")
    third.stop()
    first.stop()


def test_a_restart_of_the_broker_in_the_middle_is_survived(lab: Lab):
    own = Broker.start(f"restart-{lab.name[-6:]}")
    try:
        place = Lab(lab.name, lab.folder, own)
        topic = place.create_input(2)
        count = 40_000
        feeder = place.topics.producer()
        feeder.send_all(topic, bids(count, seed=11))
        process = place.run(place.write(window_pipeline(place.name, own.bootstrap, topic)))
        wait_until(lambda: any(offset > 0 for offset in place.topics.committed(place.name, topic).values()), 30,
                   "something is committed")
        own.kill()
        own.restart()
        feeder.send_all(topic, bids(count, seed=11, first=count))
        for partition in range(2):
            key, value = sentinel(partition, 2 * count)
            feeder.send(topic, key, value, partition=partition)
        feeder.flush()
        place.await_read(topic, seconds=90)
        process.stop()
        WindowOracle.of(place.topics.read(topic)).assert_equals(place.topics.read(place.output()))
        place.close()
    finally:
        own.remove()
