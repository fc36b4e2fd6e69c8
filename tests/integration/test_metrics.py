"""What /metrics says of a run, and that the documentation knows all of it."""
import itertools
import pathlib
import re

import pytest
from harness.bids import bids, close_windows, window_pipeline
from harness.broker import ROOT, free_port
from harness.lab import Lab
from harness.waiting import wait_until

PARTITIONS = 2
COUNT = 20_000
FILTER, WINDOW = "filter-1", "window-1"


def documented() -> set[str]:
    """Names in the metrics table of docs/operations.md, `a_{b,c}_d` written out."""
    text = (pathlib.Path(ROOT) / "docs" / "operations.md").read_text()
    table = text.split("## Metrics", 1)[1].split("\n## ", 1)[0]
    names = set()
    for quoted in re.findall(r"^\| (.*?) \|", table, re.MULTILINE):
        for word in re.findall(r"`([^`]+)`", quoted):
            word = re.sub(r"\{[a-z,_]+\}$", "", word)
            parts = [part.split(",") for part in re.split(r"[{}]", word)]
            names.update("".join(choice) for choice in itertools.product(*parts))
    return names


def types_of(text: str) -> dict[str, str]:
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


def test_metrics_of_a_run_are_right_and_documented(lab: Lab):
    topic = lab.create_input(PARTITIONS)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(COUNT, seed=3))
    process, http = lab.run_with_http(lab.write(window_pipeline(lab.name, lab.broker.bootstrap, topic)), free_port())
    http.wait_ready(process)
    wait_until(lambda: http.metric("millrace_records_in_total") == COUNT, 30, "all records are counted")
    wait_until(lambda: http.metric("millrace_lag_records") == 0, 10, "no lag is left")
    open_windows = wait_until(lambda: http.metric("millrace_state_rows", step=WINDOW), 10, "rows of state")
    assert http.metric("millrace_state_memory_bytes", step=WINDOW) > open_windows
    records = lab.topics.read(topic)
    assert http.metric("millrace_bytes_in_total") == sum(len(r.key) + len(r.value) for r in records)
    assert http.metric("millrace_batch_rows_sum") == COUNT
    assert http.metric("millrace_batch_seconds_count") == http.metric("millrace_batch_rows_count") > 0
    assert 0 < http.metric("millrace_batch_seconds_sum") < 30
    assert http.metric("millrace_step_rows_in_total", step=FILTER) == COUNT
    into_window = http.metric("millrace_step_rows_in_total", step=WINDOW)
    assert into_window == sum(http.metric(f"millrace_step_rows_{what}_total", step=WINDOW) for what in ("absorbed", "late"))

    close_windows(feeder, topic, PARTITIONS, COUNT)
    lab.await_read(topic)
    wait_until(lambda: http.metric("millrace_state_rows", step=WINDOW) == PARTITIONS, 10, "closed windows leave the state")
    output = lab.topics.read(lab.output())
    assert http.metric("millrace_bytes_out_total") == sum(len(r.key) + len(r.value) for r in output)
    assert http.metric("millrace_changelog_bytes_total", step=WINDOW) > 0
    assert http.metric("millrace_watermark_lag_seconds") != 0
    assert http.metric("millrace_commit_seconds_count") == http.metric("millrace_commits_total") > 0
    shares = [http.metric(f"millrace_commit_{share}_seconds_sum") for share in ("engine", "kafka")]
    assert min(shares) > 0 and sum(shares) == pytest.approx(http.metric("millrace_commit_seconds_sum"), abs=0.001)

    text = http.get("/metrics")[1]
    types = types_of(text)
    assert not types.keys() - documented(), "missing in docs/operations.md"
    assert {"process_resident_memory_bytes", "kafka_consumergroup_lag", "millrace_restore_records_total"} <= types.keys()
    for name, kind in types.items():
        assert (kind == "counter") == name.endswith("_total"), f"{name} is a {kind}"
        if kind == "histogram":
            assert f'{name}_bucket{{le="+Inf"}} {int(http.metric(name + "_count"))}' in http.get("/metrics")[1]
    process.stop()


def test_records_of_sources_are_counted_once_and_those_that_fail_are_in_the_books(lab: Lab):
    topic = lab.create_input(PARTITIONS)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(1_000, seed=4))
    feeder.send(topic, b"1", b"{broken")
    feeder.flush()
    pipeline = window_pipeline(lab.name, lab.broker.bootstrap, topic)
    pipeline["dead_letter"] = {"topic": f"{lab.name}-dead"}
    pipeline["sinks"] = [{"topic": lab.output(), "format": "json", "key": "bidder"}]
    pipeline["steps"] = [{"window": {"by": ["bidder"], "tumbling": "1m", "aggregate": {"n": "count()"}}}]
    process, http = lab.run_with_http(lab.write(pipeline), free_port())
    http.wait_ready(process)
    wait_until(lambda: http.metric("millrace_step_rows_in_total", step=WINDOW) == 1_000, 30, "all rows have moved to their keys")
    assert any(name.endswith("-repartition") for name in lab.topics.names())
    assert http.metric("millrace_records_in_total") == 1_001
    books = {what: http.metric(f"millrace_step_rows_{what}_total", step="source") for what in ("in", "out", "dead_lettered")}
    assert books == {"in": 1_001, "out": 1_000, "dead_lettered": 1}
    process.stop()
