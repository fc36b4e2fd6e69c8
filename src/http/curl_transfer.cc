#include "http/curl_transfer.h"

#include <utility>

#include "base/check.h"
#include "base/duration.h"

namespace millrace {
namespace {

/// Bound of a response's headers.
constexpr std::int64_t kMaxHeaderBytes = 64 << 10;

/// Sets one option. These never fail but for lack of memory.
template <typename Value>
void Set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  MR_CHECK(code == CURLE_OK) << "libcurl option " << static_cast<int>(option) << ": "
                             << curl_easy_strerror(code);
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() &&
         (text.back() == ' ' || text.back() == '\t' || text.back() == '\r' || text.back() == '\n')) {
    text.remove_suffix(1);
  }
  return text;
}

bool HasLineBreak(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

bool IsHttpUrl(std::string_view url) { return url.starts_with("http://") || url.starts_with("https://"); }

}  // namespace

CurlTransfer::CurlTransfer(ClientRequest request, HttpClient::Done done, EasyHandle easy)
    : request_(std::move(request)), done_(std::move(done)), easy_(std::move(easy)) {
  MR_CHECK(easy_ != nullptr) << "libcurl has no memory";
}

EasyHandle CurlTransfer::TakeEasy() {
  curl_easy_reset(easy_.get());
  return std::move(easy_);
}

Status CurlTransfer::AddHeader(const std::string& line) {
  if (HasLineBreak(line))
    return Status::InvalidArgument("a header of an HTTP request has a line break in it");
  curl_slist* const longer = curl_slist_append(header_lines_.get(), line.c_str());
  MR_CHECK(longer != nullptr) << "libcurl has no memory";
  (void)header_lines_.release();
  header_lines_.reset(longer);
  return Status::Ok();
}

void CurlTransfer::SetMethod() {
  CURL* const easy = easy_.get();
  if (request_.method == "HEAD") return Set(easy, CURLOPT_NOBODY, 1L);
  if (request_.method != "GET" || !request_.body.empty()) {
    Set(easy, CURLOPT_POST, 1L);
    Set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    Set(easy, CURLOPT_POSTFIELDS, request_.body.data());
  }
  Set(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

Status CurlTransfer::Prepare(const HttpClientOptions& options, const Redactor& redactor) {
  if (!IsHttpUrl(request_.url) || HasLineBreak(request_.url) || HasLineBreak(request_.method)) {
    return Status::InvalidArgument("'" + redactor(request_.url) +
                                   "' is no URL for an HTTP request; it begins with https:// or http://");
  }
  CURL* const easy = easy_.get();
  max_body_ = options.max_body.value();
  Set(easy, CURLOPT_URL, request_.url.c_str());
  Set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  Set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  Set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  Set(easy, CURLOPT_PROXY, options.proxy.c_str());
  Set(easy, CURLOPT_NOSIGNAL, 1L);
  Set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  Set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  Set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  Set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  Set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.ca_file.empty()) {
    Set(easy, CURLOPT_CAINFO, options.ca_file.c_str());
    Set<const char*>(easy, CURLOPT_CAPATH, nullptr);  // nobody else's word counts
  }
  Set(easy, CURLOPT_ERRORBUFFER, error_.data());
  Set(easy, CURLOPT_WRITEFUNCTION, &CurlTransfer::OnBody);
  Set<void*>(easy, CURLOPT_WRITEDATA, this);
  Set(easy, CURLOPT_HEADERFUNCTION, &CurlTransfer::OnHeader);
  Set<void*>(easy, CURLOPT_HEADERDATA, this);
  SetMethod();
  // No pause before a large body, and no type that the caller did not give.
  MR_RETURN_IF_ERROR(AddHeader("Expect:"));
  if (FindHeader(request_.headers, "Content-Type") == nullptr) MR_RETURN_IF_ERROR(AddHeader("Content-Type:"));
  if (FindHeader(request_.headers, "User-Agent") == nullptr)
    MR_RETURN_IF_ERROR(AddHeader("User-Agent: millrace"));
  for (const auto& [name, value] : request_.headers) MR_RETURN_IF_ERROR(AddHeader(name + ": " + value));
  Set(easy, CURLOPT_HTTPHEADER, header_lines_.get());
  return Status::Ok();
}

std::size_t CurlTransfer::OnBody(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  std::string& body = transfer.response_.body;
  if (static_cast<std::int64_t>(body.size() + size * count) > transfer.max_body_) {
    transfer.too_large_ = true;
    return 0;  // ends the transfer
  }
  body.append(bytes, size * count);
  return size * count;
}

std::size_t CurlTransfer::OnHeader(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const std::string_view line(bytes, size * count);
  transfer.header_bytes_ += static_cast<std::int64_t>(line.size());
  if (transfer.header_bytes_ > kMaxHeaderBytes) {
    transfer.too_large_ = true;
    return 0;
  }
  HttpHeaders& headers = transfer.response_.headers;
  if (line.starts_with("HTTP/")) headers.clear();  // what came before belongs to an interim response
  if (const std::size_t colon = line.find(':');
      colon != std::string_view::npos && !line.starts_with("HTTP/")) {
    headers.emplace_back(Trimmed(line.substr(0, colon)), Trimmed(line.substr(colon + 1)));
  }
  return line.size();
}

Result<ClientResponse> CurlTransfer::Outcome(CURLcode code, const HttpClientOptions& options,
                                             const Redactor& redactor) {
  if (code == CURLE_OK) {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    return std::move(response_);
  }
  const std::string reason = error_[0] == '\0' ? curl_easy_strerror(code) : error_.data();
  const auto message = [&](const std::string& why) { return redactor(what() + ": " + why); };
  if (too_large_) {
    return Status(StatusCode::kResourceExhausted, ErrorClass::kRetryable,
                  message("the response is larger than " + FormatByteSize(options.max_body)));
  }
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Status::Timeout(message("no answer in time: " + reason));
    case CURLE_URL_MALFORMAT:
      return Status::InvalidArgument(message("this is no URL for an HTTP request: " + reason));
    case CURLE_SSL_CACERT_BADFILE:
      return Status::InvalidArgument(message("'" + options.ca_file + "' holds no certificates: " + reason));
    case CURLE_PEER_FAILED_VERIFICATION:
      return Status::Unavailable(message("the server's certificate is not accepted: " + reason));
    default:
      return Status::Unavailable(message(reason));
  }
}

}  // namespace millrace
