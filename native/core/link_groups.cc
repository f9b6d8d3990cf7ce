#include "core/link_groups.h"

#include <algorithm>

namespace ovl {

namespace {

// A key: the number of the device and the inode number.
constexpr unsigned kDeviceBits = 8;
constexpr unsigned kInodeBits = 56;
// A group: the key of the file before, with fewer bits for the inode number; whether it is mixed;
// its names, of which there is one at least.
constexpr unsigned kBeforeBits = 40;
constexpr unsigned kNameBits = 15;
constexpr uint64_t kMostNames = (uint64_t{1} << kNameBits) - 1;
constexpr uint64_t kMixed = uint64_t{1} << kNameBits;
static_assert(kDeviceBits + kInodeBits == 64);
static_assert(kDeviceBits + kBeforeBits + 1 + kNameBits == 64);

constexpr uint64_t Low(uint64_t value, unsigned bits) {
  return value & ((uint64_t{1} << bits) - 1);
}

}  // namespace

std::optional<uint64_t> LinkGroups::KeyOf(const Id& id) const {
  const auto device = std::find(devices_.begin(), devices_.end(), id.first);
  if (device == devices_.end() || id.second >> kInodeBits != 0) return std::nullopt;
  return static_cast<uint64_t>(device - devices_.begin()) << kInodeBits | id.second;
}

std::optional<uint64_t> LinkGroups::NewKeyOf(const Id& id) {
  const bool known = std::find(devices_.begin(), devices_.end(), id.first) != devices_.end();
  if (!known && devices_.size() < size_t{1} << kDeviceBits) devices_.push_back(id.first);
  return KeyOf(id);
}

std::optional<LinkGroups::Group> LinkGroups::Find(const Id& after) const {
  const auto large = large_groups_.find(after);
  if (large != large_groups_.end()) return large->second;
  const auto key = KeyOf(after);
  const uint64_t packed = key ? groups_.Get(*key) : 0;
  if (packed == 0) return std::nullopt;
  Group group;
  group.names = Low(packed, kNameBits);
  group.mixed = (packed & kMixed) != 0;
  const uint64_t before = packed >> (kNameBits + 1);
  group.before = {devices_[before >> kBeforeBits], Low(before, kBeforeBits)};
  return group;
}

// One that has become too large stays where it was as well, and is not looked for there. It never
// fits again.
void LinkGroups::Store(const Id& after, const Group& group) {
  const auto key = NewKeyOf(after);
  const auto before = NewKeyOf(group.before);
  const bool fits =
      key && before && group.before.second >> kBeforeBits == 0 && group.names <= kMostNames;
  if (!fits) {
    large_groups_.insert_or_assign(after, group);
    return;
  }
  const uint64_t device = *before >> kInodeBits;
  groups_.Set(*key, (device << kBeforeBits | group.before.second) << (kNameBits + 1) |
                        (group.mixed ? kMixed : 0) | group.names);
}

void LinkGroups::Add(const struct stat& after, const struct stat* before) {
  Group group = Find(IdOf(after)).value_or(Group());
  const Id id = before ? IdOf(*before) : Id{0, 0};
  if (group.names == 0) group.before = id;
  if (before == nullptr || group.before != id) group.mixed = true;
  ++group.names;
  Store(IdOf(after), group);
}

void LinkGroups::CountBefore(const struct stat& before) {
  if (const auto key = NewKeyOf(IdOf(before))) {
    before_.Set(*key, before_.Get(*key) + 1);
  } else {
    ++large_before_[IdOf(before)];
  }
}

bool LinkGroups::UnchangedAsCounted(const struct stat& after, const struct stat& before) const {
  const auto key = KeyOf(IdOf(before));
  const auto large = large_before_.find(IdOf(before));
  const uint64_t counted = large != large_before_.end() ? large->second
                           : key                        ? before_.Get(*key)
                                                        : 0;
  return Same(after, before, counted == 0 ? 1 : counted);
}

bool LinkGroups::Same(const struct stat& after, const struct stat& before, uint64_t names) const {
  const auto group = Find(IdOf(after));
  if (!group) return names == 1;
  return !group->mixed && group->before == IdOf(before) && group->names == names;
}

}  // namespace ovl
