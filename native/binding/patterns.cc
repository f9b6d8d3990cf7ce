// Patterns of paths, asked one path at a time: for those who have the paths already.
#include <napi.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "core/path_filter.h"

namespace ovl {

namespace {

// (include)
Napi::Value CallNewPatterns(const Napi::CallbackInfo& info) {
  return Handle<PathFilter>::New(
      info.Env(), std::make_shared<PathFilter>(ToBytesList(info[0]), std::vector<std::string>()));
}

PathFilter::Answer Ask(const PathFilter& filter, std::string_view rest) {
  PathFilter::Scope scope = filter.Root();
  while (!rest.empty() && scope.answer != PathFilter::Answer::kPruned) {
    const size_t end = std::min(rest.find('/'), rest.size());
    scope = filter.Below(scope, std::string(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return scope.answer;
}

// (patterns, path): 0 neither it nor anything below, 1 perhaps something below, 2 it
Napi::Value CallAskPatterns(const Napi::CallbackInfo& info) {
  const auto filter = Handle<PathFilter>::Get(info[0]);
  const std::string path = ToBytes(info[1]);
  return Napi::Number::New(
      info.Env(), static_cast<double>(Ask(*filter, path == "." ? std::string_view() : path)));
}

}  // namespace

void ExportPatterns(Napi::Env env, Napi::Object exports) {
  exports.Set("newPatterns", Napi::Function::New(env, CallNewPatterns));
  exports.Set("askPatterns", Napi::Function::New(env, CallAskPatterns));
}

}  // namespace ovl
