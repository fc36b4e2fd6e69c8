#include "connectors/snapchat/entity_version.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

namespace millrace {
namespace {

namespace json = boost::json;

/// FNV-1a: versions are kept over restarts, so it has to be the same everywhere and for good.
class Fingerprint {
 public:
  void Add(std::string_view bytes) {
    for (const char c : bytes) {
      hash_ ^= static_cast<unsigned char>(c);
      hash_ *= 1'099'511'628'211U;
    }
  }
  std::uint64_t hash() const { return hash_; }

 private:
  std::uint64_t hash_ = 14'695'981'039'346'656'037U;
};

void AddValue(const json::value& value, Fingerprint* out);

void AddObject(const json::object& object, Fingerprint* out) {
  std::vector<const json::key_value_pair*> members;
  for (const json::key_value_pair& member : object) members.push_back(&member);
  std::sort(members.begin(), members.end(),
            [](const auto* left, const auto* right) { return left->key() < right->key(); });
  out->Add("{");
  for (const json::key_value_pair* member : members) {
    out->Add(json::serialize(member->key()));
    AddValue(member->value(), out);
  }
  out->Add("}");
}

void AddValue(const json::value& value, Fingerprint* out) {
  if (value.is_object()) {
    AddObject(value.get_object(), out);
  } else if (value.is_array()) {
    out->Add("[");
    for (const json::value& element : value.get_array()) AddValue(element, out);
    out->Add("]");
  } else {
    out->Add(json::serialize(value));
    out->Add(",");
  }
}

}  // namespace

std::string EntityVersion(const json::object& entity) {
  Fingerprint fingerprint;
  AddObject(entity, &fingerprint);
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(fingerprint.hash()));
  return text.data();
}

}  // namespace millrace
