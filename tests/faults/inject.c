/*
 * Runs a command and lets the n-th system call that changes the file system go wrong.
 *
 * Usage: inject [-f FAULT] [-n N] [-t SECONDS] [-l LOG] -r REPORT -- COMMAND [ARGUMENT]...
 *
 * A filter (seccomp, RET_TRACE) stops each process and thread of the command only at the calls that
 * matter, and this program, which traces all of them (ptrace), counts over all of them together.
 * So it sees what a library that is loaded before others does not: calls that the C library makes
 * for itself, those of static programs, and those made without the C library.
 *
 * FAULT:
 *   count                     nothing: all calls are counted
 *   kill                      SIGKILL to all processes of the command, before the call is made
 *   kill-first                SIGKILL to the process that was started; the others go on
 *   int, term, hup            that signal to the process group, as a terminal sends it
 *   ENOSPC EROFS EACCES EIO EXDEV EMLINK   the call fails so; only calls that can are counted
 *   the same with a "+"       it and all later ones fail so
 *
 * REPORT gets lines KEY=VALUE: calls (counted), reached (0 or 1), status (as a shell has it),
 * hung (1: ended by this program after SECONDS), and call, path, program of the call that was hit.
 * LOG gets a line for each counted call: number, what it can fail with (the sum of FULL, ...), name,
 * path, second path, program, between tabs.
 *
 * Sources: ptrace(2), seccomp(2), seccomp_unotify(2); Linux on x86-64 only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if !defined(__linux__) || !defined(__x86_64__)
#error "for Linux on x86-64 only"
#endif

/* What can go wrong with a call. */
enum { FULL = 1, READ_ONLY = 2, DENIED = 4, OTHER_DISK = 8, BROKEN = 16, LINKS = 32 };
#define PATHS (READ_ONLY | DENIED | BROKEN)
#define MAKES (PATHS | FULL)
/* Which of a call's arguments is what. NONE where there is no such argument. */
enum { NONE = -1, HERE = -2 };

struct call {
  int number;
  const char *name;
  int faults;
  /* arguments: file descriptor of a file; or folder and path; then folder and path of the second one */
  int fd, at, path, at2, path2;
  /* arguments: flags of open */
  int flags;
};

#define ON_FD(f) f, NONE, NONE, NONE, NONE, NONE
#define ON_PATH(a, p) NONE, a, p, NONE, NONE, NONE
#define ON_TWO(a, p, b, q) NONE, a, p, b, q, NONE

static const struct call calls[] = {
  {SYS_open, "open", MAKES, NONE, HERE, 0, NONE, NONE, 1},
  {SYS_creat, "creat", MAKES, ON_PATH(HERE, 0)},
  {SYS_openat, "openat", MAKES, NONE, 0, 1, NONE, NONE, 2},
  {SYS_mkdir, "mkdir", MAKES, ON_PATH(HERE, 0)},
  {SYS_mkdirat, "mkdirat", MAKES, ON_PATH(0, 1)},
  {SYS_mknod, "mknod", MAKES, ON_PATH(HERE, 0)},
  {SYS_mknodat, "mknodat", MAKES, ON_PATH(0, 1)},
  {SYS_rmdir, "rmdir", PATHS, ON_PATH(HERE, 0)},
  {SYS_unlink, "unlink", PATHS, ON_PATH(HERE, 0)},
  {SYS_unlinkat, "unlinkat", PATHS, ON_PATH(0, 1)},
  {SYS_symlink, "symlink", MAKES, ON_PATH(HERE, 1)},
  {SYS_symlinkat, "symlinkat", MAKES, ON_PATH(1, 2)},
  {SYS_link, "link", MAKES | OTHER_DISK | LINKS, ON_TWO(HERE, 0, HERE, 1)},
  {SYS_linkat, "linkat", MAKES | OTHER_DISK | LINKS, ON_TWO(0, 1, 2, 3)},
  {SYS_rename, "rename", MAKES | OTHER_DISK, ON_TWO(HERE, 0, HERE, 1)},
  {SYS_renameat, "renameat", MAKES | OTHER_DISK, ON_TWO(0, 1, 2, 3)},
  {SYS_renameat2, "renameat2", MAKES | OTHER_DISK, ON_TWO(0, 1, 2, 3)},
  {SYS_chmod, "chmod", PATHS, ON_PATH(HERE, 0)},
  {SYS_fchmod, "fchmod", READ_ONLY | BROKEN, ON_FD(0)},
  {SYS_fchmodat, "fchmodat", PATHS, ON_PATH(0, 1)},
  {452, "fchmodat2", PATHS, ON_PATH(0, 1)},
  {SYS_chown, "chown", PATHS, ON_PATH(HERE, 0)},
  {SYS_lchown, "lchown", PATHS, ON_PATH(HERE, 0)},
  {SYS_fchown, "fchown", READ_ONLY | BROKEN, ON_FD(0)},
  {SYS_fchownat, "fchownat", PATHS, ON_PATH(0, 1)},
  {SYS_truncate, "truncate", MAKES, ON_PATH(HERE, 0)},
  {SYS_ftruncate, "ftruncate", FULL | BROKEN, ON_FD(0)},
  {SYS_fallocate, "fallocate", FULL | BROKEN, ON_FD(0)},
  {SYS_utime, "utime", PATHS, ON_PATH(HERE, 0)},
  {SYS_utimes, "utimes", PATHS, ON_PATH(HERE, 0)},
  {SYS_futimesat, "futimesat", PATHS, ON_PATH(0, 1)},
  {SYS_utimensat, "utimensat", PATHS, ON_PATH(0, 1)},
  {SYS_setxattr, "setxattr", MAKES, ON_PATH(HERE, 0)},
  {SYS_lsetxattr, "lsetxattr", MAKES, ON_PATH(HERE, 0)},
  {SYS_fsetxattr, "fsetxattr", FULL | READ_ONLY | BROKEN, ON_FD(0)},
  {SYS_write, "write", FULL | BROKEN, ON_FD(0)},
  {SYS_pwrite64, "pwrite64", FULL | BROKEN, ON_FD(0)},
  {SYS_writev, "writev", FULL | BROKEN, ON_FD(0)},
  {SYS_pwritev, "pwritev", FULL | BROKEN, ON_FD(0)},
  {SYS_pwritev2, "pwritev2", FULL | BROKEN, ON_FD(0)},
  {SYS_sendfile, "sendfile", FULL | BROKEN, ON_FD(0)},
  {SYS_copy_file_range, "copy_file_range", FULL | BROKEN | OTHER_DISK, ON_FD(2)},
  {SYS_splice, "splice", FULL | BROKEN, ON_FD(2)},
  {SYS_ioctl, "ioctl", FULL | BROKEN | OTHER_DISK, ON_FD(0)},
  {SYS_fsync, "fsync", FULL | BROKEN, ON_FD(0)},
  {SYS_fdatasync, "fdatasync", FULL | BROKEN, ON_FD(0)},
  {SYS_syncfs, "syncfs", FULL | BROKEN, ON_FD(0)},
};
#define CALLS ((int)(sizeof calls / sizeof calls[0]))
#define CHANGES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static const struct {
  const char *name;
  int number, mask;
} errors[] = {
  {"ENOSPC", ENOSPC, FULL},  {"EROFS", EROFS, READ_ONLY},   {"EACCES", EACCES, DENIED},
  {"EIO", EIO, BROKEN},      {"EXDEV", EXDEV, OTHER_DISK},  {"EMLINK", EMLINK, LINKS},
};

static pid_t first;
static long counted, wanted = -1;
static int is_reached, is_hung, is_killing, first_status = -1;
static FILE *log_file, *report_file;

static void die(const char *what) {
  fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
  exit(125);
}

/* Lets the kernel stop this process, and those that it starts, at the calls. */
static void install_filter(void) {
  struct sock_filter filter[8 * CALLS + 8];
  int n = 0;
  filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
  filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
  filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  for (int i = 0; i < CALLS; i++) {
    unsigned offset = 0, value = 0;
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    if (calls[i].flags != NONE) {
      offset = (unsigned)offsetof(struct seccomp_data, args) + 8U * (unsigned)calls[i].flags;
      value = CHANGES;
    } else if (calls[i].number == SYS_ioctl) {
      /* 0x9409 and 0x940d: FICLONE and FICLONERANGE */
      offset = (unsigned)offsetof(struct seccomp_data, args) + 8U;
    }
    if (value) {
      filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, 0, 3);
      filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
      filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, value, 0, 1);
    } else if (offset) {
      filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, 0, 4);
      filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
      filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FICLONE, 1, 0);
      filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FICLONERANGE, 0, 1);
    } else {
      filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, 0, 1);
    }
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  }
  filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {(unsigned short)n, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
    die("seccomp");
  }
}

static unsigned long long argument(const struct user_regs_struct *registers, int number) {
  const unsigned long long all[] = {registers->rdi, registers->rsi, registers->rdx,
                                    registers->r10, registers->r8,  registers->r9};
  return all[number];
}

static void read_link(char *text, size_t size, const char *format, pid_t pid, int fd) {
  char place[64];
  snprintf(place, sizeof place, format, (int)pid, fd);
  ssize_t length = readlink(place, text, size - 1);
  text[length > 0 ? length : 0] = 0;
}

/* Writes the absolute path that a pair of arguments names. */
static void read_path(char *text, size_t size, pid_t pid, const struct user_regs_struct *registers, int at, int path) {
  char name[PATH_MAX] = "", folder[PATH_MAX] = "";
  unsigned long long address = argument(registers, path);
  /* Up to the end of each page: the next one may not be there. */
  for (size_t got = 0; got < sizeof name - 1 && address;) {
    size_t part = 4096 - (size_t)((address + got) % 4096);
    if (part > sizeof name - 1 - got) {
      part = sizeof name - 1 - got;
    }
    struct iovec here = {name + got, part}, there = {(void *)(address + got), part};
    ssize_t length = process_vm_readv(pid, &here, 1, &there, 1, 0);
    if (length <= 0 || memchr(name + got, 0, (size_t)length)) {
      break;
    }
    got += (size_t)length;
  }
  if (name[0] != '/') {
    int fd = at == HERE ? AT_FDCWD : (int)argument(registers, at);
    if (fd == AT_FDCWD) {
      read_link(folder, sizeof folder, "/proc/%d/cwd", pid, 0);
    } else {
      read_link(folder, sizeof folder, "/proc/%d/fd/%d", pid, fd);
    }
  }
  snprintf(text, size, "%s%s%s", folder, folder[0] && name[0] ? "/" : "", name);
}

static int is_regular(pid_t pid, int fd) {
  char place[64];
  struct stat about;
  snprintf(place, sizeof place, "/proc/%d/fd/%d", (int)pid, fd);
  return stat(place, &about) == 0 && (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode));
}

static int is_device(const char *path) {
  return strncmp(path, "/dev/", 5) == 0 ? strncmp(path, "/dev/shm/", 9) != 0 : strncmp(path, "/proc/", 6) == 0;
}

/* The part of a path behind the first line break is left out: a log has one line for a call. */
static void cut(char *text) {
  for (; *text; text++) {
    if (*text == '\n' || *text == '\t') {
      *text = '?';
    }
  }
}

static void kill_all(pid_t pid) {
  is_killing = 1;
  kill(-first, SIGKILL);
  kill(first, SIGKILL);
  kill(pid, SIGKILL);
}

/* At a call: counts it, and does what is to be done at it. */
static void at_call(pid_t pid, const char *fault) {
  static char path[2 * PATH_MAX], second[2 * PATH_MAX], program[PATH_MAX];
  struct user_regs_struct registers;
  const struct call *call = NULL;
  size_t length = strlen(fault);
  int lasts = length && fault[length - 1] == '+', error = 0, mask = 0, may;
  if (ptrace(PTRACE_GETREGS, pid, 0, &registers)) {
    return;
  }
  for (int i = 0; i < CALLS; i++) {
    if ((long long)registers.orig_rax == calls[i].number) {
      call = &calls[i];
    }
  }
  if (!call) {
    return;
  }
  path[0] = second[0] = 0;
  may = call->faults;
  if (call->fd != NONE) {
    int fd = (int)argument(&registers, call->fd);
    if (!is_regular(pid, fd)) {
      return;
    }
    read_link(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
  } else {
    read_path(path, sizeof path, pid, &registers, call->at, call->path);
    if (call->path2 != NONE) {
      read_path(second, sizeof second, pid, &registers, call->at2, call->path2);
    }
    if (call->flags != NONE && !(argument(&registers, call->flags) & O_CREAT)) {
      may &= ~FULL;
    }
  }
  if (is_device(path)) {
    return;
  }
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
    if (strncmp(fault, errors[i].name, length - (size_t)lasts) == 0 && strlen(errors[i].name) == length - (size_t)lasts) {
      error = errors[i].number;
      mask = errors[i].mask;
    }
  }
  if (error && !(may & mask)) {
    return;
  }
  counted++;
  read_link(program, sizeof program, "/proc/%d/exe", pid, 0);
  cut(path);
  cut(second);
  if (log_file) {
    fprintf(log_file, "%ld\t%d\t%s\t%s\t%s\t%s\n", counted, may, call->name, path, second, program);
  }
  if (wanted < 1 || counted < wanted || (counted > wanted && !lasts)) {
    return;
  }
  if (counted == wanted) {
    is_reached = 1;
    fprintf(report_file, "call=%s\npath=%s%s%s\nprogram=%s\n", call->name, path, second[0] ? " -> " : "", second, program);
  }
  if (error) {
    registers.orig_rax = (unsigned long long)-1;
    registers.rax = (unsigned long long)-error;
    ptrace(PTRACE_SETREGS, pid, 0, &registers);
  } else if (strcmp(fault, "kill") == 0) {
    kill_all(pid);
  } else if (strcmp(fault, "kill-first") == 0) {
    kill(first, SIGKILL);
  } else if (strcmp(fault, "int") == 0) {
    kill(-first, SIGINT);
  } else if (strcmp(fault, "term") == 0) {
    kill(-first, SIGTERM);
  } else if (strcmp(fault, "hup") == 0) {
    kill(-first, SIGHUP);
  }
}

static void on_alarm(int signal_number) {
  (void)signal_number;
  is_hung = 1;
}

int main(int argc, char **argv) {
  const char *fault = "count", *report = NULL, *log_path = NULL;
  int option, go_on[2], status;
  unsigned seconds = 120;
  while ((option = getopt(argc, argv, "+f:n:t:l:r:")) != -1) {
    if (option == 'f') {
      fault = optarg;
    } else if (option == 'n') {
      wanted = atol(optarg);
    } else if (option == 't') {
      seconds = (unsigned)atol(optarg);
    } else if (option == 'l') {
      log_path = optarg;
    } else if (option == 'r') {
      report = optarg;
    } else {
      return 125;
    }
  }
  if (!report || optind >= argc || pipe2(go_on, O_CLOEXEC)) {
    fprintf(stderr, "usage: inject [-f FAULT] [-n N] [-t SECONDS] [-l LOG] -r REPORT -- COMMAND...\n");
    return 125;
  }
  if (!(report_file = fopen(report, "we")) || (log_path && !(log_file = fopen(log_path, "we")))) {
    die(report);
  }
  first = fork();
  if (first < 0) {
    die("fork");
  }
  if (first == 0) {
    char byte;
    setsid();
    /* Whoever started this may ignore them, as a shell does for what runs in the background. */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    close(go_on[1]);
    if (read(go_on[0], &byte, 1) != 1) {
      _exit(125);
    }
    install_filter();
    execvp(argv[optind], argv + optind);
    die(argv[optind]);
  }
  close(go_on[0]);
  if (ptrace(PTRACE_SEIZE, first, 0,
             PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACESECCOMP |
               PTRACE_O_EXITKILL)) {
    die("ptrace");
  }
  if (write(go_on[1], "x", 1) != 1) {
    die("pipe");
  }
  struct sigaction action = {.sa_handler = on_alarm};
  sigaction(SIGALRM, &action, NULL);
  alarm(seconds);
  for (;;) {
    pid_t pid = waitpid(-1, &status, __WALL);
    if (is_hung && !is_killing) {
      kill_all(first);
    }
    if (pid < 0) {
      if (errno == EINTR) {
        continue;
      }
      break;
    }
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (pid == first) {
        first_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      continue;
    }
    if (is_killing) {
      kill(pid, SIGKILL);
      ptrace(PTRACE_CONT, pid, 0, 0);
      continue;
    }
    int event = status >> 16, number = WSTOPSIG(status);
    if (event == PTRACE_EVENT_SECCOMP) {
      at_call(pid, fault);
      ptrace(PTRACE_CONT, pid, 0, 0);
    } else if (event == PTRACE_EVENT_STOP && number != SIGTRAP) {
      ptrace(PTRACE_LISTEN, pid, 0, 0);
    } else {
      ptrace(PTRACE_CONT, pid, 0, event ? 0 : number);
    }
  }
  fprintf(report_file, "calls=%ld\nreached=%d\nhung=%d\nstatus=%d\n", counted, is_reached, is_hung, first_status);
  fclose(report_file);
  return first_status < 0 ? 125 : first_status;
}
