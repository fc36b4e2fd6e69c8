#include "ops/stored_rows.h"

#include <cstring>
#include <optional>
#include <utility>

#include <arrow/api.h>

#include "base/duration.h"
#include "columnar/arrow_status.h"
#include "columnar/schema_text.h"
#include "expr/expr.h"
#include "ops/aggregate_specs.h"
#include "ops/clocked_rows.h"
#include "ops/count_window.h"
#include "ops/expiring_rows.h"
#include "ops/expiry_index.h"
#include "ops/triggered_rows.h"
#include "ops/window_assigner.h"
#include "ops/window_span.h"

namespace millrace {
namespace {

constexpr std::string_view kBy = " by ";
constexpr std::string_view kOf = " of ";
constexpr std::string_view kAggregate = "aggregate ";
constexpr std::string_view kTumbling = "tumbling ";
constexpr std::string_view kHopping = "hopping ";

Status NotOurs(std::string_view layout) {
  return Status::InvalidArgument("the state layout '" + std::string(layout) +
                                 "' is not one that this version of Millrace writes");
}

/// The first `wanted` that lies outside of brackets and quotes; npos when there is none.
std::size_t FindOutside(std::string_view text, std::string_view wanted, std::size_t from = 0) {
  int depth = 0;
  char quote = 0;
  for (std::size_t i = from; i < text.size(); ++i) {
    const char c = text[i];
    // Of a type, as in list<int64>; operators have spaces around them.
    const bool angle = (c == '<' || c == '>') && i > 0 && text[i - 1] != ' ';
    if (depth == 0 && quote == 0 && text.substr(i).starts_with(wanted)) return i;
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"' || c == '`') {
      quote = c;
    } else if (c == '(' || c == '[' || (c == '<' && angle)) {
      ++depth;
    } else if ((c == ')' || c == ']' || (c == '>' && angle)) && depth > 0) {
      --depth;
    }
  }
  return std::string_view::npos;
}

std::vector<std::string_view> Split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = FindOutside(text, separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + separator.size());
  }
}

/// "auction:int64 symbol:string "
Result<arrow::FieldVector> ParseColumns(std::string_view text) {
  arrow::FieldVector fields;
  for (const std::string_view part : Split(text, " ")) {
    if (part.empty()) continue;
    const std::size_t colon = FindOutside(part, ":");
    if (colon == std::string_view::npos) return NotOurs(text);
    MR_ASSIGN_OR_RETURN(auto type, ParseType(part.substr(colon + 1)));
    fields.push_back(arrow::field(std::string(part.substr(0, colon)), std::move(type)));
  }
  return fields;
}

struct StoredAggregate {
  std::string name;
  std::unique_ptr<Aggregator> aggregator;
};

/// "total = sum(price * 2) of float64"
Result<StoredAggregate> ParseAggregate(std::string_view text) {
  const std::size_t equals = FindOutside(text, " = ");
  if (equals == std::string_view::npos) return NotOurs(text);
  std::string_view call = text.substr(equals + 3);
  if (call.starts_with(kUserStateLayout))
    return StoredAggregate{std::string(text.substr(0, equals)), MakeUserStates()};
  AggregatorKind kind;
  if (const std::size_t of = call.rfind(" of "); of != std::string_view::npos) {
    const std::vector<std::string_view> types = Split(call.substr(of + 4), " and ");
    MR_ASSIGN_OR_RETURN(kind.argument, ParseType(types[0]));
    if (types.size() > 1) {
      MR_ASSIGN_OR_RETURN(kind.order, ParseType(types[1]));
    }
    call = call.substr(0, of);
  }
  MR_ASSIGN_OR_RETURN(const AggregateCall parsed, ParseAggregateCall(call));
  kind.function = parsed.function;
  kind.parameter = parsed.parameter;
  StoredAggregate aggregate;
  aggregate.name = text.substr(0, equals);
  MR_ASSIGN_OR_RETURN(aggregate.aggregator, MakeAggregator(kind));
  return aggregate;
}

/// `type`: int64 or a timestamp.
std::shared_ptr<arrow::Array> Numbers(std::vector<std::int64_t> values,
                                      const std::shared_ptr<arrow::DataType>& type) {
  const auto rows = static_cast<std::int64_t>(values.size());
  const auto data =
      arrow::ArrayData::Make(type, rows, {nullptr, arrow::Buffer::FromVector(std::move(values))}, 0);
  return arrow::MakeArray(data);
}

/// "n = count(), total = sum(x) of int64". `spans`: of each window, behind what is shown.
Result<std::unique_ptr<StoredValues>> ParseAggregates(std::string_view text, bool spans) {
  std::vector<std::string> names;
  std::vector<std::unique_ptr<Aggregator>> aggregators;
  for (const std::string_view part : Split(text, ", ")) {
    MR_ASSIGN_OR_RETURN(StoredAggregate parsed, ParseAggregate(part));
    names.push_back(std::move(parsed.name));
    aggregators.push_back(std::move(parsed.aggregator));
  }
  if (spans) aggregators.push_back(std::make_unique<WindowSpanAggregator>());
  return MakeStoredAggregates(std::move(aggregators), names);
}

}  // namespace

StoredRows::StoredRows(Layout layout) : layout_(std::move(layout)), schema_(SchemaOf(layout_)) {}

Result<std::unique_ptr<StoredRows>> StoredRows::Make(std::string_view text) {
  MR_ASSIGN_OR_RETURN(Layout layout, Parse(text));
  return std::unique_ptr<StoredRows>(new StoredRows(std::move(layout)));
}

Result<StoredRows::Layout> StoredRows::Parse(std::string_view text) {
  const std::size_t by = FindOutside(text, kBy);
  if (by == std::string_view::npos) return NotOurs(text);
  const std::string_view shape = text.substr(0, by);
  std::string_view keys = text.substr(by + kBy.size());
  Layout layout;
  const std::string_view step = shape.substr(0, shape.find(' '));
  layout.expiring =
      (step == "changes" || step == "running") && shape.substr(step.size()).starts_with(kExpiringLayout);
  if (layout.expiring) layout.only_slice = ExpiryIndex::kRows;
  const std::size_t aggregate = FindOutside(keys, kAggregate);
  if (aggregate != std::string_view::npos) {
    const bool triggered = shape.find(kTriggeredLayout) != std::string_view::npos;
    for (const std::string_view kind : {kTumbling, kHopping}) {
      if (!shape.starts_with(kind) || (kind == kHopping && !triggered)) continue;
      const std::string_view size = shape.substr(kind.size());
      MR_ASSIGN_OR_RETURN(const Duration window, ParseDuration(size.substr(0, size.find(' '))));
      layout.window_ms = window.count();
    }
    layout.clocks = shape.ends_with(kClosesByKeyLayout);
    layout.empty_rows = triggered && layout.clocks;
    layout.sessions = step == "session";
    layout.counted = step == "count";
    if (layout.sessions) {
      const std::string_view gap = shape.substr(step.size() + 1);
      MR_ASSIGN_OR_RETURN(const Duration length, ParseDuration(gap.substr(0, gap.find(' '))));
      layout.gap_ms = length.count();
    }
    MR_ASSIGN_OR_RETURN(layout.values, ParseAggregates(keys.substr(aggregate + kAggregate.size()),
                                                       layout.sessions || layout.counted));
    keys = keys.substr(0, aggregate);
  } else if (shape == "latest" || shape.starts_with("latest ")) {
    const std::size_t of = FindOutside(keys, kOf);
    if (of == std::string_view::npos) return NotOurs(text);
    MR_ASSIGN_OR_RETURN(auto columns, ParseColumns(keys.substr(of + kOf.size())));
    layout.values = MakeStoredLatest(std::move(columns));
    layout.only_slice = ExpiryIndex::kRows;
    keys = keys.substr(0, of);
  } else if (const std::size_t of = FindOutside(shape, kOf); step == "changes" && of != shape.npos) {
    MR_ASSIGN_OR_RETURN(auto columns, ParseColumns(shape.substr(of + kOf.size())));
    layout.values = MakeStoredChanges(std::move(columns));
  } else if (shape.starts_with("deduplicate ")) {
    layout.values = MakeStoredTimes();
  } else if (shape == "expire") {
    layout.values = MakeStoredEnds();
    layout.only_slice = ExpiryIndex::kRows;
  } else if (shape == "values" || shape.starts_with("values ")) {
    layout.values = MakeStoredBytes();
    layout.only_slice = ExpiryIndex::kRows;
  } else {
    return NotOurs(text);
  }
  layout.has_slices =
      aggregate != std::string_view::npos && step != "running" && !layout.sessions && layout.window_ms == 0;
  MR_ASSIGN_OR_RETURN(layout.keys, ParseColumns(keys));
  return layout;
}

std::shared_ptr<arrow::Schema> StoredRows::SchemaOf(const Layout& layout) {
  const auto time = arrow::timestamp(arrow::TimeUnit::MILLI);
  arrow::FieldVector fields;
  if (layout.has_slices) fields.push_back(arrow::field("slice", arrow::int64()));
  if (layout.shows_windows()) {
    fields.push_back(arrow::field("window_start", time));
    fields.push_back(arrow::field("window_end", time));
  }
  fields.push_back(arrow::field("key", arrow::struct_(layout.keys)));
  fields.push_back(arrow::field("values", arrow::struct_(layout.values->fields())));
  return arrow::schema(std::move(fields));
}

Status StoredRows::Add(std::int64_t slice, std::string_view key, std::string_view row) {
  if (layout_.counted && slice == kCountersOfRows) return Status::Ok();
  if (layout_.sessions) {
    if (key.size() < sizeof(slice)) return Status::Corrupt("the key of a session is cut short");
    key.remove_prefix(sizeof(slice));
  }
  if (layout_.empty_rows) {
    const std::optional<std::string_view> held = TriggeredRows::RowOf(row);
    if (!held) return Status::Ok();
    row = *held;
  }
  if (layout_.clocks) {
    const std::optional<std::string_view> group = ClockedRows::GroupOf(row);
    if (!group) return Status::Ok();
    row = *group;
  }
  if (layout_.expiring) {
    MR_ASSIGN_OR_RETURN(const std::optional<std::string_view> held, ExpiringRows::RowOf(row));
    if (!held) return Status::Ok();
    row = *held;
  }
  MR_ASSIGN_OR_RETURN(const bool added, layout_.values->Add(row));
  if (!added) return Status::Ok();
  keys_.Append(key);
  slices_.push_back(slice);
  const WindowSpan span = layout_.values->span();
  if (layout_.window_ms > 0) {
    starts_ms_.push_back(slice);
    ends_ms_.push_back(AddTime(slice, layout_.window_ms));
  } else if (layout_.shows_windows()) {
    starts_ms_.push_back(span.first_ms);
    ends_ms_.push_back(AddTime(span.last_ms, layout_.sessions ? layout_.gap_ms : 1));
  }
  return Status::Ok();
}

Result<std::shared_ptr<arrow::RecordBatch>> StoredRows::Take() {
  arrow::ArrayVector columns;
  if (layout_.has_slices) columns.push_back(Numbers(slices_, arrow::int64()));
  if (layout_.shows_windows()) {
    const auto time = arrow::timestamp(arrow::TimeUnit::MILLI);
    columns.push_back(Numbers(starts_ms_, time));
    columns.push_back(Numbers(ends_ms_, time));
  }
  const std::int64_t rows = num_rows();
  arrow::ArrayVector keys;
  if (!layout_.keys.empty()) {
    MR_ASSIGN_OR_RETURN(keys, DecodeKeys(keys_.data(), keys_.offsets(), layout_.keys));
  }
  MR_ASSIGN_OR_RETURN(arrow::ArrayVector values, layout_.values->Finish());
  columns.push_back(
      std::make_shared<arrow::StructArray>(arrow::struct_(layout_.keys), rows, std::move(keys)));
  columns.push_back(std::make_shared<arrow::StructArray>(arrow::struct_(layout_.values->fields()), rows,
                                                         std::move(values)));
  keys_.Clear();
  slices_.clear();
  starts_ms_.clear();
  ends_ms_.clear();
  return arrow::RecordBatch::Make(schema_, rows, std::move(columns));
}

}  // namespace millrace
