#include "core/sys_handle.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace ovl {

namespace {

// `struct file_handle` ends in an array of any length; this is the largest the kernel makes.
struct HandleBuffer {
  alignas(struct file_handle) char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
  struct file_handle* get() {
    return reinterpret_cast<struct file_handle*>(bytes);
  }
};

// linux/fs.h, newer than the headers we build with.
struct FsUuid {
  uint8_t length;
  uint8_t bytes[16];
};

}  // namespace

Result<std::optional<FileHandle>> HandleAt(int dir, const std::string& name) {
  HandleBuffer buffer;
  buffer.get()->handle_bytes = MAX_HANDLE_SZ;
  int mount_id;
  if (::name_to_handle_at(dir, name.c_str(), buffer.get(), &mount_id, 0) != 0) {
    switch (errno) {
      case EOPNOTSUPP:
      case EOVERFLOW:
      case ENOENT:
      case EPERM:
      case ENOSYS:
        return std::optional<FileHandle>();
      default:
        return Errno("name_to_handle_at", name);
    }
  }
  const char* const begin = buffer.bytes + offsetof(struct file_handle, f_handle);
  return std::optional<FileHandle>(
      FileHandle{buffer.get()->handle_type, std::string(begin, buffer.get()->handle_bytes)});
}

Result<UniqueFd> OpenHandle(int mount, const FileHandle& handle) {
  HandleBuffer buffer;
  if (handle.bytes.size() > MAX_HANDLE_SZ) return Refusal(ESTALE, "open_by_handle_at", "");
  buffer.get()->handle_bytes = static_cast<unsigned>(handle.bytes.size());
  buffer.get()->handle_type = handle.type;
  std::memcpy(buffer.bytes + offsetof(struct file_handle, f_handle), handle.bytes.data(),
              handle.bytes.size());
  UniqueFd fd(::open_by_handle_at(mount, buffer.get(), O_PATH | O_CLOEXEC));
  if (!fd) return Errno("open_by_handle_at");
  return fd;
}

std::string FilesystemUuid(int fd) {
  FsUuid uuid{};
  constexpr unsigned long kGetFsUuid = _IOR(0x15, 0, FsUuid);
  if (::ioctl(fd, kGetFsUuid, &uuid) == 0 && uuid.length == sizeof uuid.bytes) {
    return std::string(reinterpret_cast<const char*>(uuid.bytes), sizeof uuid.bytes);
  }
  struct btrfs_ioctl_fs_info_args info = {};
  if (::ioctl(fd, BTRFS_IOC_FS_INFO, &info) != 0) return {};
  return std::string(reinterpret_cast<const char*>(info.fsid), sizeof info.fsid);
}

}  // namespace ovl
