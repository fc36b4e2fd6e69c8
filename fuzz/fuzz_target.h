#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// libFuzzer's entry point: judges one input and aborts the process when a promise is broken. Returns 0 when
/// the input is worth mutating further, -1 when it is not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Inputs that standalone_main.cc replays and mutates besides the corpus.
std::vector<std::string> FuzzSeeds();

/// What has been tried so far, for the last line of a run.
std::string FuzzReport();
