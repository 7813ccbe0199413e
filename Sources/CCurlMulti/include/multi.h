// Owns Bobbin's view of libcurl's multi interface: many transfers at once on one thread. Apart from CCurl, which decides
// what stages download and so stands in their keys; remotes convey bytes, and may change without a rerun.
#pragma once

#include <transfers.h>

#pragma clang assume_nonnull begin

/// Loads what CCurl has and the functions here. Returns NULL, or what is wrong. Call it before anything else here, from
/// one thread.
const char *_Nullable bobbin_multi_load(void);

/// Many transfers; at most `connections` stay open between them.
CURLM *_Nullable bobbin_multi_begin(long connections);
void bobbin_multi_end(CURLM *multi);
CURLMcode bobbin_multi_add(CURLM *multi, CURL *curl);
CURLMcode bobbin_multi_remove(CURLM *multi, CURL *curl);
/// Does what can be done without waiting.
CURLMcode bobbin_multi_perform(CURLM *multi);
/// Waits until something can be done.
CURLMcode bobbin_multi_poll(CURLM *multi, int milliseconds);
/// A transfer that has ended, and how; NULL when there is none. Each is given once.
CURL *_Nullable bobbin_multi_ended(CURLM *multi, CURLcode *code);
const char *bobbin_multi_text_of(CURLMcode code);

/// Forgets all options; connections stay.
void bobbin_curl_reset(CURL *curl);
/// Goes on with a transfer that paused itself.
CURLcode bobbin_curl_continue(CURL *curl);
typedef int (*bobbin_curl_seek)(void *_Nullable context, curl_off_t offset, int origin);
CURLcode bobbin_curl_on_seek(CURL *curl, bobbin_curl_seek seek);
typedef struct curl_slist bobbin_lines;
/// `lines` with one more; NULL, and nothing changed, when there is no memory.
bobbin_lines *_Nullable bobbin_lines_with(bobbin_lines *_Nullable lines, const char *line);
void bobbin_lines_free(bobbin_lines *_Nullable lines);
/// The length that the last answer's body has, or would have; -1 where that is unknown.
curl_off_t bobbin_curl_length(CURL *curl);

#pragma clang assume_nonnull end
