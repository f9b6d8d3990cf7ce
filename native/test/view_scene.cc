#include "test/view_scene.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "core/sys_pidfd.h"
#include "core/sys_privilege.h"
#include "core/view_process.h"
#include "test/check.h"
#include "test/descriptors.h"
#include "test/detached_overlay.h"

ViewScene::ViewScene(Mounter mounter) : mounter_(mounter), tree_(temp_.path()) {
  for (const char* name : {"lower", "upper", "work"}) tree_.Dir(name);
  tree_.File("lower/file", "below\n");
  tree_.Dir("lower/dir");
  if (mounter == Mounter::kRootless && ::geteuid() == 0) {
    for (const char* name : {"", "lower", "upper", "work", "lower/file", "lower/dir"}) {
      CHECK(::chown(tree_.Path(name).c_str(), kOrdinaryUser, kOrdinaryUser) == 0);
    }
  }
}

ViewScene::~ViewScene() {
  // The kernel leaves it without permissions, and an ordinary user could not remove it. Missing
  // where nothing was mounted.
  (void)::chmod(tree_.Path("work/work").c_str(), 0700);
}

ovl::ViewProcessSpec ViewScene::Spec(std::vector<std::string> args) const {
  ovl::ViewProcessSpec spec;
  spec.mount = overlay_.mount.get();
  spec.user_namespace = overlay_.user_namespace.get();
  spec.at = spec.cwd = Lower();
  spec.file = args.front();
  spec.args = std::move(args);
  spec.env = {"PATH=/usr/local/bin:/usr/bin:/bin"};
  spec.stdio = {ovl::kStdioNull, ovl::kStdioPipe, 2};
  return spec;
}

std::string ViewScene::Run(const ovl::ViewProcessSpec& spec) {
  auto started = ovl::StartInView(spec);
  if (!started.ok()) {
    const ovl::Failure& failure = started.failure();
    return std::string(failure.call) + " " + std::to_string(failure.err) + " " + failure.reason +
           " " + failure.path + failure.dest;
  }
  std::string out;
  if (started.value().pipes[1]) out = ReadAll(started.value().pipes[1].get());
  auto end = ovl::WaitPidfd(started.value().pidfd.get(), ovl::Waiting::kYes);
  if (!end.ok() || !end.value()) return out + " not waited for";
  const ovl::ProcessEnd& how = *end.value();
  return out + (how.signal == 0 ? " code " + std::to_string(how.code)
                                : " signal " + std::to_string(how.signal));
}

bool HaveRoot() {
  if (ovl::CanReadTrustedXattrs()) return true;
  check::Skip("needs root");
  return false;
}
