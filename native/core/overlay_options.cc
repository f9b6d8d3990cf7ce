#include "core/overlay_options.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/unique_fd.h"

namespace ovl {

namespace {

std::string Escape(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out.push_back(text[i]);
  }
  return out;
}

std::string LayerName(const std::string& text) {
  if (text.find('\\') == std::string::npos) return text;
  std::string plain = Unescape(text);
  struct stat st;
  if (::lstat(plain.c_str(), &st) != 0 && ::lstat(text.c_str(), &st) == 0) return text;
  return plain;
}

// Splits at unescaped colons; what follows a double one is data-only.
void ParseLowerdir(std::string_view value, OverlayOptions& out) {
  bool data_only = false;
  std::string part;
  const auto flush = [&] {
    if (!part.empty()) (data_only ? out.data_only : out.lower).push_back(Unescape(part));
    part.clear();
  };
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) {
      part.append(value.substr(i++, 2));
    } else if (value[i] == ':') {
      flush();
      if (i + 1 < value.size() && value[i + 1] == ':') {
        data_only = true;
        ++i;
      }
    } else {
      part.push_back(value[i]);
    }
  }
  flush();
}

// A parameter of the kernel's module. Unreadable counts as off, the kernel's own default.
bool Parameter(std::string_view name) {
  const std::string path = "/sys/module/overlay/parameters/" + std::string(name);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char value = 'N';
  return fd && ::read(fd.get(), &value, 1) == 1 && value == 'Y';
}

}  // namespace

std::string EffectiveOption(const OverlayOptions& options, std::string_view name) {
  std::string value;
  for (const std::string& option : options.rest) {
    if (option.starts_with(name) && option.size() > name.size() && option[name.size()] == '=') {
      value = option.substr(name.size() + 1);
    }
  }
  if (!value.empty()) return value;
  if (Parameter(name)) return "on";
  if (name != "redirect_dir") return "off";
  return Parameter("redirect_always_follow") ? "follow" : "nofollow";
}

std::string FormatLowerdir(const OverlayOptions& options, std::string_view special) {
  std::string text;
  for (const std::string& lower : options.lower) {
    text.append(text.empty() ? "" : ":").append(Escape(lower, special));
  }
  for (const std::string& lower : options.data_only) {
    text.append("::").append(Escape(lower, special));
  }
  return text;
}

std::optional<size_t> LongTableLine(const OverlayOptions& options) {
  constexpr size_t kLongLine = 60 * 1024;
  constexpr size_t kOption = sizeof ",lowerdir+=";
  size_t length = 0;
  const auto add = [&length](const std::string& path) {
    length += kOption;
    // As the kernel writes it: "\\040" and so on.
    for (const char c : path) length += std::string_view(" \t\n\\,").find(c) < 5 ? 4 : 1;
  };
  for (const auto* list : {&options.lower, &options.data_only, &options.rest}) {
    for (const std::string& text : *list) add(text);
  }
  for (const auto* layer : {&options.upper, &options.work}) {
    if (*layer) add(**layer);
  }
  if (length <= kLongLine) return std::nullopt;
  return length;
}

std::string FormatMountData(const OverlayOptions& options) {
  std::string data = "lowerdir=" + FormatLowerdir(options, "\\,:");
  if (options.upper) data.append(",upperdir=").append(Escape(*options.upper, "\\,"));
  if (options.work) data.append(",workdir=").append(Escape(*options.work, "\\,"));
  if (options.userxattr) data.append(",userxattr");
  for (const std::string& option : options.rest) data.append(",").append(option);
  return data;
}

OverlayOptions ParseOverlayOptions(const std::vector<std::string>& super_options) {
  OverlayOptions out;
  for (const std::string& option : super_options) {
    const size_t equals = option.find('=');
    const std::string key = option.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
    if (key == "lowerdir") {
      ParseLowerdir(value, out);
    } else if (key == "lowerdir+") {
      out.lower.push_back(value);
    } else if (key == "datadir+") {
      out.data_only.push_back(value);
    } else if (key == "upperdir") {
      out.upper = LayerName(value);
    } else if (key == "workdir") {
      out.work = LayerName(value);
    } else if (key == "userxattr") {
      out.userxattr = true;
    } else if (key != "rw" && key != "ro") {
      out.rest.push_back(option);
    }
  }
  return out;
}

std::vector<std::string> DeletedLayers(const OverlayOptions& options) {
  std::vector<std::string> deleted;
  const auto look = [&](const std::string& path) {
    struct stat st;
    if (path.ends_with(" (deleted)") && ::lstat(path.c_str(), &st) != 0 && errno == ENOENT) {
      deleted.push_back(path);
    }
  };
  for (const std::string& lower : options.lower) look(lower);
  for (const std::string& lower : options.data_only) look(lower);
  if (options.upper) look(*options.upper);
  if (options.work) look(*options.work);
  return deleted;
}

}  // namespace ovl
