// The table of mounts.
#include "core/mount_table.h"

#include <napi.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/packed.h"
#include "binding/work.h"
#include "core/overlay_options.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

// Thousands of mounts of a dozen texts each: lib/packed-mounts.ts decodes only what is looked at.
class PackedMounts final : public Packed {
 public:
  // length u32 (of all that follows), id u64, unique id u64, parent id u64, peer group u64, master
  // u64, propagate from u64, device major u32 and minor u32, flags u8 (1: unbindable, 2: the root
  // was removed), number of options u32; each text as its length u32 and its bytes: root, target,
  // mount options, filesystem type, source, the options
  void Add(const MountEntry& entry) {
    constexpr size_t kNumbers = 6 * 8 + 2 * 4 + 1 + 4;
    size_t length = kNumbers;
    const auto each_text = [&](const auto& use) {
      for (const std::string* text :
           {&entry.root, &entry.target, &entry.mount_options, &entry.fstype, &entry.source}) {
        use(*text);
      }
      for (const std::string& option : entry.super_options) use(option);
    };
    each_text([&](const std::string& text) { length += 4 + text.size(); });
    Put(static_cast<uint32_t>(length));
    Put(entry.id);
    Put(entry.unique_id);
    Put(entry.parent);
    Put(entry.propagation.peer_group);
    Put(entry.propagation.master);
    Put(entry.propagation.propagate_from);
    Put(entry.device_major);
    Put(entry.device_minor);
    Put(static_cast<uint8_t>((entry.propagation.unbindable ? 1 : 0) |
                             (entry.root_deleted ? 2 : 0)));
    Put(static_cast<uint32_t>(entry.super_options.size()));
    each_text([&](const std::string& text) {
      Put(static_cast<uint32_t>(text.size()));
      Put(std::string_view(text));
    });
  }
};

std::string Pack(const MountEntry& entry) {
  PackedMounts packed;
  packed.Add(entry);
  return packed.bytes();
}

TableSource ToSource(const Napi::Value& value) {
  return static_cast<TableSource>(value.As<Napi::Number>().Uint32Value());
}

// (source, sync)
Napi::Value CallListMounts(const Napi::CallbackInfo& info) {
  return Run<std::string>(
      info.Env(), info[1].As<Napi::Boolean>().Value(),
      [source = ToSource(info[0])]() -> Result<std::string> {
        auto table = ReadMountTable(source);
        if (!table.ok()) return std::move(table.failure());
        PackedMounts packed;
        for (const MountEntry& entry : table.value()) packed.Add(entry);
        return packed.bytes();
      },
      [](Napi::Env env, std::string& bytes) { return FromBytes(env, bytes); });
}

// (path, source, sync)
Napi::Value CallFindMount(const Napi::CallbackInfo& info) {
  using Found = std::optional<std::string>;
  return Run<Found>(
      info.Env(), info[2].As<Napi::Boolean>().Value(),
      [path = ToBytes(info[0]), source = ToSource(info[1])]() -> Result<Found> {
        auto fd = OpenPath(path);
        if (!fd.ok()) return std::move(fd.failure());
        auto entry = FindMountOf(fd.value().get(), source);
        if (!entry.ok()) return std::move(entry.failure());
        return entry.value() ? Found(Pack(*entry.value())) : Found();
      },
      [](Napi::Env env, Found& found) { return FromOptionalBytes(env, found); });
}

struct ListedOverlay {
  std::string entry;
  OverlayOptions options;
  std::vector<std::string> deleted;
};

Napi::Value FromListed(Napi::Env env, const ListedOverlay& listed) {
  auto object = Napi::Object::New(env);
  object.Set("entry", FromBytes(env, listed.entry));
  object.Set("lower", FromBytesList(env, listed.options.lower));
  object.Set("dataLower", FromBytesList(env, listed.options.data_only));
  object.Set("upper", FromOptionalBytes(env, listed.options.upper));
  object.Set("work", FromOptionalBytes(env, listed.options.work));
  object.Set("userxattr", listed.options.userxattr);
  object.Set("options", FromBytesList(env, listed.options.rest));
  object.Set("deletedLayers", FromBytesList(env, listed.deleted));
  return object;
}

// (source, sync)
Napi::Value CallListOverlays(const Napi::CallbackInfo& info) {
  using List = std::vector<ListedOverlay>;
  return Run<List>(
      info.Env(), info[1].As<Napi::Boolean>().Value(),
      [source = ToSource(info[0])]() -> Result<List> {
        auto table = ReadMountTable(source);
        if (!table.ok()) return std::move(table.failure());
        List list;
        for (const MountEntry& entry : table.value()) {
          if (entry.fstype != "overlay") continue;
          auto options = ParseOverlayOptions(entry.super_options);
          auto deleted = DeletedLayers(options);
          list.push_back(ListedOverlay{Pack(entry), std::move(options), std::move(deleted)});
        }
        return list;
      },
      [](Napi::Env env, List& list) -> Napi::Value {
        auto array = Napi::Array::New(env, list.size());
        for (size_t i = 0; i < list.size(); ++i) {
          array.Set(static_cast<uint32_t>(i), FromListed(env, list[i]));
        }
        return array;
      });
}

}  // namespace

void ExportMountTable(Napi::Env env, Napi::Object exports) {
  exports.Set("listMounts", Napi::Function::New(env, CallListMounts));
  exports.Set("findMount", Napi::Function::New(env, CallFindMount));
  exports.Set("listOverlays", Napi::Function::New(env, CallListOverlays));
}

}  // namespace ovl
