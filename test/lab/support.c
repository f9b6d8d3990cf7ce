// Memory, errors and numbers.
#define _GNU_SOURCE

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lab.h"

static int last_error;
static char last_text[8192];

void* lab_realloc(void* old, size_t size) {
  void* memory = realloc(old, size > 0 ? size : 1);
  if (memory == NULL) {
    fputs("lab: out of memory\n", stderr);
    abort();
  }
  return memory;
}

void bytes_add(struct bytes* bytes, const void* data, size_t length) {
  // One byte more than asked for: the data is always followed by a NUL, so that paths and link
  // targets can be used as strings.
  size_t needed = bytes->length + length + 1;
  if (needed > bytes->capacity) {
    bytes->capacity = needed * 2;
    bytes->data = lab_realloc(bytes->data, bytes->capacity);
  }
  if (length > 0) memcpy(bytes->data + bytes->length, data, length);
  bytes->length += length;
  bytes->data[bytes->length] = '\0';
}

void bytes_add_string(struct bytes* bytes, const char* text) {
  bytes_add(bytes, text, strlen(text) + 1);
}

void bytes_free(struct bytes* bytes) {
  free(bytes->data);
  *bytes = (struct bytes){0};
}

int fail(int error, const char* format, ...) {
  last_error = error;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(last_text, sizeof last_text, format, arguments);
  va_end(arguments);
  errno = error;
  return -1;
}

int fail_reply(FILE* out) {
  // The reply is one line, and names may hold anything.
  for (char* at = last_text; *at != '\0'; at++) {
    if ((unsigned char)*at < 0x20 || *at == 0x7f) *at = '?';
  }
#ifdef __GLIBC__
  const char* name = strerrorname_np(last_error);
#else
  const char* name = NULL;
#endif
  if (name != NULL) return fprintf(out, "err %d %s %s\n", last_error, name, last_text);
  return fprintf(out, "err %d %d %s\n", last_error, last_error, last_text);
}

int parse_number(const char* text, int base, long long* value) {
  char* end;
  errno = 0;
  *value = strtoll(text, &end, base);
  if (errno != 0 || end == text || *end != '\0') return fail(EINVAL, "not a number: %s", text);
  return 0;
}

int unescape(char* text, size_t* length) {
  char* to = text;
  for (const char* from = text; *from != '\0'; from++) {
    if (*from == '\\') {
      from++;
      if (*from != '0' && *from != '\\') return fail(EINVAL, "bad escape in data");
      *to++ = *from == '0' ? '\0' : '\\';
    } else {
      *to++ = *from;
    }
  }
  *length = (size_t)(to - text);
  return 0;
}

int write_all(int fd, const char* data, size_t length, long long offset) {
  while (length > 0) {
    // Offset -1: at the file position, which O_APPEND needs.
    ssize_t done = offset < 0 ? write(fd, data, length) : pwrite(fd, data, length, offset);
    if (done < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    data += done;
    length -= (size_t)done;
    if (offset >= 0) offset += done;
  }
  return 0;
}

int op_pause(int argc, char** argv, struct bytes* out) {
  (void)argc, (void)out;
  long long milliseconds;
  if (parse_number(argv[1], 10, &milliseconds) < 0) return -1;
  const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  return nanosleep(&time, NULL) < 0 ? fail(errno, "nanosleep") : 0;
}
