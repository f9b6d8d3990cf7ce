#include "core/sys_statmount.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace ovl {

namespace {

// Numbers and layouts of our own: they are the kernel's promise, and the headers of the
// distributions we build on are older than the calls.
constexpr long kStatmount = 457;
constexpr long kListmount = 458;

struct MountIdRequest {
  uint32_t size;
  uint32_t spare;
  uint64_t mnt_id;
  uint64_t param;  // statmount: the mask; listmount: the last id
  uint64_t mnt_ns_id;
};
static_assert(sizeof(MountIdRequest) == 32, "MNT_ID_REQ_SIZE_VER1");
// The first form, without a namespace, is all that 6.8 knows.
constexpr uint32_t kFirstRequestSize = 24;
static_assert(offsetof(MountIdRequest, mnt_ns_id) == kFirstRequestSize, "MNT_ID_REQ_SIZE_VER0");

// Texts are given as places in what follows.
struct KernelStatmount {
  uint32_t size;
  uint32_t mnt_opts;
  uint64_t mask;
  uint32_t sb_dev_major;
  uint32_t sb_dev_minor;
  uint64_t sb_magic;
  uint32_t sb_flags;
  uint32_t fs_type;
  uint64_t mnt_id;
  uint64_t mnt_parent_id;
  uint32_t mnt_id_old;
  uint32_t mnt_parent_id_old;
  uint64_t mnt_attr;
  uint64_t mnt_propagation;
  uint64_t mnt_peer_group;
  uint64_t mnt_master;
  uint64_t propagate_from;
  uint32_t mnt_root;
  uint32_t mnt_point;
  uint64_t mnt_ns_id;
  uint32_t fs_subtype;
  uint32_t sb_source;
  uint32_t opt_num;
  uint32_t opt_array;
  uint32_t opt_sec_num;
  uint32_t opt_sec_array;
  uint64_t supported_mask;
  uint32_t mnt_uidmap_num;
  uint32_t mnt_uidmap;
  uint32_t mnt_gidmap_num;
  uint32_t mnt_gidmap;
  uint64_t spare[43];
};
static_assert(sizeof(KernelStatmount) == 512, "the texts of struct statmount begin at 512");
static_assert(offsetof(KernelStatmount, mnt_root) == 0x68, "mnt_root lies at 0x68");
static_assert(offsetof(KernelStatmount, supported_mask) == 0x90, "supported_mask lies at 0x90");

// Most answers fit; the line of an overlay with 500 layers may be hundreds of kilobytes.
constexpr size_t kFirstBuffer = 4 * 1024;
constexpr size_t kLargestBuffer = 64 * 1024 * 1024;

MountIdRequest RequestFor(uint64_t id, uint64_t param, uint64_t mnt_ns_id) {
  const uint32_t size = mnt_ns_id == 0 ? kFirstRequestSize : uint32_t{sizeof(MountIdRequest)};
  return MountIdRequest{size, 0, id, param, mnt_ns_id};
}

// Unique ids begin behind all that fit into the table's (MNT_UNIQUE_ID_OFFSET), so that one cannot
// be taken for the other.
constexpr uint64_t kLargestTableId = 1ULL << 31;

Failure CallFailed(const char* call, uint64_t id) {
  Failure failure = Errno(call);
  if (failure.err == EINVAL && id <= kLargestTableId) failure.reason = "table-mount-id";
  return failure;
}

// The NUL-ended texts behind the structure.
class Texts {
 public:
  explicit Texts(std::string_view texts) : texts_(texts) {}

  std::string At(uint32_t place) const { return List(place, 1).front(); }

  std::vector<std::string> List(uint32_t place, uint32_t count) const {
    std::vector<std::string> list;
    size_t at = place;
    for (uint32_t i = 0; i < count; ++i) {
      const std::string_view rest = texts_.substr(std::min(at, texts_.size()));
      const std::string_view text = rest.substr(0, rest.find('\0'));
      list.emplace_back(text);
      at += text.size() + 1;
    }
    return list;
  }

 private:
  std::string_view texts_;
};

MountStat Convert(const std::string& buffer) {
  KernelStatmount from;
  std::memcpy(&from, buffer.data(), sizeof from);
  const Texts texts(std::string_view(buffer).substr(sizeof from));
  MountStat to;
  const auto has = [&](uint64_t bit) { return (from.mask & bit) != 0; };
  to.mask = from.mask;
  to.sb_dev_major = from.sb_dev_major;
  to.sb_dev_minor = from.sb_dev_minor;
  to.sb_magic = from.sb_magic;
  to.sb_flags = from.sb_flags;
  to.mnt_id = from.mnt_id;
  to.mnt_parent_id = from.mnt_parent_id;
  to.mnt_id_old = from.mnt_id_old;
  to.mnt_parent_id_old = from.mnt_parent_id_old;
  to.mnt_attr = from.mnt_attr;
  to.mnt_propagation = from.mnt_propagation;
  to.mnt_peer_group = from.mnt_peer_group;
  to.mnt_master = from.mnt_master;
  to.propagate_from = from.propagate_from;
  to.mnt_ns_id = from.mnt_ns_id;
  to.supported_mask = from.supported_mask;
  if (has(kStatmountFsType)) to.fs_type = texts.At(from.fs_type);
  if (has(kStatmountFsSubtype)) to.fs_subtype = texts.At(from.fs_subtype);
  if (has(kStatmountMntRoot)) to.mnt_root = texts.At(from.mnt_root);
  if (has(kStatmountMntPoint)) to.mnt_point = texts.At(from.mnt_point);
  if (has(kStatmountMntOpts)) to.mnt_opts = texts.At(from.mnt_opts);
  if (has(kStatmountSbSource)) to.sb_source = texts.At(from.sb_source);
  if (has(kStatmountOptArray)) to.opt_array = texts.List(from.opt_array, from.opt_num);
  if (has(kStatmountOptSecArray)) {
    to.opt_sec_array = texts.List(from.opt_sec_array, from.opt_sec_num);
  }
  if (has(kStatmountMntUidmap)) to.mnt_uidmap = texts.List(from.mnt_uidmap, from.mnt_uidmap_num);
  if (has(kStatmountMntGidmap)) to.mnt_gidmap = texts.List(from.mnt_gidmap, from.mnt_gidmap_num);
  return to;
}

}  // namespace

Result<MountStat> Statmount(uint64_t id, uint64_t mask, uint64_t mnt_ns_id) {
  const MountIdRequest request = RequestFor(id, mask, mnt_ns_id);
  for (size_t size = kFirstBuffer;; size *= 4) {
    // Zeroed: the last text ends at the latest where the buffer does.
    std::string buffer(size, '\0');
    if (::syscall(kStatmount, &request, buffer.data(), buffer.size(), 0U) == 0) {
      return Convert(buffer);
    }
    if (errno != EOVERFLOW || size > kLargestBuffer) return CallFailed("statmount", id);
  }
}

Result<std::vector<uint64_t>> Listmount(const ListmountQuery& query) {
  const MountIdRequest request = RequestFor(query.id, query.last, query.mnt_ns_id);
  std::vector<uint64_t> ids(query.max);
  const long n = ::syscall(kListmount, &request, ids.data(), ids.size(), query.flags);
  if (n < 0) return CallFailed("listmount", query.id);
  ids.resize(static_cast<size_t>(n));
  return ids;
}

}  // namespace ovl
