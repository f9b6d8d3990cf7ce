// What a name is in a stack of lower directories: the kernel's merging rules, applied to layers.
//
// Reference: fs/overlayfs/namei.c (ovl_lookup and what it calls) and, in words,
// Documentation/filesystems/overlayfs.rst: "whiteouts and opaque directories", "redirect_dir",
// "Metadata only copy up", "Data-only lower layers".
#ifndef OVL_CORE_STACK_LOOKUP_H_
#define OVL_CORE_STACK_LOOKUP_H_

#include <string>

#include "core/entry_marks.h"
#include "core/layers.h"
#include "core/result.h"

namespace ovl {

struct Found {
  enum class Kind { kNothing, kFile, kDirectory };
  Kind kind = Kind::kNothing;
  bool unknown = false;       // marks that could not be read may say otherwise
  bool data_unknown = false;  // the same of the data only
  LayerEntry top;             // what shows: type, attributes, link target
  LayerEntry data;   // kFile: where the content is; differs from `top` for metacopy files only
  XattrList xattrs;  // of `top`: the marks are in it, and what is to be compared
  DirStack dirs;     // kDirectory: everything that merges, top-most first

  // As it was made, but for the memory of the names.
  void Clear();
};

// What is already known from the layer above when the search enters the lowers.
struct LookupStart {
  // A name of the stack's directory, or an absolute path from the roots.
  const std::string& name;
  bool directory = false;  // only directories can join from here on
  bool metacopy = false;   // only the data of a regular file is wanted
  // The upper has a directory of that name, so that there may be one: it is opened instead of
  // asked about first, and only its names will be looked up.
  bool expected = false;
};

Result<Found> LookupName(const Layers& layers, const DirStack& stack, const LookupStart& start);
// The same into one that was in use, whose memory is used again.
Status LookupNameInto(const Layers& layers, const DirStack& stack, const LookupStart& start,
                      Found& found);

// What the kernel answers for a metacopy of which no layer has the data.
Failure MissingData(const LayerEntry& metacopy);
bool IsMissingData(const Failure& failure);

}  // namespace ovl

#endif  // OVL_CORE_STACK_LOOKUP_H_
