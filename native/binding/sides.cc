// What stat tells of both sides of paths that JavaScript has.
#include <napi.h>
#include <sys/sysmacros.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/work.h"
#include "core/layers.h"
#include "core/open_side.h"
#include "core/side_facts.h"
#include "core/unique_fd.h"
#include "core/work_slice.h"

namespace ovl {

namespace {

// As with a batch of a walk: what waits for a job waits no longer than this.
constexpr std::chrono::milliseconds kSlice{20};

using Reader = std::shared_ptr<SideReader>;

// (layers, unread): `unread` where the marks cannot be read and the caller wants to go on
Napi::Value CallOpenSides(const Napi::CallbackInfo& info) {
  return Run<Reader>(
      info.Env(), false,
      [layers = Handle<Layers>::Get(info[0]),
       unread = info[1].As<Napi::Boolean>().Value()]() -> Result<Reader> {
        if (!layers) return Refusal(EBADF, "openat", "closed");
        auto own = layers->ReopenApart();
        if (!own.ok()) return std::move(own.failure());
        auto readable = CheckReadable(layers->marks.space(), layers->now()->PathOf(""));
        if (!readable.ok()) {
          if (!unread) return std::move(readable.failure());
          own.value().marks = MarkReader::Unreadable();
        }
        return std::make_shared<SideReader>(std::move(own.value()));
      },
      [](Napi::Env env, Reader& reader) {
        return Handle<SideReader>::New(env, std::move(reader));
      });
}

template <typename Number>
void Put(std::string& out, Number value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// st_mode u32 (0: nothing is there, and nothing follows), uid u32, gid u32, links u32, device major
// u32 and minor u32, size u64, seconds i64 and nanoseconds u32 of the modification time, inode u64,
// filesystem u64, target length u32; target
void PutFacts(std::string& out, const SideFacts& facts) {
  const struct stat& st = facts.st;
  Put(out, facts.there ? static_cast<uint32_t>(st.st_mode) : uint32_t{0});
  if (!facts.there) return;
  Put(out, static_cast<uint32_t>(st.st_uid));
  Put(out, static_cast<uint32_t>(st.st_gid));
  Put(out, static_cast<uint32_t>(st.st_nlink));
  Put(out, static_cast<uint32_t>(major(st.st_rdev)));
  Put(out, static_cast<uint32_t>(minor(st.st_rdev)));
  Put(out, static_cast<uint64_t>(st.st_size));
  Put(out, static_cast<int64_t>(st.st_mtim.tv_sec));
  Put(out, static_cast<uint32_t>(st.st_mtim.tv_nsec));
  Put(out, static_cast<uint64_t>(st.st_ino));
  Put(out, static_cast<uint64_t>(st.st_dev));
  Put(out, static_cast<uint32_t>(facts.target.size()));
  out.append(facts.target);
}

struct Facts {
  std::string bytes;
  size_t read = 0;  // how far in the paths
};

Result<Facts> ReadFacts(SideReader& reader, std::string_view paths) {
  const CancelFlag never{false};
  const WorkSlice slice(never, kSlice);
  Facts facts;
  while (facts.read < paths.size() && !slice.Over()) {
    uint32_t size = 0;
    std::memcpy(&size, paths.data() + facts.read, sizeof size);
    auto both = reader.Read(paths.substr(facts.read + sizeof size, size));
    if (!both.ok()) return std::move(both.failure());
    PutFacts(facts.bytes, both.value().before);
    PutFacts(facts.bytes, both.value().after);
    facts.read += sizeof size + size;
  }
  return facts;
}

// (sides, paths): of each its length u32 and its bytes. {bytes, read}: facts before and after of as
// many as the time allowed, which are `read` bytes of `paths`
Napi::Value CallReadSides(const Napi::CallbackInfo& info) {
  return Run<Facts>(
      info.Env(), false,
      [reader = Handle<SideReader>::Get(info[0]), paths = ToBytes(info[1])]() -> Result<Facts> {
        if (!reader) return Refusal(EBADF, "fstatat", "closed");
        return ReadFacts(*reader, paths);
      },
      [](Napi::Env env, Facts& facts) -> Napi::Value {
        auto object = Napi::Object::New(env);
        object.Set("bytes", FromBytes(env, facts.bytes));
        object.Set("read", static_cast<double>(facts.read));
        return object;
      });
}

// (sides, path, after): a descriptor, which is the caller's from then on
Napi::Value CallOpenSideOf(const Napi::CallbackInfo& info) {
  const Side side = info[2].As<Napi::Boolean>().Value() ? Side::kAfter : Side::kBefore;
  return Run<UniqueFd>(
      info.Env(), false,
      [reader = Handle<SideReader>::Get(info[0]), path = ToBytes(info[1]),
       side]() -> Result<UniqueFd> {
        if (!reader) return Refusal(EBADF, "openat", "closed");
        return OpenSide(reader->layers(), path, side);
      },
      [](Napi::Env env, UniqueFd& fd) { return Napi::Number::New(env, fd.Release()); });
}

// (sides)
Napi::Value CallCloseSides(const Napi::CallbackInfo& info) {
  return Handle<SideReader>::Release(info.Env(), info[0], false);
}

}  // namespace

void ExportSides(Napi::Env env, Napi::Object exports) {
  exports.Set("openSides", Napi::Function::New(env, CallOpenSides));
  exports.Set("readSides", Napi::Function::New(env, CallReadSides));
  exports.Set("openSideOf", Napi::Function::New(env, CallOpenSideOf));
  exports.Set("closeSides", Napi::Function::New(env, CallCloseSides));
}

}  // namespace ovl
