#include "engine/yaml/pipeline_schema.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "engine/yaml/sink_sections.h"
#include "engine/yaml/source_sections.h"

namespace millrace {
namespace {

using enum ValueKind;

constexpr Presence kRequired = Presence::kRequired;
constexpr Presence kOneOf = Presence::kOneOf;

constexpr KeySpec kPipelineKeys[] = {
    {"name", kName, "", "",
     "The pipeline's name: the consumer group, and the first part of the names of internal topics.",
     kRequired},
    {"kafka", kProperties, "", "",
     "Any librdkafka property; `bootstrap.servers` at least. With `group.protocol: consumer` a rebalance "
     "stops only what moves."},
    {"guarantee", kChoice, "exactly_once|at_least_once", "exactly_once",
     "What a failure may do to results: nothing, or repeat some."},
    {"commit_interval", kDuration, "", "",
     "Time between two commits; 200ms under exactly_once and 1s under at_least_once when absent."},
    {"commit_bytes", kByteSize, "", "64MiB",
     "Bytes of input, or of changed state, after which a commit happens before its time."},
    {"batch", kSection, "batch", "", "Bounds of one batch."},
    {"workers", kInteger, "1..1024", "1",
     "Processing threads of this process; each is one member of the group."},
    {"standbys", kInteger, "0..16", "0",
     "Warm copies of each task's state on other machines: they follow its changelogs, so that a task that "
     "has "
     "to move goes on with little to restore."},
    {"memory", kByteSize, "", "1GiB",
     "Bound on the memory of buffers, state caches and queues of this process."},
    {"state_dir", kText, "", "./state", "Folder that holds the state of this machine's tasks."},
    {"stop_timeout", kDuration, "", "30s",
     "After SIGTERM or SIGINT the pipeline finishes its batch, commits and leaves the group; what takes "
     "longer "
     "than this is cut off with exit code 1, and its input is read again."},
    {"idle_after", kDurationOrNever, "", "10s",
     "A source partition that was read to its end and got nothing for this long no longer holds windows "
     "open."},
    {"out_of_orderness", kDuration, "", "0ms",
     "The watermark stays this far behind the largest event time seen."},
    {"max_future", kDuration, "", "1d", "Event times further ahead of the wall clock than this are errors."},
    {"dead_letter", kSection, "dead_letter", "", "Where records go that cannot be processed."},
    {"create_topics", kBool, "", "true",
     "Create missing output and dead-letter topics. Source topics are never created."},
    {"source", kSection, "source", "", "What to read.", kOneOf},
    {"sources", kSections, "source", "", "Several sources of one schema, read as one stream.", kOneOf},
    {"steps", kSections, "step", "", "What happens to the rows, in this order."},
    {"sinks", kSections, "sink", "",
     "Where the rows go; each sink gets all of them, or those that its `where` selects.", kRequired},
    {"tests", kSections, "test", "", "Tests that `millrace test` runs without any broker."},
};

constexpr KeySpec kBatchKeys[] = {
    {"rows", kInteger, "1..10000000", "65536", "Most rows in a batch."},
    {"bytes", kByteSize, "", "16MiB", "Most input bytes in a batch."},
    {"delay", kDuration, "", "0ms",
     "Time that rows wait for more rows while the batch has room; with 0ms what is there is taken at once."},
};

constexpr KeySpec kDeadLetterKeys[] = {
    {"topic", kTopic, "", "",
     "Gets the raw key, value and headers, with headers `__connect.errors.*` that say why.", kRequired},
};

constexpr KeySpec kStepKeys[] = {
    {"name", kName, "", "",
     "Names the step in metrics and names its state; kind and ordinal (window-1) when absent."},
    {"on_error", kChoice, "dead_letter|drop|fail", "", kOnErrorDoc},
    {"filter", kExpression, "", "", "Keeps the rows for which this is true; null drops.", kOneOf},
    {"with", kNamedExpressions, "", "",
     "Adds or replaces columns; every expression sees the columns before the step.", kOneOf},
    {"select", kSelection, "", "", "Keeps exactly these columns, in this order; a mapping computes new ones.",
     kOneOf},
    {"drop", kColumns, "", "", "Removes columns.", kOneOf},
    {"rename", kColumnTexts, "", "", "Renames columns: old name to new name.", kOneOf},
    {"cast", kTypes, "", "", "Changes types of columns; a value that does not fit is an error of its row.",
     kOneOf},
    {"explode", kSection, "explode", "", "Makes one row of each element of a list column.", kOneOf},
    {"group_by", kSection, "group_by", "",
     "Makes columns the key; rows move between partitions where they must.", kOneOf},
    {"window", kSection, "window", "", "Aggregates the rows of each key over windows of event time.", kOneOf},
    {"deduplicate", kSection, "deduplicate", "",
     "Lets the first row of each key pass and absorbs its repeats.", kOneOf},
    {"changes", kSection, "changes", "", "Lets a row pass when it differs from the row of its key before it.",
     kOneOf},
    {"running", kSection, "running", "", "Aggregates all rows of each key so far; one result per row.",
     kOneOf},
    {"latest", kSection, "latest", "",
     "Keeps the latest row of each key as a table and passes on its changes.", kOneOf},
    {"expire", kSection, "expire", "",
     "Gives each row an end in event time; a tombstone of its key follows then.", kOneOf},
};

constexpr KeySpec kExplodeKeys[] = {
    {"column", kText, "", "", "The list column.", kRequired},
    {"keep_empty", kBool, "", "false", "Keep one row with null where the list is empty or null."},
};

constexpr std::string_view kNullKeyDoc =
    "What to do with rows whose key is null: refuse, drop, or group under null.";

constexpr KeySpec kGroupByKeys[] = {
    {"by", kColumns, "", "", "The new key.", kRequired},
    {"null_key", kChoice, "error|drop|group", "error", kNullKeyDoc},
};

constexpr KeySpec kWindowKeys[] = {
    {"by", kColumns, "", "", "Group by these columns; when absent, those of the group_by step before."},
    {"null_key", kChoice, "error|drop|group", "error", kNullKeyDoc},
    {"tumbling", kDuration, "", "", "Windows of this length, one after the other, aligned to the epoch.",
     kOneOf},
    {"hopping", kSection, "hopping", "", "Windows of one length that begin at regular steps and overlap.",
     kOneOf},
    {"sliding", kDuration, "", "",
     "A window of this length for each event time of a key, which is the last instant in it.", kOneOf},
    {"session", kDuration, "", "",
     "A window for each stretch of rows of a key that are less than this apart; it ends this long after the "
     "last.",
     kOneOf},
    {"count", kSection, "count", "", "Windows of a number of rows of a key, in the order in which they come.",
     kOneOf},
    {"grace", kDuration, "", "0ms", "A window closes this long after its end, by the watermark."},
    {"offset", kDuration, "", "0ms", "Moves the alignment of windows away from the epoch."},
    {"emit", kChoice, "final|current", "final",
     "final: one row per window and key when it closes. current: the running result after each batch, and "
     "the close."},
    {"closing", kChoice, "partition|key", "partition",
     "partition: a window closes by the watermark. key: tumbling, hopping and session windows close by the "
     "greatest event time of their key, or by the watermark if that is first."},
    {"trigger", kSection, "trigger", "",
     "Emits a result of a window before it closes; not for sliding windows."},
    {"late", kSection, "late", "",
     "Where rows go that come after their window closed; only counted when absent. `dead_letter`: they are "
     "dead letters."},
    {"aggregate", kAggregates, "", "",
     "Result columns and their aggregate calls, such as `total: sum(price)`.", kRequired},
};

constexpr KeySpec kHoppingKeys[] = {
    {"size", kDuration, "", "", "Length of a window.", kRequired},
    {"step", kDuration, "", "", "From the start of one window to the start of the next; at most `size`.",
     kRequired},
};

constexpr KeySpec kTriggerKeys[] = {
    {"when", kExpression, "", "",
     "Over the columns of the result: the aggregates, `by`, `window_start` and `window_end`. Null counts as "
     "false.",
     kRequired},
    {"after", kChoice, "update", "",
     "Is asked after a row was added: the result leaves with the row, and the next row begins anew.", kOneOf},
    {"before", kChoice, "update", "",
     "Is asked before a row is added, unless it is the first: the result leaves without the row, which "
     "begins "
     "anew.",
     kOneOf},
};

constexpr KeySpec kCountKeys[] = {
    {"size", kInteger, "1..1000000", "", "Rows in a window.", kRequired},
    {"step", kInteger, "1..1000000", "",
     "hopping: rows from the start of one window to the start of the next."},
    {"kind", kChoice, "tumbling|hopping|sliding", "tumbling",
     "tumbling: one after the other. hopping: one every `step` rows. sliding: one for each row."},
};

constexpr std::string_view kStepByDoc = "The key columns; when absent, those of the group_by step before.";

constexpr std::string_view kKeyTtlDoc =
    "A key is forgotten when the watermark is this far past the event time of its latest row: its next row "
    "is "
    "its first again. Rows that come when their own time is over are late. When absent, keys stay.";

constexpr KeySpec kDeduplicateKeys[] = {
    {"by", kColumns, "", "", kStepByDoc},
    {"null_key", kChoice, "error|drop|group", "error", kNullKeyDoc},
    {"within", kDuration, "", "",
     "Rows of a key whose event times are less than this apart are repeats of the first that came.",
     kRequired},
};

constexpr KeySpec kChangesKeys[] = {
    {"by", kColumns, "", "", kStepByDoc},
    {"null_key", kChoice, "error|drop|group", "error", kNullKeyDoc},
    {"columns", kColumns, "", "", "What is compared with the row of the key before; null equals null.",
     kRequired},
    {"ttl", kDuration, "", "", kKeyTtlDoc},
};

constexpr KeySpec kRunningKeys[] = {
    {"by", kColumns, "", "", kStepByDoc},
    {"null_key", kChoice, "error|drop|group", "error", kNullKeyDoc},
    {"aggregate", kAggregates, "", "",
     "Result columns and their aggregate calls, such as `total: sum(price)`, as in a window.", kRequired},
    {"ttl", kDuration, "", "", kKeyTtlDoc},
};

constexpr KeySpec kLatestKeys[] = {
    {"by", kColumns, "", "", kStepByDoc},
    {"null_key", kChoice, "error|drop|group", "error", kNullKeyDoc},
    {"ttl", kDuration, "", "",
     "A row expires this long after its event time, by the watermark, and leaves a tombstone; when absent, "
     "rows "
     "stay."},
};

constexpr KeySpec kExpireKeys[] = {
    {"by", kColumns, "", "", kStepByDoc},
    {"null_key", kChoice, "error|drop|group", "error", kNullKeyDoc},
    {"at", kExpression, "", "", "When the row ends: a timestamp; null for never.", kRequired},
    {"already_over", kChoice, "late|pass", "late",
     "Rows whose end was over, by the wall clock, when the pipeline ran for the first time: late, so that an "
     "old topic brings nothing back; or they pass, and end in event time."},
    {"late", kSection, "late", "",
     "Where rows go whose end is over when they come; only counted when absent."},
};

constexpr KeySpec kLateKeys[] = {
    {"topic", kTopic, "", "", "Gets late rows as JSON, with `late_by` in milliseconds.", kRequired},
};

constexpr KeySpec kTestKeys[] = {
    {"name", kText, "", "", "What the test shows.", kRequired},
    {"start", kTime, "", "0", "The manual clock at the beginning."},
    {"first_run", kBool, "", "false",
     "The pipeline runs for the first time at `start`: for `expire`, rows that were over by then are late."},
    {"partitions", kInteger, "1..64", "1", "Partitions of the source topics."},
    {"input", kSections, "test_input", "", "Records and movements of the clock, in this order.", kRequired},
    {"output", kRowsBySink, "", "",
     "The rows that must come out, null for a tombstone: a list, or with several sinks a mapping of sink "
     "name "
     "or topic to list."},
    {"late", kInteger, "0..1000000", "", "Rows that must have been late."},
    {"dead_letters", kInteger, "0..1000000", "", "Records that must have become dead letters."},
};

constexpr KeySpec kTestInputKeys[] = {
    {"value", kAny, "", "", "A record: a mapping becomes JSON, text is taken as it is, null is a tombstone.",
     kOneOf},
    {"advance", kDuration, "", "", "Moves the manual clock.", kOneOf},
    {"key", kAny, "", "", "The record's key; taken from the source's key column when absent."},
    {"timestamp", kTime, "", "", "The record's Kafka timestamp; the manual clock when absent."},
    {"topic", kTopic, "", "", "The source topic; needed only with several sources."},
    {"partition", kInteger, "0..63", "0", "The record's partition."},
    {"headers", kProperties, "", "", "The record's headers."},
};

constexpr SectionSpec kAllSections[] = {
    {"pipeline", "Top level", "The pipeline: its name, settings, sources, steps and sinks.", kPipelineKeys,
     ""},
    {"batch", "batch", "Bounds of one batch. Small batches give short delays, large ones speed.", kBatchKeys,
     ""},
    {"dead_letter", "dead_letter", "Where records go that cannot be processed.", kDeadLetterKeys, "topic"},
    {"source", "source",
     "What is read: exactly one of `topic`, `snapchat.entities`, `snapchat.stats`, `snapchat.profile` and "
     "`snapchat.leads`.",
     source_sections::kSourceKeys, ""},
    {"snapchat_entities", "snapchat.entities",
     "One row per organisation, ad account, campaign and so on, with the key `<kind>/<id>`: when it is new "
     "or "
     "changed, and a tombstone when it is gone. The rows come through a topic that the pipeline makes.",
     source_sections::kSnapchatEntitiesKeys, ""},
    {"snapchat_stats", "snapchat.stats",
     "One row per entity and hour or day, with the key `<level>/<id>/<granularity>/<start>`: Snap changes "
     "rows "
     "for days, and each change is a row with the same key. The rows come through a topic that the pipeline "
     "makes.",
     source_sections::kSnapchatStatsKeys, ""},
    {"snapchat_profile", "snapchat.profile",
     "One row per public profile, story, spotlight and so on, with the key `<kind>/<id>`: when it is new or "
     "changed, and a tombstone when it is gone; and one per profile and day of statistics, with the key "
     "`stats/<id>/day/<start>`. The rows come through a topic that the pipeline makes.",
     source_sections::kSnapchatProfileKeys, ""},
    {"snapchat_leads", "snapchat.leads",
     "One row per lead that Snap's webhook sends, with the key `lead_id`. A request is answered with 200 "
     "when "
     "Kafka has the lead. The rows come through a topic that the pipeline makes.",
     source_sections::kSnapchatLeadsKeys, ""},
    {"tls", "tls", "A certificate.", source_sections::kTlsKeys, ""},
    {"oauth", "oauth",
     "Access tokens by the refresh-token grant of OAuth 2. They are fetched when they are needed, replaced "
     "before they expire and after Snap refused one, and shown nowhere.",
     source_sections::kOAuthKeys, ""},
    {"step", "steps", "One step: exactly one of the kinds below, and optionally `name` and `on_error`.",
     kStepKeys, ""},
    {"explode", "explode", "One row per list element.", kExplodeKeys, "column"},
    {"group_by", "group_by", "Makes columns the key.", kGroupByKeys, "by"},
    {"window", "window",
     "Windows of event time per key. The result has the `by` columns, `window_start`, `window_end` "
     "and the aggregates.",
     kWindowKeys, ""},
    {"hopping", "hopping", "Overlapping windows. A row is stored once, however many windows it belongs to.",
     kHoppingKeys, ""},
    {"count", "count",
     "Windows of a number of rows. window_start is the least event time in it, window_end the greatest and 1 "
     "ms; "
     "the result comes with the last row, and a window that is not full gives none.",
     kCountKeys, "size"},
    {"deduplicate", "deduplicate",
     "Lets the first row of each key pass, in the order of its partition. A row is absorbed when a row of "
     "its key "
     "has passed whose event time is less than `within` away, before or after it. A row that comes when the "
     "watermark is `within` past its event time is late: it is counted and does not pass.",
     kDeduplicateKeys, ""},
    {"changes", "changes",
     "Lets a row pass when one of `columns` differs from the row of its key before it in the order of its "
     "partition; the first row of a key passes, the others are absorbed.",
     kChangesKeys, ""},
    {"running", "running",
     "Aggregates over all rows of a key so far, without a window. Each row gives one result: the `by` "
     "columns "
     "and the aggregates as they stand after it, with its event time.",
     kRunningKeys, ""},
    {"latest", "latest",
     "A table: the latest row of each key by event time. A row passes when it becomes the latest; older rows "
     "are "
     "absorbed. A null value deletes the row of its message key, where the source declares that key as `by`, "
     "and "
     "passes as a tombstone.",
     kLatestKeys, "by"},
    {"expire", "expire",
     "Gives each row an end. Rows pass, and when the watermark reaches the end of a key's latest row, by "
     "event time, a tombstone of the key follows, with that event time. A later row of the key moves its "
     "end; a "
     "row whose end is over when it comes does not pass and is late, or, where it is the latest of a key "
     "that "
     "has not ended, passes as a tombstone. A null value ends its message key at once, where the source "
     "declares "
     "that key as `by`, and passes.",
     kExpireKeys, ""},
    {"trigger", "trigger",
     "Emits the result of a key and window when an expression on it is true, and begins that aggregate anew; "
     "what is held at the close is emitted then. Each window of a row is asked for itself; a row on which "
     "the "
     "expression fails is not added to that window.",
     kTriggerKeys, ""},
    {"late", "late",
     "A late output: a topic of its own. Written as `late: dead_letter`, without `topic`, rows that come too "
     "late are dead letters of class `late`, as they were read, with `late_by` in the message.",
     kLateKeys, "topic"},
    {"sink", "sinks",
     "One sink: exactly one of `topic`, `parquet`, `ipc`, `console`, `snapchat.conversions` and "
     "`snapchat.audience`.",
     sink_sections::kSinkKeys, ""},
    {"file", "parquet, ipc", "Files that appear whole or not at all.", sink_sections::kFileKeys, "path"},
    {"console", "console", "Rows on the standard output.", sink_sections::kConsoleKeys, "format"},
    {"snapchat_conversions", "snapchat.conversions",
     "Each row is an event for Snap. Personal data is normalised and hashed, unless it is 64 hexadecimal "
     "digits already. Delivered at least once, under the same `event_id` (by default topic, partition and "
     "offset), by which Snap counts an event once within 48 hours.",
     sink_sections::kSnapchatConversionsKeys, ""},
    {"snapchat_deduplicate", "snapchat.conversions deduplicate",
     "Repeats are counted as absorbed by the step `<sink>-repeats` and not sent. What was sent is kept in "
     "the "
     "partition of its record, so repeats are found there.",
     sink_sections::kSnapchatDeduplicateKeys, "mode"},
    {"snapchat_batch", "snapchat.conversions batch", "Bounds of one request.",
     sink_sections::kSnapchatBatchKeys, ""},
    {"snapchat_audience", "snapchat.audience",
     "Each row adds somebody to a segment or removes them from it. Delivered at least once; the last action "
     "of an identifier wins, where all its records are in one partition.",
     sink_sections::kSnapchatAudienceKeys, ""},
    {"snapchat_segment", "segment", "A segment (customer list) of an ad account.",
     sink_sections::kSnapchatSegmentKeys, "id"},
    {"snapchat_audience_batch", "snapchat.audience batch", "Bounds of one request.",
     sink_sections::kSnapchatAudienceBatchKeys, ""},
    {"snapchat_rate", "snapchat rate",
     "Bounds of all requests of a process. Sinks and sources with the same `url` and token share the first, "
     "those of the same app the second; of what they say the lowest holds.",
     sink_sections::kSnapchatRateKeys, "per_second"},
    {"test", "tests", "One test: records in, expected rows out, on a manual clock.", kTestKeys, ""},
    {"test_input", "input", "A record, or a movement of the clock.", kTestInputKeys, ""},
};

}  // namespace

std::span<const SectionSpec> PipelineSections() { return kAllSections; }

const SectionSpec& PipelineSection(std::string_view name) {
  const auto* found = std::find_if(std::begin(kAllSections), std::end(kAllSections),
                                   [&](const SectionSpec& section) { return section.name == name; });
  MR_CHECK(found != std::end(kAllSections)) << "no section " << std::string(name);
  return *found;
}

}  // namespace millrace
