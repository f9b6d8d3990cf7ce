#include "core/lease.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <ctime>
#include <map>
#include <mutex>
#include <utility>

#include "core/mountinfo.h"
#include "core/sys_file.h"
#include "core/unique_fd.h"

namespace ovl {

namespace {

constexpr size_t kBootIdSize = 36;  // of a UUID as text; a line end follows

constexpr std::string_view kHeader = "overlayfs lease 1";

void AppendLine(std::string& text, std::string_view key, std::string_view value) {
  text.append(key).push_back('=');
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f && byte != '\\') {
      text.push_back(c);
      continue;
    }
    char escape[8];
    (void)std::snprintf(escape, sizeof escape, "\\%03o", byte);  // four characters always fit
    text.append(escape);
  }
  text.push_back('\n');
}

std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

using Fields = std::map<std::string_view, std::string_view>;

bool TakeText(const Fields& fields, std::string_view key, std::string& out) {
  const auto field = fields.find(key);
  if (field == fields.end()) return false;
  out = UnescapeOctal(field->second);
  return true;
}

template <typename Number>
bool TakeNumber(const Fields& fields, std::string_view key, Number& out) {
  const auto field = fields.find(key);
  if (field == fields.end()) return false;
  const char* const end = field->second.data() + field->second.size();
  const auto [stop, error] = std::from_chars(field->second.data(), end, out);
  return error == std::errc() && stop == end;
}

Result<std::string> ReadBootId() {
  const char* const path = "/proc/sys/kernel/random/boot_id";
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return Errno("open", path);
  auto text = ReadUpTo(fd.get(), kBootIdSize);
  if (!text.ok()) text.failure().path = path;
  return text;
}

}  // namespace

Result<std::string> BootId() {
  // Never destroyed: a worker thread may still ask while the process ends.
  static auto& lock = *new std::mutex;
  static auto& known = *new std::string;
  const std::lock_guard guard(lock);
  if (known.empty()) {
    auto text = ReadBootId();
    if (!text.ok()) return text;
    known = std::move(text.value());
  }
  return known;
}

std::string CommandOf(const std::string& process) {
  const UniqueFd fd(::open(("/proc/" + process + "/cmdline").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  auto text = ReadUpTo(fd.get(), kMaxCommand);
  if (!text.ok()) return {};
  std::string command = std::move(text.value());
  while (!command.empty() && command.back() == '\0') command.pop_back();
  for (char& c : command) {
    if (c == '\0') c = ' ';
  }
  return command;
}

Result<uint64_t> OwnMountNamespace() {
  const char* const path = "/proc/thread-self/ns/mnt";
  struct stat st;
  if (::stat(path, &st) != 0) {
    Failure failure = Errno("stat", path);
    if (failure.err == ENOENT) failure.reason = "no-proc";
    return failure;
  }
  return uint64_t{st.st_ino};
}

Result<LeaseHolder> DescribeCaller() {
  // As it was when it was first asked for; never destroyed, as above.
  static const auto& own_command = *new std::string(CommandOf("self"));
  LeaseHolder holder;
  auto boot = BootId();
  if (!boot.ok()) return std::move(boot.failure());
  auto mount_namespace = OwnMountNamespace();
  if (!mount_namespace.ok()) return std::move(mount_namespace.failure());
  holder.pid = static_cast<uint64_t>(::getpid());
  holder.command = own_command;
  holder.since = ::time(nullptr);
  holder.boot_id = std::move(boot.value());
  holder.mount_namespace = mount_namespace.value();
  return holder;
}

std::string FormatLease(const LeaseHolder& holder) {
  std::string text(kHeader);
  text.push_back('\n');
  AppendLine(text, "pid", std::to_string(holder.pid));
  AppendLine(text, "command", holder.command);
  AppendLine(text, "since", std::to_string(holder.since));
  AppendLine(text, "boot", holder.boot_id);
  AppendLine(text, "namespace", std::to_string(holder.mount_namespace));
  AppendLine(text, "mount", std::to_string(holder.mount_id));
  AppendLine(text, "target", holder.target);
  AppendLine(text, "volatile", holder.is_volatile ? "1" : "0");
  return text;
}

std::optional<LeaseHolder> ParseLease(std::string_view text) {
  // What was cut is not a lease: a shorter target would be another one.
  if (text.empty() || text.back() != '\n' || TakeLine(text) != kHeader) return std::nullopt;
  Fields fields;
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    fields[line.substr(0, equals)] = line.substr(equals + 1);
  }
  LeaseHolder holder;
  unsigned is_volatile = 0;
  const bool whole =
      TakeNumber(fields, "pid", holder.pid) && TakeText(fields, "command", holder.command) &&
      TakeNumber(fields, "since", holder.since) && TakeText(fields, "boot", holder.boot_id) &&
      TakeNumber(fields, "namespace", holder.mount_namespace) &&
      TakeNumber(fields, "mount", holder.mount_id) && TakeText(fields, "target", holder.target) &&
      TakeNumber(fields, "volatile", is_volatile);
  if (!whole) return std::nullopt;
  holder.is_volatile = is_volatile != 0;
  return holder;
}

}  // namespace ovl
