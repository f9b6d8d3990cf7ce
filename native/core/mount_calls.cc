#include "core/mount_calls.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>

#include <cstdio>
#include <functional>
#include <utility>
#include <vector>

#include "core/mount_attributes.h"
#include "core/mount_by_path.h"
#include "core/mount_refusal.h"
#include "core/overlay_unmount.h"
#include "core/raw_calls.h"
#include "core/sys_file.h"
#include "core/sys_fs_context.h"
#include "core/sys_mount.h"

namespace ovl {

namespace {

using raw::kCloneTree;
using raw::kRecursive;

// Opened once, so that a symbolic link on the way cannot be changed between two calls.
struct Place {
  UniqueFd fd;
  std::string path;  // resolved
  bool directory = false;
};

bool ByDescriptor(MountInterface interface) {
  return interface == MountInterface::kAuto ? HaveMountCalls()
                                            : interface == MountInterface::kFsopen;
}

Result<UniqueFd> OpenNamed(const std::string& path, const char* missing) {
  auto fd = OpenPath(path);
  if (!fd.ok() && fd.failure().err == ENOENT) fd.failure().reason = missing;
  return fd;
}

Result<Place> OpenPlace(const std::string& path, const char* missing) {
  auto fd = OpenNamed(path, missing);
  if (!fd.ok()) return std::move(fd.failure());
  auto resolved = PathOfFd(fd.value().get());
  if (!resolved.ok()) return Refusal(resolved.failure().err, "readlinkat", "no-proc", path);
  auto st = StatFd(fd.value().get());
  if (!st.ok()) return std::move(st.failure());
  return Place{std::move(fd.value()), std::move(resolved.value()), S_ISDIR(st.value().st_mode)};
}

// Does what can be done only when a mount is attached, and takes it off again if that fails.
Result<MadeMount> Complete(const Place& target, const MountIds& ids,
                           const std::function<Status()>& rest) {
  auto done = rest();
  if (done.ok()) return MadeMount{target.path, ids.identity.id};
  // Lazily, since by now somebody may use it.
  if (!UnmountExactly(target.path, ids, MNT_DETACH).ok()) {
    done.failure().reason = "left-mounted";
    done.failure().dest = target.path;
  }
  return std::move(done.failure());
}

// Attaches a mount that is complete but for its propagation: what is attached below a shared mount
// becomes shared itself.
Result<MadeMount> Attach(int tree, const Place& target, bool recursive, uint64_t propagation) {
  auto ids = IdsOf(tree);
  if (!ids.ok()) return std::move(ids.failure());
  auto moved = MoveMount(tree, target.fd.get(), false, target.path);
  if (!moved.ok()) return std::move(moved.failure());
  return Complete(target, ids.value(), [&]() -> Status {
    if (propagation == 0) return Done{};
    MountAttributeChange change;
    change.propagation = propagation;
    return MountSetattr(tree, "", AT_EMPTY_PATH | (recursive ? kRecursive : 0), change);
  });
}

Result<MadeMount> BindTree(const BindSpec& spec, int source, const Place& target) {
  const unsigned recursive = spec.recursive ? kRecursive : 0;
  auto tree = OpenTree(source, "", kCloneTree | AT_EMPTY_PATH | recursive);
  if (!tree.ok()) return std::move(tree.failure());
  MountAttributeChange change = spec.change;
  change.propagation = 0;
  if ((change.set | change.clear) != 0) {
    auto changed = MountSetattr(tree.value().get(), "", AT_EMPTY_PATH | recursive, change);
    if (!changed.ok()) return std::move(changed.failure());
  }
  return Attach(tree.value().get(), target, spec.recursive, spec.change.propagation);
}

// What mount(2) has just made: it gives no descriptor, so another mount that was laid over it in
// that instant could be meant. `is_ours` looks.
Result<MadeMount> CompleteByPath(const Place& target, bool recursive,
                                 const MountAttributeChange& change,
                                 const std::function<Result<bool>(int)>& is_ours) {
  auto made = OpenPath(target.path);
  if (!made.ok()) return std::move(made.failure());
  const int fd = made.value().get();
  auto ids = IdsOf(fd);
  if (!ids.ok()) return std::move(ids.failure());
  auto ours = is_ours(fd);
  if (!ours.ok()) return std::move(ours.failure());
  if (!ours.value() || !ids.value().identity.root) {
    return Refusal(EBUSY, "mount", "covered-at-once", target.path);
  }
  return Complete(target, ids.value(), [&] { return ChangeByRemount(fd, recursive, change); });
}

Result<MadeMount> BindByPath(const BindSpec& spec, int source, const Place& target) {
  auto expected = StatFd(source);
  if (!expected.ok()) return std::move(expected.failure());
  MountArgs args;
  args.source = NameOfFd(source);
  args.target = NameOfFd(target.fd.get());
  args.flags = MS_BIND | (spec.recursive ? MS_REC : 0);
  auto mounted = Mount(args);
  if (!mounted.ok()) return std::move(mounted.failure());
  return CompleteByPath(target, spec.recursive, spec.change, [&](int fd) -> Result<bool> {
    auto st = StatFd(fd);
    if (!st.ok()) return std::move(st.failure());
    return st.value().st_dev == expected.value().st_dev &&
           st.value().st_ino == expected.value().st_ino;
  });
}

struct Parameter {
  std::string key;
  std::string value;
};

std::vector<Parameter> Parameters(const TmpfsSpec& spec) {
  std::vector<Parameter> list;
  const auto add = [&](const char* key, const auto& value) {
    if (value) list.push_back({key, std::to_string(*value)});
  };
  add("size", spec.size);
  add("nr_inodes", spec.inodes);
  add("uid", spec.uid);
  add("gid", spec.gid);
  if (spec.mode) {
    char octal[16];
    (void)std::snprintf(octal, sizeof octal, "%o", *spec.mode);
    list.push_back({"mode", octal});
  }
  return list;
}

Result<MadeMount> TmpfsTree(const TmpfsSpec& spec, const Place& target) {
  auto context = Fsopen("tmpfs");
  if (!context.ok()) return std::move(context.failure());
  const int fs = context.value().get();
  auto configured = FsconfigString(fs, "source", "tmpfs");  // the table says "none" otherwise
  for (const Parameter& parameter : Parameters(spec)) {
    if (configured.ok()) configured = FsconfigString(fs, parameter.key, parameter.value);
  }
  if (configured.ok()) configured = FsconfigCreate(fs);
  if (!configured.ok()) return WithFsLog(std::move(configured.failure()), fs);
  auto tree = Fsmount(fs, static_cast<uint32_t>(spec.change.set));
  if (!tree.ok()) return WithFsLog(std::move(tree.failure()), fs);
  return Attach(tree.value().get(), target, false, spec.change.propagation);
}

Result<MadeMount> TmpfsByPath(const TmpfsSpec& spec, const Place& target) {
  MountArgs args;
  args.source = args.fstype = "tmpfs";
  args.target = NameOfFd(target.fd.get());
  // MS_RDONLY would make the filesystem itself read-only and not this mount of it.
  args.flags = ToMountFlags(spec.change.set & ~kAttrReadOnly);
  std::string data;
  for (const Parameter& parameter : Parameters(spec)) {
    data.append(data.empty() ? "" : ",").append(parameter.key).append("=").append(parameter.value);
  }
  args.data = std::move(data);
  auto mounted = Mount(args);
  if (!mounted.ok()) return std::move(mounted.failure());
  MountAttributeChange rest;
  rest.set = spec.change.set & kAttrReadOnly;
  rest.propagation = spec.change.propagation;
  return CompleteByPath(target, false, rest, [](int fd) -> Result<bool> {
    auto fs = StatFs(fd);
    if (!fs.ok()) return std::move(fs.failure());
    return static_cast<unsigned long>(fs.value().f_type) == TMPFS_MAGIC;
  });
}

Status MoveByPath(int source, int target, bool beneath) {
  if (beneath) return Refusal(ENOSYS, "move_mount", "no-beneath");
  MountArgs args;
  args.source = NameOfFd(source);
  args.target = NameOfFd(target);
  args.flags = MS_MOVE;
  return Mount(args);
}

Status MoveByDescriptor(int source, int target, bool beneath) {
  if (beneath && !HaveMoveBeneath()) return Refusal(ENOSYS, "move_mount", "no-beneath");
  return MoveMount(source, target, beneath, "");
}

// In words of the caller: the calls themselves are made on descriptors. A cause that is known by
// now may have named its own places.
Failure Named(Failure failure, const std::string& path, const std::string& dest) {
  if (*failure.reason != '\0' && !failure.path.empty()) return failure;
  failure.path = path;
  failure.dest = dest;
  return failure;
}

}  // namespace

Result<MadeMount> BindMount(const BindSpec& spec) {
  auto source = OpenNamed(spec.source, "source-missing");
  if (!source.ok()) return std::move(source.failure());
  const int from = source.value().get();
  auto st = StatFd(from);
  if (!st.ok()) return std::move(st.failure());
  const bool directory = S_ISDIR(st.value().st_mode);
  auto target = OpenPlace(spec.target, directory ? "target-missing" : "target-file-missing");
  if (!target.ok()) return std::move(target.failure());
  if (directory != target.value().directory) {
    return Refusal(ENOTDIR, "mount", directory ? "directory-on-file" : "file-on-directory",
                   spec.source, spec.target);
  }
  auto made = ByDescriptor(spec.interface) ? BindTree(spec, from, target.value())
                                           : BindByPath(spec, from, target.value());
  if (made.ok()) return made;
  auto failure = Named(std::move(made.failure()), spec.source, target.value().path);
  return ExplainBind(std::move(failure), from, target.value().fd.get(), spec.recursive);
}

Result<MadeMount> MountTmpfs(const TmpfsSpec& spec) {
  auto target = OpenPlace(spec.target, "target-missing");
  if (!target.ok()) return std::move(target.failure());
  if (!target.value().directory) {
    return Refusal(ENOTDIR, "mount", "target-not-directory", spec.target);
  }
  auto made = ByDescriptor(spec.interface) ? TmpfsTree(spec, target.value())
                                           : TmpfsByPath(spec, target.value());
  if (made.ok()) return made;
  auto failure = Named(std::move(made.failure()), "tmpfs", target.value().path);
  return ExplainTmpfs(std::move(failure), spec.uid || spec.gid);
}

Status MoveMountPoint(const MoveSpec& spec) {
  auto source = OpenNamed(spec.source, "source-missing");
  if (!source.ok()) return std::move(source.failure());
  auto target = OpenNamed(spec.target, "target-missing");
  if (!target.ok()) return std::move(target.failure());
  const int from = source.value().get();
  const int to = target.value().get();
  auto moved = ByDescriptor(spec.interface) ? MoveByDescriptor(from, to, spec.beneath)
                                            : MoveByPath(from, to, spec.beneath);
  if (moved.ok()) return moved;
  auto failure = Named(std::move(moved.failure()), spec.source, spec.target);
  return ExplainMove(std::move(failure), from, to, spec.beneath);
}

Status ChangeMount(const ChangeSpec& spec) {
  auto target = OpenNamed(spec.target, "target-missing");
  if (!target.ok()) return std::move(target.failure());
  const int fd = target.value().get();
  auto changed =
      ByDescriptor(spec.interface)
          ? MountSetattr(fd, "", AT_EMPTY_PATH | (spec.recursive ? kRecursive : 0), spec.change)
          : ChangeByRemount(fd, spec.recursive, spec.change);
  if (changed.ok()) return changed;
  return ExplainChange(Named(std::move(changed.failure()), spec.target, ""), fd);
}

}  // namespace ovl
