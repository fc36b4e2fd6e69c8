"""Topics, groups and retention that change under a running job."""
import json
import shutil

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, ResourceType
from harness.lab import Lab
from harness.topics import Record, Topics
from harness.waiting import wait_until
from trial import PART, Process, Trial, long_only

SECONDS = 20
CUTTABLE = {"cleanup_policy": "compact,delete", "retention_ms": "-1"}


def delete_records(topics: Topics, topic: str, before: dict[int, int]) -> None:
    """Of a topic that is CUTTABLE, or will be: a broker takes to altered settings a moment after it said so."""
    def deleted() -> bool:
        done = topics.admin.delete_records([TopicPartition(topic, p, offset) for p, offset in before.items()])
        try:
            for future in done.values():
                future.result(SECONDS)
        except KafkaException as failure:
            if failure.args[0].code() != KafkaError.POLICY_VIOLATION:
                raise
            return False
        return True
    wait_until(deleted, SECONDS, f"records of {topic} may be deleted")


def alter(topics: Topics, topic: str, **settings: str) -> None:
    changes = [ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
               for name, value in settings.items()]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=changes)
    topics.admin.incremental_alter_configs([resource])[resource].result(SECONDS)


def delete_topic(topics: Topics, topic: str) -> None:
    topics.admin.delete_topics([topic])[topic].result(SECONDS)
    wait_until(lambda: topic not in topics.names(), SECONDS, f"{topic} is gone")


def low_offsets(topics: Topics, topic: str) -> dict[int, int]:
    consumer = Consumer({**topics.properties, "group.id": "low"})
    try:
        return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=SECONDS)[0]
                for p in range(topics.partitions(topic))}
    finally:
        consumer.close()


def test_retention_that_overtakes_the_committed_offset_is_told_and_survived(lab: Lab):
    """What retention took is lost by the user's own settings; from then on each record is processed once."""
    trial = Trial(lab, "stateless").create()
    trial.run_part()
    taken = trial.committed()
    before = lab.topics.read(trial.topic)
    output_before = lab.topics.read(lab.output())
    trial.feed()
    ends = lab.topics.ends(trial.topic)
    cut = {p: taken[p] + (ends[p] - taken[p]) // 2 for p in ends}
    delete_records(lab.topics, trial.topic, cut)
    assert low_offsets(lab.topics, trial.topic) == cut
    trial.count("records removed before they were read", len(cut))
    process = trial.run()
    trial.await_progress("retention", 15)
    assert "records were removed before they were read" in process.millrace.log()
    # The oracle knows what was there at the first run and what is there now.
    trial.finish()
    found = trial.evidence()
    found.inputs = before + [record for record in found.inputs if record.offset >= cut[record.partition]]
    assert output_before, "the first run gave nothing"
    trial.judge(found)


def overtake(trial: Trial, read: list[Record]) -> tuple[Process, dict[int, int]]:
    """Retention removes what a running process has not read yet: it is frozen meanwhile.

    Fills `read` with the records it has read; returns the first offsets that are left.
    """
    topics = trial.lab.topics
    process = trial.start()
    trial.lab.await_read(trial.topic)
    trial.freeze(process)
    read += topics.read(trial.topic)
    ends = topics.ends(trial.topic)
    trial.feed()
    cut = {p: ends[p] + (topics.ends(trial.topic)[p] - ends[p]) // 2 for p in ends}
    delete_records(topics, trial.topic, cut)
    assert low_offsets(topics, trial.topic) == cut
    trial.count("unread records removed under a running process", len(cut))
    trial.thaw(process)
    return process, cut


def test_retention_that_overtakes_a_running_process_is_told_and_survived(lab: Lab):
    trial = Trial(lab, "stateless").create()
    before: list[Record] = []
    process, cut = overtake(trial, before)
    process.millrace.wait_log("records were removed before they were read")
    trial.await_progress("retention", 15)
    trial.finish()
    found = trial.evidence()
    found.inputs = before + [record for record in found.inputs if record.offset >= cut[record.partition]]
    trial.judge(found)


@long_only
def test_retention_that_overtakes_a_running_process_ends_it_when_the_file_says_so(lab: Lab):
    trial = Trial(lab, "stateless").create()
    trial.run_part()
    trial.pipeline["source"]["offset_reset"] = "error"
    process, _ = overtake(trial, [])
    assert "is outside the log" in trial.wait_failed(process)


@long_only
def test_retention_with_offset_reset_error_ends_with_a_message(lab: Lab):
    trial = Trial(lab, "stateless").create()
    trial.pipeline["source"]["offset_reset"] = "error"
    trial.pipeline["source"].pop("offset_reset")
    trial.run_part()
    trial.feed()
    delete_records(lab.topics, trial.topic, lab.topics.ends(trial.topic))
    trial.count("records removed before they were read")
    trial.pipeline["source"]["offset_reset"] = "error"
    log = trial.wait_failed(trial.run())
    assert "is outside the log" in log and "offset_reset" in log, log[-800:]


@long_only
def test_a_changelog_whose_beginning_is_gone_leaves_the_state_on_disk_alone(lab: Lab):
    """Deleted segments, below what the state directory has: nothing to restore, nothing lost."""
    trial = Trial(lab).create()
    trial.run_part()
    changelog = trial.changelog()
    alter(lab.topics, changelog, **CUTTABLE)
    written = lab.topics.read(changelog)
    delete_records(lab.topics, changelog, {p: 1 + max(r.offset for r in written if r.partition == p) for p in range(2)})
    assert lab.topics.read(changelog) == []
    trial.count("changelog records deleted")
    rows_before = trial.job.open(lab.topics.read(trial.topic))
    assert rows_before, "no window is open, so nothing could be lost"
    trial.run()
    trial.await_progress("a cut changelog", 15)
    trial.finish()
    # The changelog alone does not hold the state any more, the directory does: results are complete all the same.
    trial.judge(trial.evidence(changelog=None))


@long_only
def test_state_that_is_older_than_its_changelog_is_thrown_away(lab: Lab):
    trial = Trial(lab).create()
    trial.run_part()
    kept = lab.folder / "old"
    lab.state_dir.rename(kept)
    trial.run_part(20_000)
    shutil.rmtree(lab.state_dir)
    kept.rename(lab.state_dir)
    changelog = trial.changelog()
    # Only tombstones and rows that came again lie below: a compacted and deleted log would look the same.
    live = {record.key: record for record in lab.topics.read(changelog)}
    first_live = {}
    for record in live.values():
        if record.value is not None:
            first_live[record.partition] = min(first_live.get(record.partition, 1 << 62), record.offset)
    assert len(first_live) == trial.partitions
    alter(lab.topics, changelog, **CUTTABLE)
    delete_records(lab.topics, changelog, first_live)
    trial.count("changelog cut above the state's offset")
    process = trial.run()
    trial.await_progress("an old state", 15)
    process.millrace.wait_log("state on disk does not match its changelog")
    trial.verdict()


@long_only
def test_a_compacted_changelog_gives_the_same_state(lab: Lab):
    trial = Trial(lab).create()
    trial.run_part(15_000)
    changelog = trial.changelog()

    def places() -> set[tuple[int, int]]:
        return {(record.partition, record.offset) for record in lab.topics.read(changelog)}
    before = places()
    alter(lab.topics, changelog, segment_ms="200", min_cleanable_dirty_ratio="0.01", max_compaction_lag_ms="200",
          delete_retention_ms="0")

    def compacted() -> bool:
        trial.run_part(500)  # segments roll when something is written
        return not before <= places()
    wait_until(compacted, 60, "the cleaner has removed something", every=0.5)
    trial.count("compaction")
    lab.close()  # removes the state
    trial.run()
    trial.await_progress("compaction", 15)
    trial.finish()
    trial.judge(trial.evidence(changelog_log={}))


def add_partition(trial: Trial) -> Process:
    """While a process runs: it must notice, and end with a message."""
    topics = trial.lab.topics
    trial.pipeline["kafka"]["topic.metadata.refresh.interval.ms"] = "500"
    process = trial.start()
    count = trial.partitions + 1
    topics.admin.create_partitions([NewPartitions(trial.topic, count)])[trial.topic].result(SECONDS)
    wait_until(lambda: topics.partitions(trial.topic) == count, SECONDS, "the new partition is there")
    trial.count("partition added")
    trial.renew_feeder()
    trial.feed()
    assert topics.ends(trial.topic)[count - 1] > 0, "nothing came into the new partition"
    assert "has more partitions" in trial.wait_failed(process)
    return process


@long_only
def test_a_job_without_state_reads_an_added_partition_after_a_restart(lab: Lab):
    trial = Trial(lab, "stateless").create()
    add_partition(trial)
    trial.run()
    trial.await_progress("an added partition", 15)
    # Keys have moved to other partitions: their order over the change is not promised.
    trial.finish()
    found = trial.evidence()
    assert {json.loads(r.value)["seq"] for r in found.output} == trial.job.results(found.inputs).keys()
    assert len(found.output) == len(trial.job.results(found.inputs))


@long_only
def test_a_job_with_state_refuses_another_partition_count(lab: Lab):
    trial = Trial(lab).create()
    add_partition(trial)
    log = trial.wait_failed(trial.run())
    assert "the partition count of a source topic changed" in log and "millrace reset" in log, log[-800:]


@long_only
def test_the_group_that_is_deleted_between_two_runs_starts_anew(lab: Lab):
    """Offsets are gone: by `offset_reset` everything is read again, and that is said."""
    trial = Trial(lab, "stateless").create()
    trial.run_part()

    def deleted() -> bool:
        try:
            lab.topics.admin.delete_consumer_groups([lab.name])[lab.name].result(SECONDS)
            return True
        except Exception:
            return False
    wait_until(deleted, 20, "the group can be deleted", every=0.5)
    trial.count("group deleted")
    once = lab.topics.read(lab.output())
    trial.run()
    trial.await_read()
    for process in trial.processes[1:]:
        trial.stop(process)
    twice = lab.topics.read(lab.output())
    assert sorted(r.value for r in twice) == sorted([r.value for r in once] * 2)


@long_only
def test_a_source_topic_made_anew_is_read_from_its_beginning(lab: Lab):
    trial = Trial(lab, "stateless").create()
    trial.run_part()
    first = lab.topics.read(trial.topic)
    delete_topic(lab.topics, trial.topic)
    trial.create()
    trial.count("topic made anew")
    trial.feed(500)
    assert all(end < PART / 4 for end in lab.topics.ends(trial.topic).values()), "the new topic is shorter than what was committed"
    process = trial.run()
    trial.await_read()
    trial.stop(process)
    found = {json.loads(r.value)["seq"] for r in lab.topics.read(lab.output())}
    wanted = trial.job.results(first).keys() | trial.job.results(lab.topics.read(trial.topic)).keys()
    assert found == wanted


@long_only
def test_a_changelog_made_anew_empties_the_state_instead_of_mixing(lab: Lab):
    trial = Trial(lab).create()
    trial.run_part()
    changelog = trial.changelog()
    delete_topic(lab.topics, changelog)
    trial.count("changelog made anew")
    trial.feed()
    process = trial.run()
    trial.await_read()
    log = process.millrace.log()
    assert "state on disk does not match its changelog" in log, log[-1500:]
    trial.stop(process)


@long_only
def test_records_larger_than_the_output_allows_become_an_error_by_name(lab: Lab):
    trial = Trial(lab, "stateless").create()
    process = trial.start()
    alter(lab.topics, lab.output(), max_message_bytes="200")
    trial.count("max.message.bytes lowered")
    for _ in range(20):
        trial.feed(500)
        if not process.millrace.running():
            break
    process.expected = "failed"
    try:
        process.millrace.wait_exit(30)
        assert lab.output() in process.millrace.log()
    except AssertionError:
        process.millrace.wait_log("recovering|too large", 5)
    alter(lab.topics, lab.output(), max_message_bytes="1048588")
    if process.millrace.running():
        process.expected = "stopped"
    else:
        trial.run()
    trial.await_progress("small messages", 45)
    trial.verdict()
