// An apply that is killed, or fails, at each of its calls to the kernel in turn: afterwards it can
// be finished and undone, and either is exact.
#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/apply.h"
#include "core/tree_removal.h"
#include "faults/faults.h"

namespace {

using ovl::Apply;
using ovl::ApplyOptions;
using ovl::ApplyStage;
using ovl::Layers;

size_t failures = 0;

void Expect(bool good, const char* scenario, size_t nth, const std::string& what) {
  if (good) return;
  ++failures;
  (void)std::printf("FAIL %s, call %zu (%s): %s\n", scenario, nth, faults::Call().c_str(),
                    what.c_str());
}

void Must(int result, const std::string& what) {
  if (result >= 0) return;
  std::perror(what.c_str());
  std::_Exit(2);
}

class Builder {
 public:
  explicit Builder(std::string root) : root_(std::move(root)) {
    Must(::mkdir(root_.c_str(), 0755), root_);
  }
  std::string At(const char* name) const { return root_ + "/" + name; }
  void Dir(const char* name, mode_t mode = 0755) {
    Must(::mkdir(At(name).c_str(), 0755), name);
    Must(::chmod(At(name).c_str(), mode), name);
  }
  void File(const char* name, const char* text) {
    const int fd = ::open(At(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    Must(fd, name);
    Must(static_cast<int>(::write(fd, text, std::strlen(text))), name);
    Must(::close(fd), name);
  }
  void Link(const char* from, const char* to) {
    Must(::link(At(from).c_str(), At(to).c_str()), to);
  }
  void Whiteout(const char* name) { Must(::mknod(At(name).c_str(), S_IFCHR, makedev(0, 0)), name); }
  void Xattr(const char* name, const char* attribute, const char* value) {
    Must(::setxattr(At(name).c_str(), attribute, value, std::strlen(value), 0), name);
  }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

void MakeLower(const std::string& path) {
  Builder lower(path);
  lower.File("a", "old");
  lower.File("f", "to be deleted");
  lower.Dir("g");
  lower.File("g/in", "deleted with its directory");
  lower.Dir("h");
  lower.File("h/in", "replaced with its directory");
  lower.File("i", "becomes a directory");
  lower.Dir("j", 0755);
  lower.File("j/kept", "untouched");
  lower.File("k", "one of two");
  lower.Link("k", "l");
  lower.Dir("moved");
  lower.File("moved/file", "moves along");
  lower.Link("moved/file", "moved/again");
  lower.Dir("opaque");
  lower.File("opaque/hidden", "hidden");
}

void MakeUpper(const std::string& path) {
  Builder upper(path);
  upper.File("a", "new content");
  upper.Xattr("a", "user.test", "value");
  upper.Whiteout("f");
  upper.Whiteout("g");
  upper.File("h", "was a directory");
  upper.Dir("i", 0750);
  upper.File("i/in", "in a new directory");
  upper.Dir("j", 0700);
  upper.Xattr("j", "user.dir", "value");
  upper.File("j/new", "added");
  upper.File("k", "one of two, changed");
  upper.Link("k", "m");
  upper.Dir("n");
  upper.Xattr("n", "trusted.overlay.redirect", "/moved");
  upper.Xattr("n", "trusted.overlay.opaque", "x");
  Must(::removexattr(upper.At("n").c_str(), "trusted.overlay.opaque"), "n");
  upper.Whiteout("moved");
  upper.Dir("opaque");
  upper.Xattr("opaque", "trusted.overlay.opaque", "y");
  upper.File("opaque/shown", "shown");
  Must(::symlink("a", upper.At("link").c_str()), "link");
  Must(::mkfifo(upper.At("pipe").c_str(), 0600), "pipe");
}

std::string Content(const std::string& path) {
  std::string text;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  char buffer[256];
  for (ssize_t n; fd >= 0 && (n = ::read(fd, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(n));
  }
  if (fd >= 0) (void)::close(fd);
  return text;
}

std::string Xattrs(const std::string& path) {
  char list[1024];
  const ssize_t size = ::llistxattr(path.c_str(), list, sizeof list);
  std::vector<std::string> all;
  for (ssize_t at = 0; at < size; at += static_cast<ssize_t>(std::strlen(list + at)) + 1) {
    char value[256] = {};
    const ssize_t n = ::lgetxattr(path.c_str(), list + at, value, sizeof value);
    all.push_back(std::string(list + at) + "=" +
                  std::string(value, n > 0 ? static_cast<size_t>(n) : 0));
  }
  std::sort(all.begin(), all.end());
  std::string text;
  for (const std::string& each : all) text += each + " ";
  return text;
}

// Everything that has to be the same but inode numbers and change times; directory times included.
void Describe(const std::string& path, const std::string& name, std::map<ino_t, std::string>& seen,
              std::string& out) {
  struct stat st;
  if (::lstat(path.c_str(), &st) != 0) return;
  char line[256];
  (void)std::snprintf(line, sizeof line, " %o %u:%u %ld.%09ld", st.st_mode, st.st_uid, st.st_gid,
                      static_cast<long>(st.st_mtim.tv_sec), st.st_mtim.tv_nsec);
  out += name + line + " " + Xattrs(path);
  if (S_ISREG(st.st_mode)) {
    const auto [first, is_new] = seen.emplace(st.st_ino, name);
    out += "of " + first->second + " x" + std::to_string(st.st_nlink) + ": " + Content(path);
  }
  out += "\n";
  if (!S_ISDIR(st.st_mode)) return;
  std::vector<std::string> names;
  DIR* const dir = ::opendir(path.c_str());
  while (const struct dirent* entry = dir == nullptr ? nullptr : ::readdir(dir)) {
    const std::string each = entry->d_name;
    if (each != "." && each != "..") names.push_back(each);
  }
  if (dir != nullptr) (void)::closedir(dir);
  std::sort(names.begin(), names.end());
  for (const std::string& each : names) Describe(path + "/" + each, name + "/" + each, seen, out);
}

std::string Snapshot(const std::string& path) {
  std::map<ino_t, std::string> seen;
  std::string out;
  Describe(path, "", seen, out);
  return out;
}

class Quiet final : public ovl::ApplySink {
 public:
  void Add(ovl::ApplyOutcome outcome, const ovl::ChangeInfo&, const ovl::Failure*) override {
    if (outcome == ovl::ApplyOutcome::kFailed || outcome == ovl::ApplyOutcome::kConflict) ++bad;
  }
  bool Full() const override { return false; }
  size_t bad = 0;
};

struct Ran {
  bool ok = false;
  bool whole = false;  // and every change
  ovl::Failure failure;
};

Ran Pull(ovl::Result<std::unique_ptr<Apply>> apply) {
  Ran ran;
  if (!apply.ok()) {
    ran.failure = std::move(apply.failure());
    return ran;
  }
  const ovl::CancelFlag never{false};
  Quiet sink;
  for (;;) {
    auto more = apply.value()->Next(ovl::WorkSlice(never, std::chrono::hours(1)), sink);
    if (!more.ok()) {
      ran.failure = std::move(more.failure());
      return ran;
    }
    if (!more.value()) break;
  }
  ran.ok = true;
  ran.whole = sink.bad == 0;
  return ran;
}

struct Ground {
  std::string base;
  bool sync = false;  // a machine does little else than that otherwise
  std::string lower() const { return base + "/lower"; }

  Ran ApplyIt() const {
    Layers layers;
    layers.marks = ovl::MarkReader::Decided(ovl::MarkerSpace::kTrusted);
    auto upper = ovl::OpenLayer(base + "/upper", ovl::LayerDir::kUpper);
    if (!upper.ok()) return {false, false, std::move(upper.failure())};
    layers.upper = std::move(upper.value());
    auto lower_dir = ovl::OpenLayer(lower(), 0);
    if (!lower_dir.ok()) return {false, false, std::move(lower_dir.failure())};
    layers.lowers.push_back(std::move(lower_dir.value()));
    ApplyOptions options;
    options.sync = sync;
    return Pull(Apply::Open(layers, std::nullopt, false, options));
  }
  Ran Resume() const { return Pull(Apply::Resume(lower(), sync)); }
  Ran Abort() const { return Pull(Apply::Abort(lower(), sync)); }

  // The stage that an apply has left, if any.
  std::optional<ApplyStage::State> Left() const {
    auto pending = Apply::FindPending(lower());
    if (!pending.ok() || !pending.value()) return std::nullopt;
    return pending.value()->state;
  }

  // As it was: the same times, and no file of before.
  void Renew() const {
    (void)ovl::RemoveTree(lower());
    (void)ovl::RemoveTree(base + "/.lower.overlayfs-apply");
    const std::string command = "cp -a " + base + "/pristine " + lower();
    if (std::system(command.c_str()) != 0) std::_Exit(2);  // NOLINT(cert-env33-c): paths of ours
  }
};

// In a process of its own, which is killed at the `nth` call. False where there were not so many.
bool Killed(size_t nth, const std::function<void()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    faults::Arm(nth, faults::kKill);
    work();
    std::_Exit(0);
  }
  int status = 0;
  (void)::waitpid(pid, &status, 0);
  return WIFSIGNALED(status);
}

class ApplyFaults {
 public:
  explicit ApplyFaults(Ground ground) : ground_(std::move(ground)) {
    ground_.Renew();
    before_ = Snapshot(ground_.lower());
    const Ran ran = ground_.ApplyIt();
    Expect(ran.ok && ran.whole, "undisturbed", 0, ran.failure.call);
    after_ = Snapshot(ground_.lower());
    Expect(before_ != after_, "undisturbed", 0, "nothing was changed");
  }

  // Whatever happened, it is finished or undone from where it is.
  void Finish(const char* scenario, size_t nth) {
    // Nothing was left to be done: the lower is another one now, and its upper means another thing.
    if (!ground_.Left() && Snapshot(ground_.lower()) == after_) return;
    const Ran ran = ground_.ApplyIt();
    const bool ended = std::strcmp(ran.failure.reason, "apply-ended") == 0;
    Expect(ended || (ran.ok && ran.whole), scenario, nth,
           std::string("finishing fails: ") + ran.failure.call + " " + ran.failure.reason + " " +
               ran.failure.path + " " + std::strerror(ran.failure.err));
    Same(after_, scenario, nth, "finished");
  }
  void Undo(const char* scenario, size_t nth) {
    const auto left = ground_.Left();
    if (!left) {
      const std::string now = Snapshot(ground_.lower());
      Expect(now == before_ || now == after_, scenario, nth, "neither before nor after");
      return;
    }
    const bool done = *left == ApplyStage::State::kDone;
    const Ran ran = done ? ground_.Resume() : ground_.Abort();
    Expect(ran.ok, scenario, nth,
           std::string("undoing fails: ") + ran.failure.call + " " + ran.failure.reason + " " +
               ran.failure.path + " " + std::strerror(ran.failure.err));
    Same(done ? after_ : before_, scenario, nth, "undone");
  }

  size_t KillEach(const char* scenario, bool undo) {
    size_t nth = 1;
    for (;; ++nth) {
      ground_.Renew();
      if (!Killed(nth, [this] { (void)ground_.ApplyIt(); })) break;
      undo ? Undo(scenario, nth) : Finish(scenario, nth);
      if (failures > 20) break;
    }
    return nth - 1;
  }

  // Killed in the middle, then again at each call of what goes on from there.
  // (How many calls come before depends on the other processes of the machine.)
  size_t KillAgain(const char* scenario, size_t middle, bool undo) {
    size_t nth = 1;
    for (size_t missed = 0; missed < 50; ++nth) {
      ground_.Renew();
      (void)Killed(middle, [this] { (void)ground_.ApplyIt(); });
      if (ground_.Left() != ApplyStage::State::kReady) {
        ++missed;
        continue;
      }
      const bool killed =
          Killed(nth, [&] { undo ? (void)ground_.Abort() : (void)ground_.Resume(); });
      if (!killed) break;
      undo ? Undo(scenario, nth) : Finish(scenario, nth);
      if (failures > 20) break;
    }
    return nth - 1;
  }

  size_t FailEach(const char* scenario, int err, bool undo) {
    ground_.sync = err == EIO;
    size_t nth = 1;
    for (;; ++nth) {
      ground_.Renew();
      faults::Arm(nth, err);
      const Ran ran = ground_.ApplyIt();
      faults::Disarm();
      if (!faults::Happened()) break;
      // What has no consequence is no failure.
      if (!ran.ok) {
        Expect(ran.failure.call == faults::Call() || ran.failure.reason[0] != '\0', scenario, nth,
               std::string("the failure names ") + ran.failure.call);
      }
      undo ? Undo(scenario, nth) : Finish(scenario, nth);
      if (failures > 20) break;
    }
    return nth - 1;
  }

 private:
  void Same(const std::string& expected, const char* scenario, size_t nth, const char* what) {
    const std::string now = Snapshot(ground_.lower());
    if (now != expected) {
      Expect(false, scenario, nth, std::string(what) + " it is\n" + now + "and not\n" + expected);
    }
    Expect(!ground_.Left(), scenario, nth, "the stage is left");
  }

  Ground ground_;
  std::string before_;
  std::string after_;
};

}  // namespace

namespace faults {

bool RunApply(const char* filter, size_t& passed, size_t& failed) {
  if (filter != nullptr && std::strstr("apply", filter) == nullptr) return true;
  if (::geteuid() != 0) {
    (void)std::printf("skip apply: needs trusted.* attributes [root only]\n");
    return true;
  }
  const std::string base = "/tmp/overlayfs-test-apply-faults-" + std::to_string(::getpid());
  Must(::mkdir(base.c_str(), 0755), base);
  // Thousands of trees are made and removed: in memory that is a question of seconds. The mount
  // namespace is that of the tests.
  Must(::mount("none", base.c_str(), "tmpfs", 0, nullptr), base);
  MakeLower(base + "/pristine");
  MakeUpper(base + "/upper");
  ApplyFaults apply(Ground{base});
  const auto tell = [&](const char* name, const std::function<size_t()>& run) {
    const size_t before = failures;
    const size_t calls = run();
    const bool good = failures == before && calls > 0;
    (void)std::printf("%s %s: at each of %zu calls\n", good ? "ok" : "FAIL", name, calls);
    ++(good ? passed : failed);
  };
  size_t calls = 0;
  tell("apply, killed and finished",
       [&] { return calls = apply.KillEach("apply, killed and finished", false); });
  tell("apply, killed and undone",
       [&] { return apply.KillEach("apply, killed and undone", true); });
  // Somewhere in the second half, where names are put in place.
  size_t middle = calls;
  tell("undoing, killed and undone again", [&] {
    size_t most = 0;
    for (middle = calls - calls / 3; middle < calls; middle += 25) {
      most = std::max(most, apply.KillAgain("undoing, killed and undone again", middle, true));
    }
    return most;
  });
  tell("finishing, killed and finished again", [&] {
    size_t most = 0;
    for (middle = calls - calls / 3; middle < calls; middle += 25) {
      most = std::max(most, apply.KillAgain("finishing, killed and finished again", middle, false));
    }
    return most;
  });
  for (const bool undo : {false, true}) {
    tell(undo ? "apply, EIO, undone" : "apply, EIO, finished",
         [&] { return apply.FailEach(undo ? "EIO, undone" : "EIO, finished", EIO, undo); });
    tell(undo ? "apply, ENOSPC, undone" : "apply, ENOSPC, finished", [&] {
      return apply.FailEach(undo ? "ENOSPC, undone" : "ENOSPC, finished", ENOSPC, undo);
    });
  }
  Must(::umount2(base.c_str(), MNT_DETACH), base);
  Must(::rmdir(base.c_str()), base);
  return failures == 0;
}

}  // namespace faults
