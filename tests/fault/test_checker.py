"""The checker: recorded data without a fault passes, and each planted violation is reported under exactly its name."""
import copy
import itertools
import json
import struct
from typing import Callable

import pytest
from checker import RULES, Violation, violations
from evidence import CommitSample, Evidence, Exit, ProcessSample, Recovery, Seen
from expectation import Passed, Windows, decodes
from harness.bids import START_MS, bids, sentinel
from harness.topics import Record
from log_batches import LogBatch, parse_segment, spans

PARTITIONS = 2
COUNT = 30_000
EVERY = 20  # a twentieth of these bids is enough
STATE_ROW = b"row"
WORKER, HEIR = 7, 8
SAMPLES = 60


def input_records(closing: bool) -> list[Record]:
    """Bids on two partitions, and on each a record that cannot be read."""
    found: list[list[Record]] = [[] for _ in range(PARTITIONS)]

    def add(partition: int, key: bytes, value: bytes) -> None:
        found[partition].append(Record(partition, len(found[partition]), key, value, START_MS))
    for key, value in itertools.islice(bids(COUNT, seed=5, auctions=20), 0, None, EVERY):
        add(int(key) % PARTITIONS, key, value)
    for partition in range(PARTITIONS):
        add(partition, b"bad", b"{")
        if closing:
            add(partition, *sentinel(partition, COUNT))
    return [record for records in found for record in records]


def state_key(auction: int, start: int) -> bytes:
    return struct.pack(">QBQ", start + (1 << 63), 1, auction + (1 << 63))


def windows_evidence() -> Evidence:
    """A run that processed all of the input in one transaction per partition; the last windows are open."""
    inputs, job = input_records(closing=False), Windows()
    output = []
    for found, row in sorted(job.results(inputs).items(), key=lambda entry: entry[0][1]):
        partition = found[0] % PARTITIONS
        offset = sum(record.partition == partition for record in output)
        output.append(Record(partition, offset, str(found[0]).encode(), json.dumps(row).encode(), START_MS))
    output.sort(key=lambda record: (record.partition, record.offset))
    changelog = [Record(0, i, state_key(*found), STATE_ROW, 0) for i, found in enumerate(job.open(inputs))]
    gone = state_key(1, START_MS)
    changelog += [Record(0, len(changelog), gone, STATE_ROW, 0), Record(0, len(changelog) + 1, gone, None, 0)]
    ends = {p: 1 + max(record.offset for record in inputs if record.partition == p) for p in range(PARTITIONS)}
    stable = {p: sum(record.partition == p for record in output) + 1 for p in range(PARTITIONS)}
    rows = {(0, state_key(*found)): STATE_ROW for found in job.open(inputs)}
    state = [{"window_start": row["window_start"], "window_end": row["window_end"], "key": {"auction": row["auction"]},
              "values": {name: row[name] for name in ("bids", "total", "low", "best", "opening", "closing")}}
             for row in job.open(inputs).values()]
    return Evidence(
        seed=1, fired={"SIGKILL": 2}, inputs=inputs, output=output, uncommitted=list(output),
        watched=[Seen(record, ends) for record in output],
        commits=[CommitSample({0: 0, 1: -1}, {0: 0, 1: 0}), CommitSample({0: 100, 1: 100}, None), CommitSample(ends, stable)],
        bounds={"out": {0: (500, 500), 1: (400, 400)}, "changelog": {0: (30, 30)}},
        changelog=changelog, dumps={"left": rows, "warm": dict(rows), "cold": dict(rows)}, state=state,
        changelog_log={0: transactions((WORKER, 0, 0, 9), (WORKER, 1, 10, 19), (HEIR, 0, 20, 29))},
        output_log={0: transactions((WORKER, 0, 0, 9), (HEIR, 0, 10, 19))},
        again=list(output), dead=dead_letters(inputs),
        samples={"process 0": [ProcessSample(float(i), 80 << 20, 40 + i % 3, 12) for i in range(SAMPLES)]}, memory_budget=100 << 20,
        exits=[Exit("process 0", "killed", -9), Exit("process 1", "stopped", 0), Exit("process 2", "failed", 1, "millrace: no disk\n")],
        recoveries=[Recovery("a kill", 3.0, 15.0)])


def dead_letters(inputs: list[Record]) -> list[Record]:
    letters = []
    for record in inputs:
        if not decodes(record):
            errors = {"topic": "in", "partition": record.partition, "offset": record.offset, "stage": "source", "class.name": "json",
                      "exception.message": "the text ends"}
            headers = tuple((f"__connect.errors.{name}", str(value).encode()) for name, value in errors.items())
            letters.append(Record(0, len(letters), record.key, record.value, START_MS, headers))
    return letters


def passed_evidence() -> Evidence:
    inputs, job = input_records(closing=True), Passed()
    results = job.results(inputs).values()
    output = [Record(0, i, str(row["auction"]).encode(), json.dumps(row).encode(), START_MS) for i, row in enumerate(results)]
    return Evidence(seed=1, fired={"SIGKILL": 1}, inputs=inputs, output=output)


def bank_evidence() -> Evidence:
    """Two transfers, each a debit and a credit in one transaction."""
    amounts = [-5, 5, -3, 3]
    offsets = [0, 1, 3, 4]
    output = [Record(0, offset, b"k", json.dumps({"seq": i, "auction": 0, "amount": amount}).encode(), 0)
              for i, (offset, amount) in enumerate(zip(offsets, amounts))]
    return Evidence(seed=1, fired={"SIGKILL": 1}, inputs=[], output=output, sum_column="amount",
                    output_log={0: transactions((WORKER, 0, 0, 2), (WORKER, 1, 3, 5))})


def transactions(*ended: tuple[int, int, int, int]) -> list[LogBatch]:
    """Of producer, epoch, first offset and marker; in the order of their markers."""
    return [batch for producer, epoch, first, marker in ended for batch in
            (LogBatch(first, marker - 1, producer, epoch, True), LogBatch(marker, marker, producer, epoch, True, True, True))]


def names(found: list[Violation]) -> set[str]:
    return {violation.invariant for violation in found}


def test_a_clean_run_violates_nothing():
    assert violations(windows_evidence(), Windows()) == []
    assert violations(passed_evidence(), Passed()) == []
    bank = bank_evidence()
    assert names(violations(bank, Passed())) <= {"I1"}, "only the oracle does not know transfers"


def with_row(record: Record, **changes: object) -> Record:
    return Record(record.partition, record.offset, record.key, json.dumps(json.loads(record.value) | changes).encode(),
                  record.timestamp_ms, record.headers)


def moved(record: Record, offset: int) -> Record:
    return Record(record.partition, offset, record.key, record.value, record.timestamp_ms, record.headers)


def append_output(e: Evidence, record: Record) -> None:
    """A record that all readers see alike."""
    e.output.append(record)
    e.uncommitted.append(record)
    e.again = list(e.output)


def duplicate_result(e: Evidence) -> None:
    append_output(e, moved(e.output[-1], 1_000_000))


def lost_result(e: Evidence) -> None:
    lost = e.output.pop()
    e.uncommitted.remove(lost)
    e.watched = [seen for seen in e.watched if seen.record != lost]
    e.again = list(e.output)


def invented_result(e: Evidence) -> None:
    append_output(e, moved(with_row(e.output[-1], auction=77), 1_000_000))


def wrong_value(e: Evidence) -> None:
    old = e.output[3]
    e.output[3] = new = with_row(old, total=-1.0)
    e.watched = [Seen(new if seen.record == old else seen.record, seen.input_ends) for seen in e.watched]
    e.again = list(e.output)


def aborted_read(e: Evidence) -> None:
    e.watched.append(Seen(moved(e.output[0], 2_000_000), e.watched[0].input_ends))


def reordered_key(e: Evidence) -> None:
    same = [i for i, record in enumerate(e.output) if record.key == e.output[0].key]
    first, second = e.output[same[0]], e.output[same[1]]
    e.output[same[0]], e.output[same[1]] = moved(second, first.offset), moved(first, second.offset)
    e.watched = []
    e.again = list(e.output)


def changelog_lost_a_tombstone(e: Evidence) -> None:
    e.changelog.pop()


def changelog_lost_a_row(e: Evidence) -> None:
    e.changelog.pop(0)


def state_is_not_the_changelog(e: Evidence) -> None:
    for dump in e.dumps.values():
        dump[next(iter(dump))] = b"other"


def state_lost_a_row(e: Evidence) -> None:
    e.state.pop()


def state_counted_twice(e: Evidence) -> None:
    e.state[0]["values"]["bids"] += 1


def state_in_two_partitions(e: Evidence) -> None:
    e.state.append(e.state[0])


def offset_beyond_results(e: Evidence) -> None:
    e.commits.insert(2, CommitSample(e.commits[-1].committed, {0: 3, 1: 3}))


def offset_went_back(e: Evidence) -> None:
    e.commits.insert(2, CommitSample({0: 99, 1: 100}))


def offset_beyond_input(e: Evidence) -> None:
    e.commits.append(CommitSample({p: offset + 1 for p, offset in e.commits[-1].committed.items()}))


def offset_short_of_input(e: Evidence) -> None:
    e.commits.pop()


def hanging_transaction(e: Evidence) -> None:
    e.bounds["out"][1] = (390, 400)


def two_writers(e: Evidence) -> None:
    old, heir = LogBatch(30, 31, WORKER, 1, True), LogBatch(32, 33, HEIR, 0, True)
    e.changelog_log[0] += [old, heir, LogBatch(34, 34, WORKER, 1, True, True, True), LogBatch(35, 35, HEIR, 0, True, True, True)]


def zombie_commits(e: Evidence) -> None:
    e.changelog_log[0] += transactions((WORKER, 0, 40, 49))


def cold_differs(e: Evidence) -> None:
    e.dumps["cold"].popitem()


def warm_differs(e: Evidence) -> None:
    for name in ("warm", "cold"):
        e.dumps[name].popitem()


def second_run_differs(e: Evidence) -> None:
    e.again[-1] = with_row(e.again[-1], total=-1.0)


def early_result(e: Evidence) -> None:
    e.watched[0] = Seen(e.watched[0].record, {0: 10, 1: 10})


def dead_letter_lost(e: Evidence) -> None:
    e.dead.pop()


def dead_letter_twice(e: Evidence) -> None:
    e.dead.append(e.dead[0])


def dead_letter_of_a_good_record(e: Evidence) -> None:
    e.dead.append(Record(0, 9, b"1", b"{}", 0, tuple((name, b"3" if name.endswith("offset") else value)
                                                    for name, value in e.dead[0].headers)))


def dead_letter_without_reason(e: Evidence) -> None:
    old = e.dead[0]
    e.dead[0] = Record(0, 0, old.key, old.value, 0, tuple(pair for pair in old.headers if "message" not in pair[0]))


def dead_letter_with_other_bytes(e: Evidence) -> None:
    e.dead[0] = Record(0, 0, e.dead[0].key, b"{}", 0, e.dead[0].headers)


def no_progress(e: Evidence) -> None:
    e.recoveries.append(Recovery("a coordinator that died", 46.0, 45.0))


def memory_above_budget(e: Evidence) -> None:
    e.samples["process 0"][7] = ProcessSample(7.0, 121 << 20, 40, 12)


def budget_without_samples(e: Evidence) -> None:
    e.samples = {}


def budget_of_a_sanitized_build(e: Evidence) -> None:
    e.samples["process 1"] = [ProcessSample(float(i), 0, 40, 12) for i in range(SAMPLES)]


def files_grow(e: Evidence) -> None:
    e.samples["process 0"] = [ProcessSample(float(i), 1 << 20, 40 + i, 12) for i in range(SAMPLES)]


def threads_grow(e: Evidence) -> None:
    e.samples["process 0"] = [ProcessSample(float(i), 1 << 20, 40, 12 + i) for i in range(SAMPLES)]


def crashed(e: Evidence) -> None:
    e.exits.append(Exit("process 3", "stopped", -11))


def failed_without_a_cause(e: Evidence) -> None:
    e.exits.append(Exit("process 3", "failed", 1, "info: partitions assigned\n"))


def would_not_end(e: Evidence) -> None:
    e.exits.append(Exit("process 3", "stopped", 999))


def no_seed(e: Evidence) -> None:
    e.seed = None


def fault_never_fired(e: Evidence) -> None:
    e.fired["EndTxn lost"] = 0


PLANTED: list[tuple[str, Callable[[Evidence], None]]] = [
    ("I1", duplicate_result), ("I1", lost_result), ("I1", invented_result), ("I1", wrong_value), ("I2", aborted_read),
    ("I3", reordered_key), ("I4", changelog_lost_a_tombstone), ("I4", changelog_lost_a_row), ("I4", state_is_not_the_changelog),
    ("I4", state_lost_a_row), ("I4", state_counted_twice), ("I4", state_in_two_partitions),
    ("I5", offset_beyond_results), ("I5", offset_went_back), ("I5", offset_beyond_input), ("I5", offset_short_of_input),
    ("I6", hanging_transaction), ("I7", two_writers), ("I8", zombie_commits), ("I9", cold_differs), ("I9", warm_differs), ("I10", second_run_differs),
    ("I12", early_result), ("I13", dead_letter_lost), ("I13", dead_letter_twice), ("I13", dead_letter_of_a_good_record),
    ("I13", dead_letter_without_reason), ("I13", dead_letter_with_other_bytes), ("I15", no_progress), ("I16", memory_above_budget),
    ("I16", budget_without_samples), ("I16", budget_of_a_sanitized_build), ("I16", files_grow), ("I16", threads_grow),
    ("I17", crashed), ("I17", failed_without_a_cause), ("I17", would_not_end), ("I18", no_seed), ("I18", fault_never_fired)]


@pytest.fixture(scope="module")
def clean() -> Evidence:
    return windows_evidence()


@pytest.mark.parametrize("invariant,plant", PLANTED, ids=[f"{name}-{plant.__name__}" for name, plant in PLANTED])
def test_a_planted_violation_is_reported_and_nothing_else(clean: Evidence, invariant: str, plant: Callable[[Evidence], None]):
    spoiled = copy.deepcopy(clean)
    plant(spoiled)
    found = violations(spoiled, Windows())
    assert names(found) == {invariant}, found


def test_records_out_of_order_are_reported_for_single_records_too():
    spoiled = passed_evidence()
    same = [i for i, record in enumerate(spoiled.output) if record.key == spoiled.output[0].key]
    spoiled.output[same[0]], spoiled.output[same[1]] = spoiled.output[same[1]], spoiled.output[same[0]]
    assert names(violations(spoiled, Passed())) == {"I3"}


def test_a_transfer_that_is_torn_apart_is_reported():
    spoiled = bank_evidence()
    spoiled.output_log[0] = transactions((WORKER, 0, 0, 1), (WORKER, 1, 1, 5))
    assert "I11" in names(violations(spoiled, Passed()))


def test_every_invariant_has_a_planted_violation():
    assert {name for name, _ in PLANTED} | {"I11"} == set(RULES)


def test_batches_and_markers_are_read_from_the_bytes_of_a_segment():
    def batch(base: int, attributes: int, count: int, record: bytes) -> bytes:
        body = struct.pack(">ibIhiqqqhii", 0, 2, 0, attributes, count - 1, 0, 0, WORKER, 3, 0, count) + record
        return struct.pack(">qi", base, len(body)) + body
    commit_marker = bytes([20, 0, 0, 0, 8]) + struct.pack(">hh", 0, 1) + b"\x01\x00"
    segment = batch(0, 0x10, 5, b"records") + batch(5, 0x30, 1, commit_marker) + bytes(200)
    found = list(parse_segment(segment))
    assert [(b.first, b.last, b.control, b.commits, b.producer, b.epoch) for b in found] == [
        (0, 4, False, False, WORKER, 3), (5, 5, True, True, WORKER, 3)]
    assert [(span.first, span.marker, span.committed) for span in spans(found)] == [(0, 5, True)]
