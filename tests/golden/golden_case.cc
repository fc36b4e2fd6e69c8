#include "golden_case.h"

#include <charconv>

#include "golden_row.h"

namespace millrace {
namespace {

constexpr std::string_view kDefaultName = "name: golden\n";
constexpr std::string_view kDefaultSource =
    "source: {topic: in, key: k, timestamp: t, schema: {k: string, t: \"timestamp[ms]\", v: int64}}\n";
constexpr std::string_view kDefaultSinks = "sinks: [{topic: out}]\n";

struct Line {
  int number = 0;
  std::string text;  // without the indentation of its section
};

/// `name argument: value`, followed by indented lines.
struct Section {
  int number = 0;
  std::string name;
  std::string argument;
  std::string value;
  std::vector<Line> lines;
};

std::string_view Trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  while (!(text = Trimmed(text)).empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

template <typename Int>
Result<Int> ReadInt(std::string_view text) {
  Int value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || at != text.data() + text.size()) {
    return Status::InvalidArgument("expected an integer, found '" + std::string(text) + "'");
  }
  return value;
}

class Parser {
 public:
  Result<GoldenCase> Parse(const std::string& path, std::string_view text) {
    case_.path = path;
    MR_RETURN_IF_ERROR(Split(text).WithContext(path + ":" + std::to_string(line_)));
    if (case_.rules.empty()) {
      return Status::InvalidArgument(path + ":1: the first line must be '# rules: ...', '-' for none");
    }
    for (const Section& section : sections_) {
      line_ = section.number;
      MR_RETURN_IF_ERROR(Read(section).WithContext(path + ":" + std::to_string(line_)));
    }
    return std::move(case_);
  }

 private:
  Status Split(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      ++line_;
      if (line.starts_with('#')) {
        ReadComment(line);
      } else if (line.starts_with("  ")) {
        if (sections_.empty()) return Status::InvalidArgument("a section must begin at the left margin");
        sections_.back().lines.push_back({line_, std::string(line.substr(2))});
      } else if (!line.empty()) {
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return Status::InvalidArgument("a section ends in ':'");
        const std::vector<std::string> words = Words(line.substr(0, colon));
        if (words.empty() || words.size() > 2)
          return Status::InvalidArgument("a section has one or two words");
        sections_.push_back({line_,
                             words[0],
                             words.size() > 1 ? words[1] : "",
                             std::string(Trimmed(line.substr(colon + 1))),
                             {}});
      }
    }
    return Status::Ok();
  }

  void ReadComment(std::string_view line) {
    if (line_ == 1 && line.starts_with("# rules: ")) case_.rules = Words(line.substr(9));
    if (line.starts_with("# configs: ")) case_.configs = Words(line.substr(11));
    if (line.starts_with("# not on Kafka: ")) case_.not_on_kafka = line.substr(16);
  }

  Status Read(const Section& section) {
    if (section.name == "start") {
      MR_ASSIGN_OR_RETURN(case_.start_ms, ReadInt<std::int64_t>(section.value));
    } else if (section.name == "first_run") {
      case_.first_run = true;
    } else if (section.name == "partitions") {
      MR_ASSIGN_OR_RETURN(case_.partitions, ReadInt<std::int32_t>(section.value));
    } else if (section.name == "pipeline") {
      ReadPipeline(section);
    } else if (section.name == "input") {
      return ReadInput(section);
    } else if (section.name == "output" || section.name == "late") {
      return ReadOutput(section);
    } else if (section.name == "files") {
      return ReadFiles(section);
    } else if (section.name == "dead_letters") {
      return ReadDeadLetters(section);
    } else if (section.name == "counters") {
      return ReadCounters(section);
    } else if (section.name == "topics" || section.name == "live") {
      return ReadTopics(section);
    } else if (section.name == "error") {
      for (const Line& line : section.lines) case_.error.emplace_back(Trimmed(line.text));
    } else {
      return Status::InvalidArgument("there is no section '" + section.name + "'");
    }
    return Status::Ok();
  }

  void ReadPipeline(const Section& section) {
    bool named = false;
    bool has_source = false;
    bool has_sinks = false;
    // Line numbers of the golden file stay those of the pipeline, so that errors point at the right place.
    case_.pipeline.assign(static_cast<std::size_t>(section.number), '\n');
    for (const Line& line : section.lines) {
      named = named || line.text.starts_with("name:");
      has_source = has_source || line.text.starts_with("source:") || line.text.starts_with("sources:");
      has_sinks = has_sinks || line.text.starts_with("sinks:");
      case_.pipeline += line.text + "\n";
    }
    if (!named) case_.pipeline += kDefaultName;
    if (!has_source) case_.pipeline += kDefaultSource;
    if (!has_sinks) case_.pipeline += kDefaultSinks;
  }

  /// The rows of one line: one, or as many as "N * row" says.
  Result<std::vector<GoldenRow>> Rows(const Line& line) {
    line_ = line.number;
    std::string_view text = line.text;
    std::size_t count = 1;
    if (const std::size_t star = text.find(" * "); star != std::string_view::npos) {
      if (const auto repeat = ReadInt<std::size_t>(text.substr(0, star)); repeat.ok()) {
        count = *repeat;
        text.remove_prefix(star + 3);
      }
    }
    MR_ASSIGN_OR_RETURN(GoldenRow row, ParseGoldenRow(text));
    row.line = line.number;
    return std::vector<GoldenRow>(count, row);
  }

  Status ReadInput(const Section& section) {
    for (const Line& line : section.lines) {
      line_ = line.number;
      const std::vector<std::string> words = Words(line.text);
      if (words.empty() || words[0].starts_with('#')) continue;
      if (words[0] == "run") {
        case_.input.emplace_back(GoldenRun{});
      } else if (words[0] == "clock") {
        if (words.size() < 2 || !words[1].starts_with('+'))
          return Status::InvalidArgument("expected clock +DURATION");
        MR_ASSIGN_OR_RETURN(const Duration by, ParseDuration(words[1].substr(1)));
        case_.input.emplace_back(GoldenClock{by});
      } else {
        MR_ASSIGN_OR_RETURN(auto rows, Rows(line));
        for (GoldenRow& row : rows) case_.input.emplace_back(std::move(row));
      }
    }
    return Status::Ok();
  }

  Status ReadOutput(const Section& section) {
    GoldenOutput output;
    output.topic = section.name == "late" ? "late" : section.argument.empty() ? "out" : section.argument;
    for (const Line& line : section.lines) {
      if (Trimmed(line.text).empty()) continue;
      MR_ASSIGN_OR_RETURN(const auto rows, Rows(line));
      output.rows.insert(output.rows.end(), rows.begin(), rows.end());
    }
    case_.outputs.push_back(std::move(output));
    return Status::Ok();
  }

  Status ReadFiles(const Section& section) {
    if (section.argument.empty()) return Status::InvalidArgument("expected files FOLDER:");
    GoldenOutput files;
    files.topic = section.argument;
    for (const Line& line : section.lines) {
      MR_ASSIGN_OR_RETURN(const auto rows, Rows(line));
      files.rows.insert(files.rows.end(), rows.begin(), rows.end());
    }
    case_.files.push_back(std::move(files));
    return Status::Ok();
  }

  Status ReadDeadLetters(const Section& section) {
    case_.dead_letters.emplace();
    for (const Line& line : section.lines) {
      line_ = line.number;
      if (Trimmed(line.text).empty()) continue;
      GoldenDeadLetter letter;
      letter.text = line.text;
      MR_ASSIGN_OR_RETURN(letter.parts, ParseParts(line.text));
      case_.dead_letters->push_back(std::move(letter));
    }
    return Status::Ok();
  }

  Status ReadCounters(const Section& section) {
    for (const Line& line : section.lines) {
      line_ = line.number;
      MR_ASSIGN_OR_RETURN(const auto parts, ParseParts(line.text));
      for (const auto& [name, text] : parts) {
        MR_ASSIGN_OR_RETURN(const std::int64_t value, ReadInt<std::int64_t>(text));
        case_.counters.emplace_back(name, value);
      }
    }
    return Status::Ok();
  }

  Status ReadTopics(const Section& section) {
    for (const Line& line : section.lines) {
      line_ = line.number;
      const std::vector<std::string> words = Words(line.text);
      if (section.name == "topics") {
        if (words.size() != 1) return Status::InvalidArgument("expected one topic");
        const bool exists = !words[0].starts_with('!');
        case_.topics.emplace_back(words[0].substr(exists ? 0 : 1), exists);
      } else {
        if (words.size() != 2) return Status::InvalidArgument("expected a topic and a number of keys");
        MR_ASSIGN_OR_RETURN(const std::int64_t keys, ReadInt<std::int64_t>(words[1]));
        case_.live.emplace_back(words[0], keys);
      }
    }
    return Status::Ok();
  }

  GoldenCase case_;
  std::vector<Section> sections_;
  int line_ = 0;
};

}  // namespace

Result<GoldenCase> ParseGoldenCase(const std::string& path, std::string_view text) {
  return Parser().Parse(path, text);
}

}  // namespace millrace
