#include "codec/json/json_parser.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "codec/json/json_number.h"
#include "columnar/record_block.h"

namespace millrace::json {

Parser::Parser(Column* root, Options options)
    : root_(root),
      options_{.max_depth = std::clamp(options.max_depth, 1, kMaxDepth),
               .keep_unknown = options.keep_unknown} {}

bool Parser::Parse(std::string_view record) {
  while (!record.empty() && IsSpace(record.back())) record.remove_suffix(1);
  begin_ = record.data();
  end_ = begin_ + record.size();
  context_ = nullptr;
  cells_ = 0;
  unknown_.clear();
  if (record.empty() || *begin_ != '{' || record.back() != '}') {
    if (!CheckEnvelope(record)) return false;
  }
  const char* after = Object(*root_, SkipSpace(begin_), 0);
  if (after == nullptr) return false;
  if (after == end_) return true;
  context_ = nullptr;
  Syntax(after, "nothing after the object");
  return false;
}

bool Parser::ParseValue(std::string_view value, Column* column) {
  padded_.assign(value).push_back('}');  // invariant 1
  padded_.append(RecordBlock::kPadding, '\0');
  begin_ = padded_.data();
  end_ = begin_ + value.size() + 1;
  cells_ = 0;
  const char* after = Value(*column, SkipSpace(begin_), 0);
  if (after == nullptr) return false;
  after = SkipSpace(after);
  if (after == end_ - 1) return true;
  context_ = column;
  Syntax(after, "nothing after the value");
  return false;
}

/// One value of any type. The shapes that make up nearly all records are read here; everything else, errors
/// too, in ValueInFull, which starts over at `p`.
[[gnu::always_inline]] inline const char* Parser::Value(Column& column, const char* p, int depth) {
  column.GrowIfFull();
  const std::int64_t row = column.length;
  switch (column.kind) {
    case Kind::kInt64: {
      std::int64_t value = 0;
      const char* after = ReadInt64(p, &value);
      if (after == nullptr) break;
      column.As<std::int64_t>()[row] = value;
      column.length = row + 1;
      return after;
    }
    case Kind::kFloat64: {
      const char* after = ReadShortFloat64(p, column.As<double>() + row);
      if (after == nullptr) break;
      column.length = row + 1;
      return after;
    }
    case Kind::kString: {
      if (*p != '"') break;
      const char* close = CopyPlainString(p + 1, end_, column.TextRoom(end_ - p));
      if (close == nullptr) break;
      column.text_size += close - (p + 1);
      column.As<std::int32_t>()[row + 1] = static_cast<std::int32_t>(column.text_size);
      column.length = row + 1;
      return close + 1;
    }
    default:
      break;
  }
  return ValueInFull(column, p, depth);
}

const char* Parser::ValueInFull(Column& column, const char* p, int depth) {
  context_ = &column;
  if (*p == 'n') return Null(column, p);
  switch (column.kind) {
    case Kind::kInt64:
    case Kind::kLimitedInt:
      return Integer(column, p);
    case Kind::kUint64:
      return Unsigned(column, p);
    case Kind::kFloat64:
    case Kind::kFloat32:
      return Float(column, p);
    case Kind::kBool:
      return Bool(column, p);
    case Kind::kString:
      return String(column, p);
    case Kind::kBinary:
      return Binary(column, p);
    case Kind::kRawJson: {
      const char* after = Skip(p, depth);
      return after == nullptr ? nullptr : RawText(column, p, after);
    }
    case Kind::kDate:
    case Kind::kTimestampText:
      return Temporal(column, p);
    case Kind::kDecimal:
      return Decimal(column, p);
    case Kind::kList:
      return *p == '[' ? List(column, p, depth) : Mismatch(column, p);
    case Kind::kStruct:
      return *p == '{' ? Object(column, p, depth) : Mismatch(column, p);
    case Kind::kMap:
      return *p == '{' ? Map(column, p, depth) : Mismatch(column, p);
  }
  return Mismatch(column, p);
}

const char* Parser::Null(Column& column, const char* p) {
  if (std::memcmp(p, "null", 4) != 0) return Mismatch(column, p);
  if (column.not_null) return Fail(&column, "not_null", "null, but declared not null");
  column.AppendNull();
  return p + 4;
}

const char* Parser::Object(Column& object, const char* p, int depth) {
  if (depth >= options_.max_depth) return TooDeep(p);
  const std::int64_t row = object.length;
  std::size_t missing = object.children.size();
  Shape::Member* member = object.shape->start();
  p = SkipSpace(p + 1);
  bool more = *p != '}';
  while (more) {
    const char* key = p;
    Shape::Member* previous = member;
    member = previous->next;
    if (member->Matches(p, end_)) {
      p += member->size;
    } else if (member->next->Matches(p, end_)) {  // one key left out, as when it is optional
      member = member->next;
      p += member->size;
    } else {
      context_ = &object;
      p = Key(p, *object.shape, &member);
      if (p == nullptr) return nullptr;
      previous->next = member;
    }
    p = SkipSpace(p);
    if (Column* child = member->child; child != nullptr) {
      if (child->length == row) {
        --missing;
      } else {
        child->Truncate(row);  // R5: of equal keys the last one counts
      }
      p = Value(*child, p, depth + 1);
    } else {
      context_ = &object;
      p = Unknown(depth == 0 ? key : nullptr, p, depth + 1);
    }
    if (p == nullptr) return nullptr;
    p = SkipSpace(p);
    more = *p == ',';
    if (more) {
      p = SkipSpace(p + 1);
    } else if (*p != '}') {
      context_ = member->child != nullptr ? member->child : &object;
      return Syntax(p, "',' or '}'");
    }
  }
  ++p;
  if (p == end_ && depth > 0) {
    context_ = &object;
    return Syntax(p, "',' or '}'");
  }
  if (missing > 0 && !FillMissing(object)) return nullptr;
  ++object.length;
  return p;
}

bool Parser::FillMissing(Column& object) {
  for (const auto& child : object.children) {
    if (child->length > object.length) continue;
    if (child->not_null) {
      Fail(child.get(), "not_null", "missing, but declared not null");
      return false;
    }
    child->AppendNull();
  }
  return true;
}

/// A key that was not the one expected. Sets its member; returns the position after the colon.
const char* Parser::Key(const char* p, Shape& shape, Shape::Member** member) {
  if (*p != '"') return Syntax(p, "a key in quotes");
  const RawString raw = ScanString(p + 1, end_);
  if (raw.close == nullptr) return StringFailure(p, raw.fault);
  if (raw.escaped) {
    StringFault fault = StringFault::kNone;
    scratch_.resize(raw.view().size());
    scratch_.resize(static_cast<std::size_t>(Unescape(raw.view(), scratch_.data(), &fault)));
    if (fault != StringFault::kNone) return StringFailure(p, fault);
    *member = shape.Find(scratch_);
  } else {
    *member = shape.Find(raw.view());
  }
  p = SkipSpace(raw.close + 1);
  return *p == ':' ? p + 1 : Syntax(p, "':' after a key");
}

/// A field without a column whose key is at `key`, or nested (null).
const char* Parser::Unknown(const char* key, const char* p, int depth) {
  const char* after = Skip(p, depth);
  if (after == nullptr || key == nullptr || !options_.keep_unknown) return after;
  const char* close = ScanString(key + 1, end_).close;
  unknown_.push_back(
      {{key, static_cast<std::size_t>(close + 1 - key)}, {p, static_cast<std::size_t>(after - p)}});
  return after;
}

bool Parser::UnknownObject(std::string* out) const {
  out->clear();
  if (unknown_.empty()) return false;
  std::unordered_map<std::string_view, std::size_t> last;
  for (std::size_t i = 0; i < unknown_.size(); ++i) last[unknown_[i].key] = i;
  for (std::size_t i = 0; i < unknown_.size(); ++i) {
    if (last[unknown_[i].key] != i) continue;
    out->append(out->empty() ? "{" : ",").append(unknown_[i].key).append(":").append(unknown_[i].value);
  }
  out->push_back('}');
  return true;
}

bool Parser::CountCells(const Column& column, const char* p) {
  cells_ += column.cells;
  if (cells_ <= kMaxCells) return true;
  Fail(&column, "decode",
       "the record makes more than " + std::to_string(kMaxCells) + " values; at byte " +
           std::to_string(p - begin_));
  return false;
}

const char* Parser::List(Column& list, const char* p, int depth) {
  if (depth >= options_.max_depth) return TooDeep(p);
  Column& element = *list.children[0];
  p = SkipSpace(p + 1);
  bool more = *p != ']';
  while (more) {
    if (!CountCells(element, p)) return nullptr;
    p = Value(element, p, depth + 1);
    if (p == nullptr) return nullptr;
    p = NextElement(p, ']', &more);
    if (p == nullptr) return nullptr;
  }
  list.As<std::int32_t>()[list.length + 1] = static_cast<std::int32_t>(element.length);
  ++list.length;
  return p + 1;
}

/// Marks the entries of `keys` from `first` on that a later equal key supersedes; empty when there is none.
static std::vector<bool> Superseded(const Column& keys, std::int64_t first) {
  const auto count = static_cast<std::size_t>(keys.length - first);
  std::vector<bool> marks;
  std::unordered_map<std::string_view, std::size_t> last;
  for (std::size_t i = 0; count > 1 && i < count; ++i) {
    const std::int32_t* offset = keys.As<std::int32_t>() + first + static_cast<std::int64_t>(i);
    const std::string_view key(reinterpret_cast<const char*>(keys.text) + offset[0],
                               static_cast<std::size_t>(offset[1] - offset[0]));
    const auto [found, is_new] = last.try_emplace(key, i);
    if (is_new) continue;
    marks.resize(count);
    marks[found->second] = true;
    found->second = i;
  }
  return marks;
}

const char* Parser::Map(Column& map, const char* p, int depth) {
  if (depth >= options_.max_depth) return TooDeep(p);
  const std::int64_t first = map.children[0]->length;
  const char* after = MapEntries(map, p, depth, {});
  if (after == nullptr) return nullptr;
  if (const std::vector<bool> superseded = Superseded(*map.children[0], first); !superseded.empty()) {
    for (const auto& child : map.children) child->Truncate(first);
    after = MapEntries(map, p, depth, superseded);
    if (after == nullptr) return nullptr;
  }
  map.As<std::int32_t>()[map.length + 1] = static_cast<std::int32_t>(map.children[0]->length);
  ++map.length;
  return after;
}

const char* Parser::MapEntries(Column& map, const char* p, int depth, const std::vector<bool>& superseded) {
  Column& keys = *map.children[0];
  Column& items = *map.children[1];
  p = SkipSpace(p + 1);
  bool more = *p != '}';
  for (std::size_t entry = 0; more; ++entry) {
    if (!CountCells(items, p)) return nullptr;
    context_ = &keys;
    if (*p != '"') return Syntax(p, "a key in quotes");
    const bool drop = entry < superseded.size() && superseded[entry];
    p = drop ? SkipString(p) : Value(keys, p, depth);
    if (p == nullptr) return nullptr;
    p = SkipSpace(p);
    if (*p != ':') return Syntax(p, "':' after a key");
    p = SkipSpace(p + 1);
    p = drop ? Skip(p, depth + 1) : Value(items, p, depth + 1);
    if (p == nullptr) return nullptr;
    p = NextElement(p, '}', &more);
    if (p == nullptr) return nullptr;
  }
  return p + 1 == end_ ? Syntax(end_, "',' or '}'") : p + 1;
}

}  // namespace millrace::json
