#include "core/layer_filesystems.h"

#include <algorithm>

#include "core/sys_handle.h"

namespace ovl {

namespace {

bool IsZero(const std::string& uuid) { return uuid.find_first_not_of('\0') == std::string::npos; }

}  // namespace

LayerFilesystems::LayerFilesystems(const DirStack& lowers)
    : single_(std::all_of(lowers.begin(), lowers.end(), [&](const DirPtr& lower) {
        return lower->dev() == lowers.front()->dev();
      })) {}

Result<std::string> LayerFilesystems::UuidOf(const LayerEntry& entry) {
  const auto it = uuids_.find(entry.st.st_dev);
  if (it != uuids_.end()) return it->second;
  auto fd = entry.dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  return uuids_[entry.st.st_dev] = FilesystemUuid(fd.value());
}

Result<bool> LayerFilesystems::May(const std::string& uuid, const LayerEntry& entry) {
  auto its = UuidOf(entry);
  if (!its.ok()) return std::move(its.failure());
  return IsZero(uuid) || IsZero(its.value()) ? single_ : uuid == its.value();
}

bool LayerFilesystems::Confused(const std::string& uuid) const {
  return !single_ &&
         (IsZero(uuid) || std::any_of(uuids_.begin(), uuids_.end(),
                                      [](const auto& each) { return IsZero(each.second); }));
}

}  // namespace ovl
