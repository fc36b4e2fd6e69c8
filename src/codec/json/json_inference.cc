#include <unordered_map>

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>

#include "codec/json/json_codec.h"
#include "codec/json/json_number.h"
#include "codec/json/json_parser.h"

namespace millrace {
namespace {

using json::SkipSpace;

/// Different keys beyond which an object is a map of data rather than a structure: it becomes a json column.
constexpr std::size_t kMaxStructFields = 1000;

/// What the values of one field were.
struct Seen {
  bool boolean = false;
  bool integer = false;  ///< that int64 holds
  bool floating = false;
  bool text = false;  ///< a string, or an integer beyond int64 (R5: it must not become a double)
  bool object = false;
  bool list = false;
  std::vector<std::pair<std::string, std::unique_ptr<Seen>>> fields;  ///< in order of first appearance
  std::unordered_map<std::string, Seen*> by_name;
  std::unique_ptr<Seen> element;

  Seen& Field(std::string name) {
    Seen*& found = by_name[name];
    if (found == nullptr) {
      fields.emplace_back(std::move(name), std::make_unique<Seen>());
      found = fields.back().second.get();
    }
    return *found;
  }
};

/// Walks a record that the parser has accepted, so nothing can be wrong in it.
class Walk {
 public:
  explicit Walk(const char* end) : end_(end) {}

  const char* Value(const char* p, Seen* seen) {
    switch (*p) {
      case '{':
        return Object(p, seen);
      case '[':
        return List(p, seen);
      case '"':
        seen->text = true;
        return json::ScanString(p + 1, end_).close + 1;
      case 't':
        seen->boolean = true;
        return p + 4;
      case 'f':
        seen->boolean = true;
        return p + 5;
      case 'n':
        return p + 4;
      default:
        return Number(p, seen);
    }
  }

 private:
  const char* Number(const char* p, Seen* seen) {
    bool integer = false;
    std::int64_t value = 0;
    const char* after = json::ScanNumber(p, end_, &integer);
    const bool fits = integer && json::ReadInt64(p, &value) != nullptr;
    seen->floating |= !integer;
    seen->integer |= fits;
    seen->text |= integer && !fits;
    return after;
  }

  const char* Object(const char* p, Seen* seen) {
    seen->object = true;
    p = SkipSpace(p + 1);
    while (*p != '}') {
      const json::RawString raw = json::ScanString(p + 1, end_);
      std::string key(raw.view());
      json::StringFault fault = json::StringFault::kNone;
      if (raw.escaped) key.resize(static_cast<std::size_t>(json::Unescape(raw.view(), key.data(), &fault)));
      p = Value(SkipSpace(SkipSpace(raw.close + 1) + 1), &seen->Field(std::move(key)));
      p = SkipSpace(p);
      if (*p == ',') p = SkipSpace(p + 1);
    }
    return p + 1;
  }

  const char* List(const char* p, Seen* seen) {
    seen->list = true;
    if (seen->element == nullptr) seen->element = std::make_unique<Seen>();
    p = SkipSpace(p + 1);
    while (*p != ']') {
      p = SkipSpace(Value(p, seen->element.get()));
      if (*p == ',') p = SkipSpace(p + 1);
    }
    return p + 1;
  }

  const char* end_;
};

std::shared_ptr<arrow::Field> FieldOf(const std::string& name, const Seen& seen) {
  const bool number = seen.integer || seen.floating;
  const bool scalar = number || seen.boolean || seen.text;
  const bool is_map = seen.object && (seen.fields.empty() || seen.fields.size() > kMaxStructFields);
  if ((seen.object && seen.list) || ((seen.object || seen.list) && scalar) || is_map) {
    return arrow::field(name, arrow::utf8(), true, arrow::key_value_metadata({"format"}, {"json"}));
  }
  if (seen.object) {
    arrow::FieldVector fields;
    for (const auto& [child, values] : seen.fields) fields.push_back(FieldOf(child, *values));
    return arrow::field(name, arrow::struct_(fields));
  }
  if (seen.list) return arrow::field(name, arrow::list(FieldOf("item", *seen.element)));
  if (seen.text || !scalar || (seen.boolean && number)) return arrow::field(name, arrow::utf8());
  if (seen.boolean) return arrow::field(name, arrow::boolean());
  return arrow::field(name, seen.floating ? arrow::float64() : arrow::int64());
}

}  // namespace

Result<std::shared_ptr<arrow::Schema>> InferJsonSchema(std::span<const BytesView> values,
                                                       JsonInferenceOptions options) {
  // A parser without columns checks a record and keeps nothing.
  MR_ASSIGN_OR_RETURN(auto nothing, json::Column::Make(*arrow::field("", arrow::struct_({})), ""));
  json::Parser parser(nothing.get(), {});
  Seen seen;
  std::string padded;
  std::string problem = "there was none";
  std::int64_t objects = 0;
  for (const BytesView& value : values) {
    if (objects == options.max_rows) break;
    if (value.is_null()) continue;
    padded.assign(value.view()).append(RecordBlock::kPadding, '\0');
    if (!parser.Parse({padded.data(), value.view().size()})) {
      problem = parser.message();
      continue;
    }
    ++objects;
    Walk(padded.data() + value.size).Value(SkipSpace(padded.data()), &seen);
  }
  if (objects == 0) {
    return Status::InvalidArgument("no schema can be inferred: none of " + std::to_string(values.size()) +
                                   " values is a JSON object (" + problem + "); declare the schema");
  }
  arrow::FieldVector fields;
  for (const auto& [name, field] : seen.fields) fields.push_back(FieldOf(name, *field));
  return arrow::schema(std::move(fields));
}

}  // namespace millrace
