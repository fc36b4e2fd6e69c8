#include "ops/what_was_thrown.h"

#include <exception>
#include <new>

namespace millrace {

std::string WhatWasThrown() {
  try {
    throw;
  } catch (const std::bad_alloc& e) {
    return std::string(e.what()) +
           ", an allocation that was refused; ask for less, or give the process more memory";
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

}  // namespace millrace
