// A walk in pieces: full sinks, cancelling, several threads, and an upper that changes meanwhile.
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <set>
#include <string>

#include "test/check.h"
#include "test/hand_layers.h"

using ovl::CancelFlag;
using ovl::ChangeWalk;

namespace {

using Lines = std::vector<std::string>;
constexpr std::chrono::hours kLong{1};

// Something of everything.
void Fill(HandLayers& hand) {
  hand.lower(0).File("changed", "old");
  hand.upper().File("changed", "new");
  const std::string large(1536 * 1024, 'x');
  hand.lower(0).File("large", large);
  hand.upper().File("large", large);
  hand.upper().Time("large", 1);
  hand.lower(1).File("links/a", "x");
  hand.lower(1).HardLink("links/b", "links/a");
  hand.upper().File("links/a", "x");
  hand.upper().HardLink("links/c", "links/a");
  hand.lower(1).File("removed/f");
  hand.upper().Whiteout("removed");
  for (size_t i = 0; i < 20; ++i) {
    const std::string name = "tree/" + std::to_string(10 + i);
    hand.lower(i % 2).File(name + "/lower");
    hand.upper().File(name + "/upper");
    hand.upper().Whiteout(name + "/lower");
  }
}

struct Job {
  HandLayers* hand;
  const ovl::Layers* layers;
  Lines lines;
};

// As good as full after a step or two.
class StepSink final : public ovl::ChangeSink {
 public:
  void Add(const ovl::Change& change) override { lines_.Add(change); }
  bool Full() const override { return ++asked_ > 2; }
  void Empty() { asked_ = 0; }
  const Lines& lines() const { return lines_.lines(); }

 private:
  ChangeLines lines_;
  mutable int asked_ = 0;
};

}  // namespace

TEST(WalkStopsWhenTheSinkIsFull) {
  HandLayers hand(2);
  Fill(hand);
  const ovl::Layers layers = hand.Open();
  const Lines all = ListChanges(hand, layers);
  CHECK_EQ(all.size(), 45);
  auto walk = ChangeWalk::Open(layers, {});
  if (!CHECK(walk.ok())) return;
  ChangeLines sink(1);
  const CancelFlag cancelled{false};
  for (size_t batches = 0;; ++batches) {
    sink.Empty();
    const size_t had = sink.lines().size();
    auto more = walk.value()->Next({cancelled, kLong}, sink);
    if (!CHECK(more.ok())) return;
    CHECK(sink.lines().size() <= had + 1);
    if (!more.value()) break;
    if (!CHECK(batches < 100)) return;
  }
  CHECK_EQ(sink.lines(), all);
  // The end stays the end.
  auto more = walk.value()->Next({cancelled, kLong}, sink);
  CHECK(more.ok() && !more.value());
}

TEST(WalkDoesNothingWhenCancelledOrOutOfTime) {
  HandLayers hand(2);
  Fill(hand);
  const ovl::Layers layers = hand.Open();
  auto walk = ChangeWalk::Open(layers, {});
  if (!CHECK(walk.ok())) return;
  ChangeLines sink;
  CancelFlag cancelled{true};
  auto more = walk.value()->Next({cancelled, kLong}, sink);
  CHECK(more.ok() && more.value() && sink.lines().empty());
  cancelled = false;
  more = walk.value()->Next({cancelled, std::chrono::milliseconds(0)}, sink);
  CHECK(more.ok() && more.value() && sink.lines().empty());
  more = walk.value()->Next({cancelled, kLong}, sink);
  CHECK(more.ok() && !more.value());
  CHECK_EQ(sink.lines(), ListChanges(hand, layers));
}

TEST(WalkCanBeLeftAnywhere) {
  HandLayers hand(2);
  Fill(hand);
  const ovl::Layers layers = hand.Open();
  const CancelFlag cancelled{false};
  // After every number of steps: in the middle of a survey of links, and of a comparison.
  for (size_t steps = 0;; ++steps) {
    auto walk = ChangeWalk::Open(layers, {});
    if (!CHECK(walk.ok())) return;
    StepSink sink;
    bool done = false;
    for (size_t i = 0; i < steps && !done; ++i) {
      sink.Empty();
      auto more = walk.value()->Next({cancelled, kLong}, sink);
      if (!CHECK(more.ok())) return;
      done = !more.value();
    }
    if (!done) continue;
    CHECK(steps > 50);
    CHECK_EQ(sink.lines(), ListChanges(hand, layers));
    return;
  }
}

TEST(WalksOfSeveralThreadsOverTheSameLayers) {
  HandLayers hand(2);
  Fill(hand);
  const ovl::Layers layers = hand.Open();
  const Lines expected = ListChanges(hand, layers);
  constexpr size_t kThreads = 4;
  pthread_t threads[kThreads];
  std::vector<Job> jobs(kThreads, Job{&hand, &layers, {}});
  const auto body = [](void* arg) -> void* {
    Job& job = *static_cast<Job*>(arg);
    for (int i = 0; i < 5; ++i) job.lines = ListChanges(*job.hand, *job.layers);
    return nullptr;
  };
  size_t started = 0;
  while (started < kThreads &&
         ::pthread_create(&threads[started], nullptr, body, &jobs[started]) == 0) {
    ++started;
  }
  for (size_t i = 0; i < started; ++i) (void)::pthread_join(threads[i], nullptr);
  CHECK_EQ(started, kThreads);
  for (size_t i = 0; i < started; ++i) CHECK_EQ(jobs[i].lines, expected);
}

TEST(WalkOutlivesTheLayersItWasOpenedWith) {
  HandLayers hand(1);
  hand.upper().File("a");
  hand.upper().File("b/c");
  auto walk = ChangeWalk::Open(hand.Open(), {});
  if (!CHECK(walk.ok())) return;
  ChangeLines sink;
  const CancelFlag cancelled{false};
  auto more = walk.value()->Next({cancelled, kLong}, sink);
  CHECK(more.ok() && !more.value());
  CHECK_EQ(sink.lines(), Lines{"A file a", "A dir b", "A file b/c"});
}

TEST(WalkOfAnUpperThatVanishesMeanwhile) {
  HandLayers hand(1);
  for (Tree* tree : {&hand.lower(0), &hand.upper()}) tree->File("z-unchanged-then-gone", "x");
  hand.upper().Time("z-unchanged-then-gone", 1);
  for (const char* name : {"a", "b/f", "c/f", "d/f", "e", "f/g/h"}) hand.upper().File(name);
  auto walk = ChangeWalk::Open(hand.Open(), {});
  if (!CHECK(walk.ok())) return;
  ChangeLines sink(1);
  const CancelFlag cancelled{false};
  auto more = walk.value()->Next({cancelled, kLong}, sink);
  CHECK(more.ok() && sink.lines().size() == 1);
  for (const char* name : {"b", "c", "d", "e", "f/g", "z-unchanged-then-gone"}) {
    hand.upper().Remove(name);
  }
  hand.upper().File("c");  // now a file
  hand.upper().Symlink("d", "f");
  for (size_t i = 0; i < 20 && more.ok() && more.value(); ++i) {
    sink.Empty();
    more = walk.value()->Next({cancelled, kLong}, sink);
  }
  CHECK(more.ok() && !more.value());
  CHECK_EQ(sink.lines(), Lines{"A file a", "A file c", "A symlink d", "A dir f"});
}

TEST(WalkOfADirectoryReplacedBeforeItIsEntered) {
  for (const char kind : {'r', 'd', 'f', 's', 'w'}) {
    HandLayers hand(1);
    hand.upper().File("d/f");
    hand.upper().File("e");
    auto walk = ChangeWalk::Open(hand.Open(), {});
    if (!CHECK(walk.ok())) return;
    ChangeLines sink(1);
    const CancelFlag cancelled{false};
    auto more = walk.value()->Next({cancelled, kLong}, sink);
    CHECK_EQ(sink.lines(), Lines{"A dir d"});
    hand.upper().Dir("../keeps-the-inode-number");
    CHECK(::rename(hand.upper().Path("d").c_str(), hand.upper().Path("../moved").c_str()) == 0);
    if (kind == 'd') hand.upper().File("d/other");
    if (kind == 'f') hand.upper().File("d");
    if (kind == 's') hand.upper().Symlink("d", "../moved");
    if (kind == 'w') hand.upper().Whiteout("d");
    for (size_t i = 0; i < 20 && more.ok() && more.value(); ++i) {
      sink.Empty();
      more = walk.value()->Next({cancelled, kLong}, sink);
    }
    if (!CHECK(more.ok())) check::Fail(__FILE__, __LINE__, std::string(1, kind));
    // The first look at the directory may have opened it already: then it is read to its end.
    Lines rest = sink.lines();
    std::erase(rest, "A file d/f");
    CHECK_EQ(rest, Lines{"A dir d", "A file e"});
  }
}

TEST(WalkOfAnUpperThatChangesAllTheTime) {
  HandLayers hand(1);
  hand.lower(0).File("f", "lower");
  hand.upper().File("f", "upper");
  hand.upper().File("others/file", "UPPER");
  hand.upper().Whiteout("others/whiteout");
  hand.upper().Symlink("others/symlink", "x");
  hand.upper().File("others/dir/g");
  hand.lower(0).Symlink("s", "y");
  hand.upper().Symlink("s", "z");
  hand.upper().Whiteout("others/for-s");
  // Unlike those of the kernel, these come back: that they were others is not always to be seen.
  hand.upper().Mode("others/whiteout", 0644);
  struct Changer {
    std::string upper;
    std::atomic<bool> stop{false};
  } changer;
  changer.upper = hand.upper().Path("");
  const auto body = [](void* arg) -> void* {
    auto& job = *static_cast<Changer*>(arg);
    const std::string at = job.upper + "/";
    // As overlayfs does when something is deleted or replaced through the mount.
    const auto exchange = [&](const char* a, const char* b) {
      (void)::syscall(SYS_renameat2, AT_FDCWD, (at + a).c_str(), AT_FDCWD, (at + b).c_str(),
                      RENAME_EXCHANGE);
    };
    while (!job.stop.load()) {
      for (const char* other : {"others/file", "others/whiteout", "others/symlink", "others/dir"}) {
        exchange("f", other);
        exchange("s", "others/for-s");
      }
    }
    return nullptr;
  };
  pthread_t thread{};
  if (!CHECK(::pthread_create(&thread, nullptr, body, &changer) == 0)) return;
  const ovl::Layers layers = hand.Open();
  std::set<std::string> seen;
  for (int i = 0; i < 2000; ++i) {
    for (const std::string& line : ListChanges(hand, layers)) seen.insert(line);
  }
  changer.stop.store(true);
  (void)::pthread_join(thread, nullptr);
  for (const std::string& line : seen) {
    const bool change = line.starts_with("A ") || line.starts_with("M ") || line.starts_with("D ");
    if (!change) check::Fail(__FILE__, __LINE__, line);
  }
  CHECK(seen.size() > 4);
}

TEST(WalkWhileAFileIsDeletedThroughTheMount) {
  HandLayers hand(1);
  hand.lower(0).File("f", "lower");
  struct Deleter {
    std::string from;
    std::string to;
    std::atomic<int> round{0};
    std::atomic<int> done{0};
  } deleter;
  constexpr int kRounds = 1000;
  deleter.from = hand.upper().Path("../whiteout");
  deleter.to = hand.upper().Path("f");
  const auto body = [](void* arg) -> void* {
    auto& job = *static_cast<Deleter*>(arg);
    for (int round = 1; round <= kRounds; ++round) {
      while (job.round.load() < round) (void)::sched_yield();
      for (int i = 0; i < round * 37 % 1000; ++i) (void)job.round.load();
      (void)::rename(job.from.c_str(), job.to.c_str());
      job.done.store(round);
    }
    return nullptr;
  };
  pthread_t thread{};
  if (!CHECK(::pthread_create(&thread, nullptr, body, &deleter) == 0)) return;
  const ovl::Layers layers = hand.Open();
  std::set<std::string> seen;
  for (int round = 1; round <= kRounds; ++round) {
    if (round > 1) hand.upper().Remove("f");
    hand.upper().File("f", "upper");
    hand.upper().Whiteout("../whiteout");
    deleter.round.store(round);
    for (const std::string& line : ListChanges(hand, layers)) seen.insert(line);
    while (deleter.done.load() < round) (void)::sched_yield();
  }
  (void)::pthread_join(thread, nullptr);
  seen.erase("D file f");
  seen.erase("M file f content");
  CHECK_EQ(seen.size(), 0);
  for (const std::string& line : seen) check::Fail(__FILE__, __LINE__, line);
}

TEST(WalkCannotCompareWhatItMayNotRead) {
  HandLayers hand(1);
  hand.lower(0).File("f", "lower");
  hand.upper().File("f", "upper");
  hand.upper().Mode("f", 0);
  const ovl::Layers layers = hand.Open();
  // Root may read everything, and is somebody else for a moment.
  const int user = ::setfsuid(::geteuid() == 0 ? 65534 : ::geteuid());
  const Lines lines = ListChanges(hand, layers);
  (void)::setfsuid(static_cast<uid_t>(user));
  CHECK_EQ(lines, Lines{"EACCES not-readable u/f"});
}

TEST(WalkOfATreeDeeperThanAPathAndThanTheDescriptorLimit) {
  constexpr size_t kDepth = 1200;
  const std::string name = "deeper";
  HandLayers hand(1);
  for (Tree* tree : {&hand.lower(0), &hand.upper()}) {
    int at = ::open(tree->Path("").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < kDepth; ++i) {
      CHECK(::mkdirat(at, name.c_str(), 0755) == 0);
      const int next = ::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      (void)::close(at);
      at = next;
    }
    if (tree == &hand.upper())
      (void)::close(::openat(at, "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    (void)::close(at);
  }
  std::string expected = "A file ";
  for (size_t i = 0; i < kDepth; ++i) expected += name + "/";
  expected += "f";
  struct rlimit limit {};
  CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const struct rlimit small { 400, limit.rlim_max };
  CHECK(::setrlimit(RLIMIT_NOFILE, &small) == 0);
  const Lines lines = ListChanges(hand, hand.Open());
  CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK_EQ(lines, Lines{expected});
}
