"""What the tests of savepoints share."""
import json
import pathlib

from .bids import WindowOracle, window_pipeline
from .lab import Lab
from .process import command
from .topics import Record
from .waiting import wait_until


def create(lab: Lab, file: pathlib.Path) -> pathlib.Path:
    folder = lab.folder / "savepoint"
    done = command("savepoint", "create", file, "--to", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def manifest_of(folder: pathlib.Path) -> dict:
    done = command("savepoint", "inspect", folder, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def restore(file: pathlib.Path, folder: pathlib.Path, *words: str) -> str:
    done = command("savepoint", "restore", file, "--from", folder, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def reset(lab: Lab, file: pathlib.Path) -> None:
    done = command("reset", file, "--yes", "--state-dir", lab.state_dir)
    assert done.returncode == 0, done.stdout + done.stderr


def pipeline_of(lab: Lab, kind: str, topic: str, name: str | None = None, **more: object) -> dict:
    """Grouped by the message key, or by a column whose rows have to move. Both write to the same topic."""
    pipeline = window_pipeline(name or lab.name, lab.broker.bootstrap, topic, **more)
    pipeline["sinks"][0]["topic"] = lab.output()
    if kind == "moved":
        del pipeline["source"]["key"]
    return pipeline


def assert_as_uninterrupted(lab: Lab, *inputs: list[Record]) -> None:
    """Of records in order nothing is late, so it does not matter which partition they were in."""
    records = sorted((record for part in inputs for record in part), key=lambda r: (json.loads(r.value)["ts"], r.key))
    one = [Record(0, i, r.key, r.value, r.timestamp_ms) for i, r in enumerate(records)]
    oracle = WindowOracle.of(one)
    assert len(oracle.results) > 100
    oracle.assert_equals(lab.topics.read(lab.output()))


def await_results(lab: Lab, inputs: list[Record]) -> None:
    """Behind a repartition topic they come later than the input is read."""
    windows = {(json.loads(r.value)["auction"], json.loads(r.value)["ts"] // 10_000) for r in inputs
               if json.loads(r.value)["price"] > 50 and json.loads(r.value)["seq"] >= 0}
    wait_until(lambda: len(lab.topics.read(lab.output())) >= len(windows), 60, "all windows are closed", every=0.5)
