// What a walk by several threads may take, whoever consumes it: it never goes far ahead, stands
// still between batches, ends soon when it is told to, and keeps within the limits of a process in
// a tree that is deeper than those. "Concurrent" in a name: the thread sanitizer runs it as well.
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include "test/check.h"
#include "test/descriptors.h"
#include "test/hand_layers.h"

using ovl::CancelFlag;
using ovl::ChangeOptions;
using ovl::ChangeWalk;

namespace {

constexpr std::chrono::hours kLong{1};

ChangeOptions Threads(unsigned threads) {
  ChangeOptions options;
  options.threads = threads;
  return options;
}

size_t OwnThreads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<size_t>(std::distance(tasks, std::filesystem::directory_iterator()));
}

// A thread that was joined is listed for a moment more.
bool IsDownTo(size_t threads) {
  for (int i = 0; i < 1000 && OwnThreads() > threads; ++i) (void)::usleep(1000);
  return OwnThreads() <= threads;
}

// How many there are when nothing is done. The thread sanitizer makes one of its own with the
// first.
size_t ThreadsAtRest() {
  pthread_t thread;
  const auto nothing = [](void*) -> void* { return nullptr; };
  if (CHECK(::pthread_create(&thread, nullptr, nothing, nullptr) == 0)) {
    (void)::pthread_join(thread, nullptr);
  }
  for (int i = 0; i < 100 && OwnThreads() > 1; ++i) (void)::usleep(1000);
  return OwnThreads();
}

long ProcessMicroseconds() {
  struct timespec used {};
  CHECK(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0);
  return used.tv_sec * 1'000'000 + used.tv_nsec / 1000;
}

// `directories` of `files` with names of `length` bytes, in the upper alone.
void NewFiles(HandLayers& hand, int directories, int files, size_t length) {
  for (int d = 100; d < 100 + directories; ++d) {
    const std::string at = std::to_string(d);
    hand.upper().Dir(at);
    const int fd = ::open(hand.upper().Path(at).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int f = 1000; f < 1000 + files; ++f) {
      const std::string name = std::to_string(f) + std::string(length - 4, 'x');
      (void)::close(::openat(fd, name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    (void)::close(fd);
  }
}

// Of a consumer that takes its time in the middle of a batch, which holds up the one that waits for
// it and no helper: those stop by themselves.
class SlowSink final : public ovl::ChangeSink {
 public:
  explicit SlowSink(HandLayers& hand) : hand_(hand) {}
  void Add(const ovl::Change& change) override {
    seen_ = seen_ || change.path == kLate;
    if (++count_ != 600) return;
    (void)::usleep(500'000);
    hand_.upper().File(kLate);
  }
  bool Full() const override { return false; }
  bool seen() const { return seen_; }
  size_t count() const { return count_; }

 private:
  static constexpr std::string_view kLate = "zzz/late";
  HandLayers& hand_;
  size_t count_ = 0;
  bool seen_ = false;
};

// Cancels in the middle of a batch, while helpers are at work.
class CancellingSink final : public ovl::ChangeSink {
 public:
  void Add(const ovl::Change&) override {
    if (++count_ != kBefore) return;
    cancelled_.store(true);
    when_ = std::chrono::steady_clock::now();
  }
  bool Full() const override { return false; }
  const CancelFlag& cancelled() const { return cancelled_; }
  size_t after() const { return count_ - kBefore; }
  std::chrono::steady_clock::duration since() const {
    return std::chrono::steady_clock::now() - when_;
  }

 private:
  static constexpr size_t kBefore = 1000;
  CancelFlag cancelled_{false};
  size_t count_ = 0;
  std::chrono::steady_clock::time_point when_;
};

// A chain of `depth` directories, without ever having a path that long; beside each two files and
// so many directories, before and after it.
void Chain(const Tree& tree, const std::string& name, size_t depth, bool files, int others = 0) {
  int at = ::open(tree.Path("").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < depth; ++i) {
    CHECK(::mkdirat(at, name.c_str(), 0755) == 0);
    const int next = ::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files) {
      (void)::close(::openat(at, "a", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
      (void)::close(::openat(at, "z", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    for (int other = 0; other < others; ++other) {
      const std::string beside = (other % 2 == 0 ? "l" : "n") + std::to_string(other);
      CHECK(::mkdirat(at, beside.c_str(), 0755) == 0);
    }
    (void)::close(at);
    at = next;
  }
  (void)::close(at);
}

}  // namespace

TEST(ConcurrentWalkGoesNoFurtherAheadThanItMay) {
  HandLayers hand(1);
  NewFiles(hand, 22, 500, 240);
  hand.upper().Dir("zzz");
  auto walk = ChangeWalk::Open(hand.Open(), Threads(4));
  if (!CHECK(walk.ok())) return;
  SlowSink sink(hand);
  const CancelFlag never{false};
  auto more = walk.value()->Next({never, kLong}, sink);
  CHECK(more.ok() && !more.value());
  CHECK_EQ(sink.count(), size_t{22 * 501 + 2});
  // Three megabytes lie between them: nobody had read that directory when the file was made.
  CHECK(sink.seen());
}

TEST(ConcurrentWalkStandsStillBetweenBatches) {
  HandLayers hand(1);
  NewFiles(hand, 20, 200, 20);
  auto walk = ChangeWalk::Open(hand.Open(), Threads(4));
  if (!CHECK(walk.ok())) return;
  const size_t threads = ThreadsAtRest();
  const CancelFlag never{false};
  ChangeLines sink(500);
  for (bool more = true; more;) {
    sink.Empty();
    auto next = walk.value()->Next({never, kLong}, sink);
    if (!CHECK(next.ok())) return;
    more = next.value();
    CHECK(IsDownTo(more ? threads + 3 : threads));
    const size_t descriptors = Descriptors();
    const long used = ProcessMicroseconds();
    (void)::usleep(20'000);
    CHECK(ProcessMicroseconds() - used < 10'000);
    CHECK_EQ(Descriptors(), descriptors);
  }
  CHECK_EQ(sink.lines().size(), 20 * 201);
}

TEST(ConcurrentWalkThatNobodyGoesOnWithKeepsNoThreads) {
  HandLayers hand(1);
  NewFiles(hand, 20, 200, 20);
  auto walk = ChangeWalk::Open(hand.Open(), Threads(4));
  if (!CHECK(walk.ok())) return;
  const size_t threads = ThreadsAtRest();
  const CancelFlag never{false};
  ChangeLines sink(1000);
  for (int i = 0; i < 2; ++i) {
    sink.Empty();
    auto next = walk.value()->Next({never, kLong}, sink);
    CHECK(next.ok() && next.value());
    // The second time what was found ahead is enough.
    CHECK(i > 0 || OwnThreads() > threads);
    CHECK(IsDownTo(threads));
  }
  CHECK_EQ(sink.lines().size(), size_t{2000});
}

TEST(ConcurrentWalkEndsSoonAfterItIsCancelled) {
  HandLayers hand(1);
  NewFiles(hand, 20, 300, 20);
  auto walk = ChangeWalk::Open(hand.Open(), Threads(4));
  if (!CHECK(walk.ok())) return;
  const size_t threads = ThreadsAtRest();
  CancellingSink sink;
  auto more = walk.value()->Next({sink.cancelled(), kLong}, sink);
  CHECK(sink.since() < std::chrono::seconds(1));
  CHECK(more.ok() && more.value());
  // A few entries more, and not a whole directory.
  CHECK(sink.after() <= 32);
  CHECK(IsDownTo(threads));
}

TEST(ConcurrentWalkOfAChainThatIsDeeperThanTheDescriptorLimit) {
  constexpr size_t kDepth = 2000;
  HandLayers hand(1);
  Chain(hand.upper(), "m", kDepth, true);
  Chain(hand.lower(0), "m", kDepth, false);
  const ovl::Layers layers = hand.Open();
  const auto one = ListChanges(hand, layers, Threads(1));
  CHECK_EQ(one.size(), 2 * kDepth);
  struct rlimit limit {};
  CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const struct rlimit small { 400, limit.rlim_max };
  CHECK(::setrlimit(RLIMIT_NOFILE, &small) == 0);
  for (const unsigned threads : {2U, 4U}) {
    const auto several = ListChanges(hand, layers, Threads(threads));
    CHECK_EQ(several.back(), one.back());
    CHECK(several == one);
  }
  CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

// What is left to do above cannot all be done on the way down there.
TEST(ConcurrentWalkOfADeepChainWithManyDirectoriesBeside) {
  constexpr size_t kDepth = 250;
  constexpr size_t kBeside = 40;
  HandLayers hand(1);
  Chain(hand.upper(), "m", kDepth, true, kBeside);
  Chain(hand.lower(0), "m", kDepth, false);
  const ovl::Layers layers = hand.Open();
  const size_t before = Descriptors();
  const auto one = ListChanges(hand, layers, Threads(1));
  CHECK_EQ(one.size(), (2 + kBeside) * kDepth);
  CHECK(ListChanges(hand, layers, Threads(4)) == one);
  CHECK_EQ(Descriptors(), before);
}

// Files that have to be compared, and are found on the way down: only a few may wait, since they
// are open.
TEST(ConcurrentWalkOfADeepChainOfLargeFiles) {
  constexpr size_t kDepth = 60;
  constexpr off_t kSize = 5 << 18;  // more than is compared at once
  HandLayers hand(1);
  for (Tree* tree : {&hand.upper(), &hand.lower(0)}) {
    Chain(*tree, "m", kDepth, true);
    std::string at;
    for (size_t i = 0; i < kDepth; ++i, at += "m/") {
      const int fd = ::open(tree->Path(at + "z").c_str(), O_WRONLY | O_CLOEXEC);
      // Holes would be passed over.
      CHECK(::posix_fallocate(fd, 0, kSize) == 0);
      (void)::close(fd);
      // Those of both trees may be made within one tick of the kernel's clock for files.
      const struct timespec times[] = {{1, 0}, {tree == &hand.upper() ? 2 : 1, 0}};
      for (const char* name : {"a", "z"}) {
        CHECK(::utimensat(AT_FDCWD, tree->Path(at + name).c_str(), times, 0) == 0);
      }
    }
  }
  const ovl::Layers layers = hand.Open();
  struct rlimit limit {};
  CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  for (const unsigned threads : {1U, 3U}) {
    // The directories of the chain are open all along: with the files of each it would be too many.
    const struct rlimit small { 2 * kDepth + 60, limit.rlim_max };
    CHECK(::setrlimit(RLIMIT_NOFILE, &small) == 0);
    const auto lines = ListChanges(hand, layers, Threads(threads));
    CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK_EQ(lines.size(), 2 * kDepth);
  }
}
