#include "core/mount_by_data.h"

#include <sys/mount.h>
#include <unistd.h>

#include "core/overlay_options.h"
#include "core/sys_mount.h"
#include "core/sys_mount_tree.h"
#include "core/sys_namespace.h"

namespace ovl {

namespace {

constexpr const char* kDescriptors = "/proc/self/fd";

// Missing from older headers; MS_NOSYMFOLLOW came with Linux 5.10.
constexpr uint64_t kMsNosymfollow = 256;

enum class Naming : uint8_t { kPaths, kNumbers };

std::string NameOf(const PlannedLayer& layer, Naming naming) {
  if (naming == Naming::kNumbers) return std::to_string(layer.fd);
  // A descriptor that was given has no name that is sure to lead to it but this one.
  if (layer.path.empty()) return std::string(kDescriptors) + "/" + std::to_string(layer.fd);
  return layer.path;
}

std::string DataOf(const MountByDataArgs& args, Naming naming) {
  OverlayOptions options;
  for (const PlannedLayer& layer : args.lower) options.lower.push_back(NameOf(layer, naming));
  for (const PlannedLayer& layer : args.data_lower) {
    options.data_only.push_back(NameOf(layer, naming));
  }
  if (args.upper) options.upper = NameOf(*args.upper, naming);
  if (args.work) options.work = NameOf(*args.work, naming);
  options.rest = args.options;
  return FormatMountData(options);
}

}  // namespace

Status MountByData(const MountByDataArgs& args, bool& compacted) {
  MountArgs mount;
  mount.source = mount.fstype = "overlay";
  mount.target = args.target;
  mount.flags = MountFlags(args.attributes);
  mount.data = DataOf(args, Naming::kPaths);
  compacted = mount.data->size() > kMaxMountData;
  if (!compacted) return Mount(mount);
  if (args.text_only) return Refusal(E2BIG, "mount", "lowerdir-text-too-long", "", args.target);
  mount.data = DataOf(args, Naming::kNumbers);
  return InThreadOfItsOwn([&mount]() -> Status {
    if (::chdir(kDescriptors) != 0) return Errno("chdir", kDescriptors);
    return Mount(mount);
  });
}

uint64_t MountFlags(uint64_t attributes) {
  const struct {
    uint64_t attribute;
    uint64_t flag;
  } pairs[] = {
      {kAttrReadOnly, MS_RDONLY},       {kAttrNosuid, MS_NOSUID},
      {kAttrNodev, MS_NODEV},           {kAttrNoexec, MS_NOEXEC},
      {kAttrNoatime, MS_NOATIME},       {kAttrStrictatime, MS_STRICTATIME},
      {kAttrNodiratime, MS_NODIRATIME}, {kAttrNosymfollow, kMsNosymfollow},
  };
  uint64_t flags = 0;
  for (const auto& [attribute, flag] : pairs) {
    if ((attributes & attribute) != 0) flags |= flag;
  }
  return flags;
}

}  // namespace ovl
