#include "connectors/snapchat/conversion_events.h"

#include <optional>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "codec/json/json_codec.h"
#include "columnar/arrow_status.h"
#include "connectors/snapchat/checked_column.h"
#include "connectors/snapchat/conversion_fields.h"
#include "connectors/snapchat/empty_values.h"
#include "connectors/snapchat/late_conversions.h"

namespace millrace {
namespace {

constexpr int kExtinfoFields = 16;
constexpr std::string_view kOptions = "data_processing_options";
constexpr const char* kContentId = "id";

/// A list of one for each text, null for a null.
Result<std::shared_ptr<arrow::Array>> ListsOfOne(const std::shared_ptr<arrow::Array>& texts) {
  auto values = std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder lists(arrow::default_memory_pool(), values, arrow::list(arrow::utf8()));
  const auto& column = static_cast<const arrow::StringArray&>(*texts);
  for (std::int64_t row = 0; row < column.length(); ++row) {
    if (column.IsNull(row)) {
      MR_RETURN_IF_ARROW_ERROR(lists.AppendNull());
    } else {
      MR_RETURN_IF_ARROW_ERROR(lists.Append());
      MR_RETURN_IF_ARROW_ERROR(values->Append(column.GetView(row)));
    }
  }
  std::shared_ptr<arrow::Array> made;
  MR_RETURN_IF_ARROW_ERROR(lists.Finish(&made));
  return made;
}

/// Lists of 16 texts: what is missing or null is "".
Result<std::shared_ptr<arrow::Array>> PaddedLists(const std::shared_ptr<arrow::Array>& lists) {
  const auto& column = static_cast<const arrow::ListArray&>(*lists);
  const auto& texts = static_cast<const arrow::StringArray&>(*column.values());
  auto values = std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder out(arrow::default_memory_pool(), values, arrow::list(arrow::utf8()));
  for (std::int64_t row = 0; row < column.length(); ++row) {
    if (column.IsNull(row)) {
      MR_RETURN_IF_ARROW_ERROR(out.AppendNull());
      continue;
    }
    MR_RETURN_IF_ARROW_ERROR(out.Append());
    for (int i = 0; i < kExtinfoFields; ++i) {
      const std::int64_t at = column.value_offset(row) + i;
      const bool there = i < column.value_length(row) && !texts.IsNull(at);
      MR_RETURN_IF_ARROW_ERROR(values->Append(there ? texts.GetView(at) : ""));
    }
  }
  std::shared_ptr<arrow::Array> made;
  MR_RETURN_IF_ARROW_ERROR(out.Finish(&made));
  return made;
}

Result<std::shared_ptr<arrow::Array>> AsTexts(std::shared_ptr<arrow::Array> column) {
  if (column->type_id() != arrow::Type::LIST) return ListsOfOne(column);
  const auto texts = arrow::list(arrow::utf8());
  if (column->type()->field(0)->type()->id() == arrow::Type::STRING) return column;
  MR_ASSIGN_ARROW(const arrow::Datum cast, arrow::compute::Cast(column, texts));
  return cast.make_array();
}

/// ['LMU', 'DELETE'] of a list; a text that has such brackets already is taken as it is.
std::string OptionsText(const arrow::StringArray& texts, std::int64_t begin, std::int64_t end) {
  std::string out;
  for (std::int64_t at = begin; at < end; ++at) {
    if (texts.IsNull(at)) continue;
    const std::string_view option = texts.GetView(at);
    if (option.starts_with('[')) return std::string(option);
    out += (out.empty() ? "'" : ", '") + std::string(option) + "'";
  }
  return "[" + out + "]";
}

Result<std::shared_ptr<arrow::Array>> OptionsTexts(const std::shared_ptr<arrow::Array>& lists) {
  const auto& column = static_cast<const arrow::ListArray&>(*lists);
  const auto& texts = static_cast<const arrow::StringArray&>(*column.values());
  arrow::StringBuilder out;
  for (std::int64_t row = 0; row < column.length(); ++row) {
    const std::int64_t begin = column.value_offset(row);
    MR_RETURN_IF_ARROW_ERROR(column.IsNull(row)
                                 ? out.AppendNull()
                                 : out.Append(OptionsText(texts, begin, begin + column.value_length(row))));
  }
  std::shared_ptr<arrow::Array> made;
  MR_RETURN_IF_ARROW_ERROR(out.Finish(&made));
  return made;
}

/// The type of contents in which their ids are texts, as Snap has them.
std::shared_ptr<arrow::DataType> WithTextIds(const arrow::DataType& contents) {
  arrow::FieldVector fields = contents.field(0)->type()->fields();
  for (auto& field : fields) {
    if (field->name() == kContentId) field = field->WithType(arrow::utf8());
  }
  return arrow::list(contents.field(0)->WithType(arrow::struct_(std::move(fields))));
}

/// `column` in the type that WithTextIds gives.
Result<std::shared_ptr<arrow::Array>> TextIds(const std::shared_ptr<arrow::Array>& column,
                                              const std::shared_ptr<arrow::DataType>& type) {
  if (column->type()->Equals(*type)) return column;
  const auto lists = column->data()->Copy();
  const auto items = lists->child_data[0]->Copy();
  lists->type = type;
  items->type = type->field(0)->type();
  for (int i = 0; i < items->type->num_fields(); ++i) {
    auto& field = items->child_data[static_cast<std::size_t>(i)];
    if (items->type->field(i)->name() != kContentId) continue;
    MR_ASSIGN_ARROW(const arrow::Datum texts, arrow::compute::Cast(arrow::MakeArray(field), arrow::utf8()));
    field = texts.array();
  }
  lists->child_data[0] = items;
  return arrow::MakeArray(lists);
}

/// The type in which a field that comes from such a column is written.
std::shared_ptr<arrow::DataType> WrittenType(const ConversionField& field,
                                             const std::shared_ptr<arrow::DataType>& column,
                                             const ConversionRules& rules) {
  if (field.name == kOptions && rules.options_as_text) return arrow::utf8();
  switch (field.type) {
    case ConversionType::kTexts:
    case ConversionType::kHashed:
      return arrow::list(arrow::utf8());
    case ConversionType::kTextOrTexts:
      return column->id() == arrow::Type::LIST ? arrow::list(arrow::utf8()) : arrow::utf8();
    case ConversionType::kContents:
      return WithTextIds(*column);
    default:
      return column;
  }
}

}  // namespace

/// Where the columns of an event come from and where they are written.
struct ConversionEvents::Layout {
  struct Part {
    const ConversionField* field;
    int column;  ///< of the batch; -1: made by the check
    std::shared_ptr<arrow::Field> written;
  };
  std::vector<Part> parts;                         // in the order of ConversionFields
  std::vector<std::shared_ptr<arrow::Field>> top;  // fields of the event, sections as structs
  std::vector<std::pair<std::string_view, arrow::FieldVector>> sections;

  static Result<std::unique_ptr<const Layout>> Make(const arrow::Schema& columns,
                                                    const ConversionRules& rules);
  /// The values of a part for the rows of `data`.
  static Result<std::shared_ptr<arrow::Array>> Values(const Part& part, const arrow::RecordBatch& data,
                                                      const CheckedEvents& checked);
  Result<std::shared_ptr<arrow::RecordBatch>> Assemble(const arrow::RecordBatch& data,
                                                       const CheckedEvents& checked) const;
  std::shared_ptr<arrow::Schema> WrittenSchema() const { return arrow::schema(top); }
};

Result<std::unique_ptr<const ConversionEvents::Layout>> ConversionEvents::Layout::Make(
    const arrow::Schema& columns, const ConversionRules& rules) {
  auto layout = std::make_unique<Layout>();
  for (const ConversionField& field : ConversionFields()) {
    const int column = columns.GetFieldIndex(field.path());
    // These are in every event, whatever columns there are.
    const bool made = field.section.empty() && (field.name == "event_name" || field.name == "event_time" ||
                                                field.name == "action_source" || field.name == "event_id");
    if (column < 0 && !made) continue;
    std::shared_ptr<arrow::DataType> type = field.name == "event_time" ? arrow::int64() : arrow::utf8();
    std::shared_ptr<const arrow::KeyValueMetadata> metadata;
    if (!made) {
      type = WrittenType(field, columns.field(column)->type(), rules);
      metadata = columns.field(column)->metadata();
    }
    const std::string_view name = rules.other_names && !field.also.empty() ? field.also : field.name;
    auto written = arrow::field(std::string(name), type)->WithMetadata(metadata);
    layout->parts.push_back({&field, made ? -1 : column, written});
    if (field.section.empty()) {
      layout->top.push_back(std::move(written));
    } else {
      if (layout->sections.empty() || layout->sections.back().first != field.section)
        layout->sections.emplace_back(field.section, arrow::FieldVector());
      layout->sections.back().second.push_back(std::move(written));
    }
  }
  for (const auto& [name, fields] : layout->sections)
    layout->top.push_back(arrow::field(std::string(name), arrow::struct_(fields)));
  return std::unique_ptr<const Layout>(std::move(layout));
}

Result<std::shared_ptr<arrow::Array>> ConversionEvents::Layout::Values(const Part& part,
                                                                       const arrow::RecordBatch& data,
                                                                       const CheckedEvents& checked) {
  const std::string_view name = part.field->name;
  if (part.column < 0) {
    if (name == "event_name") return checked.event_name;
    if (name == "action_source") return checked.action_source;
    if (name == "event_id") return checked.event_id;
    return checked.event_time;
  }
  if (name == "currency") return checked.currency;
  auto column = data.column(part.column);
  switch (part.field->type) {
    case ConversionType::kHashed:
      return AsTexts(std::move(column));
    case ConversionType::kTexts: {
      MR_ASSIGN_OR_RETURN(auto texts, AsTexts(std::move(column)));
      if (name == kOptions && part.written->type()->id() == arrow::Type::STRING) return OptionsTexts(texts);
      return name == "extinfo" ? PaddedLists(texts) : texts;
    }
    case ConversionType::kContents:
      return TextIds(column, part.written->type());
    case ConversionType::kTextOrTexts:
      return column->type_id() == arrow::Type::LIST ? AsTexts(std::move(column)) : column;
    default:
      return column;
  }
}

Result<std::shared_ptr<arrow::RecordBatch>> ConversionEvents::Layout::Assemble(
    const arrow::RecordBatch& data, const CheckedEvents& checked) const {
  arrow::ArrayVector columns;
  std::vector<arrow::ArrayVector> of_sections(sections.size());
  std::size_t section = 0;
  for (const Part& part : parts) {
    MR_ASSIGN_OR_RETURN(auto values, Values(part, data, checked));
    if (part.field->section.empty()) {
      columns.push_back(std::move(values));
      continue;
    }
    while (sections[section].first != part.field->section) ++section;
    of_sections[section].push_back(std::move(values));
  }
  for (std::size_t i = 0; i < sections.size(); ++i) {
    MR_ASSIGN_ARROW(auto made, arrow::StructArray::Make(of_sections[i], sections[i].second));
    columns.push_back(std::move(made));
  }
  return arrow::RecordBatch::Make(WrittenSchema(), data.num_rows(), std::move(columns));
}

ConversionEvents::ConversionEvents(std::unique_ptr<const Layout> layout, std::unique_ptr<Encoder> encoder,
                                   ConversionRules rules)
    : layout_(std::move(layout)), encoder_(std::move(encoder)), rules_(std::move(rules)) {}

ConversionEvents::~ConversionEvents() = default;

Result<std::unique_ptr<ConversionEvents>> ConversionEvents::Make(const std::shared_ptr<arrow::Schema>& fields,
                                                                 ConversionRules rules) {
  MR_ASSIGN_OR_RETURN(auto layout, Layout::Make(*fields, rules));
  MR_ASSIGN_OR_RETURN(auto encoder, MakeSparseJsonEncoder(layout->WrittenSchema()));
  return std::unique_ptr<ConversionEvents>(
      new ConversionEvents(std::move(layout), std::move(encoder), std::move(rules)));
}

Status ConversionEvents::Build(const Batch& fields, EventTime now, ConversionBatch* out) {
  const bool is_checked = fields.data->schema()->GetFieldIndex(kCheckedColumn) >= 0;
  MR_ASSIGN_OR_RETURN(const Batch batch, is_checked ? fields : WithoutEmptyValues(fields));
  MR_ASSIGN_OR_RETURN(CheckedEvents checked,
                      is_checked ? CheckedOf(batch) : CheckConversions(batch, rules_, now, &record_rows_));
  MR_ASSIGN_OR_RETURN(const auto events, layout_->Assemble(*batch.data, checked));
  MR_RETURN_IF_ERROR(encoder_->Encode(*events, &out->json));
  out->late_from.reset();
  if (!checked.late.empty()) {
    MR_ASSIGN_OR_RETURN(out->late_from, LateConversions(batch, checked));
  }
  out->rows = std::move(checked.rows);
  out->errors = std::move(checked.errors);
  out->late = std::move(checked.late);
  return Status::Ok();
}

}  // namespace millrace
