/*
 * Numbers the file events below a folder, ends the process at one of them, or has the disk full from one on. To be preloaded:
 * file_events.py compiles it and says what the variables are. They are read at every event, so that a process that was forked may
 * set its own.
 *
 * An event is what changes names or contents: a file created or emptied, bytes written, a file cut or lengthened, renamed, linked
 * or removed, a folder made or removed; and fsync, where a file system may say late that it is full. Not seen: writes through a
 * shared map, and what passes no symbol that can be replaced: writes of C's stdio (numpy's `tofile`), system calls that are
 * compiled in (the rename by which safetensors ends a file). `unseen` in file_events.py finds such files.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* A line of the log, the same length for all: where a line ends says which number it has. */
#define RECORD 512

#define REAL(name)                                                        \
    ({                                                                    \
        static __typeof__(&name) real;                                    \
        if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);     \
        real;                                                             \
    })

/* --------------------------------------------------------------------------------------------------------------- settings */

static const char *setting(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static long number_of(const char *name) {
    const char *value = setting(name);
    return value ? atol(value) : 0;
}

/* ------------------------------------------------------------------------------------------------------------------- paths */

/* The absolute path of what an open file or folder is; "" where it has none. */
static void path_of_descriptor(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
}

/* The absolute path of a name that is relative to a folder that is open (or AT_FDCWD). */
static void absolute(int folder, const char *name, char *path) {
    path[0] = 0;
    if (name[0] != '/') {
        if (folder != AT_FDCWD)
            path_of_descriptor(folder, path);
        else if (!getcwd(path, PATH_MAX))
            return;
        strncat(path, "/", PATH_MAX - strlen(path) - 1);
    }
    strncat(path, name, PATH_MAX - strlen(path) - 1);
}

/* What a path is called below the folder that is watched, the folder itself "."; NULL outside. */
static const char *watched(const char *path) {
    const char *root = setting("FILE_EVENTS_ROOT");
    size_t length = root ? strlen(root) : 0;
    if (!root || strncmp(path, root, length) != 0 || (path[length] != '/' && path[length] != 0)) return NULL;
    return path[length] ? path + length + 1 : ".";
}

/* ------------------------------------------------------------------------------------------------------------------ events */

static void die(void) {
    kill(setting("FILE_EVENTS_GROUP") ? 0 : getpid(), SIGKILL);
    for (;;) pause();
}

/* Appends a line to the log and gives its number, from 1, among those of all processes that share the log. */
static long numbered(const char *kind, size_t bytes, const char *name) {
    char record[RECORD + 1];
    int length = snprintf(record, sizeof record, "%d %s %zu %s", getpid(), kind, bytes, name);
    if (length > RECORD - 1) length = RECORD - 1;
    memset(record + length, ' ', RECORD - 1 - length);
    record[RECORD - 1] = '\n';
    const char *log = setting("FILE_EVENTS_LOG");
    int descriptor = log ? (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (descriptor < 0 || syscall(SYS_write, descriptor, record, RECORD) != RECORD) abort();
    long end = lseek(descriptor, 0, SEEK_CUR);
    syscall(SYS_close, descriptor);
    return end / RECORD;
}

struct fate {
    bool is_refused; /* for want of space */
    size_t bytes;    /* that may be written */
    bool is_last;    /* the process ends after these */
};

/* What becomes of an event, which may be the process's last. Of `bytes`, half are written where the end comes amid them. */
static struct fate fate_of(const char *kind, bool adds, size_t bytes, const char *name) {
    struct fate fate = {false, bytes, false};
    int kept = errno;
    long number = numbered(kind, bytes, name);
    long full_at = number_of("FILE_EVENTS_FULL_AT");
    bool is_half = number == number_of("FILE_EVENTS_HALF_AT");
    if (number == number_of("FILE_EVENTS_KILL_AT") || (is_half && bytes < 2)) die();
    if (is_half) {
        fate.bytes = bytes / 2;
        fate.is_last = true;
    } else if (adds && full_at && number >= full_at) {
        fate.bytes = number == full_at ? bytes / 2 : 0;
        fate.is_refused = fate.bytes == 0;
    }
    errno = kept;
    return fate;
}

static int refused(void) {
    errno = ENOSPC;
    return -1;
}

static bool exists(int folder, const char *name) {
    int kept = errno;
    bool found = faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    errno = kept;
    return found;
}

/* Of a name that is made (`adds`) or removed; nothing where it is already there, or gone. */
static struct fate fate_of_name(const char *kind, bool adds, int folder, const char *name) {
    char path[PATH_MAX];
    struct fate nothing = {false, 0, false};
    if (!setting("FILE_EVENTS_ROOT") || exists(folder, name) == adds) return nothing;
    absolute(folder, name, path);
    const char *inside = watched(path);
    return inside ? fate_of(kind, adds, 0, inside) : nothing;
}

/* Of a change to two names. */
static struct fate fate_of_names(const char *kind, int folder, const char *name, int new_folder, const char *new_name) {
    char path[PATH_MAX], new_path[PATH_MAX], both[2 * PATH_MAX + 8];
    struct fate nothing = {false, 0, false};
    if (!setting("FILE_EVENTS_ROOT") || !exists(folder, name)) return nothing;
    absolute(folder, name, path);
    absolute(new_folder, new_name, new_path);
    const char *inside = watched(path), *new_inside = watched(new_path);
    if (!inside && !new_inside) return nothing;
    snprintf(both, sizeof both, "%s -> %s", inside ? inside : path, new_inside ? new_inside : new_path);
    return fate_of(kind, false, 0, both);
}

/* Of a change to an open file. */
static struct fate fate_of_open(const char *kind, bool adds, int descriptor, size_t bytes) {
    char path[PATH_MAX];
    if (!setting("FILE_EVENTS_ROOT")) return (struct fate){false, bytes, false};
    if (strcmp(kind, "write") == 0 && bytes == 0) return (struct fate){false, 0, false};
    int kept = errno;
    path_of_descriptor(descriptor, path);
    errno = kept;
    const char *inside = watched(path);
    return inside ? fate_of(kind, adds, bytes, inside) : (struct fate){false, bytes, false};
}

/* Of an opening, which is an event where it makes a file or empties one. */
static struct fate fate_of_opening(int folder, const char *name, int flags) {
    struct fate nothing = {false, 0, false};
    if (!(flags & (O_CREAT | O_TRUNC)) || !setting("FILE_EVENTS_ROOT")) return nothing;
    if (!exists(folder, name)) return fate_of_name("create", true, folder, name);
    bool is_emptied = (flags & O_TRUNC) && !(flags & O_EXCL);
    return is_emptied ? fate_of_name("empty", false, folder, name) : nothing;
}

/* ----------------------------------------------------------------------------------------------------------------- opening */

#define MODE(flags)                                       \
    ({                                                    \
        mode_t mode = 0;                                  \
        if ((flags) & (O_CREAT | __O_TMPFILE)) {          \
            va_list rest;                                 \
            va_start(rest, flags);                        \
            mode = va_arg(rest, mode_t);                  \
            va_end(rest);                                 \
        }                                                 \
        mode;                                             \
    })

#define OPEN(name)                                                                     \
    int name(const char *path, int flags, ...) {                                       \
        mode_t mode = MODE(flags);                                                     \
        if (fate_of_opening(AT_FDCWD, path, flags).is_refused) return refused();       \
        return REAL(name)(path, flags, mode);                                          \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                   \
    int name(int folder, const char *path, int flags, ...) {                           \
        mode_t mode = MODE(flags);                                                     \
        if (fate_of_opening(folder, path, flags).is_refused) return refused();         \
        return REAL(name)(folder, path, flags, mode);                                  \
    }
OPENAT(openat)
OPENAT(openat64)

#define CREAT(name)                                                                                \
    int name(const char *path, mode_t mode) {                                                      \
        if (fate_of_opening(AT_FDCWD, path, O_CREAT | O_TRUNC).is_refused) return refused();       \
        return REAL(name)(path, mode);                                                             \
    }
CREAT(creat)
CREAT(creat64)

#define FOPEN(name)                                                                                    \
    FILE *name(const char *path, const char *mode) {                                                   \
        int flags = mode[0] == 'w' ? O_CREAT | O_TRUNC : mode[0] == 'a' ? O_CREAT : 0;                 \
        if (fate_of_opening(AT_FDCWD, path, flags).is_refused) return refused(), (FILE *)NULL;         \
        return REAL(name)(path, mode);                                                                 \
    }
FOPEN(fopen)
FOPEN(fopen64)

/* ----------------------------------------------------------------------------------------------------------------- writing */

/* Does as much as fate allows, `call` being the real call for so many bytes. */
#define WRITING(kind, descriptor, total, call)                             \
    struct fate fate = fate_of_open(kind, true, descriptor, total);        \
    if (fate.is_refused) return refused();                                 \
    size_t bytes = fate.bytes;                                             \
    ssize_t done = call;                                                   \
    if (fate.is_last) die();                                               \
    return done;

ssize_t write(int descriptor, const void *data, size_t size) {
    WRITING("write", descriptor, size, REAL(write)(descriptor, data, bytes))
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
    WRITING("write", descriptor, size, REAL(pwrite)(descriptor, data, bytes, offset))
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
    WRITING("write", descriptor, size, REAL(pwrite64)(descriptor, data, bytes, offset))
}

/* Callers ask for more than a file holds, of which no half would be less than all. */
static size_t at_most_left(int from, const off64_t *offset, size_t size) {
    struct stat what;
    off64_t begin = offset ? *offset : lseek64(from, 0, SEEK_CUR);
    if (fstat(from, &what) || begin < 0 || begin > what.st_size) return size;
    size_t left = what.st_size - begin;
    return left < size ? left : size;
}

ssize_t sendfile(int descriptor, int from, off_t *offset, size_t size) {
    size = at_most_left(from, offset, size);
    WRITING("write", descriptor, size, REAL(sendfile)(descriptor, from, offset, bytes))
}

ssize_t sendfile64(int descriptor, int from, off64_t *offset, size_t size) {
    size = at_most_left(from, offset, size);
    WRITING("write", descriptor, size, REAL(sendfile64)(descriptor, from, offset, bytes))
}

ssize_t copy_file_range(int from, off64_t *from_offset, int descriptor, off64_t *offset, size_t size, unsigned int flags) {
    size = at_most_left(from, from_offset, size);
    WRITING("write", descriptor, size, REAL(copy_file_range)(from, from_offset, descriptor, offset, bytes, flags))
}

static size_t total_of(const struct iovec *parts, int count) {
    size_t total = 0;
    for (int part = 0; part < count; part++) total += parts[part].iov_len;
    return total;
}

/* The first `bytes` bytes of the parts, and how many parts that is. */
static int cut(const struct iovec *parts, int count, size_t bytes, struct iovec *kept) {
    int part = 0;
    for (; part < count && part < IOV_MAX && bytes; part++) {
        kept[part] = parts[part];
        if (kept[part].iov_len > bytes) kept[part].iov_len = bytes;
        bytes -= kept[part].iov_len;
    }
    return part;
}

#define WRITEV(name, offset_parameter, offset_argument)                                                           \
    ssize_t name(int descriptor, const struct iovec *parts, int count offset_parameter) {                         \
        struct iovec kept[IOV_MAX];                                                                               \
        WRITING("write", descriptor, total_of(parts, count),                                                      \
                REAL(name)(descriptor, kept, cut(parts, count, bytes, kept) offset_argument))                     \
    }
#define COMMA ,
WRITEV(writev, , )
WRITEV(pwritev, COMMA off_t offset, COMMA offset)
WRITEV(pwritev64, COMMA off64_t offset, COMMA offset)

#define FTRUNCATE(name, offset_type)                                                                       \
    int name(int descriptor, offset_type size) {                                                           \
        struct stat before;                                                                                \
        bool adds = fstat(descriptor, &before) == 0 && before.st_size < size;                              \
        if (fate_of_open("truncate", adds, descriptor, 0).is_refused) return refused();                    \
        return REAL(name)(descriptor, size);                                                               \
    }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

#define FALLOCATE(name, offset_type)                                                                       \
    int name(int descriptor, offset_type offset, offset_type size) {                                       \
        if (fate_of_open("allocate", true, descriptor, 0).is_refused) return ENOSPC;                       \
        return REAL(name)(descriptor, offset, size);                                                       \
    }
FALLOCATE(posix_fallocate, off_t)
FALLOCATE(posix_fallocate64, off64_t)

#define FSYNC(name)                                                                                        \
    int name(int descriptor) {                                                                             \
        struct stat what;                                                                                  \
        bool is_file = fstat(descriptor, &what) == 0 && S_ISREG(what.st_mode);                             \
        if (fate_of_open("fsync", is_file, descriptor, 0).is_refused) return refused();                    \
        return REAL(name)(descriptor);                                                                     \
    }
FSYNC(fsync)
FSYNC(fdatasync)

/* ------------------------------------------------------------------------------------------------------------------- names */

int rename(const char *name, const char *new_name) {
    fate_of_names("rename", AT_FDCWD, name, AT_FDCWD, new_name);
    return REAL(rename)(name, new_name);
}

int renameat(int folder, const char *name, int new_folder, const char *new_name) {
    fate_of_names("rename", folder, name, new_folder, new_name);
    return REAL(renameat)(folder, name, new_folder, new_name);
}

int renameat2(int folder, const char *name, int new_folder, const char *new_name, unsigned int flags) {
    fate_of_names("rename", folder, name, new_folder, new_name);
    return REAL(renameat2)(folder, name, new_folder, new_name, flags);
}

int link(const char *name, const char *new_name) {
    fate_of_names("link", AT_FDCWD, name, AT_FDCWD, new_name);
    return REAL(link)(name, new_name);
}

int linkat(int folder, const char *name, int new_folder, const char *new_name, int flags) {
    fate_of_names("link", folder, name, new_folder, new_name);
    return REAL(linkat)(folder, name, new_folder, new_name, flags);
}

int symlink(const char *target, const char *name) {
    if (fate_of_name("symlink", true, AT_FDCWD, name).is_refused) return refused();
    return REAL(symlink)(target, name);
}

int symlinkat(const char *target, int folder, const char *name) {
    if (fate_of_name("symlink", true, folder, name).is_refused) return refused();
    return REAL(symlinkat)(target, folder, name);
}

int unlink(const char *name) {
    fate_of_name("unlink", false, AT_FDCWD, name);
    return REAL(unlink)(name);
}

int remove(const char *name) {
    fate_of_name("unlink", false, AT_FDCWD, name);
    return REAL(remove)(name);
}

int unlinkat(int folder, const char *name, int flags) {
    fate_of_name(flags & AT_REMOVEDIR ? "rmdir" : "unlink", false, folder, name);
    return REAL(unlinkat)(folder, name, flags);
}

int rmdir(const char *name) {
    fate_of_name("rmdir", false, AT_FDCWD, name);
    return REAL(rmdir)(name);
}

int mkdir(const char *name, mode_t mode) {
    if (fate_of_name("mkdir", true, AT_FDCWD, name).is_refused) return refused();
    return REAL(mkdir)(name, mode);
}

int mkdirat(int folder, const char *name, mode_t mode) {
    if (fate_of_name("mkdir", true, folder, name).is_refused) return refused();
    return REAL(mkdirat)(folder, name, mode);
}
