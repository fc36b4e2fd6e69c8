"""Records that cannot be processed, and event times at every extreme, in the middle of good ones and across a kill."""
import json

from harness.bids import START_MS, WindowOracle
from harness.lab import Lab
from trial import WORKER_KILL_S, Trial, long_only

POISON = [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"seq": 18446744073709551616}', b"null", b'"text"', b"1e400", b"{}}",
          b'{"seq": 1, "ts": 1, "auction": "x", "bidder": 1, "price": 1}']
MAX_TS = (1 << 63) - 1


def test_a_poisonous_batch_becomes_dead_letters_each_once_across_a_kill(lab: Lab):
    trial = Trial(lab, dead_letter={"topic": f"{lab.name}-dead"}).create()
    feeder = lab.topics.producer()
    for _ in range(20):
        for i, value in enumerate(POISON):
            feeder.send(trial.topic, b"poison", value, partition=i % trial.partitions)
            trial.count("poison")
        trial.feed(200)
    feeder.flush()
    first = trial.run()
    trial.await_progress("the start", 20)
    for value in POISON:
        feeder.send(trial.topic, b"poison", value, partition=0)
    feeder.flush()
    trial.feed()
    trial.kill(first)
    trial.run()
    trial.await_progress("a kill", WORKER_KILL_S)
    trial.finish()
    found = trial.evidence()
    found.dead = lab.topics.read(f"{lab.name}-dead")
    assert len(found.dead) == 21 * len(POISON)
    trial.judge(found)


@long_only
def test_times_out_of_order_repeated_negative_and_in_seconds(lab: Lab):
    """Late rows are counted, each by the watermark before it, also by one that comes from before a restart; no time stops the job;
    windows equal the oracle."""
    trial = Trial(lab).create()
    feeder = lab.topics.producer()

    def send(ts: int, auction: int) -> None:
        value = {"seq": 0, "ts": ts, "auction": auction, "bidder": 0, "price": 100.0}
        feeder.send(trial.topic, str(auction).encode(), json.dumps(value).encode(), partition=auction % trial.partitions)
    for auction in range(1_000, 1_004):
        for ts in (-1, 0, 1, -10_000, -1, START_MS // 1_000, START_MS // 1_000, 0):
            send(ts, auction)
            trial.count("strange time")
    feeder.flush()
    first = trial.start()
    for ts in (-1, START_MS // 1_000, START_MS - 1, START_MS + 1_500, START_MS + 1_500):
        send(ts, 1_004)
    feeder.flush()
    trial.kill(first)
    lab.topics.assert_nothing_pending(lab.output(), trial.changelog())
    restart = trial.committed()
    for auction in (1_005, 1_006):  # late on each partition, wherever the second process begins
        send(-1, auction)
    feeder.flush()
    second = trial.run()
    trial.await_progress("a kill", WORKER_KILL_S)
    trial.await_read()
    inputs = lab.topics.read(trial.topic)
    late = WindowOracle.of(inputs).late - WindowOracle.of(r for r in inputs if r.offset < restart[r.partition]).late
    assert second.http.metric("millrace_step_rows_late_total") == late >= 2
    trial.verdict()


@long_only
def test_times_in_the_far_future_and_at_the_ends_of_the_type_close_no_window(lab: Lab):
    trial = Trial(lab, dead_letter={"topic": f"{lab.name}-dead"}).create()
    feeder = lab.topics.producer()
    trial.feed()
    strange = [MAX_TS, MAX_TS - 1, START_MS * 1_000, 4_102_444_800_000]
    for i, ts in enumerate(strange * 5):
        value = {"seq": 0, "ts": ts, "auction": i, "bidder": 0, "price": 100.0}
        feeder.send(trial.topic, b"future", json.dumps(value).encode(), partition=i % trial.partitions)
        trial.count("far future")
    feeder.flush()
    trial.run()
    trial.await_progress("the start", 20)
    trial.feed()
    trial.await_read()
    trial.finish()
    found = trial.evidence()
    dead = lab.topics.read(f"{lab.name}-dead")
    assert sorted(json.loads(letter.value)["ts"] for letter in dead) == sorted(strange * 5)
    future = {json.loads(letter.value)["auction"] for letter in dead}
    assert future == set(range(len(strange) * 5))
    found.inputs = [record for record in found.inputs if record.key != b"future"]
    found.commits = []
    trial.judge(found)
