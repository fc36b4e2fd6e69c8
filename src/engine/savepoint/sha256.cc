#include "engine/savepoint/sha256.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include <arrow/io/file.h>
#include <arrow/result.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "base/hex.h"
#include "env/file.h"

namespace millrace {
namespace {

constexpr std::int64_t kReadBytes = 1 << 20;

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) {
    MR_CHECK(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void Add(const void* bytes, std::size_t size) {
    MR_CHECK(EVP_DigestUpdate(context_.get(), bytes, size) == 1);
  }
  std::string Hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    MR_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1);
    return millrace::Hex({reinterpret_cast<const char*>(digest.data()), size});
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  const std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace

std::string Sha256Of(std::string_view bytes) {
  Digest digest;
  digest.Add(bytes.data(), bytes.size());
  return digest.Hex();
}

Result<std::string> Sha256OfFile(const std::string& path) {
  if (!PathExists(path)) return Status::NotFound("there is no file " + path);
  const auto file = arrow::io::ReadableFile::Open(path);
  if (!file.ok()) return Status::Io("cannot read " + path + ": " + file.status().message());
  std::vector<char> part(kReadBytes);
  Digest digest;
  while (true) {
    const auto read = (*file)->Read(kReadBytes, part.data());
    if (!read.ok()) return Status::Io("cannot read " + path + ": " + read.status().message());
    if (*read == 0) return digest.Hex();
    digest.Add(part.data(), static_cast<std::size_t>(*read));
  }
}

}  // namespace millrace
