// Whole attributes, each buffer grown until it fits.
#define _GNU_SOURCE

#include <errno.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lab.h"

static void reserve(struct bytes* out, size_t size) {
  out->length = 0;
  if (out->capacity > size) return;
  out->capacity = size + 1;
  out->data = lab_realloc(out->data, out->capacity);
}

// Takes what the kernel has put into the reserved buffer.
static void accept(struct bytes* out, ssize_t size) {
  out->length = (size_t)size;
  bytes_add(out, "", 0);
}

int read_xattr_names(const char* path, struct bytes* out) {
  for (size_t size = 1024;; size *= 4) {
    reserve(out, size);
    ssize_t got = llistxattr(path, out->data, size);
    if (got < 0 && errno == EOPNOTSUPP) got = 0;
    if (got >= 0) {
      accept(out, got);
      return 0;
    }
    if (errno != ERANGE) return -1;
  }
}

int read_xattr(const char* path, const char* name, struct bytes* out) {
  for (size_t size = 1024;; size *= 4) {
    reserve(out, size);
    ssize_t got = lgetxattr(path, name, out->data, size);
    if (got >= 0) {
      accept(out, got);
      return 0;
    }
    if (errno != ERANGE) return -1;
  }
}

int read_link(int directory, const char* name, struct bytes* out) {
  for (size_t size = 1024;; size *= 4) {
    reserve(out, size);
    ssize_t got = readlinkat(directory, name, out->data, size);
    if (got < 0) return -1;
    if ((size_t)got < size) {
      accept(out, got);
      return 0;
    }
  }
}
