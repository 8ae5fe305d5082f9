/*
 * sandbox: the system calls that are closed altogether, by what they are for. Those that are closed for some arguments
 * only are in sandbox_seccomp.c. Names that a kernel or an architecture does not have are left out.
 */
#include "common/net/sandbox_parts.h"

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

const struct sandbox_calls sandbox_calls[] = {
    /* The network. */
    {SANDBOX_CONNECT | SANDBOX_UNIX, NAMES("connect")},
    {SANDBOX_CONNECT, NAMES("bind")}, /* UDP from a random port */
    {SANDBOX_ACCEPT, NAMES("accept", "accept4")},
    {SANDBOX_LISTEN, NAMES("listen")},

    /* Metadata and content by path: Landlock's oldest versions know nothing of these, newer ones not of all. */
    {0, NAMES("truncate", "truncate64", "chmod", "fchmodat", "fchmodat2", "chown", "chown32", "lchown", "lchown32",
              "fchownat", "utime", "utimes", "utimensat", "utimensat_time64", "futimesat", "mknod", "mknodat")},
    {0, NAMES("setxattr", "lsetxattr", "fsetxattr", "setxattrat", "removexattr", "lremovexattr", "fremovexattr",
              "removexattrat", "getxattr", "lgetxattr", "getxattrat", "listxattr", "llistxattr", "listxattrat",
              "file_getattr", "file_setattr")},
    {SANDBOX_LOCK_OWNER, NAMES("ftruncate", "ftruncate64", "fchmod", "fchown", "fchown32", "fallocate")},
    {0, NAMES("name_to_handle_at", "open_by_handle_at", "quotactl", "quotactl_fd")},
    {0, NAMES("fanotify_init", "fanotify_mark")},
    {SANDBOX_WATCH, NAMES("inotify_add_watch")},

    /* Other processes. clone and kill depend on arguments. */
    {SANDBOX_FORK, NAMES("fork", "vfork")},
    {SANDBOX_EXEC, NAMES("execve", "execveat")},
    {0, NAMES("tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")},
    {SANDBOX_SIGNAL, NAMES("pidfd_open", "pidfd_send_signal")},
    {0, NAMES("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "pidfd_getfd",
              "kcmp", "migrate_pages", "move_pages", "ioprio_set", "sched_setaffinity", "sched_setattr",
              "sched_setparam", "sched_setscheduler")},
    /* Objects of the whole machine that two sessions of the same user could meet at. */
    {0, NAMES("shmget", "shmat", "shmctl", "shmdt", "msgget", "msgsnd", "msgrcv", "msgctl", "semget", "semop",
              "semtimedop", "semtimedop_time64", "semctl", "ipc", "mq_open", "mq_unlink", "mq_timedsend",
              "mq_timedsend_time64", "mq_timedreceive", "mq_timedreceive_time64", "mq_notify", "mq_getsetattr")},
    {0, NAMES("add_key", "keyctl", "request_key")},

    /* Who the process is and where. */
    {0, NAMES("setuid", "setuid32", "setgid", "setgid32", "setreuid", "setreuid32", "setregid", "setregid32",
              "setresuid", "setresuid32", "setresgid", "setresgid32", "setfsuid", "setfsuid32", "setfsgid",
              "setfsgid32", "setgroups", "setgroups32", "personality", "lsm_set_self_attr")},
    {0, NAMES("unshare", "setns", "chroot", "pivot_root", "mount", "umount", "umount2", "mount_setattr", "move_mount",
              "open_tree", "open_tree_attr", "fsopen", "fsconfig", "fsmount", "fspick", "statmount", "listmount")},

    /* The machine. */
    {0, NAMES("reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module",
              "create_module", "swapon", "swapoff", "sethostname", "setdomainname", "settimeofday", "stime",
              "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64", "adjtimex", "syslog", "acct",
              "vhangup", "iopl", "ioperm", "modify_ldt", "uselib", "nfsservctl", "_sysctl", "lookup_dcookie")},
    /* Large parts of the kernel that no part of us needs. */
    {0, NAMES("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
              "io_setup", "io_submit", "io_pgetevents", "io_pgetevents_time64", "io_getevents", "io_cancel",
              "io_destroy", "remap_file_pages", "vmsplice")},
    {0, NULL},
};
