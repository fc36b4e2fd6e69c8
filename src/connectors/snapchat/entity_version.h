#pragma once

#include <string>

#include <boost/json/object.hpp>

namespace millrace {

/// Tells whether an entity changed: a hash of all that Snap says of it, in 16 digits, whatever the order of
/// its fields. The date that Snap gives is only a part of it: what Snap finds out itself, such as a review or
/// the size of a segment, changes without a new one.
std::string EntityVersion(const boost::json::object& entity);

}  // namespace millrace
