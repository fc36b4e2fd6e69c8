"""A transaction that lasts longer than most: Kafka's clients give up after ten seconds unless they are told otherwise."""
import time

from harness.bids import assert_passed, bids, pass_pipeline
from harness.broker import free_port
from harness.lab import Lab
from harness.waiting import wait_until

# It counts from the start of the worker; what is left once the first rows were written must be more than LONG_S.
COMMIT_INTERVAL_S = 18
LONG_S = 10


def test_a_commit_interval_of_more_than_ten_seconds_commits_once_and_aborts_nothing(lab: Lab):
    topic = lab.create_input(2)
    lab.topics.producer().send_all(topic, bids(2_000, seed=21))
    pipeline = pass_pipeline(lab.name, lab.broker.bootstrap, topic, commit_interval=f"{COMMIT_INTERVAL_S}s")
    process, http = lab.run_with_http(lab.write(pipeline), free_port())
    wait_until(lambda: sum(lab.topics.ends(lab.output()).values()) > 0, 30, "rows are written, not committed")
    opened = time.monotonic()
    assert lab.topics.read(lab.output()) == []
    lab.await_read(topic, seconds=COMMIT_INTERVAL_S + 30)
    lasted = time.monotonic() - opened
    assert lasted > LONG_S, "the machine was too slow for this test: the transaction was opened late"
    assert http.metric("millrace_commits_total") == 1
    assert http.metric("millrace_recoveries_total") == 0
    process.stop()
    output = lab.topics.read(lab.output())
    assert_passed(lab.topics.read(topic), output)
    # What a transaction that was aborted had written would be seen here.
    assert lab.topics.read(lab.output(), "read_uncommitted") == output
