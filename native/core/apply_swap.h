// Moving names between the stage and the destination, each in one step that leaves nothing half
// there, and never over what nobody has looked at.
#ifndef OVL_CORE_APPLY_SWAP_H_
#define OVL_CORE_APPLY_SWAP_H_

#include <string>

#include "core/apply_records.h"
#include "core/layer_dir.h"
#include "core/result.h"
#include "core/sys_make.h"

namespace ovl {

struct Place {
  const DirPtr& dir;
  std::string name;
};

// False when there is nothing, or no directory to look in.
Result<bool> LookAtPlace(const Place& place, Look& out);

enum class Moved : uint8_t {
  kMoved,
  kNothingThere,  // the one that was to be moved is gone
  kOccupied,      // somebody has put something in the place
};
// To a name that nothing has.
Result<Moved> MoveTo(const Place& from, const Place& to);

// Where the filesystem cannot exchange two names, files are linked and renamed over, and only a
// directory is missing for a moment. kOccupied never.
Result<Moved> Exchange(const Place& a, const Place& b);

// What an exchange in steps that was cut short has left, brought to where it either has happened or
// not. False where there is nothing of that kind.
Result<bool> SettleExchange(const Place& a, const Place& b);

// chmod(2) of a directory in an open one.
Status SetModeOf(const Place& directory, mode_t mode);

}  // namespace ovl

#endif  // OVL_CORE_APPLY_SWAP_H_
