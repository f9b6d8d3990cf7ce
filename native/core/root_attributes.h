// What a fresh upper takes from the root of the top-most lower, since the root of the overlay shows
// the upper's: mode, owner, times, and every attribute (ACLs, security labels) but overlayfs's own.
#ifndef OVL_CORE_ROOT_ATTRIBUTES_H_
#define OVL_CORE_ROOT_ATTRIBUTES_H_

#include <string>
#include <utility>
#include <vector>

#include "core/markers.h"
#include "core/overlay_build.h"
#include "core/result.h"

namespace ovl {

class RootAttributes {
 public:
  // Reads those of an open directory.
  Status Read(int lower, MarkerSpace space);
  // Gives them to another one; an owner whom we may not give it to with the rights over the ids of
  // `user_namespace`, if there is one (-1: none). What cannot be given goes into `warnings`.
  Status Give(int upper, const std::string& path, int user_namespace,
              std::vector<Notice>& warnings);
  // The same for somebody who may make raw calls only; `AddWarnings` afterwards.
  raw::RootAttributes* Raw();
  void AddWarnings(const std::string& path, std::vector<Notice>& warnings) const;

 private:
  raw::RootAttributes raw_;
  std::vector<std::pair<std::string, std::string>> xattrs_;
  std::vector<raw::Attribute> raw_xattrs_;
};

}  // namespace ovl

#endif  // OVL_CORE_ROOT_ATTRIBUTES_H_
