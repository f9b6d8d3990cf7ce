// One name of an overlay, as it would be without the upper and as it is with it.
#ifndef OVL_CORE_SIDES_H_
#define OVL_CORE_SIDES_H_

#include <string>
#include <utility>

#include "core/layers.h"
#include "core/result.h"
#include "core/stack_lookup.h"

namespace ovl {

// A directory of the overlay.
struct MergedDirectory {
  DirPtr upper;        // null where the upper has none
  DirStack after;      // the lower directories that merge with it
  DirStack before;     // those that would show without the upper
  bool split = false;  // the two differ: below an opaque or redirected directory

  MergedDirectory(DirPtr upper_dir, DirStack after_stack, DirStack before_stack)
      : upper(std::move(upper_dir)),
        after(std::move(after_stack)),
        before(std::move(before_stack)),
        split(!SameStack(after, before)) {
    if (!split) before = after;  // one descriptor for each
  }
};

struct Sides {
  Found before;
  Found after;
  bool in_upper = false;  // the upper decides what is there, be it by a whiteout
  bool indexed = false;   // a file that an index keeps together with other names
  bool origin = false;    // the upper's file says what it was copied from
  DirPtr upper_dir;       // the upper's directory, if that is what it has
  std::string redirect;   // where the lowers have what merges, if the upper says so

  // As it was made, but for the memory of the names.
  void Clear();
};

// What listing a directory has told of a name.
struct Listed {
  bool in_upper = false;
  uint8_t type = 0;      // d_type in the upper; DT_UNKNOWN: not told
  bool examine = false;  // everything that stat tells of the upper's entry is wanted
  // The lowers are not asked, or are known to have nothing of that name: `before` stays empty.
  bool alone = false;
};

// Fills in both sides of a name. If it has vanished from the upper since it was listed (a live
// upper), the lowers decide. Of an entry that is new only the type is known, by d_type, unless
// `examine` asks for more.
Status ResolveSides(const Layers& layers, const MergedDirectory& dir, const std::string& name,
                    const Listed& listed, Sides& sides);

}  // namespace ovl

#endif  // OVL_CORE_SIDES_H_
