#include "test/overlay_dirs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/raw_calls.h"
#include "test/check.h"

namespace {

const char* const kNames[] = {"lower", "upper", "upper2", "work", "work2", "merged", "merged2"};

}  // namespace

OverlayDirs::OverlayDirs() : tree_(temp_.path()) {
  CHECK(::chmod(temp_.path().c_str(), 0755) == 0);
  for (const char* const name : kNames) {
    tree_.Dir(name);
    tree_.Mode(name, 0777);
  }
  tree_.File("lower/file", "content");
}

OverlayDirs::~OverlayDirs() {
  for (const char* const target : {"merged", "merged2"}) {
    while (Unmount(target, MNT_DETACH)) {
    }
  }
}

ovl::UniqueFd OverlayDirs::Open(std::string_view name) const {
  ovl::UniqueFd fd(::open(Path(name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK(fd);
  return fd;
}

int OverlayDirs::Mount(std::string_view upper, std::string_view work, std::string_view target,
                       const std::string& more) const {
  const std::string data =
      "lowerdir=" + Path("lower") + ",upperdir=" + Path(upper) + ",workdir=" + Path(work) + more;
  return ::mount("overlay", Path(target).c_str(), "overlay", 0, data.c_str()) == 0 ? 0 : errno;
}

bool OverlayDirs::Unmount(std::string_view target, int flags) const {
  return ::umount2(Path(target).c_str(), flags | UMOUNT_NOFOLLOW) == 0;
}

ovl::UniqueFd OverlayDirs::MountDetached(std::string_view upper, std::string_view work) const {
  namespace raw = ovl::raw;
  const ovl::UniqueFd fs(raw::Fsopen("overlay"));
  const auto set = [&](const char* key, const std::string& value) {
    return raw::Fsconfig(fs.get(), raw::kSetString, key, value.c_str(), 0) == 0;
  };
  const bool created = fs && set("lowerdir", Path("lower")) && set("upperdir", Path(upper)) &&
                       set("workdir", Path(work)) &&
                       raw::Fsconfig(fs.get(), raw::kCmdCreate, nullptr, nullptr, 0) == 0;
  return ovl::UniqueFd(created ? raw::Fsmount(fs.get(), 0) : -1);
}
