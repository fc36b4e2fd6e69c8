#include "snap_server/stats_dimensions.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace millrace::snap {
namespace {

/// A value of a dimension and its share of the figures, in percent.
struct Share {
  std::string_view value;
  std::int64_t percent;
};

struct Dimension {
  std::string_view name;
  std::vector<Share> shares;  // 100 percent
};

std::vector<Dimension> AllDimensions() {
  return {{"country", {{"us", 60}, {"ca", 25}, {"gb", 15}}},
          {"region", {{"california", 50}, {"new york", 30}, {"ontario", 20}}},
          {"dma", {{"501", 40}, {"803", 40}, {"807", 20}}},
          {"gender", {{"female", 52}, {"male", 46}, {"unknown", 2}}},
          {"age", {{"13-17", 20}, {"18-20", 25}, {"21-24", 25}, {"25-34", 20}, {"35+", 10}}},
          {"os", {{"ios", 65}, {"android", 35}}},
          {"make", {{"apple", 65}, {"samsung", 25}, {"google", 10}}},
          {"lifestyle_category", {{"gamers", 45}, {"foodies", 35}, {"travel & outdoors", 20}}}};
}

constexpr std::pair<std::string_view, std::string_view> kTogether[] = {{"age", "gender"}, {"country", "os"}};

bool GoTogether(const std::vector<std::string>& names) {
  if (names.size() <= 1) return true;
  return names.size() == 2 &&
         std::any_of(std::begin(kTogether), std::end(kTogether), [&names](const auto& pair) {
           return (names[0] == pair.first && names[1] == pair.second) ||
                  (names[0] == pair.second && names[1] == pair.first);
         });
}

/// A part of all figures: values of the dimensions, and the share.
struct Part {
  json::object values;
  double share = 1;
};

std::vector<Part> PartsOf(const std::vector<std::string>& dimensions) {
  std::vector<Part> parts{{}};
  const std::vector<Dimension> all = AllDimensions();
  for (const std::string& name : dimensions) {
    const auto dimension =
        std::find_if(all.begin(), all.end(), [&name](const Dimension& known) { return known.name == name; });
    std::vector<Part> finer;
    for (const Part& part : parts) {
      for (const Share& share : dimension->shares) {
        Part next{part.values, part.share * static_cast<double>(share.percent) / 100};
        next.values[name] = json::string_view(share.value.data(), share.value.size());
        finer.push_back(std::move(next));
      }
    }
    parts = std::move(finer);
  }
  return parts;
}

}  // namespace

Result<std::vector<std::string>> ReadDimensions(std::string_view text) {
  std::vector<std::string> names;
  const std::vector<Dimension> all = AllDimensions();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view name = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (std::none_of(all.begin(), all.end(), [&name](const Dimension& known) { return known.name == name; }))
      return Status::InvalidArgument("there is no report_dimension '" + std::string(name) + "'");
    names.emplace_back(name);
  }
  if (!GoTogether(names))
    return Status::InvalidArgument("these values of report_dimension cannot be asked for together");
  return names;
}

json::array Divide(const json::object& figures, const std::vector<std::string>& dimensions) {
  const std::vector<Part> parts = PartsOf(dimensions);
  json::array divided;
  for (const Part& part : parts) {
    json::object out = part.values;
    for (const auto& figure : figures) {
      out[figure.key()] = figure.value().is_int64()
                              ? json::value(static_cast<std::int64_t>(
                                    static_cast<double>(figure.value().get_int64()) * part.share))
                              : figure.value();
    }
    divided.push_back(std::move(out));
  }
  // What rounding left over.
  json::object& first = divided.front().as_object();
  for (const auto& figure : figures) {
    if (!figure.value().is_int64()) continue;
    std::int64_t left = figure.value().get_int64();
    for (const json::value& part : divided) left -= part.as_object().at(figure.key()).get_int64();
    first[figure.key()] = first.at(figure.key()).get_int64() + left;
  }
  return divided;
}

}  // namespace millrace::snap
