#include "connectors/snapchat/lead_rows.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include <arrow/api.h>
#include <boost/json.hpp>

#include "base/suggest.h"
#include "columnar/arrow_status.h"
#include "connectors/snapchat/marketing_page.h"
#include "expr/builder.h"
#include "expr/expr.h"

namespace millrace {
namespace {

using boost::json::object;
using boost::json::value;

constexpr std::string_view kFields[] = {
    "lead_id",
    "form_id",
    "form_name",
    "ad_account_id",
    "campaign_id",
    "campaign_name",
    "ad_squad_id",
    "ad_squad_name",
    "ad_id",
    "ad_name",
    "consent_1",
    "consent_2",
    "lead_preferred_status",
};
constexpr std::string_view kPerson[] = {
    "first_name",     "last_name",      "email",           "phone_number",    "postal_code",
    "address_line_1", "address_line_2", "address_level_1", "address_level_2", "birthday",
    "job_title",      "company_name",   "custom_field_1",  "custom_field_2",  "custom_field_3",
    "custom_field_4", "custom_field_5", "custom_field_6",  "custom_field_7",  "custom_field_8",
};

std::string_view HashFunctionOf(const std::string& field) {
  static constexpr std::pair<std::string_view, std::string_view> kFunctions[] = {
      {"first_name", "snap_hash_name"},      {"last_name", "snap_hash_name"},
      {"email", "snap_hash_email"},          {"phone_number", "snap_hash_phone"},
      {"postal_code", "snap_hash_zip"},      {"address_level_1", "snap_hash_state"},
      {"address_level_2", "snap_hash_city"}, {"birthday", "snap_hash_birthday"},
  };
  for (const auto& [name, function] : kFunctions) {
    if (name == field) return function;
  }
  return "snap_hash_external_id";
}

/// Texts as they are, numbers and words as they are written; nothing for null.
std::optional<std::string> TextOf(const object& lead, std::string_view name) {
  const value* const found = lead.if_contains(boost::json::string_view(name.data(), name.size()));
  if (found == nullptr || found->is_null()) return std::nullopt;
  return found->is_string() ? std::string(found->get_string()) : boost::json::serialize(*found);
}

std::optional<std::int64_t> WholeNumber(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

struct LeadRows::Hashes {
  std::shared_ptr<arrow::Schema> given = arrow::schema({arrow::field("given", arrow::utf8())});
  std::map<std::string, BoundExpr> by_field;

  Result<std::optional<std::string>> Of(const BoundExpr& hash, const std::string& text) const {
    arrow::StringBuilder builder;
    MR_RETURN_IF_ARROW_ERROR(builder.Append(text));
    MR_ASSIGN_ARROW(const auto column, builder.Finish());
    MR_ASSIGN_OR_RETURN(const ExprValues values,
                        hash.Evaluate(*arrow::RecordBatch::Make(given, 1, {column})));
    if (!values.errors.empty() || values.values->IsNull(0)) return std::optional<std::string>();
    return std::optional(static_cast<const arrow::StringArray&>(*values.values).GetString(0));
  }
};

LeadRows::LeadRows(std::unique_ptr<const Hashes> hashes) : hashes_(std::move(hashes)) {}
LeadRows::~LeadRows() = default;

Result<std::unique_ptr<LeadRows>> LeadRows::Make(const std::set<std::string>& hashed) {
  MR_RETURN_IF_ERROR(InitializeExpressions());
  auto hashes = std::make_unique<Hashes>();
  for (const std::string& field : hashed) {
    if (std::find(std::begin(kPerson), std::end(kPerson), field) == std::end(kPerson)) {
      const std::vector<std::string> known(std::begin(kPerson), std::end(kPerson));
      return Status::InvalidArgument("'hash': a lead has no field '" + field + "' of a person" +
                                     DidYouMean(field, known));
    }
    MR_ASSIGN_OR_RETURN(
        BoundExpr bound,
        BoundExpr::Bind(Call(std::string(HashFunctionOf(field)), {Col("given")}), hashes->given));
    hashes->by_field.emplace(field, std::move(bound));
  }
  return std::unique_ptr<LeadRows>(new LeadRows(std::move(hashes)));
}

Result<FeedRecord> LeadRows::Read(std::string_view body, EventTime now) const {
  boost::json::error_code error;
  const value parsed = boost::json::parse(boost::json::string_view(body.data(), body.size()), error);
  if (error || !parsed.is_object()) return Status::InvalidArgument("the body is no JSON object");
  const object& lead = parsed.get_object();
  FeedRecord record;
  record.key = TextOf(lead, "lead_id").value_or("");
  if (record.key.empty()) return Status::InvalidArgument("the lead has no lead_id");
  object row;
  for (const std::string_view name : kFields) {
    if (auto text = TextOf(lead, name))
      row[boost::json::string_view(name.data(), name.size())] = *std::move(text);
  }
  record.time = now;
  if (const auto made = TextOf(lead, "create_time")) {
    if (const auto ms = WholeNumber(*made)) row["create_time"] = *ms;
  }
  for (const std::string_view name : kPerson) {
    std::optional<std::string> text = TextOf(lead, name);
    if (!text) continue;
    if (const auto hash = hashes_->by_field.find(std::string(name)); hash != hashes_->by_field.end()) {
      MR_ASSIGN_OR_RETURN(text, hashes_->Of(hash->second, *text));
    }
    if (text) row[boost::json::string_view(name.data(), name.size())] = *std::move(text);
  }
  record.value = boost::json::serialize(row);
  return record;
}

std::span<const std::string_view> LeadPersonFields() { return kPerson; }

}  // namespace millrace
