// Owns the few system calls around processes that Swift can't make safely or at all: starting one (vfork), ending
// everything below one, and what the C library keeps in macros. It knows nothing of jobs.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "watch.h"

/// A process to start.
struct bobbin_process {
  /// The program's file.
  const char *_Nonnull path;
  /// Each argument, and each NAME=value, ended by its NUL, and how many there are; any may be empty. `arguments` starts
  /// with argument zero.
  const char *_Nonnull arguments;
  int argument_count;
  const char *_Nonnull environment;
  int environment_count;
  /// Where it starts; NULL: where the caller is.
  const char *_Nullable directory;
  /// What becomes descriptor 1 and 2; 0 is /dev/null.
  int output;
  /// What becomes descriptor 3; -1: nothing. All others are closed.
  int channel;
  /// A socket at whose other end somebody watches what it and all it starts ask for (`bobbin_watch`); -1: nobody does.
  int watch;
  /// Whether it leads a session of its own; otherwise it leads a process group of its own.
  int new_session;
  /// The signal that it gets when the thread that started it ends; 0: none.
  int death_signal;
  /// What /proc/self/oom_score_adj gets: 1000 is the first to go.
  int oom_score;
};

/// Starts a process with every signal at its default. Returns its id, or -1 with `errno` in `*error` (of the exec
/// too, so an id means that the program runs); its negative where the process can't be watched.
pid_t bobbin_spawn(const struct bobbin_process *_Nonnull process, int *_Nonnull error);

/// Orphans below this process become its children instead of init's.
void bobbin_adopt_orphans(void);

/// Whether this process has children, ended but unreaped ones included.
int bobbin_has_children(void);

/// Waits until a child has ended, at most so many milliseconds. Returns whether it has; it isn't reaped.
int bobbin_wait(pid_t process, int milliseconds);

/// Kills and reaps everything below this process. With `for_good`, nothing can be started any more.
/// Returns how many were alive at the end of its patience (2 s): 0, if nothing is wrong with the system.
int bobbin_end_descendants(int for_good);

/// Kills (and reaps, if they are this process's children) all processes of a session, all whose environment
/// has `mark` (`NAME=value`), and all below those; never this process. Returns as the above.
int bobbin_end_session(pid_t session, const char *_Nonnull mark);

/// The private memory (heap, stacks: what can't be dropped and read again) in bytes of a process and all below it.
/// Pages that forked processes share are counted once, unless the sum is within `limit` without that.
int64_t bobbin_tree_memory(pid_t root, int64_t limit);

/// Makes SIGTERM shut down descriptor `channel`, so that who reads it sees its end.
void bobbin_close_on_sigterm(int channel);

/// Makes standard output line-buffered, so that a crash loses nothing.
void bobbin_line_buffer_output(void);
/// Returns whether something printed since the last call was lost.
int bobbin_flush_output(void);

/// Copies a file into a new one, sharing blocks where the filesystem can. Returns 0 or an errno.
int bobbin_copy_file(const char *_Nonnull from, const char *_Nonnull to);

/// How a process ended: its exit status or -1, its signal or 0.
int bobbin_exit_status(int status);
int bobbin_signal(int status);
/// `SIGKILL`; "a signal" when it has no name.
const char *_Nonnull bobbin_signal_name(int signal);

/// The widest vector instructions of this processor: avx512, avx2, sse4.2, neon, or baseline.
const char *_Nonnull bobbin_instruction_set(void);

/// The version of the C library that this process has loaded: 2.36.
const char *_Nonnull bobbin_c_library_version(void);
