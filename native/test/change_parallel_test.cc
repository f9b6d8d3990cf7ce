// A walk by several threads gives what one thread gives, in the same order. "Concurrent" in a name:
// the thread sanitizer runs it as well.
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "test/check.h"
#include "test/child.h"
#include "test/hand_layers.h"

using ovl::CancelFlag;
using ovl::ChangeOptions;
using ovl::ChangeWalk;

namespace {

using Lines = std::vector<std::string>;
constexpr std::chrono::hours kLong{1};

ChangeOptions Threads(unsigned threads, bool expand = false) {
  ChangeOptions options;
  options.threads = threads;
  options.expand = expand;
  return options;
}

// The list in batches of `capacity`, each with helpers of its own; a failure is the last line.
Lines InBatches(HandLayers& hand, const ovl::Layers& layers, const ChangeOptions& options,
                size_t capacity) {
  auto walk = ChangeWalk::Open(layers, options);
  if (!CHECK(walk.ok())) return {};
  const CancelFlag cancelled{false};
  ChangeLines sink(capacity);
  for (;;) {
    sink.Empty();
    auto more = walk.value()->Next({cancelled, kLong}, sink);
    if (!more.ok()) {
      Lines lines = sink.lines();
      lines.push_back(ShowFailure(hand, more.failure()));
      return lines;
    }
    if (!more.value()) return sink.lines();
  }
}

// Something of everything, at random, in a tree of about `entries`.
class RandomTree {
 public:
  RandomTree(HandLayers& hand, unsigned seed, size_t entries, bool marks)
      : hand_(hand), random_(seed), left_(entries), marks_(marks) {
    while (left_ > 0) Directory("", 0, true);
  }

 private:
  size_t Below(size_t n) { return random_() % n; }

  void Directory(const std::string& at, size_t depth, bool in_upper) {
    const size_t names = depth == 0 ? 40 : 1 + Below(60);
    for (size_t i = 0; i < names && left_ > 0; ++i) {
      --left_;
      const std::string name = at + "n" + std::to_string(serial_++ * 7919 % 10007);
      if (depth < 5 && Below(5) == 0) {
        Branch(name, depth, in_upper);
      } else {
        File(name, in_upper);
      }
    }
  }

  void Branch(const std::string& name, size_t depth, bool above) {
    const size_t kind = above ? Below(6) : 0;
    if (kind != 0) hand_.upper().Dir(name);
    if (kind != 1) hand_.lower(Below(2)).Dir(name);
    if (kind == 2 && marks_) hand_.Opaque(hand_.upper(), name);
    if (kind == 3) hand_.upper().Mode(name, 0700);
    if (kind == 0 && above && Below(2) == 0) hand_.upper().Whiteout(name);
    Directory(name + "/", depth + 1, kind != 0);
  }

  void File(const std::string& name, bool in_upper) {
    Tree& lower = hand_.lower(Below(2));
    const size_t kind = Below(10);
    if (kind > 2) lower.File(name, "same");
    if (!in_upper) return;
    if (kind < 5) hand_.upper().File(name, kind == 3 ? "same" : "other");
    if (kind == 5) hand_.upper().Whiteout(name);
    if (kind == 6) hand_.upper().Symlink(name, "target");
    if (kind == 7 && !last_.empty()) hand_.upper().HardLink(name, last_);
    if (kind == 8 && marks_) hand_.XattrWhiteout(hand_.upper(), name);
    if (kind == 9 && marks_) hand_.Metacopy(hand_.upper(), name, 4);
    if (kind == 4) last_ = name;
  }

  HandLayers& hand_;
  std::mt19937 random_;
  size_t left_;
  bool marks_;
  size_t serial_ = 0;
  std::string last_;
};

void CheckEveryNumberOfThreads(HandLayers& hand, const ovl::Layers& layers) {
  for (const bool expand : {false, true}) {
    const Lines one = InBatches(hand, layers, Threads(1, expand), SIZE_MAX);
    for (const unsigned threads : {2U, 4U, 7U}) {
      CHECK(InBatches(hand, layers, Threads(threads, expand), SIZE_MAX) == one);
      CHECK(InBatches(hand, layers, Threads(threads, expand), 301) == one);
    }
    CHECK(InBatches(hand, layers, Threads(1, expand), 1) == one);
  }
}

struct Canceller {
  CancelFlag cancelled{false};
  std::atomic<bool> started{false};
};

}  // namespace

TEST(ConcurrentWalkOfRandomTrees) {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    HandLayers hand(2, ovl::MarkerSpace::kTrusted);
    if (!hand.Usable()) return;
    const RandomTree tree(hand, seed, 1500, false);
    CheckEveryNumberOfThreads(hand, hand.Open());
  }
}

TEST(ConcurrentWalkThatFindsOutWhereTheMarksAre) {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    HandLayers hand(2);
    if (!hand.Usable()) return;
    const RandomTree tree(hand, seed, 1500, true);
    ovl::Layers layers = hand.Open();
    layers.marks = ovl::MarkReader::Undecided();
    CheckEveryNumberOfThreads(hand, layers);
    // The first mark, late: what was found out ahead of it did not know.
    hand.upper().Dir("a");
    for (int i = 0; i < 600; ++i) hand.upper().File("a/" + std::to_string(i));
    hand.upper().Dir("z");
    CheckEveryNumberOfThreads(hand, layers);
  }
}

TEST(ConcurrentWalkOfMarksInBothNamespaces) {
  for (const char* last : {"m/999", "d/999", "y"}) {
    HandLayers hand(1, ovl::MarkerSpace::kTrusted);
    if (!hand.Usable()) return;
    for (int i = 100; i < 1000; ++i) {
      hand.upper().File("d/" + std::to_string(i));
      hand.upper().File("m/" + std::to_string(i));
      hand.upper().File("x" + std::to_string(i));
    }
    hand.upper().File("y");
    hand.Mark(hand.upper(), "d/500", "origin", "");
    hand.upper().Xattr(last, "user.overlay.origin", "");
    ovl::Layers layers = hand.Open();
    layers.marks = ovl::MarkReader::Undecided();
    const Lines one = InBatches(hand, layers, Threads(1), SIZE_MAX);
    if (!CHECK(!one.empty())) return;
    CHECK_EQ(one.back(), std::string("ENOTSUP both-namespaces u/") + last);
    for (const unsigned threads : {2U, 4U, 7U}) {
      CHECK(InBatches(hand, layers, Threads(threads), SIZE_MAX) == one);
    }
  }
}

TEST(ConcurrentWalkOfOneLongDirectory) {
  HandLayers hand(1);
  for (int i = 10'000; i < 14'000; ++i) {
    const std::string name = "a-long-directory/" + std::to_string(i * 7 % 40'000);
    hand.upper().File(name);
    if (i % 3 == 0) hand.lower(0).File(name, "x");
  }
  const ovl::Layers layers = hand.Open();
  CheckEveryNumberOfThreads(hand, layers);
  CHECK_EQ(ListChanges(hand, layers, Threads(4)).size(), 4000);
}

TEST(ConcurrentWalkFailsWhereOneThreadDoes) {
  HandLayers hand(1);
  if (!hand.Usable()) return;
  for (int i = 1000; i < 3000; ++i) hand.upper().File("d/" + std::to_string(i));
  for (const char* name : {"d/1700", "d/2500", "d/1200/x"}) {
    if (std::string_view(name) == "d/1200/x") hand.upper().Remove("d/1200");
    hand.Metacopy(hand.upper(), name, 5);
    const ovl::Layers layers = hand.Open();
    const Lines one = InBatches(hand, layers, Threads(1), SIZE_MAX);
    for (const unsigned threads : {2U, 4U, 7U}) {
      CHECK(InBatches(hand, layers, Threads(threads), SIZE_MAX) == one);
    }
  }
}

TEST(ConcurrentWalkEndsWhenItIsCancelled) {
  HandLayers hand(1);
  for (int i = 0; i < 3000; ++i) {
    const std::string name = std::to_string(i % 30) + "/" + std::to_string(i);
    hand.upper().File(name, "upper");
    hand.lower(0).File(name, "lower");
  }
  const ovl::Layers layers = hand.Open();
  const size_t all = ListChanges(hand, layers, Threads(1)).size();
  for (int round = 0; round < 20; ++round) {
    auto walk = ChangeWalk::Open(layers, Threads(4));
    if (!CHECK(walk.ok())) return;
    Canceller canceller;
    pthread_t thread{};
    const auto body = [](void* arg) -> void* {
      auto& it = *static_cast<Canceller*>(arg);
      while (!it.started.load()) {
      }
      (void)::usleep(2000);
      it.cancelled.store(true);
      return nullptr;
    };
    if (!CHECK(::pthread_create(&thread, nullptr, body, &canceller) == 0)) return;
    ChangeLines sink;
    canceller.started.store(true);
    auto more = walk.value()->Next({canceller.cancelled, kLong}, sink);
    (void)::pthread_join(thread, nullptr);
    if (!CHECK(more.ok())) return;
    CHECK(sink.lines().size() <= all);
    // Where it was left it goes on; or it is left for good, which every other round does.
    if (round % 2 == 0) continue;
    const CancelFlag never{false};
    while (more.ok() && more.value()) more = walk.value()->Next({never, kLong}, sink);
    CHECK_EQ(sink.lines().size(), all);
  }
}

TEST(WalkGoesOnWhereNoThreadCanBeMade) {
  HandLayers hand(1);
  for (int i = 0; i < 2000; ++i) {
    hand.upper().File(std::to_string(i % 20) + "/" + std::to_string(i));
  }
  const ovl::Layers layers = hand.Open();
  const size_t all = ListChanges(hand, layers, Threads(4)).size();
  const Child child([&](const Child& self) {
    const struct rlimit none { 1, 1 };
    if (!BecomeOrdinaryUser() || ::setrlimit(RLIMIT_NPROC, &none) != 0) return;
    pthread_t thread;
    const auto nothing = [](void*) -> void* { return nullptr; };
    const int made = ::pthread_create(&thread, nullptr, nothing, nullptr);
    self.Say(std::to_string(made) + " " +
             std::to_string(ListChanges(hand, layers, Threads(4)).size()));
  });
  const std::string heard = child.Hear();
  if (heard.empty()) return check::Skip("no other user can be had [root only]");
  CHECK_EQ(heard, std::to_string(EAGAIN) + " " + std::to_string(all));
}
