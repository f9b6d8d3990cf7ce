// Opening the layers that are to be read.
#include "core/layers.h"

#include <napi.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/work.h"
#include "core/mount_layers.h"
#include "core/open_side.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

Napi::Value FromLayers(Napi::Env env, Layers& layers) {
  return Handle<Layers>::New(env, std::make_shared<Layers>(std::move(layers)));
}

// What lib/native-walks.ts calls NativeLayers.
struct LayersSpec {
  std::string upper;
  std::vector<std::string> lower;
  std::vector<std::string> data_lower;
  std::optional<std::string> work;
  enum class Marks : uint8_t { kUndecided, kTrusted, kUser } marks = Marks::kUndecided;
};

MarkReader MarksOf(const LayersSpec& spec) {
  switch (spec.marks) {
    case LayersSpec::Marks::kTrusted:
      return MarkReader::Decided(MarkerSpace::kTrusted);
    case LayersSpec::Marks::kUser:
      return MarkReader::Decided(MarkerSpace::kUser);
    case LayersSpec::Marks::kUndecided:
      break;
  }
  return MarkReader::Undecided();
}

Result<Layers> Open(const LayersSpec& spec) {
  Layers layers;
  layers.marks = MarksOf(spec);
  auto upper = OpenLayer(spec.upper, LayerDir::kUpper);
  if (!upper.ok()) return std::move(upper.failure());
  layers.upper = std::move(upper.value());
  for (const auto* list : {&spec.lower, &spec.data_lower}) {
    for (const std::string& path : *list) {
      auto lower = OpenLayer(path, static_cast<uint32_t>(layers.lowers.size()));
      if (!lower.ok()) return std::move(lower.failure());
      layers.lowers.push_back(std::move(lower.value()));
    }
  }
  layers.data_only = spec.data_lower.size();
  layers.index_use = spec.work ? IndexUse::kMarks : IndexUse::kUnknown;
  if (!spec.work) return layers;
  auto work = OpenDirectory(*spec.work);
  if (!work.ok()) return std::move(work.failure());
  auto index = OpenIndex(work.value().get(), *spec.work);
  if (!index.ok() && index.failure().err != ENOENT) return std::move(index.failure());
  if (!index.ok()) return layers;
  layers.index_use = IndexUse::kRead;
  layers.index = std::move(index.value());
  return layers;
}

Result<Layers> OpenPlain(const std::string& before, const std::string& after) {
  Layers layers;
  layers.marks = MarkReader::Decided(MarkerSpace::kNone);
  auto first = OpenPlainDirectory(before, 0);
  if (!first.ok()) return std::move(first.failure());
  layers.lowers.push_back(std::move(first.value()));
  auto second = OpenPlainDirectory(after, 1);
  if (!second.ok()) return std::move(second.failure());
  layers.plain = std::move(second.value());
  return layers;
}

// (spec)
Napi::Value CallOpenLayers(const Napi::CallbackInfo& info) {
  const auto object = info[0].As<Napi::Object>();
  LayersSpec spec;
  spec.upper = ToBytes(object.Get("upper"));
  spec.lower = ToBytesList(object.Get("lower"));
  spec.data_lower = ToBytesList(object.Get("dataLower"));
  spec.work = ToOptionalBytes(object.Get("work"));
  spec.marks = static_cast<LayersSpec::Marks>(object.Get("marks").As<Napi::Number>().Uint32Value());
  return Run<Layers>(
      info.Env(), false, [spec = std::move(spec)] { return Open(spec); }, FromLayers);
}

// (before, after)
Napi::Value CallOpenPlain(const Napi::CallbackInfo& info) {
  return Run<Layers>(
      info.Env(), false,
      [before = ToBytes(info[0]), after = ToBytes(info[1])] { return OpenPlain(before, after); },
      FromLayers);
}

// (target)
Napi::Value CallOpenMountLayers(const Napi::CallbackInfo& info) {
  return Run<Layers>(
      info.Env(), false, [target = ToBytes(info[0])] { return OpenMountLayers(target); },
      FromLayers);
}

// (layers, path, after): a descriptor, which is the caller's from then on
Napi::Value CallOpenSide(const Napi::CallbackInfo& info) {
  const bool after = info[2].As<Napi::Boolean>().Value();
  return Run<UniqueFd>(
      info.Env(), false,
      [layers = Handle<Layers>::Get(info[0]), path = ToBytes(info[1]),
       after]() -> Result<UniqueFd> {
        if (!layers) return Refusal(EBADF, "openat", "closed");
        auto readable = CheckReadable(layers->marks.space(), layers->now()->PathOf(""));
        if (!readable.ok()) return std::move(readable.failure());
        return OpenSide(*layers, path, after ? Side::kAfter : Side::kBefore);
      },
      [](Napi::Env env, UniqueFd& fd) { return Napi::Number::New(env, fd.Release()); });
}

// (layers, sync)
Napi::Value CallCloseLayers(const Napi::CallbackInfo& info) {
  return Handle<Layers>::Release(info.Env(), info[0], info[1].As<Napi::Boolean>().Value());
}

}  // namespace

void ExportLayers(Napi::Env env, Napi::Object exports) {
  exports.Set("openLayers", Napi::Function::New(env, CallOpenLayers));
  exports.Set("openPlain", Napi::Function::New(env, CallOpenPlain));
  exports.Set("openSide", Napi::Function::New(env, CallOpenSide));
  exports.Set("openMountLayers", Napi::Function::New(env, CallOpenMountLayers));
  exports.Set("closeLayers", Napi::Function::New(env, CallCloseLayers));
}

}  // namespace ovl
