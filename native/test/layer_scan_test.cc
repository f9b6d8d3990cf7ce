#include "core/layer_scan.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "core/layers.h"
#include "test/check.h"
#include "test/tree.h"

namespace {

using Lines = std::vector<std::string>;
constexpr std::chrono::hours kLong{1};

// "f link/s -> target user.overlay.origin=x": the type's letter, the path, what else there is.
class ScanLines final : public ovl::ScanSink {
 public:
  explicit ScanLines(size_t capacity = SIZE_MAX) : capacity_(capacity) {}
  void Add(const ovl::ScanEntry& entry) override {
    ++batch_;
    const mode_t mode = entry.st.st_mode;
    std::string line = S_ISDIR(mode) ? "d " : S_ISLNK(mode) ? "l " : S_ISCHR(mode) ? "c " : "f ";
    line.append(entry.path);
    if (!entry.target.empty()) line.append(" -> ").append(entry.target);
    for (const auto& [name, value] : entry.marks)
      line.append(" ").append(name).append("=").append(value);
    lines_.push_back(std::move(line));
  }
  bool Full() const override { return batch_ >= capacity_; }
  void Empty() { batch_ = 0; }
  const Lines& lines() const { return lines_; }

 private:
  size_t capacity_;
  size_t batch_ = 0;
  Lines lines_;
};

ovl::DirPtr OpenRoot(const TempDir& temp) {
  auto root = ovl::OpenLayer(temp.path(), 0);
  return CHECK(root.ok()) ? root.value() : nullptr;
}

// All entries; `capacity` for each batch.
Lines Scan(const TempDir& temp, size_t capacity = SIZE_MAX) {
  ovl::LayerScan scan(OpenRoot(temp));
  ScanLines sink(capacity);
  const ovl::CancelFlag cancelled{false};
  for (;;) {
    const size_t had = sink.lines().size();
    sink.Empty();
    auto more = scan.Next({cancelled, kLong}, sink);
    if (!CHECK(more.ok())) return {};
    CHECK(sink.lines().size() - had <= capacity);
    if (!more.value()) return sink.lines();
  }
}

}  // namespace

TEST(ScanOfAnEmptyLayer) {
  const TempDir temp;
  CHECK_EQ(Scan(temp), Lines{"d ."});
}

TEST(ScanListsEverythingInOrder) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("a/b");
  tree.File("a.b");
  tree.Dir("empty");
  tree.Symlink("link", "to/\xff");
  tree.Whiteout("gone");
  tree.File("\x80");
  const Lines all = {"d .",   "d a", "f a/b", "f a.b", "d empty", "c gone", "l link -> to/\xff",
                     "f \x80"};
  CHECK_EQ(Scan(temp), all);
  CHECK_EQ(Scan(temp, 1), all);
  CHECK_EQ(Scan(temp, 3), all);
}

TEST(ScanShowsMarks) {
  const TempDir temp;
  const std::string why = WhyNoUserXattrs(temp.path());
  if (!why.empty()) return check::Skip(why);
  Tree tree(temp.path());
  tree.Xattr("", "user.overlay.uuid", "u");
  tree.Dir("d");
  tree.Xattr("d", "user.overlay.opaque", "y");
  tree.Xattr("d", "user.overlay.impure", "y");
  tree.Xattr("d", "user.other", "no");
  tree.File("f");
  tree.Xattr("f", "user.overlay.overlay.opaque", "escaped");
  tree.Xattr("f", "user.overlay.whiteout", "");
  CHECK_EQ(Scan(temp),
           Lines{"d . user.overlay.uuid=u", "d d user.overlay.impure=y user.overlay.opaque=y",
                 "f f user.overlay.overlay.opaque=escaped user.overlay.whiteout="});
  if (!WhyNoTrustedXattrs(temp.path()).empty()) return;
  tree.Xattr("f", "trusted.overlay.origin", "o");
  CHECK_EQ(Scan(temp).back(),
           "f f trusted.overlay.origin=o user.overlay.overlay.opaque=escaped "
           "user.overlay.whiteout=");
}

TEST(ScanDoesNothingWhenCancelled) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.File("f");
  ovl::LayerScan scan(OpenRoot(temp));
  ScanLines sink;
  ovl::CancelFlag cancelled{true};
  auto more = scan.Next({cancelled, kLong}, sink);
  CHECK(more.ok() && more.value() && sink.lines().empty());
  cancelled = false;
  more = scan.Next({cancelled, kLong}, sink);
  CHECK(more.ok() && !more.value());
  CHECK_EQ(sink.lines(), Lines{"d .", "f f"});
  more = scan.Next({cancelled, kLong}, sink);
  CHECK(more.ok() && !more.value() && sink.lines().size() == 2);
}

TEST(ScanOfALayerThatVanishesMeanwhile) {
  const TempDir temp;
  Tree tree(temp.path());
  for (const char* name : {"a", "b/f", "c/f", "d", "e"}) tree.File(name);
  ovl::LayerScan scan(OpenRoot(temp));
  ScanLines sink(2);
  const ovl::CancelFlag cancelled{false};
  auto more = scan.Next({cancelled, kLong}, sink);
  CHECK_EQ(sink.lines(), Lines{"d .", "f a"});
  tree.Remove("b");
  tree.Remove("c");
  tree.File("c");
  tree.Remove("d");
  for (size_t i = 0; i < 20 && more.ok() && more.value(); ++i) {
    sink.Empty();
    more = scan.Next({cancelled, kLong}, sink);
  }
  CHECK(more.ok() && !more.value());
  CHECK_EQ(sink.lines(), Lines{"d .", "f a", "f c", "f e"});
}

TEST(ScanOfADirectoryReplacedBeforeItIsEntered) {
  for (const char kind : {'f', 's', 'w', 'd'}) {
    const TempDir temp;
    Tree tree(temp.path());
    tree.File("a/d/f");
    tree.File("a/e");
    ovl::LayerScan scan(OpenRoot(temp));
    ScanLines sink(1);
    const ovl::CancelFlag cancelled{false};
    ovl::Result<bool> more = true;
    while (more.ok() && more.value() && (sink.lines().empty() || sink.lines().back() != "d a/d")) {
      sink.Empty();
      more = scan.Next({cancelled, kLong}, sink);
    }
    CHECK(::rename(tree.Path("a/d").c_str(), tree.Path("moved").c_str()) == 0);
    if (kind == 'f') tree.File("a/d");
    if (kind == 's') tree.Symlink("a/d", "../moved");
    if (kind == 'w') tree.Whiteout("a/d");
    if (kind == 'd') tree.File("a/d/other");
    for (size_t i = 0; i < 20 && more.ok() && more.value(); ++i) {
      sink.Empty();
      more = scan.Next({cancelled, kLong}, sink);
    }
    CHECK(more.ok());
    Lines rest = sink.lines();
    std::erase(rest, "f a/d/f");  // the directory was open already
    CHECK_EQ(rest, Lines{"d .", "d a", "d a/d", "f a/e"});
  }
}

TEST(ScanOfATreeDeeperThanAPathAndThanTheDescriptorLimit) {
  const TempDir temp;
  constexpr size_t kDepth = 600;
  int at = ::open(temp.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < kDepth; ++i) {
    CHECK(::mkdirat(at, "deep-down", 0755) == 0);
    const int next = ::openat(at, "deep-down", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)::close(at);
    at = next;
  }
  (void)::close(at);
  struct rlimit limit {};
  CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const struct rlimit small { 400, limit.rlim_max };
  CHECK(::setrlimit(RLIMIT_NOFILE, &small) == 0);
  const Lines lines = Scan(temp);
  CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (!CHECK_EQ(lines.size(), kDepth + 1)) return;
  CHECK_EQ(lines.back().size(), 2 + kDepth * 10 - 1);
}
