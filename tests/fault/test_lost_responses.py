"""Single requests and responses that get lost or come late between the engine and the broker; the checker judges what comes of it."""
import pytest
from harness.lab import LONG, Lab
from harness.topics import Topics
from kafka_proxy import Fault, Plan, ProxiedBroker, wait_fired
from trial import BROKER_KILL_S, Trial

FAULTS = [("Produce", Fault.LOSE_RESPONSE), ("TxnOffsetCommit", Fault.LOSE_REQUEST), ("EndTxn", Fault.LOSE_RESPONSE),
          ("EndTxn", Fault.LATE_REQUEST)]
MORE_FAULTS = [("Produce", Fault.LOSE_REQUEST), ("Fetch", Fault.LOSE_RESPONSE), ("AddPartitionsToTxn", Fault.LOSE_RESPONSE),
               ("AddOffsetsToTxn", Fault.LOSE_RESPONSE), ("TxnOffsetCommit", Fault.LOSE_RESPONSE), ("EndTxn", Fault.LOSE_REQUEST),
               ("EndTxn", Fault.HOLD_RESPONSE), ("InitProducerId", Fault.LOSE_RESPONSE), ("Heartbeat", Fault.HOLD_RESPONSE),
               ("JoinGroup", Fault.LOSE_RESPONSE), ("SyncGroup", Fault.LOSE_RESPONSE), ("OffsetFetch", Fault.LOSE_RESPONSE)]
CHOSEN = FAULTS + MORE_FAULTS if LONG else FAULTS
AT_START = {"InitProducerId", "JoinGroup", "SyncGroup", "OffsetFetch"}
PART = 2_000


@pytest.mark.parametrize("api,fault", CHOSEN, ids=[f"{api}-{fault.name.lower()}" for api, fault in CHOSEN])
def test_spoiled(lab: Lab, proxied: ProxiedBroker, api: str, fault: Fault):
    place = Lab(lab.name, lab.folder, proxied.broker, Topics(proxied.broker.bootstrap))
    trial = Trial(place, bootstrap=proxied.bootstrap, commit_interval="50ms").create()
    plan = Plan(api, fault, times=2, spare=0 if api in AT_START else trial.chance.randrange(3, 12), seconds=3.0)
    try:
        proxied.proxy.spoil(plan)
        engine = trial.run()
        for _ in range(200):
            trial.feed(PART)
            try:
                wait_fired(plan, 0.3)
                break
            except AssertionError:
                engine.millrace.assert_running()
        wait_fired(plan, 20)
        trial.count(f"{api} {fault.name}", plan.fired)
        trial.await_progress(f"{api} {fault.name}", BROKER_KILL_S)
        trial.verdict()
    finally:
        place.close()
