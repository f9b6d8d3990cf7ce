// The form in which overlayfs records the lower file that something was copied up from: in the mark
// "origin", and, as hexadecimal digits, in the names of an index directory.
//
// Reference: struct ovl_fh and struct ovl_fb of fs/overlayfs/overlayfs.h.
#ifndef OVL_CORE_ORIGIN_H_
#define OVL_CORE_ORIGIN_H_

#include <optional>
#include <string>
#include <string_view>

#include "core/entry_marks.h"
#include "core/mark_reader.h"
#include "core/result.h"
#include "core/sys_handle.h"

namespace ovl {

struct Origin {
  FileHandle handle;
  std::string uuid;  // of the filesystem; all zero where the mount had the option uuid=off

  bool operator==(const Origin&) const = default;
  auto operator<=>(const Origin&) const = default;
};

// Nothing where it is empty ("copied up from somewhere": a rootless mount writes that) or of a form
// that this version does not know; to the kernel both are an unknown origin.
std::optional<Origin> ParseOrigin(std::string_view value);

// The name of an entry of an index directory.
std::optional<Origin> ParseIndexName(std::string_view name);

// The mark "origin" of an entry. Nothing where it cannot be read: it is a hint.
Result<std::optional<Origin>> ReadOrigin(const MarkReader& marks, const LayerEntry& entry);

}  // namespace ovl

#endif  // OVL_CORE_ORIGIN_H_
