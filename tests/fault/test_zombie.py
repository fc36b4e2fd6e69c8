"""A process that is frozen until the group has given its work away, and then goes on."""
import pytest
from harness.bids import with_protocol
from harness.lab import LONG, Lab
from kinds import KINDS
from trial import WORKER_KILL_S, Trial

PART = 10_000
CASES = [("windows", "classic"), ("stateless", "consumer"), ("moved", "classic"), ("changes", "consumer")]
if LONG:
    CASES = [(kind, protocol) for kind in KINDS if not KINDS[kind].large for protocol in ("classic", "consumer")]


@pytest.mark.parametrize("kind, protocol", CASES)
def test_nothing_that_a_frozen_process_wrote_becomes_visible_twice(lab: Lab, kind: str, protocol: str):
    # Long transactions, so that the process is frozen inside one.
    trial = Trial(lab, kind, commit_interval="2s", batch={"rows": 200}).create()
    trial.pipeline = with_protocol(trial.pipeline, protocol)
    trial.feed(PART)
    frozen = trial.run()
    frozen.millrace.wait_log("partitions assigned")
    trial.watch()
    trial.feed(PART)
    trial.freeze(frozen)
    trial.feed(PART)
    trial.run()
    trial.await_read()
    trial.sample_commit()
    trial.thaw(frozen)
    trial.count("frozen until another had its work")
    trial.feed(PART)
    frozen.millrace.wait_log("partitions (lost|revoked)")
    trial.await_progress("its return", WORKER_KILL_S)
    trial.verdict()
