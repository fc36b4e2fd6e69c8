#include "runtime/task_context.h"

namespace millrace {

std::string TaskName(const SubTopology& sub, Partition partition) {
  return sub.name + "_" + std::to_string(partition.value());
}

StateStoreOptions TaskStoreOptions(const TaskContext& context, const SubTopology& sub, Partition partition) {
  const std::string name = TaskName(sub, partition);
  StateStoreOptions options;
  options.directory = context.state_dir + "/" + name;
  options.layout = sub.state_layout;
  options.identity = context.topology->app + "/" + name;
  options.clock = context.clock;
  options.max_row_bytes = context.topology->max_row_bytes;
  options.max_key_bytes = context.topology->max_key_bytes;
  options.max_rows_in_memory = context.max_rows_in_memory;
  options.max_bytes_in_memory = context.max_bytes_in_memory;
  return options;
}

}  // namespace millrace
