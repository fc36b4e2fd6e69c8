"""Connections that break, stall or carry nonsense between the engine and the broker, and a sink that is slow."""
import pytest
from harness.lab import Lab
from harness.topics import Topics
from harness.waiting import wait_until
from kinds import NOTE_BYTES
from kafka_proxy import API_KEYS, Fault, Plan, ProxiedBroker
from memory_budget import BUDGET, RELEASE, SETTING, needs_release
from trial import BROKER_KILL_S, Trial, long_only

pytestmark = long_only
ALL = 1 << 30
WRITES = 30
BACKLOG = 2 * BUDGET // NOTE_BYTES
FAULTS = [("Produce", Fault.TRUNCATE_RESPONSE), ("Fetch", Fault.GARBAGE_RESPONSE), ("EndTxn", Fault.RESET),
          ("Fetch", Fault.TRICKLE_RESPONSE)]
MORE_FAULTS = [(api, fault) for api in ("Produce", "Fetch", "EndTxn", "TxnOffsetCommit", "Heartbeat")
               for fault in (Fault.TRUNCATE_RESPONSE, Fault.GARBAGE_RESPONSE, Fault.RESET, Fault.TRICKLE_RESPONSE)
               if (api, fault) not in FAULTS]
CHOSEN = FAULTS + MORE_FAULTS


@pytest.fixture
def place(lab: Lab, proxied: ProxiedBroker):
    made = Lab(lab.name, lab.folder, proxied.broker, Topics(proxied.broker.bootstrap))
    yield made
    proxied.proxy.clear()
    made.close()


@pytest.fixture
def trial(place: Lab, proxied: ProxiedBroker):
    return Trial(place, bootstrap=proxied.bootstrap).create()


def feed_until_fired(trial: Trial, plan: Plan, times: int) -> None:
    def fired() -> bool:
        trial.feed(500)
        return plan.fired >= times
    wait_until(fired, 30, f"{plan.api} is spoiled {times} times", every=0.1)
    trial.count(f"{plan.api} {plan.fault.name}", plan.fired)


@pytest.mark.parametrize("api,fault", CHOSEN, ids=[f"{api}-{fault.name.lower()}" for api, fault in CHOSEN])
def test_a_connection_that_breaks_in_an_answer(trial: Trial, proxied: ProxiedBroker, api: str, fault: Fault):
    trial.pipeline["kafka"]["socket.timeout.ms"] = "10000"  # what ends the wait for an answer that was garbled
    trial.feed()
    plan = proxied.proxy.spoil(Plan(api, fault, times=1, spare=trial.chance.randrange(2, 8), seconds=2.0))
    trial.run()
    feed_until_fired(trial, plan, 1)
    trial.await_progress(f"{api} {fault.name}", BROKER_KILL_S)
    trial.verdict()


def test_a_broker_that_takes_connections_and_answers_nothing(trial: Trial, proxied: ProxiedBroker):
    trial.pipeline["kafka"] |= {"socket.timeout.ms": "5000"}
    trial.start()
    plans = [proxied.proxy.spoil(Plan(api, Fault.HOLD_RESPONSE, times=ALL, seconds=60.0)) for api in ("Fetch", "Produce", "Heartbeat")]
    feed_until_fired(trial, plans[0], 1)
    wait_until(lambda: all(plan.fired for plan in plans[:1]) and sum(plan.fired for plan in plans) >= 3, 30, "requests hang")
    proxied.proxy.clear()
    trial.await_progress("a broker without answers", BROKER_KILL_S)
    trial.verdict()


@needs_release
def test_a_sink_much_slower_than_its_source_is_waited_for(place: Lab, proxied: ProxiedBroker):
    """Each write takes 300 ms, and what waits for it is larger than memory. That stays bounded, the member stays in the group,
    nothing is lost."""
    trial = Trial(place, "table", bootstrap=proxied.bootstrap, memory=SETTING, batch={}).create()
    process = trial.start(MILLRACE_BINARY=RELEASE)
    trial.await_read()
    trial.monitor(BUDGET)
    plan = proxied.proxy.spoil(Plan("Produce", Fault.HOLD_RESPONSE, times=ALL, seconds=0.3))
    before = sum(trial.committed().values())
    trial.feed(BACKLOG)
    wait_until(lambda: plan.fired >= WRITES, WRITES, f"{WRITES} writes were slow")
    trial.count("slow write", plan.fired)
    assert sum(trial.committed().values()) - before < BACKLOG // 2, "the sink is not slow"
    assert "partitions lost" not in process.millrace.log()
    proxied.proxy.clear()
    trial.await_progress("a slow sink", 15)
    assert process.millrace.log().count("partitions assigned") == 1, "it had to leave the group"
    trial.verdict()


def test_a_stop_while_the_broker_does_not_answer_ends_in_time_with_a_message(trial: Trial, proxied: ProxiedBroker):
    process = trial.start()
    plans = [proxied.proxy.spoil(Plan(api, Fault.HOLD_RESPONSE, times=ALL, seconds=120.0)) for api in API_KEYS]
    trial.feed()
    wait_until(lambda: sum(plan.fired for plan in plans) >= 3, 30, "requests hang")
    process.millrace.process.terminate()
    process.millrace.wait_exit(40)
    trial.count("stop without answers")
    process.expected = "stopped" if process.millrace.process.returncode == 0 else "failed"
    proxied.proxy.clear()
    trial.run()
    trial.await_progress("a stop without answers", BROKER_KILL_S)
    trial.verdict()
