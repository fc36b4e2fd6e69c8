#pragma once

#include "engine/yaml/pipeline_schema.h"
#include "engine/yaml/source_sections.h"

// Sections of sinks: a part of the table in pipeline_schema.cc.

namespace millrace::sink_sections {

using enum ValueKind;
inline constexpr Presence kRequired = Presence::kRequired;
inline constexpr Presence kOneOf = Presence::kOneOf;
inline constexpr Presence kOneOfAccess = Presence::kOneOfAccess;

inline constexpr KeySpec kSinkKeys[] = {
    {"name", kName, "", "", "Names the sink in metrics and messages; sink-1 and so on when absent."},
    {"where", kExpression, "", "", "Only rows for which this is true go to this sink."},
    {"on_error", kChoice, "dead_letter|drop|fail", "", kOnErrorDoc},
    {"topic", kTopic, "", "", "A Kafka topic.", kOneOf},
    {"format", kChoice, "json|string|bytes", "json", "With topic: how values are encoded."},
    {"key", kColumns, "", "",
     "With topic: columns of the message key; when absent those that the rows are grouped by, else the row's "
     "own key."},
    {"key_format", kChoice, "string|json|bytes", "string",
     "With topic: string writes text or decimal digits, and several columns as a JSON array."},
    {"partitions", kInteger, "0..100000", "0",
     "With topic: partition count when it is created; 0 takes that of the source."},
    {"parquet", kSection, "file", "", "Parquet files.", kOneOf},
    {"ipc", kSection, "file", "", "Arrow IPC files.", kOneOf},
    {"console", kSection, "console", "", "Prints rows to the standard output.", kOneOf},
    {"snapchat.conversions", kSection, "snapchat_conversions", "", "Events of Snap's Conversions API.",
     kOneOf},
    {"snapchat.audience", kSection, "snapchat_audience", "", "Members of a segment of Snap's Marketing API.",
     kOneOf},
};

inline constexpr KeySpec kSnapchatConversionsKeys[] = {
    {"pixel_id", kText, "", "", "The pixel whose events these are (web, offline).", kOneOf},
    {"app_id", kText, "", "", "The Snap app id of the app whose events these are.", kOneOf},
    {"asset_id", kExpression, "", "", "The id of the pixel or app of each event.", kOneOf},
    {"access_token", kText, "", "",
     "Of the Conversions API; write ${VAR}, or ${file:PATH}, which is read again when Snap refuses the "
     "token.",
     kOneOfAccess},
    {"oauth", kSection, "oauth", "", "Access tokens that are replaced before they expire.", kOneOfAccess},
    {"event_id", kExpression, "", "",
     "By which Snap counts an event once; topic, partition and offset of its record when absent."},
    {"map", kNamedExpressions, "", "",
     "Fields of the event (`event_name`, `user_data.em` or `em`) and what they are. Columns that are called "
     "like a field, or stand in a struct that is called like its section, need not be listed."},
    {"leave_out", kColumns, "", "", "Fields that are not sent although there are such columns."},
    {"consent", kExpression, "", "",
     "Whether the person agreed; null is no. When absent every event is sent as it is."},
    {"without_consent", kChoice, "drop|LMU|LDU|opt_out", "drop",
     "What becomes of events without consent: they are not sent; sent with `data_processing_options` LMU, or "
     "LDU "
     "with country and state 0; or sent with `opt_out`."},
    {"max_event_age", kDuration, "", "7d", "Older events are late; at most 37d."},
    {"max_event_ahead", kDuration, "", "1h", "Events further ahead of the clock are late."},
    {"late", kSection, "late", "",
     "Topic for late events, with `late_by` in milliseconds; negative for those that are ahead. "
     "`dead_letter`: they are dead letters. When absent they are counted and warned about."},
    {"deduplicate", kSection, "snapchat_deduplicate", "", "Which repeats are not sent. `off`: all are."},
    {"time_unit", kChoice, "s|ms", "s", "The unit in which `event_time` is sent."},
    {"processing_options", kChoice, "list|text", "list",
     "How `data_processing_options` are sent: `[\"LMU\"]`, or the text `['LMU']`, as in an example of "
     "Snap's."},
    {"device_id", kChoice, "madid|mobile_ad_id", "madid",
     "What an advertising id is called in `user_data`: Snap's documents and its description of the API "
     "differ."},
    {"token_in", kChoice, "url|header", "url",
     "Where requests have the token: as the parameter `access_token`, or in the header `Authorization`."},
    {"batch", kSection, "snapchat_batch", "", "Bounds of one request."},
    {"rate", kSection, "snapchat_rate", "", "Bounds of all requests of a process."},
    {"mode", kChoice, "live|validate", "live", "With validate Snap checks the events and counts none."},
    {"test_event_code", kText, "", "", "Shows the events in Snap's test tool instead of counting them."},
    {"url", kText, "", "https://tr.snapchat.com", "Another server, for tests."},
    {"ca_file", kText, "", "",
     "PEM file of the authorities that the server's certificate is checked against."},
};

inline constexpr KeySpec kSnapchatDeduplicateKeys[] = {
    {"mode", kChoice, "on|off", "on", "With off repeats are sent."},
    {"event_id", kDurationOrNever, "", "48h",
     "Events of one asset, name and `event_id` are sent once within this time, by event time."},
    {"order_id", kDurationOrNever, "", "30d",
     "PURCHASE events of one asset and `order_id` are sent once within this time."},
};

inline constexpr KeySpec kSnapchatBatchKeys[] = {
    {"events", kInteger, "1..2000", "2000", "Events in a request."},
    {"bytes", kByteSize, "", "1MiB", "Bytes of a request, unless one event alone is larger."},
    {"linger", kDuration, "", "1s",
     "How long events wait for others: the pipeline commits no more often than this, and a commit sends "
     "everything."},
};

inline constexpr KeySpec kSnapchatRateKeys[] = {
    {"per_second", kInteger, "1..1000", "10", "Requests in a second with one token."},
    {"app", kText, "", "",
     "Names the app that the token is of: tokens with the same name are of one app. When absent it is the "
     "`client_id` of `oauth`, and tokens that do not change are of one app when their `url` is the same."},
    {"app_per_second", kInteger, "1..1000", "",
     "Requests in a second with all tokens of the app. When absent 20, or the highest `per_second` of its "
     "tokens where that is more."},
};

inline constexpr KeySpec kSnapchatAudienceKeys[] = {
    {"ad_account_id", kText, "", "", "That has the segment; needed when `segment` is a name."},
    {"segment", kSection, "snapchat_segment", "", "The segment.", kRequired},
    {"action", kExpression, "", "",
     "The word add, the word remove, or an expression that gives 'add' or 'remove' for each row; null and "
     "anything else is a dead letter. Tombstones remove.",
     kRequired},
    {"schema", kChoice, "EMAIL_SHA256|PHONE_SHA256|MOBILE_AD_ID_SHA256", "", "The kind of identifier.",
     kRequired},
    {"identifier", kExpression, "", "",
     "What identifies the person, normalised and hashed on the way; 64 hexadecimal digits pass through. When "
     "absent the column `em` or `email`, `ph` or `phone`, `madid` or `mobile_ad_id`."},
    {"access_token", kText, "", "",
     "Of the Marketing API; write ${VAR}, or ${file:PATH}, which is read again when Snap refuses the token.",
     kOneOfAccess},
    {"oauth", kSection, "oauth", "", "Access tokens that are replaced before they expire.", kOneOfAccess},
    {"batch", kSection, "snapchat_audience_batch", "", "Bounds of one request."},
    {"rate", kSection, "snapchat_rate", "", "Bounds of all requests of a process."},
    {"url", kText, "", "https://adsapi.snapchat.com", "Another server, for tests."},
    {"ca_file", kText, "", "",
     "PEM file of the authorities that the server's certificate is checked against."},
};

inline constexpr KeySpec kSnapchatSegmentKeys[] = {
    {"id", kText, "", "", "Its id.", kOneOf},
    {"name", kText, "", "", "Its name: it is looked for in the ad account at the first use.", kOneOf},
    {"create", kBool, "", "false", "With name: creates it when there is none."},
    {"description", kText, "", "", "Of a segment that is created."},
    {"retention_in_days", kInteger, "1..9999", "9999",
     "Of a segment that is created: how long a member stays; 9999 is for ever."},
};

inline constexpr KeySpec kSnapchatAudienceBatchKeys[] = {
    {"identifiers", kInteger, "1..100000", "100000", "Identifiers in a request."},
    {"bytes", kByteSize, "", "1MiB", "Bytes of a request, 69 for each identifier."},
    {"linger", kDuration, "", "1s",
     "How long identifiers wait for others: the pipeline commits no more often than this, and a commit sends "
     "the last action of each."},
};

inline constexpr KeySpec kFileKeys[] = {
    {"path", kText, "", "", "Folder of the files.", kRequired},
    {"partition_by", kExpressions, "", "", "Sub-folders `name=value`, one level per expression."},
    {"roll", kDuration, "", "30s", "Close and publish a file after this long."},
    {"roll_bytes", kByteSize, "", "128MiB", "Close and publish a file of this size."},
};

inline constexpr KeySpec kConsoleKeys[] = {
    {"format", kChoice, "table|json", "table", "Aligned columns, or one JSON object per line."},
    {"limit", kInteger, "0..9223372036854775807", "0", "Rows to print; 0 prints all."},
};

}  // namespace millrace::sink_sections
