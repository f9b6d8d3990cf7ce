#include "test/overlay_forms.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/overlay_mount.h"
#include "core/sys_dir.h"
#include "core/sys_file.h"
#include "core/sys_mount_tree.h"
#include "core/sys_privilege.h"

namespace {

using ovl::MountInterface;
using ovl::OverlaySpec;
using ovl::UniqueFd;
using ovl::UpperKind;

constexpr int kManyLowers = 45;  // 45 names of more than 100 bytes: above 4095

std::string LongName(int number) {
  return "many/" + std::string(100, 'n') + std::to_string(number);
}

ovl::LayerSpec Named(const std::string& path) {
  ovl::LayerSpec layer;
  layer.path = path;
  return layer;
}

void Detach(OverlaySpec& spec, const std::string&, const SharedLowers&) { spec.target.reset(); }

void ByMount(OverlaySpec& spec, const std::string&, const SharedLowers&) {
  spec.interface = MountInterface::kMount;
  spec.attributes = ovl::kAttrNosuid | ovl::kAttrNoatime;
  spec.propagation = MS_PRIVATE;
}

void ByManyNumbers(OverlaySpec& spec, const std::string&, const SharedLowers& lowers) {
  spec.interface = MountInterface::kMount;
  for (const std::string& path : lowers.many()) spec.lower.push_back(Named(path));
}

void Idmap(OverlaySpec& spec, const std::string&, const SharedLowers&) {
  spec.lower.front().idmap.uids = {{0, 1000, 1000}};
  spec.lower.front().idmap.gids = {{0, 1000, 1000}};
}

// In this order: who goes through them sees the simplest fail first.
const OverlayForm kForms[] = {
    {"attached", false, [](OverlaySpec&, const std::string&, const SharedLowers&) {}},
    {"detached", true, Detach},
    {"in memory, detached", true,
     [](OverlaySpec& spec, const std::string& base, const SharedLowers& lowers) {
       Detach(spec, base, lowers);
       spec.upper.kind = UpperKind::kTmpfs;
     }},
    {"in memory, attached", false,
     [](OverlaySpec& spec, const std::string&, const SharedLowers&) {
       spec.upper.kind = UpperKind::kTmpfs;
       spec.attributes = ovl::kAttrNodev;
       spec.propagation = MS_PRIVATE;
     }},
    {"by mount(2)", false, ByMount},
    {"in memory, by mount(2)", false,
     [](OverlaySpec& spec, const std::string& base, const SharedLowers&) {
       spec.interface = MountInterface::kMount;
       spec.upper.kind = UpperKind::kTmpfs;
       spec.upper.path = base + "/scratch";
     }},
    {"by mount(2), compacted", false, ByManyNumbers},
    {"by names", true,
     [](OverlaySpec& spec, const std::string& base, const SharedLowers& lowers) {
       Detach(spec, base, lowers);
       spec.interface = MountInterface::kFsopenNames;
     }},
    {"in a temporary directory", true,
     [](OverlaySpec& spec, const std::string& base, const SharedLowers& lowers) {
       Detach(spec, base, lowers);
       spec.upper.kind = UpperKind::kTemporary;
       spec.upper.path = base + "/scratch";
     }},
    {"volatile", true,
     [](OverlaySpec& spec, const std::string& base, const SharedLowers& lowers) {
       Detach(spec, base, lowers);
       spec.features.is_volatile = true;
     }},
    {"without an upper", true,
     [](OverlaySpec& spec, const std::string& base, const SharedLowers& lowers) {
       Detach(spec, base, lowers);
       spec.upper = {};
       spec.lower.push_back(Named(base + "/scratch"));
     }},
    {"read-only", true,
     [](OverlaySpec& spec, const std::string& base, const SharedLowers& lowers) {
       Detach(spec, base, lowers);
       spec.attributes = ovl::kAttrReadOnly;
     }},
    {"idmapped", false, Idmap},
};

OverlaySpec SpecOf(const OverlayForm& form, const std::string& base, const SharedLowers& lowers) {
  OverlaySpec spec;
  spec.lower.push_back(Named(lowers.lower()));
  spec.upper.kind = UpperKind::kDirectory;
  spec.upper.path = base + "/upper";
  spec.target = base + "/target";
  form.adjust(spec, base, lowers);
  return spec;
}

bool Exists(int dir, const std::string& name) {
  return ::faccessat(dir, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

// What is wrong with an overlay that was just made.
std::string LookAndWrite(const OverlaySpec& spec, int root) {
  if (!Exists(root, "shared")) return "the lower does not show";
  const bool writable =
      spec.upper.kind != UpperKind::kNone && (spec.attributes & ovl::kAttrReadOnly) == 0;
  const UniqueFd made(::openat(root, "made", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (static_cast<bool>(made) != writable) {
    return "writing: errno " + std::to_string(made ? 0 : errno);
  }
  return "";
}

size_t Entries(const std::string& path) {
  size_t count = 0;
  auto dir = ovl::OpenDirectory(path);
  if (!dir.ok()) return count;
  for (;;) {
    auto more = ovl::ReadSomeEntries(dir.value().get(), [&](const ovl::DirEntry&) { ++count; });
    if (!more.ok() || !more.value()) return count;
  }
}

}  // namespace

SharedLowers::SharedLowers(const std::string& base) : tree_(base) {
  tree_.File("lower/shared", "content");
  for (int i = 0; i < kManyLowers; ++i) tree_.Dir(LongName(i));
}

std::vector<std::string> SharedLowers::many() const {
  std::vector<std::string> paths;
  for (int i = 0; i < kManyLowers; ++i) paths.push_back(tree_.Path(LongName(i)));
  return paths;
}

std::vector<const OverlayForm*> OverlayForms() {
  std::vector<const OverlayForm*> forms;
  for (const OverlayForm& form : kForms) {
    if (form.rootless || ovl::MayMount()) forms.push_back(&form);
  }
  return forms;
}

void MakePlaces(const std::string& base) {
  Tree tree("/");
  for (const char* name : {"/target", "/scratch"}) tree.Dir(base.substr(1) + name);
}

std::string MountWriteClose(const OverlayForm& form, const std::string& base,
                            const SharedLowers& lowers) {
  const OverlaySpec spec = SpecOf(form, base, lowers);
  auto mounted = ovl::MountOverlay(spec);
  if (!mounted.ok()) return Text(mounted.failure());
  ovl::LiveOverlay& live = *mounted.value().live;
  std::string wrong;
  {
    UniqueFd at_target(spec.target ? ::open(spec.target->c_str(), O_PATH | O_CLOEXEC) : -1);
    wrong = LookAndWrite(spec, spec.target ? at_target.get() : live.mount_fd());
  }
  const auto closed = live.Close({});
  if (!closed.ok()) return Text(closed.failure());
  if (!wrong.empty()) return wrong;
  if (Entries(base + "/target") + Entries(base + "/scratch") > 0) return "something is left";
  if (spec.upper.kind != UpperKind::kDirectory) return "";
  const bool written = (spec.attributes & ovl::kAttrReadOnly) == 0;
  if (written && ::unlink((base + "/upper/made").c_str()) != 0) return "the upper has nothing";
  return Entries(base + "/upper") == 0 ? "" : "the upper has something else";
}

std::string Text(const ovl::Failure& failure) {
  std::string text = std::string(failure.call) + " " + failure.path + ": errno " +
                     std::to_string(failure.err) + " (" + failure.reason + ") " + failure.detail;
  for (const std::string& line : failure.log) text.append(" | ").append(line);
  return text;
}
