// What the kernel's overlayfs can do, found out by asking it for nothing: a filesystem context that
// is configured and thrown away makes no superblock. Releases are never looked at, since
// distributions carry features back and forth.
#ifndef OVL_CORE_KERNEL_SUPPORT_H_
#define OVL_CORE_KERNEL_SUPPORT_H_

#include <cstdint>
#include <string>

namespace ovl {

enum class Support : uint8_t {
  kNo,
  kYes,
  kUnknown,  // nobody may ask here: fsopen(2) needs CAP_SYS_ADMIN over the mount namespace
};

// Each asks once in a process and keeps every answer but kUnknown, since privileges may change. All
// of them leave errno as it was.

// fsopen(2) and an overlayfs that parses options one by one (Linux 6.5). The legacy parser of
// older kernels takes whatever it is given and complains when the filesystem is made, so that a
// name which no kernel knows has to be refused for the answer to be yes.
Support FsopenSupport();

// fsconfig(2) with a descriptor for "lowerdir+", "upperdir" and "workdir" (Linux 6.13).
Support LayerDescriptorSupport();

// One option, by its name. kUnknown too where the parser is the legacy one.
Support OptionSupport(const std::string& key);

inline bool HasRealFsopen() { return FsopenSupport() == Support::kYes; }
inline bool HasLayerDescriptors() { return LayerDescriptorSupport() == Support::kYes; }
// False only if the kernel has said that it does not know the name.
inline bool KnowsOption(const std::string& key) { return OptionSupport(key) != Support::kNo; }

namespace raw {

// The same questions each time anew, in raw system calls (raw_calls.h): for a child that shares our
// memory and may ask where we may not.
Support AskForFsopen();
Support AskForLayerDescriptors();
Support AskForOption(const char* key);

}  // namespace raw

}  // namespace ovl

#endif  // OVL_CORE_KERNEL_SUPPORT_H_
