#include "core/mapped_namespace.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/helper_program.h"
#include "core/namespace_holder.h"
#include "core/subordinate_ids.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

constexpr const char* kSubuid = "/etc/subuid";
constexpr const char* kSubgid = "/etc/subgid";
constexpr size_t kMostRead = 4 << 20;  // of such a file: some hundred thousand lines

bool IsProgram(const std::string& path) {
  struct stat st;
  return ::stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

// Where a relative directory of PATH leads depends on the moment.
Result<std::string> FindHelper(std::string_view search, const char* name) {
  const std::string all = std::string(search) + ":/usr/bin";
  for (std::string_view rest = all; !rest.empty();) {
    const size_t end = std::min(rest.find(':'), rest.size());
    std::string path(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (path.empty() || path.front() != '/') continue;
    path.append("/").append(name);
    if (IsProgram(path)) return path;
  }
  Failure failure = Refusal(ENOENT, "access", "no-id-helper");
  failure.detail = name;
  return failure;
}

// Empty where there is none.
Result<std::string> ReadGrants(const char* path) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::string();
  if (!fd) return Errno("open", path);
  auto text = ReadUpTo(fd.get(), kMostRead);
  if (!text.ok()) text.failure().path = path;
  return text;
}

// As newuidmap(1) knows the user: without an account it does nothing for anybody.
std::string NameOfUser() {
  struct passwd entry {};
  struct passwd* found = nullptr;
  std::vector<char> buffer(16 * 1024);
  const int err = ::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found);
  return err == 0 && found != nullptr ? std::string(entry.pw_name) : std::string();
}

struct Grants {
  std::vector<IdExtent> uids;
  std::vector<IdExtent> gids;
};

Result<Grants> FindGrants() {
  auto uids = ReadGrants(kSubuid);
  if (!uids.ok()) return std::move(uids.failure());
  auto gids = ReadGrants(kSubgid);
  if (!gids.ok()) return std::move(gids.failure());
  if (uids.value().empty()) return Refusal(ENOENT, "open", "no-subordinate-ids", kSubuid);
  if (gids.value().empty()) return Refusal(ENOENT, "open", "no-subordinate-ids", kSubgid);
  // The name may have to be asked for over a network, so only where there is something to look up.
  const std::string name = NameOfUser();
  Grants grants{GrantedIds(uids.value(), name, ::getuid()),
                GrantedIds(gids.value(), name, ::getuid())};
  if (grants.uids.empty()) return Refusal(ENOENT, "open", "no-subordinate-ids", kSubuid);
  if (grants.gids.empty()) return Refusal(ENOENT, "open", "no-subordinate-ids", kSubgid);
  return grants;
}

std::vector<std::string> Words(pid_t pid, const std::vector<IdExtent>& map) {
  std::vector<std::string> words{std::to_string(pid)};
  for (const IdExtent& extent : map) {
    const std::string first = std::to_string(extent.first);
    words.insert(words.end(), {first, first, std::to_string(extent.count)});
  }
  return words;
}

}  // namespace

Result<UniqueFd> MakeMappedNamespace(const std::string& search, int milliseconds) {
  const int64_t deadline = MonotonicMilliseconds() + milliseconds;
  auto uid_helper = FindHelper(search, "newuidmap");
  if (!uid_helper.ok()) return std::move(uid_helper.failure());
  auto gid_helper = FindHelper(search, "newgidmap");
  if (!gid_helper.ok()) return std::move(gid_helper.failure());
  auto grants = FindGrants();
  if (!grants.ok()) return std::move(grants.failure());
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
    return Refusal(EPERM, "execve", "no-new-privileges", uid_helper.value());
  }
  NamespaceHolder holder;
  auto status = holder.Start();
  if (!status.ok()) return std::move(status.failure());
  // Both at a time: neither needs the other.
  HelperProgram uids;
  HelperProgram gids;
  const auto uid_map = IdentityMap(::geteuid(), std::move(grants.value().uids));
  const auto gid_map = IdentityMap(::getegid(), std::move(grants.value().gids));
  status = uids.Start(uid_helper.value(), Words(holder.pid(), uid_map));
  if (status.ok()) status = gids.Start(gid_helper.value(), Words(holder.pid(), gid_map));
  if (status.ok()) status = uids.Finish(deadline);
  if (status.ok()) status = gids.Finish(deadline);
  if (!status.ok()) return std::move(status.failure());
  return holder.OpenNamespace();
}

}  // namespace ovl
