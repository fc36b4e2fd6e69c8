"""Savepoints: a stopped pipeline's offsets and state in a folder."""
import pathlib

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewPartitions
from harness.bids import WindowOracle, bids, close_windows, window_pipeline
from harness.lab import Lab
from harness.process import command
from harness.savepoints import assert_as_uninterrupted, await_results, create, manifest_of, pipeline_of, reset, restore
from harness.waiting import wait_until


def refused(expected: str, *words: str | pathlib.Path, code: int = 1) -> None:
    done = command("savepoint", *words)
    assert done.returncode == code and expected in done.stderr, f"{done.returncode}: {done.stdout}{done.stderr}"


KINDS = ["keyed", "moved"]
HALF = 15_000


def test_a_savepoint_holds_offsets_and_open_windows(lab: Lab):
    topic = lab.create_input(2)
    lab.topics.producer().send_all(topic, bids(20_000, seed=81))
    file = lab.write(window_pipeline(lab.name, lab.broker.bootstrap, topic))
    lab.run_to_end(file, topic)
    folder = create(lab, file)
    manifest = manifest_of(folder)
    [stage] = manifest["stages"]
    [source] = stage["inputs"]
    committed = lab.topics.committed(lab.name, topic)
    assert {at["partition"]: at["offset"] for at in source["partitions"]} == committed
    [step] = stage["steps"]
    assert (step["name"], step["kind"], step["placed_by"]["columns"]) == ("window-1", "window", ["auction"])
    assert step["state"]["rows"] == len(WindowOracle.of(lab.topics.read(topic)).open)
    text = command("savepoint", "inspect", folder).stdout
    assert f"state of window-1  {step['state']['rows']} rows" in text and "whole: 1 file" in text, text
    assert sorted(path.name for path in lab.folder.glob("savepoint*")) == ["savepoint"]  # nothing half done is left
    refused("exists already", "create", file, "--to", folder)


def test_a_savepoint_of_a_running_or_new_pipeline_is_refused(lab: Lab):
    topic = lab.create_input(1)
    lab.topics.producer().send_all(topic, bids(1_000, seed=82))
    file = lab.write(window_pipeline(lab.name, lab.broker.bootstrap, topic))
    folder = lab.folder / "savepoint"
    refused("has committed nothing yet", "create", file, "--to", folder)
    process = lab.run(file)
    lab.await_read(topic)
    refused("has 1 member", "create", file, "--to", folder)
    process.stop()
    assert not folder.exists()
    edited = window_pipeline(lab.name, lab.broker.bootstrap, topic)
    edited["steps"][2]["window"]["tumbling"] = "20s"
    refused("was written by another definition of the step", "create", lab.write(edited), "--to", folder)
    del edited["steps"][2]
    refused("step 'window-1' has state but is not in the file", "create", lab.write(edited), "--to", folder)
    assert not folder.exists()


def test_a_savepoint_that_is_not_whole_is_refused(lab: Lab):
    topic = lab.create_input(1)
    lab.topics.producer().send_all(topic, bids(5_000, seed=83))
    file = lab.write(window_pipeline(lab.name, lab.broker.bootstrap, topic))
    lab.run_to_end(file, topic)
    folder = create(lab, file)
    [state] = folder.glob("state-*.parquet")
    whole = state.read_bytes()
    state.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    refused("is not what was written", "inspect", folder)
    state.unlink()
    refused("is missing", "inspect", folder)
    state.write_bytes(whole)
    manifest = folder / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text[:-200])
    refused("is cut off", "inspect", folder)
    manifest.write_text(text.replace('"offset":5000', '"offset":0'))
    refused("was changed", "inspect", folder)
    manifest.unlink()
    refused("there is no savepoint in", "inspect", folder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_restored_pipeline_goes_on_as_if_nothing_had_been(lab: Lab, kind: str):
    topic = lab.create_input(2)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(HALF, seed=84, late=0))
    file = lab.write(pipeline_of(lab, kind, topic))
    process = lab.run(file)
    wait_until(lambda: max(lab.topics.committed(lab.name, topic).values()) > 0, 30, "something is committed")
    process.kill()
    folder = lab.folder / "savepoint"
    wait_until(lambda: command("savepoint", "create", file, "--to", folder).returncode == 0, 30, "nobody is in the group")
    refused("has state already", "restore", file, "--from", folder)
    reset(lab, file)
    restore(file, folder)
    refused("has state already", "restore", file, "--from", folder)
    feeder.send_all(topic, bids(HALF, seed=84, first=HALF, late=0))
    close_windows(feeder, topic, 2, 2 * HALF)
    process = lab.run(file)
    lab.await_read(topic)
    refused("has 1 member", "restore", file, "--from", folder)
    await_results(lab, lab.topics.read(topic))
    process.stop()
    assert_as_uninterrupted(lab, lab.topics.read(topic))


def bring_rows_home(lab: Lab, file: pathlib.Path) -> None:
    """Runs until all is read that was on its way: a pipeline in which rows do not move has no place for them."""
    between = f"{lab.name}-window-1-repartition"
    ends = lab.topics.ends(between)
    process = lab.run(file)
    # The last offset is that of a transaction's marker.
    wait_until(lambda: all(lab.topics.committed(lab.name, between).get(p, 0) >= end - 1 for p, end in ends.items()), 30,
               "no row is on its way")
    process.wait_log("pipeline started")  # everything may have been home before
    process.stop()


@pytest.mark.parametrize("partitions", [1, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_another_topic_with_other_partitions(lab: Lab, kind: str, partitions: int):
    topic = lab.create_input(2)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(HALF, seed=85, late=0))
    file = lab.write(pipeline_of(lab, kind, topic))
    lab.run_to_end(file, topic)
    if kind == "moved" and partitions == 1:
        bring_rows_home(lab, file)
    folder = create(lab, file)
    other = lab.topics.create(f"{lab.name}-other", partitions)
    feeder.send_all(other, bids(HALF, seed=85, first=HALF, late=0))
    name = f"{lab.name}-b"
    file = lab.write(pipeline_of(lab, kind, other, name))
    refused(f"source topic '{topic}' of the savepoint is not in the pipeline", "restore", file, "--from", folder)
    told = restore(file, folder, "--map", f"{topic}={other}")
    assert "placed anew by key" in told, told
    close_windows(feeder, other, partitions, 2 * HALF)
    process = lab.run(file)
    lab.topics.wait_read(name, other)
    inputs = lab.topics.read(topic) + lab.topics.read(other)
    await_results(lab, inputs)
    process.stop()
    assert_as_uninterrupted(lab, inputs)


@pytest.mark.parametrize("kind", KINDS)
def test_partitions_were_added_to_the_source(lab: Lab, kind: str):
    topic = lab.create_input(2)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(HALF, seed=86, late=0))
    file = lab.write(pipeline_of(lab, kind, topic))
    lab.run_to_end(file, topic)
    add_partitions(lab, topic, 4)
    folder = create(lab, file)  # of the two that the pipeline knew
    assert [stage["partitions"] for stage in manifest_of(folder)["stages"]] == [2] * (1 if kind == "keyed" else 2)
    reset(lab, file)
    restore(file, folder)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(HALF, seed=86, first=HALF, late=0))
    close_windows(feeder, topic, 4, 2 * HALF)
    process = lab.run(file)
    lab.await_read(topic)
    inputs = lab.topics.read(topic)
    await_results(lab, inputs)
    process.stop()
    assert_as_uninterrupted(lab, inputs)


def test_state_by_message_key_is_not_placed_where_the_records_of_its_key_are_not(lab: Lab):
    topic = lab.create_input(2)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(HALF, seed=87, late=0))
    file = lab.write(pipeline_of(lab, "keyed", topic))
    lab.run_to_end(file, topic)
    folder = create(lab, file)
    feeder.send_all(topic, bids(100, seed=87, first=HALF, late=0))  # not read, and in two partitions
    add_partitions(lab, topic, 4)
    reset(lab, file)
    refused("the key of this record belongs into partition", "restore", file, "--from", folder)

    unhashed = lab.topics.create(f"{lab.name}-unhashed", 2)
    for i, (key, value) in enumerate(bids(1_000, seed=88, late=0)):
        feeder.send(unhashed, key, value, partition=int(key) % 2)
    feeder.flush()
    file = lab.write(pipeline_of(lab, "keyed", unhashed, f"{lab.name}-u"))
    process = lab.run(file)
    lab.topics.wait_read(f"{lab.name}-u", unhashed)
    process.stop()
    folder = lab.folder / "unhashed"
    assert command("savepoint", "create", file, "--to", folder).returncode == 0
    add_partitions(lab, unhashed, 3)
    reset(lab, file)
    refused("written with another partitioner", "restore", file, "--from", folder)


def test_steps_can_be_renamed_and_left_out(lab: Lab):
    topic = lab.create_input(1)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(HALF, seed=89, late=0))
    pipeline = pipeline_of(lab, "keyed", topic)
    window = pipeline["steps"].pop()["window"]
    pipeline["steps"].append({"deduplicate": {"by": ["seq"], "within": "1m"}, "name": "once"})
    pipeline["steps"].append({"window": window, "name": "sums"})
    file = lab.write(pipeline)
    lab.run_to_end(file, topic)
    folder = create(lab, file)
    reset(lab, file)
    pipeline["steps"][-1]["name"] = "totals"
    file = lab.write(pipeline)
    refused("step 'sums' (", "restore", file, "--from", folder)
    refused("--map sums=NAME", "restore", file, "--from", folder)
    refused("the savepoint has no step with state and no topic 'sum' (did you mean 'sums'?)", "restore", file, "--from", folder,
            "--map", "sum=totals")
    refused("no source topic 'total' (did you mean 'totals'?)", "restore", file, "--from", folder, "--map", "sums=total")
    pipeline["steps"][-1]["window"] = window | {"tumbling": "20s"}
    refused("and step 'totals' would now be tumbling 20s", "restore", lab.write(pipeline), "--from", folder, "--map", "sums=totals")
    pipeline["steps"][-1]["window"] = window
    del pipeline["steps"][-2]
    file = lab.write(pipeline)
    refused("step 'once' (", "restore", file, "--from", folder, "--map", "sums=totals")
    told = restore(file, folder, "--map", "sums=totals", "--allow-drop")
    assert "state of totals" in told and "left out: step 'once'" in told, told
    feeder.send_all(topic, bids(HALF, seed=89, first=HALF, late=0))
    close_windows(feeder, topic, 1, 2 * HALF)
    lab.run_to_end(file, topic)
    assert_as_uninterrupted(lab, lab.topics.read(topic))


def test_a_restore_that_is_cut_off_has_not_happened_and_can_be_run_again(lab: Lab):
    topic = lab.create_input(2)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(HALF, seed=90, late=0))
    file = lab.write(pipeline_of(lab, "moved", topic))
    lab.run_to_end(file, topic)
    folder = create(lab, file)
    reset(lab, file)
    # What a restore leaves that was killed before its end: topics, and a transaction with some of it.
    changelog = lab.topics.create(f"{lab.name}-window-1-changelog", 2, cleanup_policy="compact")
    half = Producer({"bootstrap.servers": lab.broker.bootstrap, "transactional.id": f"{lab.name}-savepoint"})
    half.init_transactions(20)
    half.begin_transaction()
    half.produce(changelog, b"state of a key that is wrong", b"key")
    half.flush(20)
    restore(file, folder)
    feeder.send_all(topic, bids(HALF, seed=90, first=HALF, late=0))
    close_windows(feeder, topic, 2, 2 * HALF)
    process = lab.run(file)
    lab.await_read(topic)
    await_results(lab, lab.topics.read(topic))
    process.stop()
    assert_as_uninterrupted(lab, lab.topics.read(topic))
    lab.topics.assert_nothing_pending(topic, changelog)


def test_a_savepoint_that_is_not_whole_is_not_restored(lab: Lab):
    topic = lab.create_input(1)
    lab.topics.producer().send_all(topic, bids(5_000, seed=91))
    file = lab.write(window_pipeline(lab.name, lab.broker.bootstrap, topic))
    lab.run_to_end(file, topic)
    folder = create(lab, file)
    reset(lab, file)
    [state] = folder.glob("state-*.parquet")
    whole = state.read_bytes()
    state.write_bytes(whole[:-1])
    refused("is not what was written", "restore", file, "--from", folder)
    state.write_bytes(whole)
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text()[:-1])
    refused("is cut off", "restore", file, "--from", folder)
    assert not lab.topics.partitions(f"{lab.name}-window-1-changelog")


def add_partitions(lab: Lab, topic: str, count: int) -> None:
    lab.topics.admin.create_partitions([NewPartitions(topic, count)])[topic].result(20)
    wait_until(lambda: lab.topics.partitions(topic) == count, 20, "the partitions are there")
