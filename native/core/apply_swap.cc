#include "core/apply_swap.h"

#include <fcntl.h>

#include <utility>

#include "core/sys_file.h"

namespace ovl {

namespace {

// A name that only the fallback below gives, in the directory of the stage.
std::string Aside(const std::string& name) { return name + ".aside"; }

Failure Between(Failure failure, const Place& from, const Place& to) {
  failure.path = from.dir->PathOf(from.name);
  failure.dest = to.dir->PathOf(to.name);
  return failure;
}

bool CannotExchange(int err) { return err == EINVAL || err == ENOSYS || err == EOPNOTSUPP; }

// `a` lies in the stage. Whoever is killed in between finds the original in the stage, under this
// name or under its own.
Result<Moved> ExchangeInSteps(const Place& a, int a_fd, const Place& b, int b_fd) {
  Look look;
  auto there = LookAt(b_fd, b.name, look);
  if (!there.ok()) return Between(std::move(there.failure()), a, b);
  if (!there.value()) return Moved::kNothingThere;
  const std::string aside = Aside(a.name);
  const bool directory = S_ISDIR(look.st.st_mode);
  auto kept = directory ? RenameAt(b_fd, b.name, a_fd, aside, Renaming::kOver)
                        : LinkAt(b_fd, b.name, a_fd, aside);
  if (!kept.ok() && kept.failure().err != EEXIST) return Between(std::move(kept.failure()), b, a);
  auto put = RenameAt(a_fd, a.name, b_fd, b.name, Renaming::kOver);
  if (!put.ok() && (put.failure().err == EISDIR || put.failure().err == ENOTDIR)) {
    // The new one is a directory and the old one, which has another name by now, is none.
    auto gone = UnlinkAt(b_fd, b.name, 0);
    if (!gone.ok()) return Between(std::move(gone.failure()), b, a);
    put = RenameAt(a_fd, a.name, b_fd, b.name, Renaming::kOver);
  }
  if (!put.ok()) return Between(std::move(put.failure()), a, b);
  auto named = RenameAt(a_fd, aside, a_fd, a.name, Renaming::kOver);
  if (!named.ok()) return Between(std::move(named.failure()), a, b);
  return Moved::kMoved;
}

}  // namespace

Result<bool> LookAtPlace(const Place& place, Look& out) {
  auto fd = place.dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  auto there = LookAt(fd.value(), place.name, out);
  if (!there.ok()) return Located(std::move(there.failure()), place.dir, place.name);
  return there;
}

Result<Moved> MoveTo(const Place& from, const Place& to) {
  auto from_fd = from.dir->Fd();
  if (!from_fd.ok()) return std::move(from_fd.failure());
  auto to_fd = to.dir->Fd();
  if (!to_fd.ok()) return std::move(to_fd.failure());
  auto moved = RenameAt(from_fd.value(), from.name, to_fd.value(), to.name, Renaming::kNoReplace);
  if (!moved.ok() && CannotExchange(moved.failure().err)) {
    Look look;
    auto occupied = LookAt(to_fd.value(), to.name, look);
    if (!occupied.ok()) return Between(std::move(occupied.failure()), from, to);
    if (occupied.value()) return Moved::kOccupied;
    moved = RenameAt(from_fd.value(), from.name, to_fd.value(), to.name, Renaming::kOver);
  }
  if (moved.ok()) return Moved::kMoved;
  if (moved.failure().err == ENOENT) return Moved::kNothingThere;
  if (moved.failure().err == EEXIST) return Moved::kOccupied;
  return Between(std::move(moved.failure()), from, to);
}

Result<Moved> Exchange(const Place& a, const Place& b) {
  auto a_fd = a.dir->Fd();
  if (!a_fd.ok()) return std::move(a_fd.failure());
  auto b_fd = b.dir->Fd();
  if (!b_fd.ok()) return std::move(b_fd.failure());
  auto exchanged = RenameAt(a_fd.value(), a.name, b_fd.value(), b.name, Renaming::kExchange);
  if (exchanged.ok()) return Moved::kMoved;
  if (exchanged.failure().err == ENOENT) return Moved::kNothingThere;
  if (CannotExchange(exchanged.failure().err)) {
    return ExchangeInSteps(a, a_fd.value(), b, b_fd.value());
  }
  return Between(std::move(exchanged.failure()), a, b);
}

Result<bool> SettleExchange(const Place& a, const Place& b) {
  const Place aside{a.dir, Aside(a.name)};
  Look look;
  auto there = LookAtPlace(aside, look);
  if (!there.ok() || !there.value()) return there;
  auto of_a = LookAtPlace(a, look);
  if (!of_a.ok()) return of_a;
  auto of_b = LookAtPlace(b, look);
  if (!of_b.ok()) return of_b;
  // Both are there: it was linked, and that changes nothing.
  if (of_a.value() && of_b.value()) return false;
  auto moved = MoveTo(aside, of_a.value() ? b : a);
  if (!moved.ok()) return std::move(moved.failure());
  return true;
}

Status SetModeOf(const Place& directory, mode_t mode) {
  auto fd = directory.dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  const UniqueFd itself(
      ::openat(fd.value(), directory.name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!itself) return Errno("openat", directory.dir->PathOf(directory.name));
  auto set = ChangeMode(itself.get(), mode);
  if (!set.ok()) set.failure().path = directory.dir->PathOf(directory.name);
  return set;
}

}  // namespace ovl
