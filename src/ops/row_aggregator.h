#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "ops/aggregator.h"

namespace millrace {

/// Gives an aggregator both of its loops over a batch from one body, without a virtual call per row. Self is
/// final and has
///   template <typename After>
///   bool AddRows(const AggregateInput& input, const After& after);
/// which adds the rows in order, calls after(row) behind each, null or not, and returns what Update does.
template <typename Self, typename Base = Aggregator>
class RowAggregator : public Base {
 public:
  [[nodiscard]] bool Update(const AggregateInput& input) final {
    return self().AddRows(input, [](std::size_t) {});
  }

  Result<bool> UpdateEach(const AggregateInput& input, std::vector<RowWithoutResult>* without) final {
    Status status;
    const auto append = [&](std::size_t row) {
      const std::byte* const state = input.state(row);
      if (self().bounded()) {
        std::string why = self().Unrepresentable(state);
        if (!why.empty()) without->push_back({row, std::move(why)});
      }
      if (Status appended = self().Append(state); !appended.ok()) status = std::move(appended);
    };
    const bool fits = self().AddRows(input, append);
    MR_RETURN_IF_ERROR(status);
    return fits;
  }

 protected:
  template <typename... Args>
  explicit RowAggregator(Args&&... args) : Base(std::forward<Args>(args)...) {}

 private:
  Self& self() { return static_cast<Self&>(*this); }
};

}  // namespace millrace
