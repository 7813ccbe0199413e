#define CURL_DISABLE_TYPECHECK
#include "transfers.h"

#include <dlfcn.h>

static struct {
  __typeof__(&curl_global_init) global_init;
  __typeof__(&curl_easy_init) init;
  __typeof__(&curl_easy_cleanup) cleanup;
  __typeof__(&curl_easy_perform) perform;
  __typeof__(&curl_easy_strerror) strerror;
  CURLcode (*setopt)(CURL *, CURLoption, ...);
  CURLcode (*getinfo)(CURL *, CURLINFO, ...);
} library;

const char *bobbin_curl_load(void) {
  void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!handle) return dlerror();
  *(void **)&library.global_init = dlsym(handle, "curl_global_init");
  *(void **)&library.init = dlsym(handle, "curl_easy_init");
  *(void **)&library.cleanup = dlsym(handle, "curl_easy_cleanup");
  *(void **)&library.perform = dlsym(handle, "curl_easy_perform");
  *(void **)&library.strerror = dlsym(handle, "curl_easy_strerror");
  *(void **)&library.setopt = dlsym(handle, "curl_easy_setopt");
  *(void **)&library.getinfo = dlsym(handle, "curl_easy_getinfo");
  if (!library.global_init || !library.init || !library.cleanup || !library.perform || !library.strerror
      || !library.setopt || !library.getinfo)
    return "libcurl.so.4 lacks a function";
  return library.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? NULL : "libcurl doesn't begin";
}

CURL *bobbin_curl_begin(void) { return library.init(); }
void bobbin_curl_end(CURL *curl) { library.cleanup(curl); }
CURLcode bobbin_curl_perform(CURL *curl) { return library.perform(curl); }
const char *bobbin_curl_text_of(CURLcode code) { return library.strerror(code); }

CURLcode bobbin_curl_number(CURL *curl, CURLoption option, long value) {
  return library.setopt(curl, option, value);
}

CURLcode bobbin_curl_offset(CURL *curl, CURLoption option, curl_off_t value) {
  return library.setopt(curl, option, value);
}

CURLcode bobbin_curl_text(CURL *curl, CURLoption option, const char *value) {
  return library.setopt(curl, option, value);
}

CURLcode bobbin_curl_pointer(CURL *curl, CURLoption option, void *value) {
  return library.setopt(curl, option, value);
}

CURLcode bobbin_curl_on_bytes(CURL *curl, CURLoption option, bobbin_curl_sink sink) {
  return library.setopt(curl, option, sink);
}

CURLcode bobbin_curl_on_progress(CURL *curl, bobbin_curl_watch watch) {
  return library.setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
}

long bobbin_curl_status(CURL *curl) {
  long status = 0;
  library.getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return status;
}
