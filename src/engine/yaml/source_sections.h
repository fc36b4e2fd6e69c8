#pragma once

#include "engine/yaml/pipeline_schema.h"

// Sections of sources: a part of the table in pipeline_schema.cc.

namespace millrace {

inline constexpr std::string_view kOnErrorDoc =
    "What happens to a row that fails here; dead_letter when a dead-letter topic is configured, else fail.";

namespace source_sections {

using enum ValueKind;
inline constexpr Presence kRequired = Presence::kRequired;
inline constexpr Presence kOneOf = Presence::kOneOf;

inline constexpr KeySpec kSourceKeys[] = {
    {"topic", kTopic, "", "", "The topic to read. It must exist.", kOneOf},
    {"snapchat.entities", kSection, "snapchat_entities", "",
     "Organisations, ad accounts and what these have, from Snap's Marketing API.", kOneOf},
    {"snapchat.stats", kSection, "snapchat_stats", "",
     "Statistics of ad accounts, from Snap's Marketing API.", kOneOf},
    {"snapchat.profile", kSection, "snapchat_profile", "",
     "Public profiles, their stories, spotlights and statistics, from Snap's Public Profile API.", kOneOf},
    {"snapchat.leads", kSection, "snapchat_leads", "", "What Snap's lead forms send to a webhook.", kOneOf},
    {"name", kName, "", "", "Name of this source in metrics and messages; source-1 and so on when absent."},
    {"format", kChoice, "json|string|bytes", "json",
     "How values are encoded; string and bytes give one column named value."},
    {"key_format", kChoice, "string|json|bytes", "string", "How keys are encoded; needed only with `key`."},
    {"key", kText, "", "",
     "The message key holds this column, so grouping by it moves no rows. A row where they differ, or only "
     "one "
     "is null, is an error."},
    {"timestamp", kExpression, "", "",
     "The event time: a column of a timestamp type or what makes one, such as `to_timestamp(ts)` of "
     "milliseconds; the Kafka timestamp when absent."},
    {"schema", kTypes, "", "", "Columns and types; inferred from the topic's records when absent."},
    {"offset_reset", kChoice, "earliest|latest|error", "earliest",
     "Where to begin while the group has committed nothing: at the first record, at the end as it is at the "
     "first "
     "start (partitions added later from their first record), or nowhere. Where a committed offset is gone "
     "from the "
     "log, error stops, and the others go on with the first record there is."},
    {"extra", kChoice, "ignore|keep", "ignore",
     "keep: unknown JSON fields are collected in a JSON column `_extra`."},
    {"on_error", kChoice, "dead_letter|drop|fail", "", kOnErrorDoc},
};

inline constexpr KeySpec kOAuthKeys[] = {
    {"client_id", kText, "", "", "Of the app that Snap registered.", kRequired},
    {"client_secret", kText, "", "", "Write ${VAR} or ${file:PATH}.", kRequired},
    {"refresh_token", kText, "", "", "Write ${VAR} or ${file:PATH}.", kRequired},
    {"token_url", kText, "", "https://accounts.snapchat.com/login/oauth2/access_token",
     "Where access tokens come from."},
};

inline constexpr std::string_view kAccountsDoc = "Ids of ad accounts; all that the token sees when absent.";
inline constexpr std::string_view kTokenDoc =
    "One that lasts; write ${VAR}, or ${file:PATH}, which is read again when Snap refuses the token. Instead "
    "of "
    "`oauth`.";
inline constexpr std::string_view kOAuthDoc =
    "Access tokens that are fetched, and replaced before they expire.";
inline constexpr std::string_view kUrlDoc = "Another server, for tests.";
inline constexpr std::string_view kCaFileDoc =
    "PEM file of the authorities that the server's certificate is checked against.";
inline constexpr std::string_view kRateDoc = "Bounds of all requests of the source.";

inline constexpr KeySpec kSnapchatEntitiesKeys[] = {
    {"organization_id", kText, "", "", "The organisation; all that the token sees when absent."},
    {"ad_account_ids", kColumns, "", "", kAccountsDoc},
    {"entities", kColumns, "", "",
     "Which ones: organizations, ad_accounts, campaigns, ad_squads, ads, creatives, media, segments, pixels. "
     "The "
     "first six when absent."},
    {"every", kDuration, "", "1h", "From the start of a walk through all of them to that of the next."},
    {"access_token", kText, "", "", kTokenDoc, kOneOf},
    {"oauth", kSection, "oauth", "", kOAuthDoc, kOneOf},
    {"rate", kSection, "snapchat_rate", "", kRateDoc},
    {"url", kText, "", "https://adsapi.snapchat.com", kUrlDoc},
    {"ca_file", kText, "", "", kCaFileDoc},
};

inline constexpr KeySpec kSnapchatStatsKeys[] = {
    {"ad_account_ids", kColumns, "", "", kAccountsDoc},
    {"level", kChoice, "account|campaign|ad_squad|ad", "campaign", "What a row is about."},
    {"granularity", kChoice, "hour|day|total|lifetime", "day",
     "Over what a row goes: hours or days of the account's time zone, all since `since`, or everything."},
    {"report_dimension", kColumns, "", "",
     "Along which Snap divides the figures, each a column and a part of the key: country, region, dma, "
     "gender, age, os, make or lifestyle_category, or those of them that Snap divides by together, such as "
     "[age, gender]. Not by the hour."},
    {"fields", kColumns, "", "",
     "Metrics, each a column; impressions, swipes and spend when absent, spend alone with level: account."},
    {"more_fields", kTypes, "", "",
     "Metrics that Millrace does not know by name, with their types: int64, float64, or decimal(20, 6) for "
     "money."},
    {"since", kTime, "", "", "What is read at first; 30 days before the first start when absent."},
    {"lookback", kDuration, "", "2d",
     "How long after its end a day is read again, since Snap changes what it said; at least 2d."},
    {"every", kDuration, "", "15m", "Between two readings of what may still change."},
    {"swipe_up_attribution_window", kChoice, "1_DAY|7_DAY|28_DAY", "", "Snap's default when absent."},
    {"view_attribution_window", kChoice, "1_HOUR|3_HOUR|6_HOUR|1_DAY|7_DAY|28_DAY", "",
     "Snap's default when absent."},
    {"action_report_time", kChoice, "conversion|impression", "",
     "The time that a conversion counts for; Snap's default when absent."},
    {"access_token", kText, "", "", kTokenDoc, kOneOf},
    {"oauth", kSection, "oauth", "", kOAuthDoc, kOneOf},
    {"rate", kSection, "snapchat_rate", "", kRateDoc},
    {"url", kText, "", "https://adsapi.snapchat.com", kUrlDoc},
    {"ca_file", kText, "", "", kCaFileDoc},
};

inline constexpr KeySpec kSnapchatProfileKeys[] = {
    {"organization_id", kText, "", "",
     "The organisation whose profiles are read; all that the token sees when absent."},
    {"profile_ids", kColumns, "", "", "Ids of public profiles; all that the token sees when absent."},
    {"content", kColumns, "", "",
     "What is read: profiles, stories, saved_stories, spotlights, shared_snaps, stats. All but shared_snaps "
     "when absent."},
    {"granularity", kChoice, "day|lifetime", "day",
     "Over what a row of statistics goes: a day of UTC, or everything."},
    {"fields", kTypes, "", "",
     "Metrics of statistics that Snap is asked for, each a column: int64 or float64. When absent Snap gives "
     "all that it has, in the column `object`."},
    {"since", kTime, "", "",
     "What is read of statistics at first; 30 days before the first start when absent. Snap looks back 90 "
     "days."},
    {"lookback", kDuration, "", "2d", "How long after its end a day is read again; at least 1d."},
    {"every", kDuration, "", "15m", "From the start of a walk through all of them to that of the next."},
    {"access_token", kText, "", "", kTokenDoc, kOneOf},
    {"oauth", kSection, "oauth", "", kOAuthDoc, kOneOf},
    {"rate", kSection, "snapchat_rate", "", kRateDoc},
    {"url", kText, "", "https://businessapi.snapchat.com", kUrlDoc},
    {"ca_file", kText, "", "", kCaFileDoc},
};

inline constexpr KeySpec kSnapchatLeadsKeys[] = {
    {"listen", kText, "", "", "Address that Snap's requests come to, such as :8443; every process listens.",
     kRequired},
    {"path", kText, "", "/leads", "Path of the requests."},
    {"secret", kText, "", "", "`hmacSecret` of the integration; write ${VAR} or ${file:PATH}.", kRequired},
    {"header", kText, "", "", "Header of the requests that has the signature of the body.", kRequired},
    {"algorithm", kChoice, "sha256|sha1|sha512", "sha256", "Of the signature (HMAC)."},
    {"encoding", kChoice, "hex|base64", "hex", "Of the signature."},
    {"prefix", kText, "", "", "What stands before the signature in its header, such as sha256=."},
    {"max_body", kByteSize, "", "64KiB", "A larger request is answered with 413."},
    {"hash", kColumns, "", "",
     "Fields of the person, such as email and phone_number, that are normalised and hashed (SHA-256) before "
     "they "
     "are written anywhere."},
    {"deduplicate", kDuration, "", "30d",
     "A lead that comes again within this time does not pass; with 0ms every request gives a row."},
    {"tls", kSection, "tls", "", "Serves HTTPS; HTTP when absent."},
};

inline constexpr KeySpec kTlsKeys[] = {
    {"certificate_file", kText, "", "", "PEM file of the certificate and those between it and an authority.",
     kRequired},
    {"key_file", kText, "", "", "PEM file of its key.", kRequired},
};

}  // namespace source_sections
}  // namespace millrace
