#include "engine/state_endpoint.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/writer.h>

#include "codec/json/json_codec.h"
#include "columnar/arrow_status.h"
#include "engine/state_selection.h"
#include "engine/yaml/json_value.h"

namespace millrace {
namespace {

constexpr std::int64_t kMostRows = 10'000;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The text of a query's name or value: %41 and + written out. Errors: user error for a % without a byte.
Result<std::string> Unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : HexDigit(text[i + 2]);
    if (low < 0) {
      return Status::InvalidArgument(
          "'" + std::string(text.substr(i, 3)) +
          "' in the query is no byte: % takes two hexadecimal digits, and % itself "
          "is %25");
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

struct Parameter {
  std::string name;
  std::string value;
};

Result<std::vector<Parameter>> Parameters(std::string_view query) {
  std::vector<Parameter> parameters;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view part = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    Parameter parameter;
    MR_ASSIGN_OR_RETURN(parameter.name, Unescaped(part.substr(0, equals)));
    if (equals != std::string_view::npos) {
      MR_ASSIGN_OR_RETURN(parameter.value, Unescaped(part.substr(equals + 1)));
    }
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

Result<std::int64_t> ReadNumber(const Parameter& parameter) {
  std::int64_t number = 0;
  const std::string& text = parameter.value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return Status::InvalidArgument(parameter.name + " is '" + text + "'; it must be a whole number");
}

std::string Numbers(const std::vector<std::int32_t>& numbers) {
  std::string out = "[";
  for (const std::int32_t number : numbers) out += (out.size() > 1 ? "," : "") + std::to_string(number);
  return out + "]";
}

Result<std::string> RowsAsJson(const arrow::RecordBatch& rows) {
  MR_ASSIGN_OR_RETURN(const auto encoder, MakeJsonEncoder(rows.schema()));
  EncodedRows encoded;
  MR_RETURN_IF_ERROR(encoder->Encode(rows, &encoded));
  std::string out = "[";
  for (std::int64_t i = 0; i < encoded.num_rows(); ++i) {
    if (i > 0) out += ",";
    out += "\n";
    out += encoded.row(i).view();
  }
  return out + "]";
}

/// What an answer has beside its rows: names and their JSON.
using AnswerParts = std::vector<std::pair<std::string, std::string>>;

/// The parts are metadata of the schema.
Result<std::string> AsStream(const arrow::RecordBatch& rows, const AnswerParts& parts) {
  const auto metadata = std::make_shared<arrow::KeyValueMetadata>();
  for (const auto& [name, json] : parts) metadata->Append(name, json);
  const std::shared_ptr<arrow::RecordBatch> described = rows.ReplaceSchemaMetadata(metadata);
  MR_ASSIGN_ARROW(const auto sink, arrow::io::BufferOutputStream::Create());
  MR_ASSIGN_ARROW(const auto writer, arrow::ipc::MakeStreamWriter(sink, described->schema()));
  MR_RETURN_IF_ARROW_ERROR(writer->WriteRecordBatch(*described));
  MR_RETURN_IF_ARROW_ERROR(writer->Close());
  MR_ASSIGN_ARROW(const auto bytes, sink->Finish());
  return bytes->ToString();
}

}  // namespace

Result<StateRequest> StateRequest::Read(const std::string& step, const StateStep& description,
                                        std::string_view query) {
  StateRequest request;
  request.query_.step = step;
  request.partitions_ = description.partitions;
  auto rows = StoredRows::Make(description.layout);
  if (!rows.ok()) return rows.status().WithContext("step '" + step + "'");
  request.rows_ = *std::move(rows);
  StateSelection selection;
  MR_ASSIGN_OR_RETURN(std::vector<Parameter> parameters, Parameters(query));
  for (Parameter& parameter : parameters) {
    if (parameter.name == "key") {
      selection.key.push_back(std::move(parameter.value));
    } else if (parameter.name == "prefix") {
      selection.prefix = std::move(parameter.value);
    } else if (parameter.name == "window") {
      MR_ASSIGN_OR_RETURN(selection.window, ReadNumber(parameter));
    } else if (parameter.name == "limit") {
      MR_ASSIGN_OR_RETURN(const std::int64_t limit, ReadNumber(parameter));
      if (limit < 1 || limit > kMostRows)
        return Status::InvalidArgument("limit must be from 1 to " + std::to_string(kMostRows));
      selection.limit = limit;
    } else if (parameter.name == "format") {
      if (parameter.value != "json" && parameter.value != "arrow")
        return Status::InvalidArgument("format is '" + parameter.value + "'; it is json or arrow");
      request.arrow_ = parameter.value == "arrow";
    } else {
      return Status::InvalidArgument("there is no parameter '" + parameter.name +
                                     "'; there is key, prefix, window, limit and format");
    }
  }
  MR_ASSIGN_OR_RETURN(request.query_.rows, MakeRowQuery(*request.rows_, selection));
  return request;
}

std::vector<Partition> StateRequest::Elsewhere(const StateAnswer& answer) const {
  std::vector<Partition> elsewhere;
  for (std::int32_t p = 0; p < partitions_; ++p) {
    const auto& here = answer.partitions;
    if (std::find(here.begin(), here.end(), Partition(p)) == here.end()) elsewhere.emplace_back(p);
  }
  return elsewhere;
}

HttpResponse StateRequest::Respond(StateAnswer answer, const std::map<Partition, std::string>& owners) const {
  const auto limit = static_cast<std::size_t>(query_.rows.limit);
  if (answer.rows.size() > limit) {
    answer.rows.resize(limit);
    answer.more = true;
  }
  Result<HttpResponse> response = Format(answer, owners);
  return response.ok() ? *std::move(response) : StateErrorResponse(response.status());
}

Result<HttpResponse> StateRequest::Format(const StateAnswer& answer,
                                          const std::map<Partition, std::string>& owners) const {
  arrow::Int32Builder partitions;
  for (const StateAnswer::Row& row : answer.rows) {
    const std::int64_t before = rows_->num_rows();
    MR_RETURN_IF_ERROR(rows_->Add(row.slice, row.key, row.row));
    if (rows_->num_rows() > before) MR_RETURN_IF_ARROW_ERROR(partitions.Append(row.partition.value()));
  }
  MR_ASSIGN_OR_RETURN(auto rows, rows_->Take());
  MR_ASSIGN_ARROW(auto column, partitions.Finish());
  MR_ASSIGN_ARROW(rows, rows->AddColumn(0, "partition", column));
  std::vector<std::int32_t> here;
  for (const Partition partition : answer.partitions) here.push_back(partition.value());
  std::sort(here.begin(), here.end());
  std::string elsewhere;
  for (const Partition partition : Elsewhere(answer)) {
    const auto owner = owners.find(partition);
    elsewhere += (elsewhere.empty() ? "" : ",") + std::string("{\"partition\":") +
                 std::to_string(partition.value()) +
                 ",\"address\":" + (owner == owners.end() ? "null" : JsonString(owner->second)) + "}";
  }
  const AnswerParts parts = {{"step", JsonString(query_.step)},
                             {"partitions", Numbers(here)},
                             {"elsewhere", "[" + elsewhere + "]"},
                             {"more", answer.more ? "true" : "false"}};
  if (arrow_) {
    MR_ASSIGN_OR_RETURN(std::string stream, AsStream(*rows, parts));
    return HttpResponse{200, std::move(stream), "application/vnd.apache.arrow.stream"};
  }
  std::string json = "{";
  for (const auto& [name, part] : parts) json += JsonString(name) + ":" + part + ",";
  MR_ASSIGN_OR_RETURN(const std::string read, RowsAsJson(*rows));
  return HttpResponse{200, json + "\"rows\":" + read + "}\n", "application/json"};
}

HttpResponse ListStateSteps(const std::map<std::string, StateStep>& steps) {
  std::string out;
  for (const auto& [name, step] : steps) {
    out += out.empty() ? "\n" : ",\n";
    out += "{\"step\":" + JsonString(name) + ",\"partitions\":" + std::to_string(step.partitions) +
           ",\"layout\":" + JsonString(step.layout) + "}";
  }
  return {200, "{\"steps\":[" + out + "]}\n", "application/json"};
}

HttpResponse StateErrorResponse(const Status& status) {
  int code = 500;
  if (status.code() == StatusCode::kInvalidArgument) code = 400;
  if (status.code() == StatusCode::kNotFound) code = 404;
  if (status.code() == StatusCode::kUnavailable) code = 503;
  return {code, "{\"error\":" + JsonString(status.message()) + "}\n", "application/json"};
}

}  // namespace millrace
