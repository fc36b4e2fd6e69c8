#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "state/row_index.h"

namespace millrace {

/// The slots with their keys ascending, byte by byte. Keys of one slice: none is there twice. Cost: linear in
/// the slots as long as keys differ within the eight bytes behind what all of them begin with.
std::vector<std::uint32_t> InKeyOrder(const RowIndex& index, std::span<const std::uint32_t> slots);

}  // namespace millrace
