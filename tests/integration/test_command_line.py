"""The command line around the pipelines: help, exit codes, and records copied from topic to topic."""
import re

import pytest
from harness.bids import pass_pipeline, window_pipeline
from harness.lab import Lab
from harness.process import command


@pytest.mark.parametrize("words", ["run", "lint", "graph", "explain", "test", "schema infer", "topic read", "lag", "reset",
                                   "state dump", "checkpoint verify", "demo", "broker", "snap-server", "version"])
def test_the_help_of_every_command_lists_the_options_of_every_command(words: str):
    done = command(*words.split(), "--help")
    assert done.returncode == 0
    for option in ("--log text|json", "--log-level debug|info|warning|error"):
        assert option in done.stdout, done.stdout
    assert done.stdout.count("--help") == 1 and "--version" not in done.stdout, done.stdout


def test_a_misspelt_option_of_every_command_is_corrected():
    done = command("run", "x.yaml", "--log-levl", "debug")
    assert done.returncode == 2
    assert "'--log-level'" in done.stderr, done.stderr


@pytest.mark.parametrize("group", ["", "topic", "schema", "state", "savepoint", "checkpoint"])
def test_an_unknown_command_is_answered_with_what_the_help_lists(group: str):
    words = group.split()
    listed = re.findall(r"^  ([a-z-]+) ", command(*words, "--help").stdout.split("Subcommands:")[1], re.M)
    done = command(*words, "nonsense")
    assert done.returncode == 2
    offered = re.search(r"\(there is: ([^)]*)\)", done.stderr)[1].removesuffix(", ...").replace("'", "").split(", ")
    assert offered and set(offered) <= set(listed), done.stderr


@pytest.mark.parametrize("slot", ["x", "-1", "1000"])
def test_a_bad_slot_is_wrong_use_also_without_a_broker(lab: Lab, slot: str):
    process = lab.run(lab.write(pass_pipeline(lab.name, "127.0.0.1:1", "bids")), MILLRACE_SLOT=slot)
    assert process.wait_exit() == 2
    assert f"MILLRACE_SLOT is '{slot}'; it must be a number from 0 to 999" in process.log()


def test_a_start_that_is_refused_names_all_missing_topics_and_makes_none(lab: Lab):
    topic = lab.create_input(2)
    pipeline = window_pipeline(lab.name, lab.broker.bootstrap, topic, create_topics=False,
                               dead_letter={"topic": f"{lab.name}-dead"})
    process = lab.run(lab.write(pipeline))
    assert process.wait_exit() == 1
    for missing in (lab.output(), f"{lab.name}-dead"):
        assert f"output topic '{missing}' does not exist and create_topics is false" in process.log(), process.log()
    assert [name for name in lab.topics.names() if name.startswith(lab.name)] == [topic]


def test_records_copied_as_json_are_the_same_records(lab: Lab):
    """Bytes of any kind, no key, no value, headers with one name, times and partitions."""
    source, copy = lab.create_input(3), lab.topics.create(f"{lab.name}-copy", 3)
    feeder = lab.topics.producer()
    for i, value in enumerate((b"plain", b"", b"\xff\x00\xfe", "grüß 😀".encode(), b'{"base64":"AA=="}', b"line\nbreak", None)):
        feeder.send(source, None if i == 3 else bytes([i, 128 + i]), value, partition=i % 3, timestamp=1_700_000_000_000 + i,
                    headers=[("h", b"1"), ("h", value), ("g", b"\x80"), ("h", None)])
    feeder.flush()
    read = command("topic", "read", source, "--json", "-b", lab.broker.bootstrap)
    assert read.returncode == 0, read.stderr
    written = command("topic", "write", copy, "--json", "-b", lab.broker.bootstrap, stdin=read.stdout)
    assert written.returncode == 0 and "7 records written" in written.stderr, written.stderr
    assert lab.topics.read(copy) == lab.topics.read(source)
