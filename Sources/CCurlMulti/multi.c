#define CURL_DISABLE_TYPECHECK
#include "multi.h"

#include <dlfcn.h>

static struct {
  __typeof__(&curl_multi_init) init;
  __typeof__(&curl_multi_cleanup) cleanup;
  __typeof__(&curl_multi_add_handle) add;
  __typeof__(&curl_multi_remove_handle) remove;
  __typeof__(&curl_multi_perform) perform;
  __typeof__(&curl_multi_poll) poll;
  __typeof__(&curl_multi_info_read) info_read;
  __typeof__(&curl_multi_strerror) strerror;
  __typeof__(&curl_easy_reset) reset;
  __typeof__(&curl_easy_pause) pause;
  __typeof__(&curl_slist_append) append;
  __typeof__(&curl_slist_free_all) free_all;
  CURLMcode (*setopt)(CURLM *, CURLMoption, ...);
  CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
  CURLcode (*getinfo)(CURL *, CURLINFO, ...);
} library;

const char *bobbin_multi_load(void) {
  const char *problem = bobbin_curl_load();
  if (problem) return problem;
  void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!handle) return dlerror();
  *(void **)&library.init = dlsym(handle, "curl_multi_init");
  *(void **)&library.cleanup = dlsym(handle, "curl_multi_cleanup");
  *(void **)&library.add = dlsym(handle, "curl_multi_add_handle");
  *(void **)&library.remove = dlsym(handle, "curl_multi_remove_handle");
  *(void **)&library.perform = dlsym(handle, "curl_multi_perform");
  *(void **)&library.poll = dlsym(handle, "curl_multi_poll");
  *(void **)&library.info_read = dlsym(handle, "curl_multi_info_read");
  *(void **)&library.strerror = dlsym(handle, "curl_multi_strerror");
  *(void **)&library.reset = dlsym(handle, "curl_easy_reset");
  *(void **)&library.pause = dlsym(handle, "curl_easy_pause");
  *(void **)&library.append = dlsym(handle, "curl_slist_append");
  *(void **)&library.free_all = dlsym(handle, "curl_slist_free_all");
  *(void **)&library.setopt = dlsym(handle, "curl_multi_setopt");
  *(void **)&library.easy_setopt = dlsym(handle, "curl_easy_setopt");
  *(void **)&library.getinfo = dlsym(handle, "curl_easy_getinfo");
  if (!library.init || !library.cleanup || !library.add || !library.remove || !library.perform || !library.poll
      || !library.info_read || !library.strerror || !library.reset || !library.pause || !library.append || !library.free_all
      || !library.setopt || !library.easy_setopt || !library.getinfo)
    return "libcurl.so.4 lacks a function; 7.85 or later is needed";
  return NULL;
}

CURLM *bobbin_multi_begin(long connections) {
  CURLM *multi = library.init();
  if (multi) library.setopt(multi, CURLMOPT_MAXCONNECTS, connections);
  return multi;
}

void bobbin_multi_end(CURLM *multi) { library.cleanup(multi); }
CURLMcode bobbin_multi_add(CURLM *multi, CURL *curl) { return library.add(multi, curl); }
CURLMcode bobbin_multi_remove(CURLM *multi, CURL *curl) { return library.remove(multi, curl); }

CURLMcode bobbin_multi_perform(CURLM *multi) {
  int running;
  return library.perform(multi, &running);
}

CURLMcode bobbin_multi_poll(CURLM *multi, int milliseconds) {
  return library.poll(multi, NULL, 0, milliseconds, NULL);
}

CURL *bobbin_multi_ended(CURLM *multi, CURLcode *code) {
  int left;
  CURLMsg *message;
  while ((message = library.info_read(multi, &left))) {
    if (message->msg != CURLMSG_DONE) continue;
    *code = message->data.result;
    return message->easy_handle;
  }
  return NULL;
}

const char *bobbin_multi_text_of(CURLMcode code) { return library.strerror(code); }

void bobbin_curl_reset(CURL *curl) { library.reset(curl); }
CURLcode bobbin_curl_continue(CURL *curl) { return library.pause(curl, CURLPAUSE_CONT); }

CURLcode bobbin_curl_on_seek(CURL *curl, bobbin_curl_seek seek) {
  return library.easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek);
}

bobbin_lines *bobbin_lines_with(bobbin_lines *lines, const char *line) { return library.append(lines, line); }
void bobbin_lines_free(bobbin_lines *lines) { library.free_all(lines); }

curl_off_t bobbin_curl_length(CURL *curl) {
  curl_off_t length = -1;
  library.getinfo(curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  return length;
}
