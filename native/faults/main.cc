// Mounts and unmounts in every form while each call to the kernel fails in turn. Whatever fails,
// the error has to name it, and nothing may be left: no descriptor, no mount, no directory, no
// process.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/overlay_mount.h"
#include "core/tree_removal.h"
#include "faults/faults.h"
#include "faults/leavings.h"

namespace {

using ovl::CloseRequest;
using ovl::MountInterface;
using ovl::OverlaySpec;
using ovl::UpperKind;

size_t passed = 0;
size_t failed = 0;

void Expect(bool good, const std::string& scenario, size_t nth, const std::string& what) {
  if (good) return;
  ++failed;
  (void)std::printf("FAIL %s, call %zu (%s): %s\n", scenario.c_str(), nth, faults::Call().c_str(),
                    what.c_str());
}

struct Place {
  explicit Place(std::string path) : base(std::move(path)) {
    for (const char* name : {"", "/lower", "/second", "/target"}) {
      if (::mkdir((base + name).c_str(), 0755) != 0) std::perror(base.c_str());
    }
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { (void)ovl::RemoveTree(base); }
  std::string base;
};

struct Scenario {
  const char* name;
  std::function<void(OverlaySpec&, const Place&)> adjust;
  CloseRequest close = {};
  bool rootless = false;
};

OverlaySpec Standard(const Place& place) {
  OverlaySpec spec;
  ovl::LayerSpec lower;
  lower.path = place.base + "/lower";
  spec.lower.push_back(lower);
  spec.upper.kind = UpperKind::kDirectory;
  spec.upper.path = place.base + "/upper";
  spec.target = place.base + "/target";
  return spec;
}

// One try. False when there were fewer calls than that.
bool Try(const Scenario& scenario, size_t nth, int err) {
  const std::string base = std::string("/tmp/overlayfs-test-faults-") + std::to_string(::getpid());
  const Place place(base);
  const size_t entries = faults::Entries(place.base);
  OverlaySpec spec = Standard(place);
  scenario.adjust(spec, place);
  const size_t descriptors = faults::Descriptors();
  const size_t mounts = faults::Mounts();
  faults::Arm(nth, err);
  {
    auto mounted = ovl::MountOverlay(spec);
    if (mounted.ok()) {
      auto closed = mounted.value().live->Close(scenario.close);
      faults::Disarm();
      if (!closed.ok()) {
        Expect(faults::NamesCall(closed.failure()), scenario.name, nth,
               std::string("closing names ") + closed.failure().call);
        closed = mounted.value().live->Close(scenario.close);
        Expect(closed.ok(), scenario.name, nth, "closing again fails");
      }
    } else {
      faults::Disarm();
      Expect(faults::NamesCall(mounted.failure()), scenario.name, nth,
             std::string("the failure names ") + mounted.failure().call + ", errno " +
                 std::to_string(mounted.failure().err));
      // A directory that we made and could not look at is the only thing that may be left.
      Expect(faults::Entries(place.base) == entries, scenario.name, nth, "a directory is left");
    }
  }
  const bool happened = faults::Happened();
  Expect(faults::Descriptors() == descriptors, scenario.name, nth, "a descriptor is left");
  Expect(faults::Mounts() == mounts, scenario.name, nth, "a mount is left");
  Expect(::waitpid(-1, nullptr, __WALL | WNOHANG) < 0 && errno == ECHILD, scenario.name, nth,
         "a process is left");
  while (::umount2((base + "/target").c_str(), MNT_DETACH) == 0) continue;  // or all others fail
  return happened;
}

const Scenario kScenarios[] = {
    {"at a target", [](OverlaySpec&, const Place&) {}},
    {"by mount(2)",
     [](OverlaySpec& spec, const Place&) {
       spec.interface = MountInterface::kMount;
       spec.attributes = 0x1;
       spec.propagation = MS_PRIVATE;
     }},
    {"by names",
     [](OverlaySpec& spec, const Place&) { spec.interface = MountInterface::kFsopenNames; }},
    {"detached", [](OverlaySpec& spec, const Place&) { spec.target.reset(); }},
    {"of a session",
     [](OverlaySpec& spec, const Place& place) {
       spec.target.reset();
       spec.seen_on = place.base + "/lower";
     }},
    {"read-only and private",
     [](OverlaySpec& spec, const Place&) {
       spec.attributes = 0x1;
       spec.propagation = MS_PRIVATE;
     }},
    {"in memory", [](OverlaySpec& spec, const Place&) { spec.upper.kind = UpperKind::kTmpfs; }},
    {"in memory, by mount(2)",
     [](OverlaySpec& spec, const Place& place) {
       spec.upper.kind = UpperKind::kTmpfs;
       spec.upper.path = place.base;
       spec.interface = MountInterface::kMount;
     }},
    {"in a temporary directory",
     [](OverlaySpec& spec, const Place& place) {
       spec.upper.kind = UpperKind::kTemporary;
       spec.upper.path = place.base;
     }},
    {"volatile", [](OverlaySpec& spec, const Place&) { spec.features.is_volatile = true; }},
    {"without an upper",
     [](OverlaySpec& spec, const Place& place) {
       spec.upper = {};
       ovl::LayerSpec second;
       second.path = place.base + "/second";
       spec.lower.push_back(second);
     }},
    {"idmapped",
     [](OverlaySpec& spec, const Place&) {
       spec.lower.front().idmap.uids = {{0, 1000, 1000}};
       spec.lower.front().idmap.gids = {{0, 1000, 1000}};
     }},
    {"rootless", [](OverlaySpec& spec, const Place&) { spec.target.reset(); }, {}, true},
    {"rootless, in memory",
     [](OverlaySpec& spec, const Place&) {
       spec.target.reset();
       spec.upper.kind = UpperKind::kTmpfs;
     },
     {},
     true},
    {"rootless, volatile",
     [](OverlaySpec& spec, const Place&) {
       spec.target.reset();
       spec.features.is_volatile = true;
     },
     {},
     true},
};

void Run(const Scenario& scenario) {
  size_t nth = 1;
  const size_t before = failed;
  for (const int err : {EIO, ENOMEM}) {
    for (nth = 1; nth < 2000 && Try(scenario, nth, err); ++nth) continue;
  }
  (void)std::printf("%s %s: each of %zu calls failed in turn\n", failed == before ? "ok" : "FAIL",
                    scenario.name, nth - 1);
  if (failed == before) ++passed;
}

// As the user who has no privileges, in a process of its own: there is no way back.
void RunRootless(const Scenario& scenario) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    passed = failed = 0;
    if (::setgid(1000) != 0 || ::setuid(1000) != 0) std::_Exit(2);
    // Else it could not write its own uid_map.
    (void)::prctl(PR_SET_DUMPABLE, 1);
    Run(scenario);
    (void)std::fflush(stdout);
    std::_Exit(failed == 0 ? 0 : 1);
  }
  int status = 0;
  (void)::waitpid(pid, &status, 0);
  ++(WIFEXITED(status) && WEXITSTATUS(status) == 0 ? passed : failed);
}

}  // namespace

int main(int argc, char** argv) {
  (void)std::setvbuf(stdout, nullptr, _IOLBF, 0);
  for (const Scenario& scenario : kScenarios) {
    if (argc > 1 && std::strstr(scenario.name, argv[1]) == nullptr) continue;
    (scenario.rootless && ::geteuid() == 0 ? RunRootless : Run)(scenario);
  }
  faults::RunSessions(argc > 1 ? argv[1] : nullptr, passed, failed);
  faults::RunPrograms(argc > 1 ? argv[1] : nullptr, passed, failed);
  faults::RunWalks(argc > 1 ? argv[1] : nullptr, passed, failed);
  (void)faults::RunApply(argc > 1 ? argv[1] : nullptr, passed, failed);
  (void)std::printf("%zu passed, %zu failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}
