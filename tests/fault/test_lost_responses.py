"""Single requests and responses that get lost or come late between the engine and the broker; the checker judges what comes of it."""
import pytest
from harness.lab import LONG, Lab
from harness.topics import Topics
from harness.waiting import wait_until
from kafka_proxy import Fault, Plan, ProxiedBroker, wait_fired
from trial import BROKER_KILL_S, Trial

FAULTS = [("Produce", Fault.LOSE_RESPONSE), ("TxnOffsetCommit", Fault.LOSE_REQUEST), ("EndTxn", Fault.LOSE_RESPONSE),
          ("EndTxn", Fault.LATE_REQUEST)]
MORE_FAULTS = [("Produce", Fault.LOSE_REQUEST), ("Fetch", Fault.LOSE_RESPONSE), ("AddPartitionsToTxn", Fault.LOSE_RESPONSE),
               ("AddOffsetsToTxn", Fault.LOSE_RESPONSE), ("TxnOffsetCommit", Fault.LOSE_RESPONSE), ("EndTxn", Fault.LOSE_REQUEST),
               ("EndTxn", Fault.HOLD_RESPONSE), ("InitProducerId", Fault.LOSE_RESPONSE), ("Heartbeat", Fault.HOLD_RESPONSE),
               ("JoinGroup", Fault.LOSE_RESPONSE), ("SyncGroup", Fault.LOSE_RESPONSE), ("OffsetFetch", Fault.LOSE_RESPONSE)]
CHOSEN = FAULTS + MORE_FAULTS if LONG else FAULTS
HOLD_S, LATE_S = 3.0, 120.0  # a late request comes when it is let go
AT_START = {"InitProducerId", "JoinGroup", "SyncGroup", "OffsetFetch"}
PART = 2_000


def deliver_late(trial: Trial, plan: Plan) -> None:
    """The broker gets what the worker has given up, while later transactions of the same worker are under way."""
    assert plan.late_delivered == 0, "it came before anything else was committed"
    trial.feed(PART)
    plan.release.set()

    def delivered() -> bool:
        trial.feed(500)
        return plan.late_delivered == plan.fired
    wait_until(delivered, 20, "every late request is answered")
    trial.count(f"{plan.api} delivered late", plan.late_delivered)
    trial.await_progress(f"a late {plan.api}", BROKER_KILL_S)


@pytest.mark.parametrize("api,fault", CHOSEN, ids=[f"{api}-{fault.name.lower()}" for api, fault in CHOSEN])
def test_spoiled(lab: Lab, proxied: ProxiedBroker, api: str, fault: Fault):
    place = Lab(lab.name, lab.folder, proxied.broker, Topics(proxied.broker.bootstrap))
    trial = Trial(place, bootstrap=proxied.bootstrap, commit_interval="50ms").create()
    plan = Plan(api, fault, times=2, spare=0 if api in AT_START else trial.chance.randrange(3, 12),
                seconds=LATE_S if fault is Fault.LATE_REQUEST else HOLD_S)
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
        if fault is Fault.LATE_REQUEST:
            deliver_late(trial, plan)
        trial.verdict()
    finally:
        plan.release.set()
        place.close()
