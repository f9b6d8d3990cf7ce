// A walk while each call to the kernel fails in turn. It gives the answer that it would have given,
// or a failure that names the call. What an upper no longer has by the time it is looked at
// (ENOENT) is no failure: the upper is alive.
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/change_walk.h"
#include "core/layer_scan.h"
#include "core/layers.h"
#include "core/tree_removal.h"
#include "faults/apply_trees.h"
#include "faults/faults.h"
#include "faults/leavings.h"

namespace {

using ovl::Failure;
using ovl::Result;

constexpr auto kLong = std::chrono::hours(1);

class Place {
 public:
  Place() {
    faults::Must(::mkdir(base_.c_str(), 0755), base_);
    faults::MakeLower(lower);
    faults::MakeLower(bottom);
    faults::MakeUpper(upper);
    // Of the file whose data are in the lower layer, and moved.
    const std::string moved = upper + "/z-metacopy";
    faults::Must(::mknod(moved.c_str(), S_IFREG | 0600, 0), moved);
    faults::Must(::truncate(moved.c_str(), 3), moved);
    faults::Must(::setxattr(moved.c_str(), "trusted.overlay.metacopy", "", 0, 0), moved);
    faults::Must(::setxattr(moved.c_str(), "trusted.overlay.redirect", "/a", 2, 0), moved);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { (void)ovl::RemoveTree(base_); }

 private:
  const std::string base_ = "/tmp/overlayfs-test-walk-faults-" + std::to_string(::getpid());

 public:
  const std::string lower = base_ + "/lower";
  const std::string bottom = base_ + "/bottom";
  const std::string upper = base_ + "/upper";
};

class Text final : public ovl::ChangeSink, public ovl::ScanSink {
 public:
  void Add(const ovl::Change& change) override {
    text.append(change.path).append({' ', "AMD"[static_cast<size_t>(change.kind)], ' '});
    text.append(std::to_string(change.type)).append(" ");
    text.append(std::to_string(change.previous_type)).append(" ");
    text.append(std::to_string(change.aspects)).append(" ").append(change.renamed_from);
    text.append(change.content_unknown || change.unknown ? " ?\n" : "\n");
  }
  void Add(const ovl::ScanEntry& entry) override {
    text.append(entry.path).append(" ").append(std::to_string(entry.st.st_mode));
    for (const auto& [name, value] : entry.marks) text.append(" ").append(name).append(value);
    text.append(" ").append(entry.target).append("\n");
  }
  bool Full() const override { return false; }
  std::string text;
};

Result<std::string> ListChanges(const Place& place) {
  ovl::Layers layers;
  auto upper = ovl::OpenLayer(place.upper, ovl::LayerDir::kUpper);
  if (!upper.ok()) return std::move(upper.failure());
  layers.upper = std::move(upper.value());
  for (const std::string& path : {place.lower, place.bottom}) {
    auto lower = ovl::OpenLayer(path, static_cast<uint32_t>(layers.lowers.size()));
    if (!lower.ok()) return std::move(lower.failure());
    layers.lowers.push_back(std::move(lower.value()));
  }
  ovl::ChangeOptions options;
  options.expand = true;
  options.threads = 1;  // the n-th call is the same one each time
  auto walk = ovl::ChangeWalk::Open(layers, std::move(options));
  if (!walk.ok()) return std::move(walk.failure());
  const ovl::CancelFlag cancelled{false};
  Text sink;
  for (;;) {
    auto more = walk.value()->Next({cancelled, kLong}, sink);
    if (!more.ok()) return std::move(more.failure());
    if (!more.value()) return std::move(sink.text);
  }
}

Result<std::string> Scan(const Place& place) {
  auto root = ovl::OpenLayer(place.upper, ovl::LayerDir::kUpper);
  if (!root.ok()) return std::move(root.failure());
  ovl::LayerScan scan(std::move(root.value()));
  const ovl::CancelFlag cancelled{false};
  Text sink;
  for (;;) {
    auto more = scan.Next({cancelled, kLong}, sink);
    if (!more.ok()) return std::move(more.failure());
    if (!more.value()) return std::move(sink.text);
  }
}

struct Scenario {
  const char* name;
  Result<std::string> (*work)(const Place&);
};

constexpr Scenario kScenarios[] = {{"walk of changes", ListChanges}, {"walk of a layer", Scan}};

std::set<std::string> Lines(const std::string& text) {
  std::istringstream in(text);
  std::set<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.insert(line);
  return lines;
}

// Where something has gone, only what is said of that, and of what was in it, is another.
bool DifferAtOnePlace(const std::string& answer, const std::string& right) {
  const std::set<std::string> is = Lines(answer);
  const std::set<std::string> should = Lines(right);
  if (is.size() < 2) return true;  // the root itself
  std::vector<std::string> lines;
  std::set_symmetric_difference(is.begin(), is.end(), should.begin(), should.end(),
                                std::back_inserter(lines));
  std::string place;
  return std::all_of(lines.begin(), lines.end(), [&](const std::string& line) {
    // In these trees what is at the top says where.
    const std::string top = line.substr(0, line.find_first_of("/ "));
    if (place.empty()) place = top;
    return top == place;
  });
}

std::string WhyWrong(const Place& place, const Result<std::string>& answer,
                     const std::string& right, int err) {
  if (answer.ok()) {
    const bool good =
        err == ENOENT ? DifferAtOnePlace(answer.value(), right) : answer.value() == right;
    return good ? "" : "another answer:\n" + answer.value();
  }
  const Failure& failure = answer.failure();
  if (failure.err == ENOENT && failure.path.starts_with(place.upper + "/")) {
    return "what vanished is a failure: " + failure.path;
  }
  if (faults::NamesCall(failure)) return "";
  return std::string("the failure names ") + failure.call;
}

// False when there were fewer calls than that.
bool Try(const Scenario& scenario, const Place& place, const std::string& right, size_t nth,
         int err, size_t& wrong) {
  const size_t descriptors = faults::Descriptors();
  faults::Arm(nth, err);
  const auto answer = scenario.work(place);
  faults::Disarm();
  std::string why = WhyWrong(place, answer, right, err);
  if (faults::Descriptors() != descriptors) why = "a descriptor is left";
  if (!why.empty()) {
    ++wrong;
    (void)std::printf("FAIL %s, call %zu (%s, errno %d): %s\n", scenario.name, nth,
                      faults::Call().c_str(), err, why.c_str());
  }
  return faults::Happened();
}

// Going back up a deep tree must not cost as many calls at each level as that is deep.
constexpr size_t kDeep = 1500;
constexpr size_t kCallsEach = 60;  // directory

// `beside`: with another directory at each level, which has its turn on the way back.
void MakeDeep(const std::string& root, bool beside) {
  const std::string top = root + "/deep";
  faults::Must(::mkdir(top.c_str(), 0755), top);
  faults::Must(::chdir(top.c_str()), top);
  for (size_t i = 0; i < kDeep; ++i) {
    for (const char* file : {"a", "z"}) faults::Must(::mknod(file, S_IFREG | 0600, 0), file);
    faults::Must(::mkdir("m", 0755), "m");
    if (beside) faults::Must(::mkdir("n", 0755), "n");
    faults::Must(::chdir("m"), "m");
  }
  faults::Must(::chdir("/"), "/");
}

bool DeepTreeTakesCallsByLevel(bool beside) {
  const Place place;
  MakeDeep(place.upper, beside);
  MakeDeep(place.lower, beside);
  for (const Scenario& scenario : kScenarios) {
    faults::Arm(kDeep * (beside ? 2 : 1) * kCallsEach, EIO);
    const auto answer = scenario.work(place);
    faults::Disarm();
    const std::string why = faults::Happened()
                                ? "more than " + std::to_string(kCallsEach) + " calls a directory"
                            : answer.ok() ? ""
                                          : std::string("fails in ") + answer.failure().call;
    if (why.empty()) continue;
    (void)std::printf("FAIL %s of a deep tree: %s\n", scenario.name, why.c_str());
    return false;
  }
  (void)std::printf("ok walks of a deep tree%s: calls by its directories\n",
                    beside ? " with others beside" : "");
  return true;
}

}  // namespace

void faults::RunWalks(const char* filter, size_t& passed, size_t& failed) {
  for (const Scenario& scenario : kScenarios) {
    if (filter != nullptr && std::strstr(scenario.name, filter) == nullptr) continue;
    const Place place;
    const auto right = scenario.work(place);
    if (!right.ok()) {
      (void)std::printf("FAIL %s: %s %s\n", scenario.name, right.failure().call,
                        right.failure().path.c_str());
      ++failed;
      continue;
    }
    size_t wrong = 0;
    size_t nth = 1;
    for (const int err : {EIO, ENOMEM, ENOENT}) {
      nth = 1;
      while (wrong < 10 && nth < 2000 && Try(scenario, place, right.value(), nth, err, wrong)) {
        ++nth;
      }
    }
    const bool good = wrong == 0 && nth > 20 && nth < 2000;
    (void)std::printf("%s %s: each of %zu calls failed in turn\n", good ? "ok" : "FAIL",
                      scenario.name, nth - 1);
    ++(good ? passed : failed);
  }
  if (filter != nullptr && std::strstr("walks of a deep tree", filter) == nullptr) return;
  for (const bool beside : {false, true}) {
    ++(DeepTreeTakesCallsByLevel(beside) ? passed : failed);
  }
}
