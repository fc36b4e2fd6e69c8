"""`millrace demo`: the main job on the embedded broker, with books that must add up."""
import json
import re
import signal

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from harness.process import Millrace, command
from harness.waiting import wait_until


@pytest.mark.parametrize("words", [["--broken", "0"], ["--broken", "0", "--workers", "4", "--partitions", "4"], ["--broken", "0.01", "--late", "0.1"]],
                         ids=["plain", "workers", "broken"])
def test_every_bid_is_in_one_window_or_late_or_a_dead_letter(words: list[str]):
    done = command("demo", "--duration", "3s", "--window", "1s", "--rate", "5000", "--seed", "7", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    generated, processed = numbers(r"([\d,]+) bids? generated and ([\d,]+) processed", done.stdout)
    windows, rows = numbers(r"([\d,]+) windows? closed with ([\d,]+) result rows?", done.stdout)
    assert generated == processed > 1000, done.stdout
    assert 1 <= windows <= rows, done.stdout
    letters, = numbers(r"([\d,]+) dead letters?", done.stdout)
    assert (letters > 0) == ("0.01" in words), done.stdout


def test_the_duration_begins_with_the_first_bid():
    """Not before the workers have shared the partitions: that alone takes longer than this demo."""
    done = command("demo", "--duration", "50ms", "--window", "1s", "--rate", "5000", "--workers", "4", "--partitions", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    generated, processed = numbers(r"([\d,]+) bids? generated and ([\d,]+) processed", done.stdout)
    assert generated == processed > 100, done.stdout


def numbers(pattern: str, text: str) -> list[int]:
    found = re.search(pattern, text)
    assert found, text
    return [int(number.replace(",", "")) for number in found.groups()]


def test_what_is_kept_can_be_read_by_another_client(tmp_path):
    with Millrace(["demo", "--duration", "2s", "--window", "1s", "--rate", "1000", "--keep"], tmp_path / "demo.log") as demo:
        address = demo.wait_log(r"go on until Ctrl-C: (127\.0\.0\.1:\d+)", 60).split()[-1]
        consumer = Consumer({"bootstrap.servers": address, "group.id": "reader", "enable.auto.commit": False})
        topics = consumer.list_topics(timeout=10).topics
        results = next(name for name in topics if name not in ("bids", "bids_dead_letters") and "changelog" not in name)
        consumer.assign([TopicPartition(results, p, OFFSET_BEGINNING) for p in topics[results].partitions])
        record = wait_until(lambda: consumer.poll(0.5), 20, "a result can be read")
        assert {"auction", "bids", "total", "best"} <= json.loads(record.value()).keys()
        consumer.close()
        demo.stop(signal.SIGINT)


def test_the_pipeline_of_the_demo_is_a_file_that_lint_accepts(tmp_path):
    printed = command("demo", "--print")
    file = tmp_path / "demo.yaml"
    file.write_text(printed.stdout)
    checked = command("lint", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr
