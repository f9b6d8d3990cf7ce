// What the kernel answers about uppers and workdirs in use, and that asking leaves no trace.
#include "core/upper_trial.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "test/check.h"
#include "test/child.h"
#include "test/overlay_dirs.h"

namespace {

using ovl::UniqueFd;

const char* Word(const std::optional<ovl::UseOfUpper>& answer) {
  if (!answer) return "no answer";
  switch (*answer) {
    case ovl::UseOfUpper::kFree:
      return "free";
    case ovl::UseOfUpper::kUpper:
      return "upper";
    case ovl::UseOfUpper::kWork:
      return "work";
  }
  return "";
}

std::string Ask(const OverlayDirs& dirs, std::string_view upper, std::string_view work) {
  const UniqueFd upper_fd = dirs.Open(upper);
  const UniqueFd work_fd = dirs.Open(work);
  return Word(ovl::AskKernel(upper_fd.get(), work_fd.get(), ovl::OwnMountPrivilege()));
}

bool CannotAsk() {
  if (::geteuid() == 0) return false;
  check::Skip("only root may ask the kernel");
  return true;
}

std::string TimeOf(const struct statx_timestamp& time) {
  return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
}

// Everything that can be known of a file from outside, access and change times included.
std::string Facts(const std::string& path) {
  struct statx st {};
  CHECK(::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_ALL, &st) == 0);
  std::string facts = path;
  const std::vector<uint64_t> numbers = {st.stx_ino,    st.stx_mode,      st.stx_uid,
                                         st.stx_gid,    st.stx_nlink,     st.stx_size,
                                         st.stx_blocks, st.stx_attributes};
  for (const uint64_t number : numbers) {
    facts += " " + std::to_string(number);
  }
  for (const auto& time : {st.stx_atime, st.stx_mtime, st.stx_ctime, st.stx_btime}) {
    facts += " " + TimeOf(time);
  }
  char names[4096];
  const ssize_t size = ::llistxattr(path.c_str(), names, sizeof names);
  std::vector<std::string> attributes;
  for (ssize_t at = 0; at < size;) {
    const std::string name = names + at;
    char value[4096];
    const ssize_t length = ::lgetxattr(path.c_str(), name.c_str(), value, sizeof value);
    attributes.push_back(name + "=" +
                         std::string(value, static_cast<size_t>(std::max<ssize_t>(length, 0))));
    at += static_cast<ssize_t>(name.size()) + 1;
  }
  std::sort(attributes.begin(), attributes.end());
  for (const std::string& attribute : attributes) facts += " " + attribute;
  return facts;
}

std::vector<std::string> Snapshot(const std::string& root) {
  std::vector<std::string> all;
  std::vector<std::string> paths = {root};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    paths.push_back(entry.path());
  }
  // Sorted and looked at afterwards: the listing itself may change access times.
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) all.push_back(Facts(path));
  return all;
}

// Takes CAP_DAC_READ_SEARCH away from the calling process.
bool DropReadSearch() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  data[0].effective &= ~(1U << CAP_DAC_READ_SEARCH);
  return ::syscall(SYS_capset, &header, data) == 0;
}

}  // namespace

TEST(UpperTrialTellsWhichIsInUse) {
  if (CannotAsk()) return;
  const OverlayDirs dirs;
  CHECK_EQ(Ask(dirs, "upper", "work"), "free");
  if (!CHECK_EQ(dirs.Mount("upper", "work", "merged"), 0)) return;
  CHECK_EQ(Ask(dirs, "upper", "work"), "upper");
  CHECK_EQ(Ask(dirs, "upper", "work2"), "upper");
  CHECK_EQ(Ask(dirs, "upper2", "work"), "work");
  CHECK_EQ(Ask(dirs, "upper2", "work2"), "free");
  // Each as the other.
  CHECK_EQ(Ask(dirs, "work", "work2"), "upper");
  CHECK_EQ(Ask(dirs, "upper2", "upper"), "work");
  // A lower that is nothing but a lower.
  CHECK_EQ(Ask(dirs, "lower", "work2"), "free");
  // So the kernel would have let it happen.
  if (CHECK_EQ(dirs.Mount("upper", "work", "merged2"), 0)) CHECK(dirs.Unmount("merged2"));
  CHECK(dirs.Unmount("merged"));
  CHECK_EQ(Ask(dirs, "upper", "work"), "free");
}

TEST(UpperTrialSeesMountsThatAreInNoTable) {
  if (CannotAsk()) return;
  const OverlayDirs dirs;
  UniqueFd detached = dirs.MountDetached("upper", "work");
  if (!CHECK(detached)) return;
  CHECK_EQ(Ask(dirs, "upper", "work"), "upper");
  detached.Reset();
  CHECK_EQ(Ask(dirs, "upper", "work"), "free");

  if (!CHECK_EQ(dirs.Mount("upper", "work", "merged"), 0)) return;
  UniqueFd file(::open(dirs.Path("merged/file").c_str(), O_RDONLY | O_CLOEXEC));
  CHECK(file);
  CHECK(dirs.Unmount("merged", MNT_DETACH));
  CHECK_EQ(Ask(dirs, "upper", "work"), "upper");
  file.Reset();
  CHECK_EQ(Ask(dirs, "upper", "work"), "free");
}

TEST(UpperTrialSeesOtherNamespaces) {
  if (CannotAsk()) return;
  const OverlayDirs dirs;
  Child root([&](const Child& child) {
    const bool mounted = EnterMountNamespace() && dirs.Mount("upper", "work", "merged") == 0;
    child.Say(mounted ? "mounted" : "failed");
    child.Pause();
  });
  if (!CHECK_EQ(root.Hear(), "mounted")) return;
  CHECK_EQ(Ask(dirs, "upper", "work"), "upper");
  root.Kill();
  CHECK_EQ(Ask(dirs, "upper", "work"), "free");

  Child user([&](const Child& child) {
    const bool mounted = BecomeOrdinaryUser() && EnterUserNamespace() &&
                         dirs.Mount("upper2", "work2", "merged", ",userxattr") == 0;
    child.Say(mounted ? "mounted" : "failed");
    child.Pause();
  });
  if (!CHECK_EQ(user.Hear(), "mounted")) return;
  CHECK_EQ(Ask(dirs, "upper2", "work2"), "upper");
  user.Kill();
  CHECK_EQ(Ask(dirs, "upper2", "work2"), "free");
}

TEST(UpperTrialHasNoAnswerWithoutAnIndex) {
  if (CannotAsk()) return;
  const OverlayDirs dirs;
  if (!CHECK_EQ(dirs.Mount("upper", "work", "merged"), 0)) return;
  const Child weaker([&](const Child& child) {
    child.Say(DropReadSearch() ? Ask(dirs, "upper", "work") : "failed");
  });
  CHECK_EQ(weaker.Hear(), "no answer");
  const Child namespaced([&](const Child& child) {
    child.Say(EnterUserNamespace() ? Ask(dirs, "upper", "work") : "failed");
  });
  CHECK_EQ(namespaced.Hear(), "no answer");
}

TEST(UpperTrialTakesNoOtherErrorForAnAnswer) {
  if (CannotAsk()) return;
  OverlayDirs dirs;
  dirs.tree().Dir("upper/inside");
  CHECK_EQ(Ask(dirs, "upper", "upper/inside"), "no answer");
  CHECK_EQ(Ask(dirs, "upper/inside", "upper"), "no answer");
  CHECK_EQ(Ask(dirs, "upper", "upper"), "no answer");
}

TEST(UpperTrialWritesNothing) {
  if (CannotAsk()) return;
  OverlayDirs dirs;
  Tree& tree = dirs.tree();
  tree.File("upper/dir/file", "text");
  tree.Symlink("upper/link", "dir/file");
  tree.Whiteout("upper/gone");
  tree.Xattr("upper/dir", "trusted.overlay.opaque", "y");
  for (const char* const options : {"", ",index=on,nfs_export=on"}) {
    if (!CHECK_EQ(dirs.Mount("upper", "work", "merged", options), 0)) return;
    tree.File("merged/made", options);
    CHECK(dirs.Unmount("merged"));
  }
  for (const bool in_use : {false, true}) {
    if (in_use && !CHECK_EQ(dirs.Mount("upper", "work", "merged", ",index=on"), 0)) return;
    (void)Snapshot(dirs.Path("upper"));  // access times that are due are set now
    (void)Snapshot(dirs.Path("work"));
    const std::vector<std::string> upper = Snapshot(dirs.Path("upper"));
    const std::vector<std::string> work = Snapshot(dirs.Path("work"));
    CHECK_EQ(Ask(dirs, "upper", "work"), in_use ? "upper" : "free");
    CHECK_EQ(Ask(dirs, "upper2", "work"), in_use ? "work" : "free");
    CHECK_EQ(Snapshot(dirs.Path("upper")), upper);
    CHECK_EQ(Snapshot(dirs.Path("work")), work);
  }
}
