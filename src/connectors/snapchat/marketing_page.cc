#include "connectors/snapchat/marketing_page.h"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

namespace millrace {
namespace {

namespace json = boost::json;

json::string_view View(std::string_view text) { return {text.data(), text.size()}; }

bool SameInAnyCase(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace

std::string TextField(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(View(name));
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string NextPageOf(const json::object& body) {
  const json::value* const paging = body.if_contains("paging");
  return paging != nullptr && paging->is_object() ? TextField(paging->get_object(), "next_link") : "";
}

bool Succeeded(const json::object& element) {
  const std::string status = TextField(element, "sub_request_status");
  return status.empty() || SameInAnyCase(status, "success");
}

EntityPage ReadEntityPage(const EntityKind& kind, json::object* body) {
  EntityPage page;
  page.next = NextPageOf(*body);
  json::value* const list = body->if_contains(View(kind.list));
  if (list == nullptr || !list->is_array()) {
    page.whole = false;
    return page;
  }
  for (json::value& element : list->get_array()) {
    json::value* const item =
        element.is_object() ? element.get_object().if_contains(View(kind.item)) : nullptr;
    if (item == nullptr || !item->is_object() || !Succeeded(element.get_object()) ||
        TextField(item->get_object(), "id").empty()) {
      page.whole = false;
      continue;
    }
    page.entities.push_back(std::move(item->get_object()));
  }
  return page;
}

}  // namespace millrace
