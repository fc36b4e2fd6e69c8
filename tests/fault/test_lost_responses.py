"""Single requests and responses that get lost or come late between the engine and the broker; the oracle must hold."""
import random

import pytest
from harness.bids import WindowOracle, bids, close_windows, window_pipeline
from harness.lab import LONG, Lab
from harness.topics import Topics
from kafka_proxy import Fault, Plan, ProxiedBroker, wait_fired

PARTITIONS = 2
PART = 2_000
FAULTS = [("Produce", Fault.LOSE_RESPONSE), ("TxnOffsetCommit", Fault.LOSE_REQUEST), ("EndTxn", Fault.LOSE_RESPONSE),
          ("EndTxn", Fault.LATE_REQUEST)]
MORE_FAULTS = [("Produce", Fault.LOSE_REQUEST), ("Fetch", Fault.LOSE_RESPONSE), ("AddPartitionsToTxn", Fault.LOSE_RESPONSE),
               ("AddOffsetsToTxn", Fault.LOSE_RESPONSE), ("TxnOffsetCommit", Fault.LOSE_RESPONSE), ("EndTxn", Fault.LOSE_REQUEST),
               ("EndTxn", Fault.HOLD_RESPONSE), ("InitProducerId", Fault.LOSE_RESPONSE), ("Heartbeat", Fault.HOLD_RESPONSE),
               ("JoinGroup", Fault.LOSE_RESPONSE), ("SyncGroup", Fault.LOSE_RESPONSE), ("OffsetFetch", Fault.LOSE_RESPONSE)]
CHOSEN = FAULTS + MORE_FAULTS if LONG else FAULTS
AT_START = {"InitProducerId", "JoinGroup", "SyncGroup", "OffsetFetch"}


@pytest.mark.parametrize("api,fault", CHOSEN, ids=[f"{api}-{fault.name.lower()}" for api, fault in CHOSEN])
def test_spoiled(lab: Lab, proxied: ProxiedBroker, api: str, fault: Fault):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    place = Lab(lab.name, lab.folder, proxied.broker, Topics(proxied.broker.bootstrap))
    topic = place.create_input(PARTITIONS)
    pipeline = window_pipeline(place.name, proxied.bootstrap, topic, commit_interval="50ms", batch={"rows": 500, "delay": "5ms"})
    feeder, sent = place.topics.producer(), 0
    plan = Plan(api, fault, times=2, spare=0 if api in AT_START else chance.randrange(3, 12), seconds=3.0)
    try:
        proxied.proxy.spoil(plan)
        engine = place.run(place.write(pipeline))
        for _ in range(200):
            feeder.send_all(topic, bids(PART, seed, first=sent))
            sent += PART
            try:
                wait_fired(plan, 0.3)
                break
            except AssertionError:
                engine.assert_running()
        wait_fired(plan, 20)
        feeder.send_all(topic, bids(PART, seed, first=sent))
        sent += PART
        close_windows(feeder, topic, PARTITIONS, sent)
        place.await_read(topic)
        engine.stop()
        WindowOracle.of(place.topics.read(topic)).assert_equals(place.topics.read(place.output()))
        place.topics.assert_nothing_pending(place.output())
    finally:
        place.close()
