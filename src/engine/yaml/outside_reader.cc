#include "engine/yaml/outside_reader.h"

#include <optional>
#include <string>
#include <utility>

#include "engine/yaml/snapchat_access_reader.h"
#include "plan/feeds.h"

namespace millrace {
namespace {

SnapchatEntitiesSource ReadEntities(const SectionReader& section) {
  SnapchatEntitiesSource out;
  out.access = ReadSnapchatAccess(section);
  out.organization_id = section.Text("organization_id");
  out.ad_account_ids = section.Columns("ad_account_ids");
  if (section.Has("entities")) out.entities = section.Columns("entities");
  out.every = section.Time("every");
  return out;
}

SnapchatStatsSource ReadStats(const SectionReader& section) {
  SnapchatStatsSource out;
  out.access = ReadSnapchatAccess(section);
  out.ad_account_ids = section.Columns("ad_account_ids");
  out.level = section.Choice("level");
  out.granularity = section.Choice("granularity");
  out.report_dimension = section.Columns("report_dimension");
  out.fields = section.Columns("fields");
  out.more_fields = section.Types("more_fields");
  if (section.Has("since")) out.since = section.Instant("since");
  out.lookback = section.Time("lookback");
  out.every = section.Time("every");
  out.swipe_up_attribution_window = section.Choice("swipe_up_attribution_window");
  out.view_attribution_window = section.Choice("view_attribution_window");
  out.action_report_time = section.Choice("action_report_time");
  return out;
}

SnapchatProfileSource ReadProfile(const SectionReader& section) {
  SnapchatProfileSource out;
  out.access = ReadSnapchatAccess(section);
  out.organization_id = section.Text("organization_id");
  out.profile_ids = section.Columns("profile_ids");
  if (section.Has("content")) out.content = section.Columns("content");
  out.granularity = section.Choice("granularity");
  out.fields = section.Types("fields");
  if (section.Has("since")) out.since = section.Instant("since");
  out.lookback = section.Time("lookback");
  out.every = section.Time("every");
  return out;
}

SnapchatLeadsSource ReadLeads(const SectionReader& section) {
  SnapchatLeadsSource out;
  out.listen = section.Text("listen");
  out.path = section.Text("path");
  out.secret = section.Text("secret");
  out.header = section.Text("header");
  out.algorithm = section.Choice("algorithm");
  out.encoding = section.Choice("encoding");
  out.prefix = section.Text("prefix");
  out.max_body = section.Bytes("max_body");
  out.hash = section.Columns("hash");
  out.deduplicate = section.Time("deduplicate");
  if (const std::optional<SectionReader> tls = section.Section("tls")) {
    out.certificate_file = tls->Text("certificate_file");
    out.key_file = tls->Text("key_file");
  }
  return out;
}

}  // namespace

std::shared_ptr<const OutsideSource> ReadOutside(const SectionReader& source) {
  const std::string_view kind = source.chosen();
  if (kind.empty() || kind == "topic") return nullptr;
  for (const std::string_view key :
       {"format", "key_format", "key", "timestamp", "schema", "offset_reset", "extra"}) {
    if (!source.Has(key)) continue;
    source.errors().AddBeside(
        source.LocationOf(key),
        "'" + std::string(key) + "' belongs to a source with 'topic', not to " + std::string(kind));
  }
  const std::optional<SectionReader> section = source.Section(kind);
  if (!section) return nullptr;
  if (kind == "snapchat.entities") return std::make_shared<OutsideSource>(ReadEntities(*section));
  if (kind == "snapchat.profile") return std::make_shared<OutsideSource>(ReadProfile(*section));
  if (kind == "snapchat.leads") return std::make_shared<OutsideSource>(ReadLeads(*section));
  return std::make_shared<OutsideSource>(ReadStats(*section));
}

std::optional<PlanNode> StepBehind(const PlanNode& source, const std::string& source_name) {
  const auto* read = std::get_if<KafkaSource>(&source.op);
  if (read == nullptr || read->outside == nullptr) return std::nullopt;
  std::optional<DeduplicateStep> repeats = RepeatsOf(*read->outside);
  if (!repeats) return std::nullopt;
  PlanNode step;
  step.name = source_name + "-once";
  step.op = *std::move(repeats);
  step.location = source.location;
  return step;
}

}  // namespace millrace
