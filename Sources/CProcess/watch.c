#define _GNU_SOURCE
#include "watch.h"

#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#else
#error "which system calls open files is known for x86-64 and arm64 only"
#endif

// Of Linux 5.19: a signal that doesn't end the process waits until its request is answered.
#define WAIT_KILLABLE (1UL << 5)

#define FIELD(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, action)
// A call that is told.
#define TOLD(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), ANSWER(SECCOMP_RET_USER_NOTIF)
// A call that is told unless it concerns a descriptor: `fstat` is one of these, and frequent.
#define TOLD_OF_PATHS(call, flags)                                                                          \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4), FIELD(args[flags]),                                      \
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, AT_EMPTY_PATH, 0, 1), ANSWER(SECCOMP_RET_ALLOW),                 \
      ANSWER(SECCOMP_RET_USER_NOTIF)

static const struct sock_filter instructions[] = {
    FIELD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0),
    ANSWER(SECCOMP_RET_ALLOW),
    FIELD(nr),
    TOLD(SYS_openat),
    TOLD_OF_PATHS(SYS_newfstatat, 3),
    TOLD_OF_PATHS(SYS_statx, 2),
    TOLD(SYS_faccessat),
    TOLD(SYS_faccessat2),
    TOLD(SYS_execve),
    TOLD(SYS_execveat),
    TOLD(SYS_openat2),
    TOLD(SYS_renameat),
    TOLD(SYS_renameat2),
    TOLD(SYS_linkat),
#if defined(__x86_64__)
    TOLD(SYS_open),
    TOLD(SYS_creat),
    TOLD(SYS_stat),
    TOLD(SYS_lstat),
    TOLD(SYS_access),
    TOLD(SYS_rename),
    TOLD(SYS_link),
#endif
    ANSWER(SECCOMP_RET_ALLOW),
};

// MARK: - In the process that is going to be watched

int bobbin_have_watched(int socket) {
  struct sock_fprog filter = {
      .len = sizeof instructions / sizeof *instructions, .filter = (struct sock_filter *)instructions};
  // Without it only root may have a filter.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return errno;
  unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | WAIT_KILLABLE, &filter);
  if (listener < 0 && errno == EINVAL) {
    listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
  }
  if (listener < 0) return errno;
  char byte = 0;
  struct iovec content = {&byte, 1};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr aligned;
  } control;
  memset(&control, 0, sizeof control);
  struct msghdr message = {
      .msg_iov = &content, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &listener, sizeof listener);
  return sendmsg(socket, &message, MSG_NOSIGNAL) == 1 ? 0 : errno;
}

// MARK: - In the process that watches

int bobbin_watch(int socket) {
  char byte;
  struct iovec content = {&byte, 1};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr aligned;
  } control;
  struct msghdr message = {
      .msg_iov = &content, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t n;
  while ((n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {}
  struct cmsghdr *header = n == 1 ? CMSG_FIRSTHDR(&message) : NULL;
  if (!header || header->cmsg_type != SCM_RIGHTS) return -1;
  int listener;
  memcpy(&listener, CMSG_DATA(header), sizeof listener);
  return listener;
}

// Copies a text of another process; false where there is none of at most `size` bytes.
static int read_text(pid_t process, uint64_t address, char *text, size_t size) {
  size_t done = 0;
  while (done < size) {
    // Not beyond a page: the next one may not be there.
    size_t part = 256 - (address + done) % 256;
    if (part > size - done) part = size - done;
    struct iovec mine = {text + done, part}, theirs = {(void *)(uintptr_t)(address + done), part};
    ssize_t n = process_vm_readv(process, &mine, 1, &theirs, 1, 0);
    if (n <= 0) return 0;
    if (memchr(text + done, 0, (size_t)n)) return 1;
    done += (size_t)n;
  }
  return 0;
}

// Puts the folder that relative paths start from before a path.
static int make_absolute(pid_t process, int folder, char *path, size_t size) {
  if (path[0] == '/') return 1;
  char link[64], base[4096];
  if (folder == AT_FDCWD) {
    snprintf(link, sizeof link, "/proc/%d/cwd", process);
  } else {
    snprintf(link, sizeof link, "/proc/%d/fd/%d", process, folder);
  }
  ssize_t n = readlink(link, base, sizeof base - 1);
  size_t length = strlen(path);
  if (n <= 0 || base[0] != '/' || (size_t)n + 1 + length + 1 > size) return 0;
  memmove(path + n + 1, path, length + 1);
  memcpy(path, base, (size_t)n);
  path[n] = '/';
  return 1;
}

int bobbin_next_request(int listener, int milliseconds, struct bobbin_request *request) {
  struct pollfd ready = {.fd = listener, .events = POLLIN};
  int n = poll(&ready, 1, milliseconds);
  if (n < 0) return errno == EINTR ? 0 : -1;
  if (n == 0) return 0;
  if (!(ready.revents & POLLIN)) return -1;
  // Kernels may know more of a request than these headers do.
  union {
    struct seccomp_notif known;
    char room[256];
  } call;
  memset(&call, 0, sizeof call);
  // Who asked may have ended since.
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call.known) < 0) return errno == ENOENT || errno == EINTR ? 0 : -1;
  const struct seccomp_data *data = &call.known.data;
  request->id = call.known.id;
  request->call = BOBBIN_LOOK;
  request->flags = 0;
  request->mode = 0;
  request->path[0] = 0;
  int folder = AT_FDCWD;
  uint64_t path = data->args[0];
  switch (data->nr) {
    case SYS_openat:
      request->call = BOBBIN_OPEN;
      folder = (int)data->args[0];
      path = data->args[1];
      request->flags = (int)data->args[2];
      break;
    case SYS_openat2: {
      request->call = BOBBIN_OPEN;
      folder = (int)data->args[0];
      path = data->args[1];
      uint64_t flags = 0;
      struct iovec mine = {&flags, sizeof flags}, theirs = {(void *)(uintptr_t)data->args[2], sizeof flags};
      process_vm_readv((pid_t)call.known.pid, &mine, 1, &theirs, 1, 0);
      request->flags = (int)flags;
      break;
    }
    case SYS_execve: request->call = BOBBIN_EXECUTE; break;
    case SYS_execveat:
      request->call = BOBBIN_EXECUTE;
      folder = (int)data->args[0];
      path = data->args[1];
      break;
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_linkat:
      request->call = BOBBIN_PUT;
      folder = (int)data->args[2];
      path = data->args[3];
      break;
    case SYS_newfstatat:
    case SYS_statx:
    case SYS_faccessat:
    case SYS_faccessat2:
      folder = (int)data->args[0];
      path = data->args[1];
      break;
#if defined(__x86_64__)
    case SYS_open:
      request->call = BOBBIN_OPEN;
      request->flags = (int)data->args[1];
      break;
    case SYS_creat:
      request->call = BOBBIN_OPEN;
      request->flags = O_WRONLY | O_CREAT | O_TRUNC;
      break;
    case SYS_rename:
    case SYS_link:
      request->call = BOBBIN_PUT;
      path = data->args[1];
      break;
#endif
    default: break;
  }
  pid_t process = (pid_t)call.known.pid;
  // What a process that has ended is asked for isn't its own any more.
  if (!read_text(process, path, request->path, sizeof request->path) ||
      !make_absolute(process, folder, request->path, sizeof request->path) ||
      ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &request->id) < 0) {
    request->path[0] = 0;
    return 1;
  }
  if (request->call == BOBBIN_OPEN && request->flags & O_PATH) request->call = BOBBIN_LOOK;
  char seen[sizeof request->path + 32];
  struct stat status;
  snprintf(seen, sizeof seen, "/proc/%d/root%s", process, request->path);
  if (stat(seen, &status) == 0) {
    request->mode = (int)status.st_mode;
    request->size = status.st_size;
    request->modified = status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec;
    request->changed = status.st_ctim.tv_sec * INT64_C(1000000000) + status.st_ctim.tv_nsec;
    request->inode = (int64_t)status.st_ino;
    request->device = (int64_t)status.st_dev;
  }
  return 1;
}

void bobbin_grant_request(int listener, uint64_t id) {
  struct seccomp_notif_resp answer = {.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}
