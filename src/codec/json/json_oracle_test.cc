#include <simdjson.h>

#include <cmath>
#include <cstdio>
#include <optional>
#include <random>

#include "codec/json/json_test_support.h"
#include "env/random.h"

// Random records, whole and damaged, through a decoder that has seen others (so that its guesses are right or
// wrong), a fresh one, and simdjson's DOM parser, written by other people: all three must agree on every
// value and every refusal. The seed is printed; MILLRACE_SEED in the environment repeats a run.

namespace millrace {
namespace {

namespace dom = simdjson::dom;

const Columns kColumns = {{"ts", "int64"},
                          {"price", "float64"},
                          {"name", "string"},
                          {"ok", "bool"},
                          {"small", "int8"},
                          {"tags", "list<string>"},
                          {"user", "struct<id: int64, home: struct<city: string>>"},
                          {"path", "list<struct<x: float64>>"}};

/// --gtest_random_seed=N repeats a run (N up to 99999).
std::uint64_t Seed() {
  const int asked = testing::UnitTest::GetInstance()->random_seed();
  return asked != 0 ? static_cast<std::uint64_t>(asked) : Random::FromSystem().Below(99'999) + 1;
}

/// Makes JSON text that mostly fits kColumns.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::string Record() {
    std::string record = Object(kFields, 0);
    if (Chance(4)) Damage(&record);
    return record;
  }

 private:
  struct Field {
    const char* name;
    std::string (Generator::*value)();
  };
  static const std::vector<Field> kFields;
  static const std::vector<Field> kUser;
  static const std::vector<Field> kHome;
  static const std::vector<Field> kPoint;

  bool Chance(unsigned one_in) { return random_() % one_in == 0; }
  std::string Space() { return Chance(12) ? (Chance(2) ? " " : "\n\t ") : ""; }

  std::string Object(const std::vector<Field>& fields, int depth) {
    std::vector<Field> order = fields;
    if (Chance(5)) std::shuffle(order.begin(), order.end(), random_);
    std::string out = Space() + "{";
    bool first = true;
    for (const Field& field : order) {
      if (Chance(10)) continue;
      const int times = Chance(25) ? 2 : 1;
      for (int i = 0; i < times; ++i) {
        if (Chance(12)) Member(&out, &first, "u" + std::to_string(random_() % 4), Any(depth + 1));
        std::string value = Chance(15) ? "null" : (this->*field.value)();
        if (Chance(40)) value = Any(depth + 1);
        Member(&out, &first, field.name, value);
      }
    }
    return out + Space() + "}" + Space();
  }

  void Member(std::string* out, bool* first, std::string name, const std::string& value) {
    if (Chance(60)) name.replace(0, 1, name[0] == 't' ? "\\u0074" : name.substr(0, 1));
    *out += (*first ? "" : ",") + Space() + "\"" + name + "\"" + Space() + ":" + Space() + value + Space();
    *first = false;
  }

  std::string Integer() {
    const std::uint64_t value = random_() >> (random_() % 64);
    if (Chance(30)) return std::to_string(value);  // may be beyond int64
    return (Chance(4) ? "-" : "") + std::to_string(value >> 1);
  }
  std::string Small() { return std::to_string(static_cast<int>(random_() % 300) - 140); }
  std::string Double() {
    switch (random_() % 6) {
      case 0:
        return std::to_string(random_() % 100'000) + "." + std::to_string(random_() % 100'000);
      case 1:
        return std::to_string(random_() >> 11) + "." + std::to_string(random_() >> (random_() % 64));
      case 2:
        return "-" + std::to_string(random_() % 10) + "." + std::to_string(random_()) + "e" +
               std::to_string(static_cast<int>(random_() % 640) - 330);
      case 3:
        return std::to_string(random_() % 1000) + "E+" + std::to_string(random_() % 25);
      case 4:
        return "0." + std::string(random_() % 30, '0') + std::to_string(random_());
      default:
        return Integer();
    }
  }
  std::string Bool() { return Chance(2) ? "true" : "false"; }
  std::string Text() {
    static const std::vector<std::string> kParts = {"a",
                                                    "word ",
                                                    "\\n",
                                                    "\\\"",
                                                    "\\\\",
                                                    "\\u00e9",
                                                    "\\ud83d\\ude00",
                                                    "é",
                                                    "😀",
                                                    "/",
                                                    "0123456789abcdef",
                                                    "ein längerer Text",
                                                    "\\u0000",
                                                    "{",
                                                    "}",
                                                    ","};
    std::string out = "\"";
    const std::size_t parts = random_() % (Chance(10) ? 30 : 4);
    for (std::size_t i = 0; i < parts; ++i) out += kParts[random_() % kParts.size()];
    return out + "\"";
  }
  std::string Tags() { return List(&Generator::Text); }
  std::string User() { return Object(kUser, 1); }
  std::string Home() { return Object(kHome, 2); }
  std::string Point() { return Object(kPoint, 2); }
  std::string Path() { return List(&Generator::Point); }
  std::string List(std::string (Generator::*item)()) {
    std::string out = "[" + Space();
    const std::size_t size = random_() % 4;
    for (std::size_t i = 0; i < size; ++i)
      out += (i > 0 ? "," : "") + Space() + (Chance(20) ? "null" : (this->*item)());
    return out + Space() + "]";
  }
  std::string Any(int depth) {
    switch (random_() % (depth > 4 ? 5 : 7)) {
      case 0:
        return Integer();
      case 1:
        return Double();
      case 2:
        return Text();
      case 3:
        return Bool();
      case 4:
        return "null";
      case 5:
        return "[" + Any(depth + 1) + "," + Any(depth + 1) + "]";
      default:
        return "{\"a\":" + Any(depth + 1) + ",\"ts\":" + Any(depth + 1) + "}";
    }
  }
  void Damage(std::string* record) {
    const std::size_t at = random_() % record->size();
    switch (random_() % 4) {
      case 0:
        record->resize(at);
        break;
      case 1:
        (*record)[at] = static_cast<char>(random_());
        break;
      case 2:
        record->erase(at, 1 + random_() % 3);
        break;
      default:
        record->insert(at, 1, "\"\\{}[],:0-.e "[random_() % 13]);
        break;
    }
  }

  std::mt19937_64 random_;
};

const std::vector<Generator::Field> Generator::kFields = {
    {"ts", &Generator::Integer}, {"price", &Generator::Double}, {"name", &Generator::Text},
    {"ok", &Generator::Bool},    {"small", &Generator::Small},  {"tags", &Generator::Tags},
    {"user", &Generator::User},  {"path", &Generator::Path}};
const std::vector<Generator::Field> Generator::kUser = {{"id", &Generator::Integer},
                                                        {"home", &Generator::Home}};
const std::vector<Generator::Field> Generator::kHome = {{"city", &Generator::Text}};
const std::vector<Generator::Field> Generator::kPoint = {{"x", &Generator::Double}};

/// All bits of a number, but for the sign of zero: simdjson takes the text -0 for an integer.
std::string Hex(double number) {
  char text[64];
  std::snprintf(text, sizeof(text), "%a", number == 0 ? 0.0 : number);
  return text;
}

/// What simdjson makes of a record: the row as the encoder would print it, an error, or no opinion.
class Oracle {
 public:
  explicit Oracle(std::shared_ptr<arrow::Schema> schema) : root_(arrow::struct_(schema->fields())) {}

  struct Verdict {
    std::optional<std::string> row;  // empty: the record is refused
    bool abstains = false;
  };

  Verdict Judge(const std::string& record) {
    dom::element element;
    const simdjson::error_code error = parser_.parse(simdjson::padded_string(record)).get(element);
    // It refuses any number beyond double or uint64, also where no column needs it.
    if (error == simdjson::NUMBER_ERROR) return {.row = {}, .abstains = true};
    if (error != simdjson::SUCCESS || !element.is_object()) return {};
    return {.row = Value(element, *root_), .abstains = false};
  }

 private:
  std::optional<std::string> Value(dom::element value, const arrow::DataType& type) {
    if (value.is_null()) return "null";
    switch (type.id()) {
      case arrow::Type::INT8:
      case arrow::Type::INT64: {
        if (!value.is_int64()) return {};
        const std::int64_t number = value.get_int64().value_unsafe();
        if (type.id() == arrow::Type::INT8 && (number < -128 || number > 127)) return {};
        return std::to_string(number);
      }
      case arrow::Type::DOUBLE:
        return value.is_number() ? std::optional(Hex(value.get_double().value_unsafe())) : std::nullopt;
      case arrow::Type::BOOL:
        return value.is_bool() ? std::optional(value.get_bool().value_unsafe() ? "true" : "false")
                               : std::nullopt;
      case arrow::Type::STRING:
        return String(value);
      case arrow::Type::LIST:
        return List(value, *type.field(0)->type());
      default:
        return Struct(value, type);
    }
  }

  static std::optional<std::string> String(dom::element value) {
    if (value.is_object() || value.is_array()) return {};
    // Numbers become their own text, which the DOM does not keep.
    if (value.is_number()) return "<number>";
    if (value.is_bool()) return value.get_bool().value_unsafe() ? "true" : "false";
    return std::string(value.get_string().value_unsafe());
  }

  std::optional<std::string> List(dom::element value, const arrow::DataType& item) {
    if (!value.is_array()) return {};
    std::string out = "[";
    const dom::array elements = value.get_array().value_unsafe();
    for (const dom::element element : elements) {
      const auto text = Value(element, item);
      if (!text) return {};
      out += *text + ",";
    }
    return out + "]";
  }

  std::optional<std::string> Struct(dom::element value, const arrow::DataType& type) {
    if (!value.is_object()) return {};
    std::vector<std::string> fields(static_cast<std::size_t>(type.num_fields()), "null");
    const dom::object members = value.get_object().value_unsafe();
    for (const auto& [name, field] : members) {
      for (int i = 0; i < type.num_fields(); ++i) {
        if (type.field(i)->name() != name) continue;
        const auto text = Value(field, *type.field(i)->type());
        if (!text) return {};
        fields[static_cast<std::size_t>(i)] = *text;
      }
    }
    std::string out = "{";
    for (const std::string& field : fields) out += field + ";";
    return out + "}";
  }

  std::shared_ptr<arrow::DataType> root_;
  dom::parser parser_;
};

/// A row in the oracle's notation.
std::string Notation(const arrow::Array& array, std::int64_t row) {
  if (array.IsNull(row)) return "null";
  switch (array.type_id()) {
    case arrow::Type::INT8:
      return std::to_string(static_cast<const arrow::Int8Array&>(array).Value(row));
    case arrow::Type::INT64:
      return std::to_string(static_cast<const arrow::Int64Array&>(array).Value(row));
    case arrow::Type::DOUBLE:
      return Hex(static_cast<const arrow::DoubleArray&>(array).Value(row));
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(row) ? "true" : "false";
    case arrow::Type::STRING:
      return static_cast<const arrow::StringArray&>(array).GetString(row);
    case arrow::Type::LIST: {
      const auto& list = static_cast<const arrow::ListArray&>(array);
      std::string out = "[";
      for (std::int64_t i = 0; i < list.value_length(row); ++i) {
        out += Notation(*list.values(), list.value_offset(row) + i) + ",";
      }
      return out + "]";
    }
    default: {
      std::string out = "{";
      for (int i = 0; i < array.num_fields(); ++i) {
        out += Notation(*static_cast<const arrow::StructArray&>(array).field(i), row) + ";";
      }
      return out + "}";
    }
  }
}

/// One entry per record: its row in the oracle's notation, or nothing.
std::vector<std::optional<std::string>> Decoded(Decoder& decoder, const std::vector<std::string>& records) {
  const DecodedBlock block = DecodeAll(decoder, records);
  const auto rows = *block.rows->ToStructArray();
  std::vector<std::optional<std::string>> out(records.size());
  for (std::int64_t row = 0; row < rows->length(); ++row) {
    const std::int64_t record = block.record == nullptr ? row : block.record->Value(row);
    out[static_cast<std::size_t>(record)] = Notation(*rows, row);
  }
  return out;
}

TEST(JsonOracle, RandomRecordsDecodeAsSimdjsonSaysWhateverWasSeenBefore) {
  const std::uint64_t seed = Seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::printf("--gtest_random_seed=%llu\n", static_cast<unsigned long long>(seed));
  Generator generator(seed);
  const auto schema = SchemaOf(kColumns);
  Oracle oracle(schema);
  auto used = DecoderOf(kColumns);
  std::int64_t accepted = 0;
  std::int64_t refused = 0;
  for (int round = 0; round < 150 && !testing::Test::HasFailure(); ++round) {
    std::vector<std::string> records;
    for (int i = 0; i < 100; ++i) records.push_back(generator.Record());
    const auto rows = Decoded(*used, records);
    for (std::size_t i = 0; i < records.size(); ++i) {
      auto fresh = DecoderOf(kColumns);
      const auto alone = Decoded(*fresh, {records[i]}).front();
      EXPECT_EQ(rows[i], alone) << records[i];
      ++(rows[i] ? accepted : refused);
      const Oracle::Verdict verdict = oracle.Judge(records[i]);
      if (verdict.abstains) continue;
      ASSERT_EQ(rows[i].has_value(), verdict.row.has_value()) << records[i] << "\n"
                                                              << verdict.row.value_or("refused");
      if (rows[i] && verdict.row->find("<number>") == std::string::npos) {
        EXPECT_EQ(*rows[i], *verdict.row) << records[i];
      }
    }
  }
  // The mixture must exercise both sides.
  EXPECT_GT(accepted, 5000);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace millrace
