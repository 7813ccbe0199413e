// Owns Bobbin's view of libcurl, which is loaded when it is first used: it brings two dozen other libraries, and few
// programs that start download anything. Its options are set by a variadic function, which Swift can't call: there is
// one function here for each type that is used.
#pragma once

#include <curl/curl.h>

#pragma clang assume_nonnull begin

/// Loads libcurl and has it begin. Returns NULL, or what is wrong. Call it before anything else here, from one thread.
const char *_Nullable bobbin_curl_load(void);

CURL *_Nullable bobbin_curl_begin(void);
void bobbin_curl_end(CURL *curl);
CURLcode bobbin_curl_perform(CURL *curl);
const char *bobbin_curl_text_of(CURLcode code);

CURLcode bobbin_curl_number(CURL *curl, CURLoption option, long value);
CURLcode bobbin_curl_offset(CURL *curl, CURLoption option, curl_off_t value);
CURLcode bobbin_curl_text(CURL *curl, CURLoption option, const char *value);
CURLcode bobbin_curl_pointer(CURL *curl, CURLoption option, void *value);
typedef size_t (*bobbin_curl_sink)(char *bytes, size_t size, size_t count, void *_Nullable context);
CURLcode bobbin_curl_on_bytes(CURL *curl, CURLoption option, bobbin_curl_sink sink);
typedef int (*bobbin_curl_watch)(
    void *_Nullable context, curl_off_t total, curl_off_t received, curl_off_t upload_total, curl_off_t uploaded);
CURLcode bobbin_curl_on_progress(CURL *curl, bobbin_curl_watch watch);
/// The status of the last answer; 0 where there was none.
long bobbin_curl_status(CURL *curl);

#pragma clang assume_nonnull end
