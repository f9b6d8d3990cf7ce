// The directories of sessions: locked from the beginning, whole or recognisable at any time.
#include "core/session_directory.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "core/sys_file.h"
#include "core/sys_lock.h"
#include "core/tree_removal.h"
#include "core/unique_fd.h"
#include "test/check.h"
#include "test/overlay_forms.h"
#include "test/tree.h"

namespace {

bool IsThere(const std::string& path) {
  struct stat st;
  return ::lstat(path.c_str(), &st) == 0;
}

unsigned ModeOf(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0 ? st.st_mode & 07777 : 0;
}

std::string TextOf(const std::string& path) {
  auto file = ovl::OpenFileAt(AT_FDCWD, path);
  auto text = file.ok() ? ovl::ReadUpTo(file.value().get(), 4096) : std::string();
  return text.ok() ? text.value() : "";
}

// Locks it, removes it and makes another, for as long as it runs.
struct Remaker {
  std::string path;
  std::atomic<bool> stop = false;
};

void* Remake(void* argument) {
  auto& remaker = *static_cast<Remaker*>(argument);
  while (!remaker.stop.load()) {
    auto lock = ovl::LockDirectory(remaker.path);
    if (!lock.ok() || !lock.value()) continue;
    CHECK(::rmdir(remaker.path.c_str()) == 0);
    CHECK(::mkdir(remaker.path.c_str(), 0700) == 0);
  }
  return nullptr;
}

// Whether somebody has it: asked by another open file, as another process would.
bool IsLocked(const std::string& path) {
  auto fd = ovl::LockDirectory(path);
  return CHECK(fd.ok()) && !fd.value();
}

}  // namespace

TEST(SessionsAreMadeLockedAndWhole) {
  const TempDir temp;
  const std::string path = temp.path() + "/name";
  auto lock = ovl::MakeSession(temp.path() + "/draft", 2, path, {"text", true});
  if (!CHECK_EQ(FailureOf(lock), "") || !CHECK(static_cast<bool>(lock.value()))) return;
  CHECK(!IsThere(temp.path() + "/draft"));
  CHECK_EQ(ModeOf(path), 0700U);
  CHECK_EQ(ModeOf(path + "/0"), 0700U);
  CHECK_EQ(ModeOf(path + "/1"), 0700U);
  CHECK(!IsThere(path + "/2"));
  CHECK_EQ(ModeOf(path + "/session.json"), 0600U);
  CHECK_EQ(TextOf(path + "/session.json"), "text");
  CHECK(IsLocked(path));
  lock.value().Reset();
  CHECK(!IsLocked(path));
}

TEST(SessionNamesAreTakenOnce) {
  const TempDir temp;
  const std::string path = temp.path() + "/name";
  auto first = ovl::MakeSession(temp.path() + "/draft", 1, path, {"first"});
  CHECK(first.ok());
  auto second = ovl::MakeSession(temp.path() + "/draft", 1, path, {"second"});
  CHECK(!second.ok() && second.failure().err == ENOTEMPTY);
  CHECK(!second.ok() && second.failure().dest == path);
  CHECK(!IsThere(temp.path() + "/draft"));
  CHECK_EQ(TextOf(path + "/session.json"), "first");
}

TEST(SessionDraftsOfOthersAreLeftAlone) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("draft/file");
  auto draft = ovl::DraftSession(temp.path() + "/draft", 1);
  CHECK(draft.ok() && !draft.value());
  auto made = ovl::MakeSession(temp.path() + "/draft", 1, temp.path() + "/name", {"text"});
  CHECK(made.ok() && !made.value());
  CHECK(IsThere(temp.path() + "/draft/file"));
  CHECK(!IsThere(temp.path() + "/draft/0"));
  CHECK(!IsThere(temp.path() + "/name"));
}

TEST(SessionDirectoriesThatWentAreNotLocked) {
  const TempDir temp;
  const std::string path = temp.path() + "/name";
  auto missing = ovl::LockDirectory(path);
  CHECK(!missing.ok() && missing.failure().err == ENOENT);
  // Many times, since the moment is short: it is removed, and made anew, by who has the lock.
  Tree tree(temp.path());
  tree.Dir("name");
  Remaker remaker{path};
  pthread_t thread{};
  if (!CHECK(::pthread_create(&thread, nullptr, Remake, &remaker) == 0)) return;
  size_t locked = 0;
  for (size_t i = 0; i < 20'000 || (locked == 0 && i < 2'000'000); ++i) {
    auto lock = ovl::LockDirectory(path);
    if (!lock.ok() || !lock.value()) continue;
    ++locked;
    // Whoever has the lock has the directory of that name.
    struct stat mine {};
    struct stat there {};
    CHECK(::fstat(lock.value().get(), &mine) == 0 && ::stat(path.c_str(), &there) == 0);
    CHECK_EQ(mine.st_ino, there.st_ino);
  }
  remaker.stop = true;
  CHECK(::pthread_join(thread, nullptr) == 0);
  CHECK(locked > 0);
}

TEST(SessionTextsAreReplacedWhole) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("session.json", "a longer text than the next one");
  tree.File("session.json.new", "what a killed process has left, which is longer still");
  CHECK_EQ(FailureOf(ovl::WriteSessionText(temp.path(), {"text", true})), "");
  CHECK_EQ(TextOf(temp.path() + "/session.json"), "text");
  CHECK(!IsThere(temp.path() + "/session.json.new"));
  tree.Symlink("session.json.new", "/dev/null");
  auto followed = ovl::WriteSessionText(temp.path(), {"other"});
  CHECK(!followed.ok() && followed.failure().err == ELOOP);
  CHECK_EQ(TextOf(temp.path() + "/session.json"), "text");
}

TEST(SessionsAreRetiredWhole) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("name/session.json", "text");
  tree.File("name/0/upper/file");
  tree.Mode("name/0/upper", 0);
  const std::string retired = temp.path() + "/retired";
  auto lock = ovl::LockDirectory(temp.path() + "/name");
  CHECK(lock.ok());
  const int held = lock.value().get();
  CHECK_EQ(FailureOf(ovl::RetireSession(temp.path() + "/name", retired, held)), "");
  CHECK(!IsThere(temp.path() + "/name"));
  CHECK(!IsThere(retired));
  // It is gone, and one of the same name is another one.
  CHECK_EQ(FailureOf(ovl::RetireSession(temp.path() + "/name", retired, held)), "");
  tree.File("name/session.json", "other");
  CHECK_EQ(FailureOf(ovl::RetireSession(temp.path() + "/name", retired, held)), "");
  CHECK_EQ(TextOf(temp.path() + "/name/session.json"), "other");
}
