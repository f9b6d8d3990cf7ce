// Making an overlay with the new mount interface, in the form in which it can also run in a child
// that shares our memory while the caller is suspended (rootless_child.h): raw system calls on data
// that was prepared before. Nothing here allocates, and what was opened is written down at once, so
// that whoever waits can close it whatever happened.
#ifndef OVL_CORE_OVERLAY_BUILD_H_
#define OVL_CORE_OVERLAY_BUILD_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <ctime>

namespace ovl::raw {

// A directory that takes part: open already, or to be opened by name. In another mount namespace
// than the caller's a descriptor of an attached mount is no layer (EINVAL from the kernel), so there
// names are opened anew.
struct Directory {
  const char* path = nullptr;
  int fd = -1;
  bool ours = false;  // opened by Build, which its caller has to close
};

// One fsconfig(2). With a directory the value is its descriptor, or its name where the kernel does
// not take descriptors (before Linux 6.13).
struct Step {
  unsigned command = 0;
  const char* key = nullptr;
  const char* value = nullptr;
  int directory = -1;  // index
};

struct Steps {
  const Step* first = nullptr;
  size_t count = 0;
};

struct Attribute {
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
};

// What a fresh upper takes from the root of the lower: the root of the overlay shows it.
struct RootAttributes {
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  struct timespec times[2] = {};
  const Attribute* xattrs = nullptr;
  size_t xattr_count = 0;
  // Out: what could not be given.
  bool owner_kept = true;
  bool xattrs_kept = true;
};

struct Filesystem {
  const char* type = nullptr;  // null: none
  Steps steps;
  unsigned attributes = 0;
  int context = -1;  // out
  int mount = -1;    // out
};

struct BuildPlan {
  Directory* directories = nullptr;
  size_t directory_count = 0;
  bool by_descriptor = true;
  // A filesystem that is made first, for upper and work, which are then directories of it.
  Filesystem scratch;
  int upper = -1;  // indices into `directories`
  int work = -1;
  RootAttributes* root_attributes = nullptr;  // for the upper of the scratch filesystem
  Filesystem overlay;
  // Out: the call that failed, and what it was about.
  int err = 0;
  const char* call = "";
  int at_directory = -1;
  const char* at_key = "";
};

// Owner before attributes before mode: changing an owner clears set-id bits and capabilities.
// Returns the call that failed, with errno, or null.
const char* GiveAttributes(int directory, RootAttributes& attributes);

// True if `plan.overlay.mount` is the overlay, detached.
bool Build(BuildPlan& plan);

}  // namespace ovl::raw

#endif  // OVL_CORE_OVERLAY_BUILD_H_
