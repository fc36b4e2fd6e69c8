#include "http/token_fetch.h"

#include <algorithm>
#include <utility>

#include "base/mutex.h"
#include "env/file.h"
#include "http/oauth2.h"

namespace millrace {
namespace {

/// What TokenOfFile gives. Thread-safe.
class FileToken {
 public:
  FileToken(std::string path, std::string token) : path_(std::move(path)), token_(std::move(token)) {}

  Result<std::string> Get(const std::string& refused) {
    if (!IsRefused(refused)) return Held();
    MR_ASSIGN_OR_RETURN(std::string token, Read());  // which may take its time: others go on meanwhile
    const MutexLock lock(mutex_);
    if (token == token_)
      return Status::PermissionDenied("the file '" + path_ + "' still has that token; write a new one there");
    token_ = std::move(token);
    return token_;
  }

 private:
  bool IsRefused(const std::string& refused) {
    const MutexLock lock(mutex_);
    return !refused.empty() && refused == token_;
  }
  std::string Held() {
    const MutexLock lock(mutex_);
    return token_;
  }
  Result<std::string> Read() const {
    Result<std::string> content = ReadFile(path_);
    if (!content.ok()) return Status::PermissionDenied("no other token: " + content.status().message());
    if (content->ends_with('\n')) content->pop_back();
    if (content->ends_with('\r')) content->pop_back();
    // It becomes a part of a header.
    const bool broken = std::any_of(content->begin(), content->end(),
                                    [](char c) { return static_cast<unsigned char>(c) < ' '; });
    if (content->empty() || broken)
      return Status::PermissionDenied("the file '" + path_ +
                                      "' has no token: it is empty, or of several lines");
    return content;
  }

  const std::string path_;
  Mutex mutex_;
  std::string token_;  // guarded by mutex_
};

}  // namespace

TokenFetch FixedToken(std::string token) {
  return [token = std::move(token)](const std::string& refused, const TokenDone& done) {
    if (refused.empty()) return done(token);
    done(Status::PermissionDenied("there is no other token"));
  };
}

TokenFetch TokenOfFile(std::string path, std::string token) {
  return [held = std::make_shared<FileToken>(std::move(path), std::move(token))](
             const std::string& refused, const TokenDone& done) { done(held->Get(refused)); };
}

TokenFetch TokensOf(std::shared_ptr<TokenSource> source) {
  return [source = std::move(source)](const std::string& refused, TokenDone done) {
    source->Get(refused, std::move(done));
  };
}

}  // namespace millrace
