#pragma once

#include <string>

namespace millrace {

/// What user code threw, for the end of a sentence; where memory is missing, also what to do. Precondition:
/// called in a catch block.
std::string WhatWasThrown();

}  // namespace millrace
