"""A record batch that rotted on the broker's disk: noted as a dead letter or an error, never lost without a word."""
import json
import pathlib
import struct

import pytest
from harness.bids import bids, pass_pipeline
from harness.broker import ROOT, Broker
from harness.lab import Lab

BATCH = 100
BATCHES = 3
HEADER_BYTES = 61  # of a record batch; then come the records


@pytest.fixture(scope="module")
def own_broker():
    broker = Broker.start("undecodable")
    yield broker
    broker.remove()


def send_batches(lab: Lab, topic: str) -> list[list[dict]]:
    """Three batches on the broker, as their bids."""
    sent = []
    for number in range(BATCHES):
        records = list(bids(BATCH, seed=5, first=number * BATCH, late=0))
        lab.topics.producer(linger_ms=1_000).send_all(topic, records)
        sent.append([json.loads(value) for _, value in records])
    return sent


def damage(broker: Broker, topic: str, first_offset: int) -> None:
    """Changes one byte of the batch that begins at this offset."""
    path = pathlib.Path(ROOT) / "build" / "kafka" / broker.name / "data" / f"{topic}-0" / "00000000000000000000.log"
    with open(path, "r+b") as log:
        while header := log.read(12):
            begin = log.tell() - 12
            base, length = struct.unpack(">qi", header)
            if base == first_offset:
                log.seek(begin + HEADER_BYTES + 20)
                byte = log.read(1)[0]
                log.seek(-1, 1)
                log.write(bytes([byte ^ 0xFF]))
                return
            log.seek(begin + 12 + length)
    raise AssertionError(f"{path} has no batch that begins at {first_offset}")


def pipeline_of(place: Lab, topic: str, **more: object) -> dict:
    return pass_pipeline(place.name, place.broker.bootstrap, topic, **more)


@pytest.mark.parametrize("bad", [0, 1, 2], ids=["first", "middle", "last"])
def test_a_damaged_batch_is_one_dead_letter_and_the_others_come_out(lab: Lab, own_broker: Broker, bad: int):
    place = Lab(lab.name, lab.folder, own_broker)
    topic = place.create_input(1)
    sent = send_batches(place, topic)
    damage(own_broker, topic, bad * BATCH)
    dead = f"{place.name}-dead"
    file = place.write(pipeline_of(place, topic, dead_letter={"topic": dead}))
    place.run_to_end(file, topic)
    again = place.run(file)  # nothing is noted or written twice
    again.wait_log("partitions assigned")
    again.stop()
    place.close()
    good = [bid["seq"] for number, batch in enumerate(sent) if number != bad for bid in batch if bid["price"] > 50]
    assert sorted(json.loads(record.value)["seq"] for record in place.topics.read(place.output())) == good
    letter, = place.topics.read(dead)
    assert letter.key is None and letter.value is None
    assert letter.header("__connect.errors.topic") == topic
    assert letter.header("__connect.errors.partition") == "0"
    assert letter.header("__connect.errors.offset") == str(bad * BATCH)
    assert letter.header("__connect.errors.stage") == "fetch"
    assert letter.header("__connect.errors.class.name") == "undecodable"
    message = letter.header("__connect.errors.exception.message")
    assert f"offsets {bad * BATCH} to {(bad + 1) * BATCH - 1}" in message and "CRC" in message


def test_a_damaged_batch_stops_a_pipeline_that_has_no_place_for_it(lab: Lab, own_broker: Broker):
    place = Lab(lab.name, lab.folder, own_broker)
    topic = place.create_input(1)
    send_batches(place, topic)
    damage(own_broker, topic, BATCH)
    process = place.run(place.write(pipeline_of(place, topic)))
    assert process.wait_exit() == 1
    assert f"{topic}[0] offset {BATCH}" in process.log() and "dead_letter" in process.log()
