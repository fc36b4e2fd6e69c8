#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "connectors/snapchat/entity_kinds.h"

namespace millrace {

/// One page of a list of the Marketing API.
struct EntityPage {
  std::vector<boost::json::object> entities;  ///< all with an `id`
  std::string next;                           ///< address of the next page; "" on the last one
  bool whole = true;                          ///< false: Snap left something out
};

/// The entities of an answer, which it is emptied of.
EntityPage ReadEntityPage(const EntityKind& kind, boost::json::object* body);

/// Address of the next page; "" on the last one.
std::string NextPageOf(const boost::json::object& body);

/// Whether Snap says of an element that it could be read: `sub_request_status` is SUCCESS in any case, or
/// absent.
bool Succeeded(const boost::json::object& element);

/// The text of a field; "" when it is absent or no text.
std::string TextField(const boost::json::object& object, std::string_view name);

}  // namespace millrace
