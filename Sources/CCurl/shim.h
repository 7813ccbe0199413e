// libcurl's options are set by a variadic function, which Swift can't call: one function for each type that is used.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

typedef size_t (*bobbin_curl_sink)(char *bytes, size_t size, size_t count, void *context);
typedef int (*bobbin_curl_watch)(void *context, curl_off_t total, curl_off_t received, curl_off_t, curl_off_t);

static inline CURLcode bobbin_curl_number(CURL *curl, CURLoption option, long value) {
  return curl_easy_setopt(curl, option, value);
}
static inline CURLcode bobbin_curl_offset(CURL *curl, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(curl, option, value);
}
static inline CURLcode bobbin_curl_text(CURL *curl, CURLoption option, const char *value) {
  return curl_easy_setopt(curl, option, value);
}
static inline CURLcode bobbin_curl_pointer(CURL *curl, CURLoption option, void *value) {
  return curl_easy_setopt(curl, option, value);
}
static inline CURLcode bobbin_curl_on_bytes(CURL *curl, CURLoption option, bobbin_curl_sink sink) {
  return curl_easy_setopt(curl, option, sink);
}
static inline CURLcode bobbin_curl_on_progress(CURL *curl, bobbin_curl_watch watch) {
  return curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
}
static inline long bobbin_curl_status(CURL *curl) {
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return status;
}
