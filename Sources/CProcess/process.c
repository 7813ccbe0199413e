#define _GNU_SOURCE
#include "CProcess.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Starting and ending exclude each other, so that nothing starts behind the back of who ends everything.
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
static int ended_for_good = 0;

// MARK: - Starting

static char **split(const char *list, int count) {
  char **words = malloc((count + 1) * sizeof *words);
  if (!words) return NULL;
  for (int i = 0; i < count; i++) {
    words[i] = (char *)list;
    list += strlen(list) + 1;
  }
  words[count] = NULL;
  return words;
}

// Runs in the child that shares our memory until it execs: system calls only.
static void become(
    const struct bobbin_process *process, char **arguments, char **environment, const char *oom_score, pid_t parent,
    volatile int *error) {
  struct sigaction plain;
  memset(&plain, 0, sizeof plain);
  plain.sa_handler = SIG_DFL;
  for (int s = 1; s < 65; s++) sigaction(s, &plain, NULL);
  if (process->new_session ? setsid() < 0 : setpgid(0, 0) < 0) goto failed;
  if (process->death_signal) {
    if (prctl(PR_SET_PDEATHSIG, process->death_signal) < 0) goto failed;
    if (getppid() != parent) goto failed;
  }
  int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  // Not vital, and not everywhere allowed.
  if (file >= 0) {
    ssize_t ignored = write(file, oom_score, strlen(oom_score));
    (void)ignored;
    close(file);
  }
  if (process->directory && chdir(process->directory) < 0) goto failed;
  // Out of the way of 0 to 3 first: ours may be any of them.
  int null = open("/dev/null", O_RDWR);
  if (null < 0) goto failed;
  int input = fcntl(null, F_DUPFD, 10);
  int output = fcntl(process->output, F_DUPFD, 10);
  int channel = process->channel < 0 ? -1 : fcntl(process->channel, F_DUPFD, 10);
  if (input < 0 || output < 0 || (process->channel >= 0 && channel < 0)) goto failed;
  if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) goto failed;
  if (channel >= 0 && dup2(channel, 3) < 0) goto failed;
  if (process->watch >= 0) {
    int code = bobbin_have_watched(process->watch);
    if (code) {
      *error = -code;
      _exit(127);
    }
  }
  unsigned first = channel >= 0 ? 4 : 3;
  if (syscall(SYS_close_range, first, ~0U, 0) < 0) {
    for (int fd = (int)first; fd < 4096; fd++) close(fd);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(process->path, arguments, environment);
failed:
  *error = errno ? errno : ECANCELED;
  _exit(127);
}

pid_t bobbin_spawn(const struct bobbin_process *process, int *error) {
  *error = 0;
  char **arguments = split(process->arguments, process->argument_count);
  char **environment = split(process->environment, process->environment_count);
  char oom_score[16];
  snprintf(oom_score, sizeof oom_score, "%d", process->oom_score);
  if (!arguments || !environment) {
    *error = ENOMEM;
    free(arguments);
    free(environment);
    return -1;
  }
  pthread_mutex_lock(&starting);
  pid_t child = -1;
  volatile int failure = 0;
  if (ended_for_good) {
    failure = ECANCELED;
  } else {
    // vfork: a worker may hold gigabytes, whose page tables a fork would copy. No handler of ours may run in
    // the child, so all signals are blocked meanwhile.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t parent = getpid();
    child = vfork();
    if (child == 0) become(process, arguments, environment, oom_score, parent, &failure);
    if (child < 0) failure = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (child > 0 && failure) {
      waitpid(child, NULL, 0);
      child = -1;
    }
  }
  pthread_mutex_unlock(&starting);
  free(arguments);
  free(environment);
  *error = failure;
  return child;
}

// MARK: - Ending

void bobbin_adopt_orphans(void) { prctl(PR_SET_CHILD_SUBREAPER, 1); }

int bobbin_has_children(void) {
  siginfo_t info;
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

int bobbin_wait(pid_t process, int milliseconds) {
  int file = (int)syscall(SYS_pidfd_open, process, 0);
  if (file >= 0) {
    struct pollfd end = {.fd = file, .events = POLLIN};
    int n = poll(&end, 1, milliseconds);
    close(file);
    return n > 0;
  }
  // Kernels before 5.3 and some containers have no such descriptors.
  for (int waited = 0;; waited += 2) {
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0) return 1;
    if (waited >= milliseconds) return 0;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
}

struct entry {
  pid_t pid, parent, session;
  char state;
  char target;
};

static int read_file(const char *path, char *buffer, size_t size) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  size_t n = 0;
  ssize_t got;
  while (n + 1 < size && (got = read(file, buffer + n, size - 1 - n)) > 0) n += (size_t)got;
  close(file);
  buffer[n] = 0;
  return (int)n;
}

// All processes; the caller frees.
static struct entry *snapshot(size_t *count) {
  *count = 0;
  DIR *proc = opendir("/proc");
  if (!proc) return NULL;
  size_t capacity = 512;
  struct entry *entries = malloc(capacity * sizeof *entries);
  struct dirent *item;
  while (entries && (item = readdir(proc))) {
    if (!isdigit((unsigned char)item->d_name[0])) continue;
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%.20s/stat", item->d_name);
    if (read_file(path, text, sizeof text) <= 0) continue;
    // The name stands in brackets and may hold any character, brackets too.
    char *rest = strrchr(text, ')');
    struct entry e = {.pid = (pid_t)atoi(item->d_name)};
    int group;
    if (!rest || sscanf(rest + 1, " %c %d %d %d", &e.state, &e.parent, &group, &e.session) != 4) continue;
    if (*count == capacity) {
      struct entry *more = realloc(entries, 2 * capacity * sizeof *entries);
      if (!more) break;
      entries = more;
      capacity *= 2;
    }
    entries[(*count)++] = e;
  }
  closedir(proc);
  return entries;
}

static int has_mark(pid_t pid, const char *mark, char *buffer, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/environ", pid);
  int n = read_file(path, buffer, size);
  for (int i = 0; i < n; i += (int)strlen(buffer + i) + 1) {
    if (strcmp(buffer + i, mark) == 0) return 1;
  }
  return 0;
}

// Makes targets of all below targets, but for `self`.
static void add_descendants(struct entry *entries, size_t n, pid_t self) {
  for (int grew = 1; grew;) {
    grew = 0;
    for (size_t i = 0; i < n; i++) {
      if (entries[i].target || entries[i].pid == self || entries[i].pid <= 1) continue;
      for (size_t j = 0; j < n; j++) {
        if (entries[j].target && entries[j].pid == entries[i].parent) {
          entries[i].target = 1;
          grew = 1;
          break;
        }
      }
    }
  }
}

static int is_dead(const struct entry *e) { return e->state == 'Z' || e->state == 'X'; }

// One round: kills what is there, reaps what it can; returns how many lived.
static int end_round(pid_t self, int own, pid_t session, const char *mark, char *buffer, size_t size) {
  size_t n;
  struct entry *entries = snapshot(&n);
  if (!entries) return 0;
  for (size_t i = 0; i < n; i++) {
    struct entry *e = &entries[i];
    if (e->pid == self || e->pid <= 1) continue;
    e->target = own ? e->parent == self : e->session == session || (mark && has_mark(e->pid, mark, buffer, size));
  }
  add_descendants(entries, n, self);
  int alive = 0;
  for (size_t i = 0; i < n; i++) {
    if (!entries[i].target) continue;
    if (!is_dead(&entries[i])) {
      alive++;
      kill(entries[i].pid, SIGKILL);
    }
    if (entries[i].parent == self) waitpid(entries[i].pid, NULL, WNOHANG);
  }
  free(entries);
  return alive;
}

// MARK: - Memory

static int64_t number_after(const char *label, const char *text) {
  const char *found = strstr(text, label);
  return found ? strtoll(found + strlen(label), NULL, 10) : -1;
}

// Its private memory, in bytes: cheaply, with pages that a fork shares counted for each; or with each page once.
static int64_t private_memory(pid_t pid, int exact, char *buffer, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, exact ? "smaps_rollup" : "statm");
  if (read_file(path, buffer, size) <= 0) return 0;
  if (exact) {
    int64_t kilobytes = number_after("\nPss_Anon:", buffer);
    return kilobytes < 0 ? private_memory(pid, 0, buffer, size) : kilobytes << 10;
  }
  long long total, resident, shared;
  if (sscanf(buffer, "%lld %lld %lld", &total, &resident, &shared) != 3) return 0;
  return (resident - shared) * sysconf(_SC_PAGESIZE);
}

int64_t bobbin_tree_memory(pid_t root, int64_t limit) {
  size_t n;
  struct entry *entries = snapshot(&n);
  if (!entries) return 0;
  for (size_t i = 0; i < n; i++) entries[i].target = entries[i].pid == root;
  add_descendants(entries, n, 0);
  char buffer[4096];
  int64_t sum = 0;
  for (int exact = 0; exact < 2; exact++) {
    sum = 0;
    for (size_t i = 0; i < n; i++) {
      if (entries[i].target) sum += private_memory(entries[i].pid, exact, buffer, sizeof buffer);
    }
    if (sum <= limit) break;
  }
  free(entries);
  return sum;
}

// MARK: - Ending everything

// Two quiet rounds in a row: one can miss who forks behind the reader's back.
static int end_all(int own, pid_t session, const char *mark) {
  size_t size = 1 << 18;
  char *buffer = malloc(size);
  if (!buffer) return -1;
  int alive = 0, quiet = 0;
  for (int round = 0; round < 400 && quiet < 2; round++) {
    alive = end_round(getpid(), own, session, mark, buffer, size);
    quiet = alive == 0 ? quiet + 1 : 0;
    if (alive) {
      struct timespec pause = {0, round < 5 ? 1000000 : 5000000};
      nanosleep(&pause, NULL);
    }
  }
  free(buffer);
  return alive;
}

int bobbin_end_descendants(int for_good) {
  pthread_mutex_lock(&starting);
  if (for_good) ended_for_good = 1;
  int alive = bobbin_has_children() ? end_all(1, 0, NULL) : 0;
  pthread_mutex_unlock(&starting);
  return alive;
}

int bobbin_end_session(pid_t session, const char *mark) { return end_all(0, session, mark); }

static volatile int channel_to_close = -1;

static void on_sigterm(int signal) {
  (void)signal;
  shutdown(channel_to_close, SHUT_RDWR);
}

void bobbin_close_on_sigterm(int channel) {
  channel_to_close = channel;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_sigterm;
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, NULL);
}

// MARK: - The C library's macros

void bobbin_line_buffer_output(void) { setvbuf(stdout, NULL, _IOLBF, 0); }

int bobbin_flush_output(void) {
  int failed = fflush(NULL) != 0 || ferror(stdout) || ferror(stderr);
  clearerr(stdout);
  clearerr(stderr);
  return failed;
}

int bobbin_exit_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

int bobbin_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

const char *bobbin_signal_name(int signal) {
  switch (signal) {
    case SIGKILL: return "SIGKILL";
    case SIGSEGV: return "SIGSEGV";
    case SIGABRT: return "SIGABRT";
    case SIGILL: return "SIGILL";
    case SIGTRAP: return "SIGTRAP";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGTERM: return "SIGTERM";
    case SIGINT: return "SIGINT";
    case SIGHUP: return "SIGHUP";
    case SIGPIPE: return "SIGPIPE";
    case SIGXCPU: return "SIGXCPU";
    case SIGXFSZ: return "SIGXFSZ";
    default: return "a signal";
  }
}

int bobbin_copy_file(const char *from, const char *to) {
  int source = open(from, O_RDONLY | O_CLOEXEC);
  if (source < 0) return errno;
  int copy = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (copy < 0) {
    int code = errno;
    close(source);
    return code;
  }
  int code = 0;
  if (ioctl(copy, FICLONE, source) < 0) {
    ssize_t n;
    while ((n = copy_file_range(source, NULL, copy, NULL, 1 << 30, 0)) > 0) {}
    if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
      // Filesystems that can't: by hand, from where it stopped.
      static __thread char buffer[1 << 16];
      while ((n = read(source, buffer, sizeof buffer)) > 0) {
        for (ssize_t done = 0; done < n;) {
          ssize_t written = write(copy, buffer + done, (size_t)(n - done));
          if (written < 0) {
            n = -1;
            break;
          }
          done += written;
        }
        if (n < 0) break;
      }
    }
    if (n < 0) code = errno;
  }
  if (close(copy) < 0 && !code) code = errno;
  close(source);
  return code;
}

const char *bobbin_instruction_set(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq"))
    return "avx512";
  if (__builtin_cpu_supports("avx2")) return "avx2";
  if (__builtin_cpu_supports("sse4.2")) return "sse4.2";
  return "baseline";
#elif defined(__aarch64__)
  return "neon";
#else
  return "baseline";
#endif
}

const char *bobbin_c_library_version(void) { return gnu_get_libc_version(); }
