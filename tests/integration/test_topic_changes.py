"""Topics that are not as a pipeline left them: more partitions, another changelog."""
import json
import pathlib
from collections.abc import Callable

import pytest
from confluent_kafka.admin import NewPartitions
from harness.bids import WindowOracle, assert_passed, bids, close_windows, pass_pipeline, window_pipeline
from harness.lab import Lab
from harness.process import Millrace, command
from harness.waiting import wait_until


def add_partitions(lab: Lab, topic: str, count: int) -> None:
    lab.topics.admin.create_partitions([NewPartitions(topic, count)])[topic].result(20)
    wait_until(lambda: lab.topics.partitions(topic) == count, 20, f"{topic} has {count} partitions")


def fast_metadata(pipeline: dict) -> dict:
    pipeline["kafka"]["topic.metadata.refresh.interval.ms"] = "500"
    return pipeline


def end_by_added_partition(lab: Lab, topic: str, file: pathlib.Path) -> Millrace:
    """Runs over some input of a topic with two partitions until a third one ends the process."""
    lab.topics.producer().send_all(topic, bids(2_000, seed=61))
    process = lab.run(file)
    lab.await_read(topic)
    add_partitions(lab, topic, 3)
    assert process.wait_exit(60) == 1
    return process


def changelog_of(lab: Lab) -> str:
    return f"{lab.name}-window-1-changelog"


def test_partitions_added_under_a_stateful_pipeline_end_it_and_the_message_leads_on(lab: Lab):
    topic = lab.create_input(2)
    file = lab.write(fast_metadata(window_pipeline(lab.name, lab.broker.bootstrap, topic)))
    process = end_by_added_partition(lab, topic, file)
    assert f"topic '{topic}' has more partitions than the 2" in process.log(), process.log()

    again = lab.run(file)
    assert again.wait_exit() == 1
    assert f"'{changelog_of(lab)}' has 2 partitions, but the pipeline now needs 3" in again.log(), again.log()
    assert "millrace reset" in again.log()

    reset = command("reset", file, "--state-dir", lab.state_dir, "--yes")
    assert reset.returncode == 0, reset.stderr
    assert changelog_of(lab) in reset.stdout
    lab.run_to_end(file, topic)
    assert lab.topics.partitions(changelog_of(lab)) == 3


def test_a_stateless_pipeline_goes_on_with_added_partitions_after_a_restart(lab: Lab):
    topic = lab.create_input(2)
    file = lab.write(fast_metadata(pass_pipeline(lab.name, lab.broker.bootstrap, topic)))
    process = end_by_added_partition(lab, topic, file)
    assert "start it again" in process.log(), process.log()
    feeder = lab.topics.producer()
    for key, value in bids(500, seed=63, first=2_000):
        feeder.send(topic, b"new-" + key, value, partition=2)
    feeder.flush()
    pipeline = fast_metadata(pass_pipeline(lab.name, lab.broker.bootstrap, topic))
    del pipeline["source"]["key"], pipeline["sinks"][0]["key"]  # the new keys are not the column
    lab.run_to_end(lab.write(pipeline), topic)
    new = [record for record in lab.topics.read(topic) if record.partition == 2]
    assert new
    assert_passed(new, [record for record in lab.topics.read(lab.output()) if record.key.startswith(b"new-")])


def test_a_step_that_changed_or_went_is_refused_until_its_state_is_reset_and_the_others_keep_theirs(lab: Lab):
    topic = lab.create_input(2)
    pipeline = window_pipeline(lab.name, lab.broker.bootstrap, topic)
    hourly = {"window": {"by": ["auction"], "tumbling": "1h", "aggregate": {"n": "count()"}}}
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(8_000, seed=65))  # closes no window
    lab.run_to_end(lab.write(pipeline | {"steps": [*pipeline["steps"], hourly]}), topic)
    changed = {"window": {**hourly["window"], "aggregate": {"n": "sum(bids)"}}}
    for steps, reason in [([changed], "the state of step 'window-2' was written as"),
                          ([], "step 'window-2' has state but is not in the pipeline any more")]:
        file = lab.write(pipeline | {"steps": [*pipeline["steps"], *steps]})
        refused = lab.run(file)
        assert refused.wait_exit() == 1
        assert reason in refused.log() and "millrace reset FILE --step window-2 --yes" in refused.log(), refused.log()
    nothing = command("reset", file, "--state-dir", lab.state_dir, "--step", "window-3", "--yes")
    assert nothing.returncode == 1 and "step 'window-3' has no state" in nothing.stderr, nothing.stderr
    reset = command("reset", file, "--state-dir", lab.state_dir, "--step", "window-2", "--yes")
    assert reset.returncode == 0, reset.stderr
    assert f"{lab.name}-window-2-changelog" in reset.stdout and changelog_of(lab) not in reset.stdout
    feeder.send_all(topic, bids(30_000, seed=65, first=8_000))
    close_windows(feeder, topic, 2, 38_000)
    lab.run_to_end(file, topic)
    WindowOracle.of(lab.topics.read(topic)).assert_equals(lab.topics.read(lab.output()))


def test_a_changelog_with_another_partition_count_is_refused(lab: Lab):
    topic = lab.create_input(2)
    lab.topics.create(changelog_of(lab), 5, cleanup_policy="compact")
    process = lab.run(lab.write(window_pipeline(lab.name, lab.broker.bootstrap, topic)))
    assert process.wait_exit() == 1
    assert f"'{changelog_of(lab)}' has 5 partitions, but the pipeline now needs 2" in process.log(), process.log()


def test_a_changelog_that_was_made_anew_is_noticed_and_state_follows_it(lab: Lab):
    topic = lab.create_input(2)
    file = lab.write(window_pipeline(lab.name, lab.broker.bootstrap, topic))
    lab.topics.producer().send_all(topic, bids(20_000, seed=64))
    lab.run_to_end(file, topic)
    lab.topics.admin.delete_topics([changelog_of(lab)])[changelog_of(lab)].result(20)
    wait_until(lambda: changelog_of(lab) not in lab.topics.names(), 20, "the changelog is gone")
    lab.topics.create(changelog_of(lab), 2, cleanup_policy="compact")
    lab.topics.producer().send_all(topic, bids(20_000, seed=64, first=20_000))
    process = lab.run_to_end(file, topic)
    assert "state on disk does not match its changelog" in process.log(), process.log()
    assert changelog_of(lab) in process.log()
    assert lab.topics.ends(changelog_of(lab), "read_committed")[0] > 0, "new state goes to the new changelog"


def grouped_by(column: str) -> Callable[[dict], None]:
    """Rows move by that column before a window by two."""
    def edit(pipeline: dict) -> None:
        pipeline["source"].pop("key", None)
        pipeline["steps"] = [*pipeline["steps"][:2], {"group_by": [column]}, pipeline["steps"][-1]]
        pipeline["steps"][-1]["window"]["by"] = ["auction", "seq"]
    return edit


def by_message_key(pipeline: dict) -> None:
    pipeline["source"]["key"] = "auction"
    pipeline["steps"] = [step for step in pipeline["steps"] if "group_by" not in step]


def nulls_are_a_group(pipeline: dict) -> None:
    pipeline["steps"][2]["window"]["null_key"] = "group"


def as_it_is(_: dict) -> None:
    pass


@pytest.mark.parametrize(("written", "edit"), [(as_it_is, nulls_are_a_group), (grouped_by("auction"), by_message_key),
                                               (grouped_by("auction"), grouped_by("seq"))],
                         ids=["move-now", "moved-before", "move-by-another-key"])
def test_an_edit_that_moves_rows_is_refused_and_can_be_undone(
        lab: Lab, written: Callable[[dict], None], edit: Callable[[dict], None]):
    topic = lab.create_input(2)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(2_000, seed=67))
    pipeline = window_pipeline(lab.name, lab.broker.bootstrap, topic)
    written(pipeline)
    process = lab.run(lab.write(pipeline))
    lab.await_read(topic)
    if written is not as_it_is:
        lab.await_read(f"{lab.name}-group_by-1-repartition")
    process.stop()
    edited = json.loads(json.dumps(pipeline))
    edit(edited)
    file = lab.write(edited)
    refused = "the rows of step 'window-1' come into other partitions since the pipeline was edited"
    process = lab.run(file)
    assert process.wait_exit() == 1
    assert refused in process.log(), process.log()
    saved = command("savepoint", "create", file, "--to", lab.folder / "savepoint")
    assert saved.returncode == 1 and refused in saved.stderr, saved.stdout + saved.stderr
    if written is not as_it_is:
        lab.run_to_end(lab.write(pipeline), topic)
        return
    feeder.send_all(topic, bids(1_000, seed=67, first=2_000))
    close_windows(feeder, topic, 2, 3_000)
    lab.run_to_end(lab.write(pipeline), topic)
    WindowOracle.of(lab.topics.read(topic)).assert_equals(lab.topics.read(lab.output()))
