"""File sinks: what is committed appears, also when the pipeline is edited after a kill."""
import pathlib
import shutil
from collections.abc import Callable

import pytest
from harness.bids import bids, pass_pipeline
from harness.lab import Lab
from harness.process import command
from harness.waiting import wait_until


def numbers(folder: pathlib.Path) -> list[int]:
    """The `seq` of each row: the sink makes one directory, with one file, per value."""
    return sorted(int(file.parent.name.removeprefix("seq=")) for file in folder.glob("seq=*/*.parquet"))


def staged(folder: pathlib.Path) -> list[str]:
    return [file.name for file in (folder / "_staging").iterdir()]


def file_pipeline(lab: Lab, topic: str) -> dict:
    pipeline = pass_pipeline(lab.name, lab.broker.bootstrap, topic, steps=[], commit_interval="100ms")
    pipeline["sinks"] = [{"parquet": {"path": str(lab.folder / "rows"), "roll": "1h", "partition_by": ["seq"]}}]
    return pipeline


def behind_a_kafka_sink(lab: Lab, pipeline: dict) -> None:
    pipeline["sinks"].insert(0, {"topic": lab.output(), "format": "json", "key": "auction"})


def renamed(_: Lab, pipeline: dict) -> None:
    pipeline["sinks"][0]["name"] = "rows"


def removed(lab: Lab, pipeline: dict) -> None:
    pipeline["sinks"] = [{"topic": lab.output(), "name": "other", "format": "json", "key": "auction"}]


def moved(lab: Lab, pipeline: dict) -> None:
    pipeline["sinks"][0]["parquet"]["path"] = str(lab.folder / "elsewhere")


def of_another_format(_: Lab, pipeline: dict) -> None:
    pipeline["sinks"][0] = {"ipc": pipeline["sinks"][0]["parquet"] | {"partition_by": []}}


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
@pytest.mark.parametrize("edit", [behind_a_kafka_sink, renamed, removed, moved, of_another_format])
def test_committed_rows_appear_after_a_kill_and_an_edit(lab: Lab, edit: Callable[[Lab, dict], None], guarantee: str):
    topic = lab.create_input(1)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(5, seed=1))
    pipeline = file_pipeline(lab, topic) | {"guarantee": guarantee}
    process = lab.run(lab.write(pipeline))
    lab.await_read(topic)
    process.kill()
    rows = lab.folder / "rows"
    assert numbers(rows) == [], "it rolled too early to show anything"

    feeder.send_all(topic, bids(5, seed=2, first=5))
    edit(lab, pipeline)
    lab.run_to_end(lab.write(pipeline), topic)
    assert set(numbers(rows)) >= set(range(5)) and len(numbers(rows)) == len(set(numbers(rows)))
    assert staged(rows) == []
    lab.run_to_end(lab.write(pipeline), topic)
    assert len(numbers(rows)) == len(set(numbers(rows)))


@pytest.mark.parametrize("sink", ["stays", "goes"])
def test_committed_rows_appear_when_their_repartition_went(lab: Lab, sink: str):
    topic = lab.create_input(2)
    lab.topics.producer().send_all(topic, bids(20, seed=1))
    pipeline = file_pipeline(lab, topic) | {"steps": [{"group_by": ["seq"]}]}
    del pipeline["source"]["key"]
    process = lab.run(lab.write(pipeline))
    lab.await_read(topic)
    lab.await_read(f"{lab.name}-group_by-1-repartition")
    process.kill()
    rows = lab.folder / "rows"
    assert numbers(rows) == [], "it rolled too early to show anything"
    pipeline["steps"] = []
    if sink == "goes":
        removed(lab, pipeline)
    process = lab.run_to_end(lab.write(pipeline), topic)
    assert numbers(rows) == list(range(20)), process.log()
    assert staged(rows) == []
    shutil.rmtree(rows)
    lab.run_to_end(lab.write(pipeline), topic)


def test_committed_rows_whose_folder_is_gone_stop_the_start_until_it_is_back(lab: Lab):
    topic = lab.create_input(1)
    lab.topics.producer().send_all(topic, bids(5, seed=1))
    pipeline = file_pipeline(lab, topic)
    process = lab.run(lab.write(pipeline))
    lab.await_read(topic)
    process.kill()
    rows = lab.folder / "rows"
    rows.rename(lab.folder / "away")
    removed(lab, pipeline)
    refused = lab.run(lab.write(pipeline))
    assert refused.wait_exit() == 1
    assert "sink-1" in refused.log() and str(rows) in refused.log() and "mkdir -p" in refused.log()
    (lab.folder / "away").rename(rows)
    process = lab.run(lab.write(pipeline))
    wait_until(lambda: numbers(rows) == list(range(5)), 30, "the rows appear")
    process.stop()


def long_pipeline(lab: Lab, topic: str) -> tuple[dict, pathlib.Path]:
    """Its folder has a path that no note beside an offset has room for."""
    pipeline = file_pipeline(lab, topic)
    rows = lab.folder / ("long-" * 40) / "rows"
    pipeline["sinks"][0]["parquet"]["path"] = str(rows)
    return pipeline, rows


def test_after_a_clean_stop_a_folder_may_go_anywhere_however_long_its_path_is(lab: Lab):
    topic = lab.create_input(1)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(5, seed=1))
    pipeline, rows = long_pipeline(lab, topic)
    lab.run_to_end(lab.write(pipeline), topic)
    assert numbers(rows) == list(range(5))
    rows.rename(lab.folder / "archive")
    feeder.send_all(topic, bids(5, seed=1, first=5))
    pipeline["sinks"][0]["parquet"]["path"] = str(lab.folder / "new")
    lab.run_to_end(lab.write(pipeline), topic)
    assert numbers(lab.folder / "new") == list(range(5, 10))


def test_after_a_kill_a_folder_with_a_long_path_is_found_where_the_sink_is_now_and_else_asked_for(lab: Lab):
    topic = lab.create_input(1)
    lab.topics.producer().send_all(topic, bids(5, seed=1))
    pipeline, rows = long_pipeline(lab, topic)
    process = lab.run(lab.write(pipeline))
    lab.await_read(topic)
    process.kill()
    moved_to = lab.folder / ("other-" * 30)
    rows.rename(moved_to)
    pipeline["sinks"][0]["parquet"]["path"] = str(lab.folder / "new")
    refused = lab.run(lab.write(pipeline))
    assert refused.wait_exit() == 1
    assert "rows of the file sink 'sink-1' of partition 0 are committed but were not published" in refused.log(), refused.log()
    assert "its folder of then" in refused.log(), refused.log()
    pipeline["sinks"][0]["parquet"]["path"] = str(moved_to)
    process = lab.run(lab.write(pipeline))
    wait_until(lambda: numbers(moved_to) == list(range(5)), 30, "the rows appear")
    process.stop()


def test_a_reset_says_which_committed_rows_it_gives_up(lab: Lab):
    topic = lab.create_input(1)
    lab.topics.producer().send_all(topic, bids(5, seed=1))
    file = lab.write(file_pipeline(lab, topic))
    process = lab.run(file)
    lab.await_read(topic)
    process.kill()
    said = f"what file sink 'sink-1' has committed and not yet published of {topic}[0] is given up"
    assert said in command("reset", file, "--state-dir", lab.state_dir).stderr
    process = lab.run(file)
    wait_until(lambda: numbers(lab.folder / "rows") == list(range(5)), 30, "the rows appear")
    process.stop()
    assert "is given up" not in command("reset", file, "--state-dir", lab.state_dir).stderr


def test_more_directories_than_are_written_at_once_survive_a_kill(lab: Lab):
    topic = lab.create_input(1)
    lab.topics.producer().send_all(topic, bids(700, seed=3))
    pipeline = file_pipeline(lab, topic)
    process = lab.run(lab.write(pipeline))
    lab.await_read(topic)
    process.kill()
    process = lab.run(lab.write(pipeline))
    wait_until(lambda: numbers(lab.folder / "rows") == list(range(700)), 30, "the rows appear")
    process.stop()


def test_a_value_too_long_for_a_directory_is_a_dead_letter(lab: Lab):
    topic = lab.create_input(1)
    feeder = lab.topics.producer()
    feeder.send_all(topic, [(b"1", b'{"seq": 1, "tag": "a", "n": 1}'), (b"1", b'{"seq": 2, "tag": "' + b"x" * 300 + b'", "n": 2}'),
                            (b"1", b'{"seq": 3, "tag": "a", "n": 3}')])
    pipeline = file_pipeline(lab, topic) | {"dead_letter": {"topic": f"{lab.name}-dead"}}
    pipeline["source"] = {"topic": topic, "format": "json", "schema": {"seq": "int64", "tag": "string", "n": "int64"}}
    pipeline["sinks"][0]["parquet"]["partition_by"] = ["tag", "seq"]
    lab.run_to_end(lab.write(pipeline), topic)
    assert sorted(file.parent.name for file in (lab.folder / "rows").glob("tag=a/*/*.parquet")) == ["seq=1", "seq=3"]
    [dead] = lab.topics.read(f"{lab.name}-dead")
    assert dead.header("__connect.errors.class.name") == "too_long", dead
