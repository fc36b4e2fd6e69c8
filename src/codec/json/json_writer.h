#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::json {

/// A constant text that is copied 16 bytes at a time.
struct PaddedText {
  PaddedText() = default;
  explicit PaddedText(std::string_view text) : padded(text), size(text.size()) { padded.append(16, '\0'); }

  std::string padded;
  std::size_t size = 0;
};

/// Writes JSON text to the end of a string that is kept larger than its content, so that nothing is cleared
/// twice.
///
/// `out` is overwritten from its start; Finish cuts it to what was written. One owner, one thread.
class Writer {
 public:
  explicit Writer(std::string* out) : out_(out), at_(out->data()), limit_(out->data() + out->size()) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  std::int64_t size() const { return at_ - out_->data(); }
  /// Takes back what was written from there on. Precondition: size <= size().
  void CutBack(std::int64_t size) { at_ = out_->data() + size; }
  void Finish() { out_->resize(static_cast<std::size_t>(size())); }

  /// Replaces a byte that was written. Precondition: at < size().
  void Put(std::int64_t at, char c) { (*out_)[static_cast<std::size_t>(at)] = c; }

  void Raw(std::string_view text);
  void Constant(const PaddedText& text);
  void Byte(char c) {
    *Room(1) = c;
    ++at_;
  }
  void Int(std::int64_t value);
  void Uint(std::uint64_t value);
  /// The shortest digits that read back exactly; NaN and infinity as null. Whole numbers below 10^15 have no
  /// exponent.
  void Float(double value);
  void Float(float value);
  void String(std::string_view text);
  void Base64(std::string_view bytes);
  void Date(std::int64_t days);
  void Timestamp(std::int64_t units, std::int64_t units_per_second);
  /// In quotes; `value` is 16 bytes, little-endian.
  void Decimal(const void* value, int scale);
  /// Digits of a decimal with its point, without quotes.
  void DecimalText(const void* value, int scale);

 private:
  char* Room(std::int64_t bytes) {
    if (limit_ - at_ < bytes) Grow(bytes);
    return at_;
  }
  void Grow(std::int64_t bytes);
  void Escaped(std::string_view text);

  std::string* out_;
  char* at_;
  char* limit_;
};

}  // namespace millrace::json
