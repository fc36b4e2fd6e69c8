#include "runtime/offset_metadata.h"

namespace millrace {

void RemoveTaskNotes(std::map<std::string, std::string>* notes) {
  std::erase_if(*notes, [](const auto& note) { return note.first.find(':') != std::string::npos; });
}

std::string FormatOffsetMetadata(const OffsetMetadata& metadata) {
  std::string out = metadata.time;
  for (const auto& [sink, note] : metadata.notes) out += "|" + sink + "=" + note;
  return out;
}

Result<OffsetMetadata> ParseOffsetMetadata(std::string_view text) {
  OffsetMetadata out;
  std::size_t end = text.find('|');
  out.time = text.substr(0, end);
  while (end != std::string_view::npos) {
    text.remove_prefix(end + 1);
    end = text.find('|');
    const std::string_view part = text.substr(0, end);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      return Status::Corrupt("the metadata '" + std::string(text) +
                             "' was not written by Millrace; reset the pipeline's offsets");
    }
    out.notes.emplace(part.substr(0, equals), part.substr(equals + 1));
  }
  return out;
}

}  // namespace millrace
