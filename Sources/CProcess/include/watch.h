// Owns watching which files a process and all that it starts ask the system for: seccomp(2)'s notifications, which hold
// a call until it is granted. It changes nothing of what they get, and knows nothing of what the files mean.
#pragma once

#include <stdint.h>

/// What is asked for.
enum bobbin_call {
  BOBBIN_OPEN,
  BOBBIN_EXECUTE,
  /// Whether there is something, and what.
  BOBBIN_LOOK,
  /// To put a file there, which had another name.
  BOBBIN_PUT,
};

/// A call that waits to be granted.
struct bobbin_request {
  uint64_t id;
  enum bobbin_call call;
  /// Those of open(2).
  int flags;
  /// What is there, as stat(2) says, times in nanoseconds; 0: nothing.
  int mode;
  int64_t size, modified, changed, inode, device;
  /// An absolute path, in the process's own view of the file system; empty where it can't be read.
  char path[4096];
};

/// From now on this process's calls, and those of all it starts, wait for who calls `bobbin_watch` on the other end of
/// `socket`. System calls only. Returns 0 or an errno.
int bobbin_have_watched(int socket);

/// Waits for the process at the other end. Returns the descriptor that its requests come by; -1 when there is none.
int bobbin_watch(int socket);

/// Waits at most so many milliseconds for a request. Returns 1 for one, which has to be granted; 0 for none; -1 when none
/// will come, since all who could ask have ended.
int bobbin_next_request(int listener, int milliseconds, struct bobbin_request *_Nonnull request);

void bobbin_grant_request(int listener, uint64_t id);
