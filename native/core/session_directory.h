// The directories that sessions lie in: made, named and taken out of use such that a process that
// is killed never leaves one that passes for whole. docs/running.md describes the layout.
#ifndef OVL_CORE_SESSION_DIRECTORY_H_
#define OVL_CORE_SESSION_DIRECTORY_H_

#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// A directory locked with flock(2), for as long as the descriptor or a duplicate of it is open.
// None where somebody else has the lock; ENOENT where there is no such directory, or another one by
// the time it was locked.
Result<UniqueFd> LockDirectory(const std::string& path);

// What is written down of a session.
struct SessionText {
  std::string text;
  bool durable = false;  // on the disk (fdatasync(2)) before it is seen
};

// The whole text or the old one, whatever happens.
Status WriteSessionText(const std::string& path, const SessionText& record);

// The directory `draft`, locked, with directories "0", "1", … for `places` overlays in it. None
// where somebody was quicker: one of that name is there, or this one was taken for what a killed
// process had left, in the moment before it was locked. Then another name has to be tried.
Result<UniqueFd> DraftSession(const std::string& draft, unsigned places);

// Gives a draft what is written down of it, and then its name. ENOTEMPTY where that is taken.
Status NameSession(const std::string& draft, const std::string& path, const SessionText& record);

// Both. Nothing is left of it after a failure.
Result<UniqueFd> MakeSession(const std::string& draft, unsigned places, const std::string& path,
                             const SessionText& record);

// Moves a session to `retired`, a name that no session has, and removes it there: what is left of
// it after a failure is known for what it is. `lock`: the directory, open and locked. Where that
// has lost its name already, by whoever tidies up there, nothing is done: another may have the
// name.
Status RetireSession(const std::string& path, const std::string& retired, int lock);

}  // namespace ovl

#endif  // OVL_CORE_SESSION_DIRECTORY_H_
