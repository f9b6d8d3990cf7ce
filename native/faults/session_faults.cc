// The directories of sessions while each call to the kernel fails in turn. A failure names the
// call; what has the name of a session is whole then, as it was or as it was to be, and nothing
// else is left but what its name tells.
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "core/session_directory.h"
#include "core/tree_removal.h"
#include "faults/faults.h"
#include "faults/leavings.h"

namespace {

using ovl::Status;

struct Place {
  Place() { (void)::mkdir(base.c_str(), 0755); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { (void)ovl::RemoveTree(base); }
  const std::string base = "/tmp/overlayfs-test-session-faults-" + std::to_string(::getpid());
  const std::string draft = base + "/.new-draft";
  const std::string path = base + "/name";
  const std::string retired = base + "/.old-name";
};

std::string TextOf(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Status Made(const ovl::Result<ovl::UniqueFd>& lock) {
  if (!lock.ok()) return lock.failure();
  if (!lock.value()) return ovl::Refusal(EBUSY, "flock", "taken");
  return ovl::Done{};
}

Status Make(const Place& place) {
  return Made(ovl::MakeSession(place.draft, 2, place.path, {"first", true}));
}

struct Scenario {
  const char* name;
  bool made;  // there is one before
  std::function<Status(const Place&)> work;
  // What is wrong afterwards, or nothing.
  std::function<std::string(const Place&, bool done)> check;
};

// Where removing fails as well a draft is left, by the name that says so; only one call fails here.
std::string CheckMade(const Place& place, bool done) {
  if (TextOf(place.path + "/session.json") != (done ? "first" : "")) return "its record is wrong";
  if (faults::Entries(place.path) != (done ? 3 : 0)) return "it is not whole";
  return faults::Entries(place.base) == (done ? 1 : 0) ? "" : "something is left";
}

const Scenario kScenarios[] = {
    {"session made", false, Make, CheckMade},
    {"session written", true,
     [](const Place& place) {
       return ovl::WriteSessionText(place.path, {"second", true});
     },
     [](const Place& place, bool done) -> std::string {
       const std::string text = TextOf(place.path + "/session.json");
       return text == (done ? "second" : "first") ? "" : "its record is '" + text + "'";
     }},
    {"session retired", true,
     [](const Place& place) -> ovl::Status {
       auto lock = ovl::LockDirectory(place.path);
       if (!lock.ok()) return std::move(lock.failure());
       return ovl::RetireSession(place.path, place.retired, lock.value().get());
     },
     [](const Place& place, bool done) -> std::string {
       if (done) return faults::Entries(place.base) == 0 ? "" : "something is left";
       const bool whole = TextOf(place.path + "/session.json") == "first";
       const bool known = faults::Entries(place.path) == 0 && faults::Entries(place.base) == 1;
       return whole != known ? "" : "what is left passes for a session";
     }},
};

// False when there were fewer calls than that.
bool Try(const Scenario& scenario, size_t nth, int err, size_t& wrong) {
  const Place place;
  if (scenario.made && !Make(place).ok()) return false;
  const size_t descriptors = faults::Descriptors();
  faults::Arm(nth, err);
  auto done = scenario.work(place);
  faults::Disarm();
  std::string why = scenario.check(place, done.ok());
  if (!done.ok() && !faults::NamesCall(done.failure())) {
    why = std::string("the failure names ") + done.failure().call;
  }
  if (faults::Descriptors() != descriptors) why = "a descriptor is left";
  if (!why.empty()) {
    ++wrong;
    (void)std::printf("FAIL %s, call %zu (%s): %s\n", scenario.name, nth, faults::Call().c_str(),
                      why.c_str());
  }
  return faults::Happened();
}

}  // namespace

void faults::RunSessions(const char* filter, size_t& passed, size_t& failed) {
  for (const Scenario& scenario : kScenarios) {
    if (filter != nullptr && std::strstr(scenario.name, filter) == nullptr) continue;
    size_t wrong = 0;
    size_t nth = 1;
    for (const int err : {EIO, ENOSPC, ENOMEM}) {
      for (nth = 1; nth < 500 && Try(scenario, nth, err, wrong); ++nth) continue;
    }
    const bool good = wrong == 0 && nth > 2;
    (void)std::printf("%s %s: each of %zu calls failed in turn\n", good ? "ok" : "FAIL",
                      scenario.name, nth - 1);
    ++(good ? passed : failed);
  }
}
