"""Connections that break, stall or carry nonsense between the engine and the broker, and a sink that is slow."""
import pytest
from harness.lab import Lab
from harness.topics import Topics
from harness.waiting import wait_until
from kafka_proxy import API_KEYS, Fault, Plan, ProxiedBroker
from trial import BROKER_KILL_S, Trial, long_only

pytestmark = long_only
ALL = 1 << 30
FAULTS = [("Produce", Fault.TRUNCATE_RESPONSE), ("Fetch", Fault.GARBAGE_RESPONSE), ("EndTxn", Fault.RESET),
          ("Fetch", Fault.TRICKLE_RESPONSE)]
MORE_FAULTS = [(api, fault) for api in ("Produce", "Fetch", "EndTxn", "TxnOffsetCommit", "Heartbeat")
               for fault in (Fault.TRUNCATE_RESPONSE, Fault.GARBAGE_RESPONSE, Fault.RESET, Fault.TRICKLE_RESPONSE)
               if (api, fault) not in FAULTS]
CHOSEN = FAULTS + MORE_FAULTS


@pytest.fixture
def trial(lab: Lab, proxied: ProxiedBroker):
    place = Lab(lab.name, lab.folder, proxied.broker, Topics(proxied.broker.bootstrap))
    made = Trial(place, bootstrap=proxied.bootstrap).create()
    yield made
    proxied.proxy.clear()
    place.close()


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


def test_a_sink_much_slower_than_its_source_is_waited_for(trial: Trial, proxied: ProxiedBroker):
    """Each write takes 300 ms. Memory stays bounded, the member stays in the group, nothing is lost."""
    trial.pipeline["memory"] = "64MiB"
    process = trial.start()
    trial.monitor()
    plan = proxied.proxy.spoil(Plan("Produce", Fault.HOLD_RESPONSE, times=ALL, seconds=0.3))
    trial.feed(20_000)
    feed_until_fired(trial, plan, 10)
    assert "partitions lost" not in process.millrace.log()
    proxied.proxy.clear()
    trial.await_progress("a slow sink", 15)
    assert process.millrace.log().count("partitions assigned") == 1, "it had to leave the group"
    trial.verdict(memory_budget=256 << 20)


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
