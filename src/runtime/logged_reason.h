#pragma once

#include <string>
#include <string_view>

namespace millrace {

/// The reason of a row's error as it may stand in a log or in the message with which a pipeline ends: without
/// values of records, which may be personal data. Kind and length stand where a value was ("<text of 16
/// bytes>", "<13 digits>"); names of columns, types and expressions stay.
///
/// It knows nothing of who wrote the reason, so it leaves out what could be a value: whatever is in quotes
/// and is no column's name, numbers of more than four digits, what follows "found", and words with an '@'.
/// Cost: linear in the length.
std::string LoggedReason(std::string_view reason);

}  // namespace millrace
