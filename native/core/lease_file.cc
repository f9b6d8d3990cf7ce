#include "core/lease_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>

#include "core/sys_file.h"

namespace ovl {

namespace {

// A target of PATH_MAX bytes that are all escaped, a command likewise, and the rest.
constexpr size_t kMaxLease = 4 * (4096 + kMaxCommand) + 1024;

// A directory of that name is somebody else's, and only an empty one could be removed.
Failure NamedFailure(Failure failure) {
  if (failure.err == EISDIR) failure.reason = "lease-is-directory";
  return failure;
}

UniqueFd CreateDraft(int work) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  return UniqueFd(::openat(work, kLeaseDraftName, kFlags, 0644));
}

}  // namespace

Result<std::optional<LeaseHolder>> ReadLease(int work) {
  auto fd = OpenFileAt(work, kLeaseName);
  if (!fd.ok()) {
    switch (fd.failure().err) {
      case ENOENT:
      case ELOOP:  // a symbolic link
      case ENXIO:  // a socket or a device without a driver
      case ENODEV:
        return std::optional<LeaseHolder>();
      default:
        return std::move(fd.failure());
    }
  }
  auto st = StatFd(fd.value().get());
  if (!st.ok()) return std::move(st.failure());
  if (!S_ISREG(st.value().st_mode)) return std::optional<LeaseHolder>();
  auto text = ReadUpTo(fd.value().get(), kMaxLease + 1);
  if (!text.ok()) {
    text.failure().path = kLeaseName;
    return std::move(text.failure());
  }
  if (text.value().size() > kMaxLease) return std::optional<LeaseHolder>();
  return ParseLease(text.value());
}

Result<UniqueFd> DraftLease(int work) {
  UniqueFd fd = CreateDraft(work);
  if (!fd && errno == EEXIST) {
    if (::unlinkat(work, kLeaseDraftName, 0) != 0) {
      return NamedFailure(Errno("unlinkat", kLeaseDraftName));
    }
    fd = CreateDraft(work);
  }
  if (!fd) return Errno("openat", kLeaseDraftName);
  return fd;
}

Result<LeaseIdentity> PublishLease(int work, int draft, const LeaseHolder& holder) {
  const std::string text = FormatLease(holder);
  const ssize_t n = ::write(draft, text.data(), text.size());
  if (n < 0) return Errno("write", kLeaseDraftName);
  // Of a regular file only a full filesystem or a quota shortens a write.
  if (static_cast<size_t>(n) != text.size()) return Refusal(ENOSPC, "write", "", kLeaseDraftName);
  auto st = StatFd(draft);
  if (!st.ok()) return std::move(st.failure());
  if (::renameat(work, kLeaseDraftName, work, kLeaseName) != 0) {
    return NamedFailure(Errno("renameat", kLeaseDraftName, kLeaseName));
  }
  return LeaseIdentity{st.value().st_ino, st.value().st_mtim};
}

void DropLeaseDraft(int work) {
  // What stays is replaced by the next draft.
  (void)::unlinkat(work, kLeaseDraftName, 0);
}

void RemoveLease(int work, const LeaseIdentity& identity) {
  struct stat st;
  auto there = StatAt(work, kLeaseName, st);
  if (!there.ok() || !there.value()) return;
  const struct timespec& written = identity.written;
  if (st.st_ino != identity.inode || st.st_mtim.tv_sec != written.tv_sec ||
      st.st_mtim.tv_nsec != written.tv_nsec) {
    return;
  }
  // A lease that stays (the filesystem has become read-only) says who was the last, and stops
  // nobody.
  (void)::unlinkat(work, kLeaseName, 0);
}

}  // namespace ovl
