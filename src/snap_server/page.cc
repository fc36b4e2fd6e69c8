#include "snap_server/page.h"

#include <string_view>

namespace millrace::snap {
namespace {

constexpr std::size_t kRows = 20;

constexpr std::string_view kHead =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Stand-in of Snap's services</title>\n"
    "<style>body{font:15px sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;margin:.5em 0 2em}td,th{border:1px solid #bbb;padding:.2em .6em;"
    "text-align:left;vertical-align:top}td.n{text-align:right}code{word-break:break-all}</style>\n"
    "<h1>Stand-in of Snap's services</h1>\n"
    "<p>Nothing here reaches Snap. <a href=\"/_received\">/_received</a> has all of it as JSON.</p>\n";

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// A value as a cell: texts as they are, others as JSON.
std::string Cell(const json::value& value) {
  const std::string text = value.is_string() ? TextOf(value.get_string()) : json::serialize(value);
  return std::string(value.is_number() ? "<td class=n>" : "<td>") + "<code>" + Escaped(text) + "</code></td>";
}

/// Two columns: names and values.
std::string NamesTable(std::string_view title, const json::value& values) {
  std::string out = "<h2>" + std::string(title) + "</h2>\n<table>\n";
  if (!values.is_object() || values.get_object().empty()) return out + "<tr><td>none</td></tr>\n</table>\n";
  for (const auto& member : values.get_object()) {
    const std::string_view name(member.key().data(), member.key().size());
    out += "<tr><th>" + Escaped(name) + "</th>" + Cell(member.value()) + "</tr>\n";
  }
  return out + "</table>\n";
}

/// A row for each of the last items, the newest first; the columns are the members of the first.
std::string ListTable(std::string_view title, const json::value& list) {
  std::string out = "<h2>" + std::string(title) + "</h2>\n<table>\n";
  if (!list.is_array() || list.get_array().empty()) return out + "<tr><td>none</td></tr>\n</table>\n";
  const json::array& items = list.get_array();
  out += "<tr>";
  for (const auto& member : items[0].get_object()) {
    out += "<th>" + Escaped(std::string_view(member.key().data(), member.key().size())) + "</th>";
  }
  out += "</tr>\n";
  for (std::size_t i = items.size(); i > 0 && i + kRows > items.size(); --i) {
    out += "<tr>";
    for (const auto& member : items[i - 1].get_object()) out += Cell(member.value());
    out += "</tr>\n";
  }
  return out + "</table>\n";
}

}  // namespace

std::string MakePage(const json::object& received) {
  std::string page(kHead);
  page += NamesTable("Conversion events", received.at("totals"));
  page += ListTable("The last events", received.at("events"));
  page += ListTable("The last refusals", received.at("errors"));
  page += NamesTable("Segments", received.at("segments"));
  page += NamesTable("Leads", received.at("leads"));
  page += NamesTable("Requests", received.at("requests"));
  page += NamesTable("Faults", received.at("faults"));
  return page + "</html>\n";
}

}  // namespace millrace::snap
