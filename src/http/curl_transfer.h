#pragma once

#include <array>
#include <memory>
#include <string>

#include <curl/curl.h>

#include "http/client.h"

namespace millrace {

struct EasyCleanup {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using EasyHandle = std::unique_ptr<CURL, EasyCleanup>;

/// One request under way, on one easy handle of libcurl. One owner: the client's thread.
class CurlTransfer {
 public:
  CurlTransfer(ClientRequest request, HttpClient::Done done, EasyHandle easy);
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  /// Sets every option of the handle. Errors: user error for a request that cannot be sent.
  Status Prepare(const HttpClientOptions& options, const Redactor& redactor);

  /// The response, or the error that `code` stands for.
  Result<ClientResponse> Outcome(CURLcode code, const HttpClientOptions& options, const Redactor& redactor);

  /// "POST https://host/path?access_token=...": not redacted.
  std::string what() const { return request_.method + " " + request_.url; }
  CURL* easy() const { return easy_.get(); }
  HttpClient::Done TakeDone() { return std::move(done_); }
  /// For the next request: holds no option of this one. Afterwards only to be destroyed.
  EasyHandle TakeEasy();

 private:
  struct ListCleanup {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  static std::size_t OnBody(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t OnHeader(char* bytes, std::size_t size, std::size_t count, void* self);
  Status AddHeader(const std::string& line);
  void SetMethod();

  ClientRequest request_;
  HttpClient::Done done_;
  EasyHandle easy_;
  std::unique_ptr<curl_slist, ListCleanup> header_lines_;
  std::array<char, CURL_ERROR_SIZE> error_{};

  ClientResponse response_;
  std::int64_t max_body_ = 0;
  std::int64_t header_bytes_ = 0;
  bool too_large_ = false;
};

}  // namespace millrace
