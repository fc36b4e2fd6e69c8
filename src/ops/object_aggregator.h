#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/aggregator.h"

namespace millrace {

/// An aggregator whose state has no fixed size: an object T per slot, beside the rows.
///
/// T has Merge(const T&), Encode(std::string*) const, Decode(std::string_view*) -> Status and
/// aside_bytes() const, which is about what it holds beside itself and costs O(1); a default-made T is the
/// state of nothing. What changes an object goes through Change.
template <typename T>
class ObjectAggregator : public Aggregator {
 public:
  void Resize(std::uint32_t slots) final {
    if (slots > objects_.size()) objects_.resize(slots);
  }
  void Clear(std::byte* state, std::uint32_t slot) final {
    new (state) State{slot, 0};
    aside_bytes_ -= objects_[slot].aside_bytes();
    // Assigned to, a string would keep its memory.
    static_cast<void>(std::exchange(objects_[slot], T()));
  }
  void Merge(std::byte* state, const Aggregator& from, const std::byte* from_state) final {
    const T& other = static_cast<const ObjectAggregator&>(from).Of(from_state);
    Change(state, [&other](T& object) { object.Merge(other); });
  }
  void Encode(const std::byte* state, std::string* out) const final { Of(state).Encode(out); }
  Status Decode(std::byte* state, std::uint32_t slot, std::string_view* bytes) final {
    Clear(state, slot);
    Status status;
    Change(state, [&](T& object) { status = object.Decode(bytes); });
    return status;
  }
  std::int64_t memory_bytes() const final {
    return static_cast<std::int64_t>(objects_.capacity() * sizeof(T)) + aside_bytes_;
  }
  std::int64_t aside_bytes() const final { return aside_bytes_; }

 protected:
  explicit ObjectAggregator(std::shared_ptr<arrow::DataType> type)
      : Aggregator(std::move(type), sizeof(State)) {}

  template <typename Body>
  void Change(const std::byte* state, const Body& body) {
    T& object = objects_[reinterpret_cast<const State*>(state)->slot];
    const std::int64_t before = object.aside_bytes();
    body(object);
    aside_bytes_ += object.aside_bytes() - before;
  }
  const T& Of(const std::byte* state) const { return objects_[reinterpret_cast<const State*>(state)->slot]; }

 private:
  struct State {
    std::uint32_t slot;
    std::uint32_t unused;
  };
  std::vector<T> objects_;
  std::int64_t aside_bytes_ = 0;  // of all objects
};

/// Fixed-size values and byte strings in the encoded form of a state.
template <typename C>
void AppendFixed(const C& value, std::string* out) {
  char bytes[sizeof(C)];
  std::memcpy(bytes, &value, sizeof(C));
  out->append(bytes, sizeof(C));
}

template <typename C>
Status TakeFixed(std::string_view* in, C* value) {
  if (in->size() < sizeof(C)) return Status::Corrupt("an aggregate's state is cut short");
  std::memcpy(value, in->data(), sizeof(C));
  in->remove_prefix(sizeof(C));
  return Status::Ok();
}

inline void AppendBytes(std::string_view value, std::string* out) {
  AppendFixed(static_cast<std::uint32_t>(value.size()), out);
  out->append(value);
}

inline Status TakeBytes(std::string_view* in, std::string* value) {
  std::uint32_t size = 0;
  MR_RETURN_IF_ERROR(TakeFixed(in, &size));
  if (in->size() < size) return Status::Corrupt("an aggregate's value is cut short");
  value->assign(in->substr(0, size));
  in->remove_prefix(size);
  return Status::Ok();
}

}  // namespace millrace
