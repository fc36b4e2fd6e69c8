"""Savepoints: a stopped pipeline's offsets and state in a folder."""
import json
import pathlib

from harness.bids import WindowOracle, bids, window_pipeline
from harness.lab import Lab
from harness.process import command


def create(lab: Lab, file: pathlib.Path) -> pathlib.Path:
    folder = lab.folder / "savepoint"
    done = command("savepoint", "create", file, "--to", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def manifest_of(folder: pathlib.Path) -> dict:
    done = command("savepoint", "inspect", folder, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(expected: str, *words: str | pathlib.Path, code: int = 1) -> None:
    done = command("savepoint", *words)
    assert done.returncode == code and expected in done.stderr, f"{done.returncode}: {done.stdout}{done.stderr}"


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
