// What the marks of one object in one layer say of it, by the kernel's own rules: whether it is a
// whiteout, an opaque directory, a metacopy, and where it redirects to.
#ifndef OVL_CORE_ENTRY_MARKS_H_
#define OVL_CORE_ENTRY_MARKS_H_

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "core/layers.h"
#include "core/result.h"

namespace ovl {

// One object in one layer.
struct LayerEntry {
  DirPtr dir;        // the directory that holds it
  std::string name;  // its name there; empty: that directory itself
  struct stat st {};

  void Clear() {
    dir.reset();
    name.clear();
    st = {};
  }
};

// What listxattr(2) gave of an entry, if it was asked.
struct XattrList {
  bool known = false;
  std::string names;

  // As it was made, but for the memory.
  void Clear() {
    known = false;
    names.clear();
  }
};

// The extended attributes of an entry (listxattr(2), getxattr(2)). A directory itself, as the root
// of a layer, has no name to be asked by: it is asked through its own descriptor. One list serves
// the marks and the comparison of all attributes: it is read unless it is known.
Status ListXattrsOf(const LayerEntry& entry, XattrList& xattrs);
Result<bool> GetXattrOf(const LayerEntry& entry, const std::string& attribute, std::string& value);

// A redirect (or the part of one below the same parent) to search the lowers by. Fails with EINVAL
// on a value the kernel refuses as well: empty, "//", or a relative name with a slash. A component
// "." or ".." is refused (EACCES) once the search gets to it.
Result<std::string> CheckRedirect(const std::string& value, const std::string& where);

// Whether a directory is opaque, and the redirect it carries if it is not. Whether that may be
// followed is for the caller to ask, where the search comes to it. Where the directory is open it
// is asked itself: its name may be another's by now.
struct DirectoryMarks {
  bool opaque = false;
  bool unknown = false;
  std::string redirect;  // empty: none
};
Result<DirectoryMarks> ReadDirectoryMarks(const Layers& layers, const LayerEntry& directory,
                                          XattrList& xattrs, const DirPtr& itself = nullptr);

// Whether a file is a metacopy (it has no data of its own; regular files only), its redirect, and
// what its marks say of its history. Whether a redirect may be followed is for the caller to ask.
struct FileMarks {
  bool whiteout = false;  // if the file is an empty regular one
  bool metacopy = false;
  bool unknown = false;
  bool nlink = false;   // an index keeps it together with names elsewhere
  bool origin = false;  // it was copied up
  std::string redirect;
};
Result<FileMarks> ReadFileMarks(const Layers& layers, const LayerEntry& file, XattrList& xattrs);

// Whether an entry is a whiteout of either form.
enum class Whiteout : uint8_t { kNo, kYes, kUnknown };
Result<Whiteout> IsWhiteout(const Layers& layers, const LayerEntry& entry, XattrList& xattrs);

}  // namespace ovl

#endif  // OVL_CORE_ENTRY_MARKS_H_
