#pragma once

#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "plan/plan.h"

namespace millrace {

/// By NodeId: the columns that made the key of the rows after the node, under the names they have there; none
/// while the message key of the source still is their key. A column that a step replaced counts as it is now.
std::vector<std::vector<std::string>> GroupColumns(const Plan& plan);

/// The columns that a Kafka sink makes message keys of: its `key`, else `group_columns` when `input` has them
/// all. None: the rows' own key bytes.
std::vector<std::string> MessageKeyColumns(const KafkaSink& sink,
                                           const std::vector<std::string>& group_columns,
                                           const arrow::Schema& input);

/// True when a column of `type` has a form as a message key: key types, but no doubles, whose digits would
/// not be the same from every client.
bool IsMessageKeyType(const arrow::DataType& type);

}  // namespace millrace
