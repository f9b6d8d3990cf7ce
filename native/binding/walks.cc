// Walks that JavaScript pulls batch by batch: it asks, one queued job fills a batch and returns.
#include <napi.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "binding/addon.h"
#include "binding/convert.h"
#include "binding/handle.h"
#include "binding/packed.h"
#include "binding/work.h"
#include "core/change_summary.h"
#include "core/change_walk.h"
#include "core/layer_scan.h"
#include "core/layers.h"
#include "core/side_facts.h"
#include "core/work_slice.h"

namespace ovl {

namespace {

// An exiting process and a terminated worker wait this long at most for a job that is running.
constexpr std::chrono::milliseconds kSlice{20};

template <typename Core>
struct Walk {
  explicit Walk(std::unique_ptr<Core> walk) : core(std::move(walk)) {}
  std::unique_ptr<Core> core;
  CancelFlag cancelled{false};
  std::mutex at_work;  // one job at a time, whatever is called when
};

struct Batch {
  std::vector<std::string> blocks;
  bool more = true;
};

// Batches begin small, so that the first entries are there at once, and a consumer that wants a few
// only is not kept from them.
constexpr size_t kFirstBatch = 64;
constexpr size_t kMostChanges = ChangeBlocks::kBlocks * ChangeBlocks::kChangesEach;

struct ChangesWalk : Walk<ChangeWalk> {
  using Walk::Walk;
  size_t most = kFirstBatch;
  ChangeBlocks blocks;
  std::optional<Failure> failure;  // told after what was found before it
  ChangeCounts counts;
  std::optional<ChangeSummary> summary;
};

// The failure, if there is one, has its turn after what was found before it.
Result<Batch> Settle(ChangesWalk& walk, Batch found, Result<bool> more) {
  if (more.ok()) {
    found.more = more.value();
  } else if (found.blocks.empty()) {
    return std::move(more.failure());
  } else {
    walk.failure = std::move(more.failure());
  }
  return found;
}

Result<Batch> Fill(ChangesWalk& walk) {
  if (walk.failure) return Failure(*walk.failure);
  walk.blocks.Begin(walk.most);
  walk.most = std::min(8 * walk.most, kMostChanges);
  const WorkSlice slice(walk.cancelled, kSlice);
  auto more = walk.core->Next(slice, walk.blocks);
  return Settle(walk, Batch{walk.blocks.Take()}, std::move(more));
}

Result<Batch> Summarize(ChangesWalk& walk, SideReader& sides, size_t depth) {
  if (walk.failure) return Failure(*walk.failure);
  if (!walk.summary) walk.summary.emplace(depth);
  PackedTotals sink;
  const WorkSlice slice(walk.cancelled, kSlice);
  auto more = walk.summary->Next(*walk.core, sides, slice, sink);
  Batch found;
  if (!sink.bytes().empty()) found.blocks.push_back(sink.bytes());
  return Settle(walk, std::move(found), std::move(more));
}

Result<Batch> Fill(Walk<LayerScan>& walk) {
  PackedEntries sink;
  const WorkSlice slice(walk.cancelled, kSlice);
  auto more = walk.core->Next(slice, sink);
  if (!more.ok()) return std::move(more.failure());
  return Batch{{sink.bytes()}, more.value()};
}

Napi::Object FromBatch(Napi::Env env, const Batch& batch) {
  auto object = Napi::Object::New(env);
  auto blocks = Napi::Array::New(env, batch.blocks.size());
  for (size_t i = 0; i < batch.blocks.size(); ++i) {
    blocks.Set(static_cast<uint32_t>(i), FromBytes(env, batch.blocks[i]));
  }
  object.Set("blocks", blocks);
  object.Set("more", batch.more);
  return object;
}

template <typename Each>
Napi::Value Next(const Napi::CallbackInfo& info) {
  return Run<Batch>(
      info.Env(), false,
      [walk = Handle<Each>::Get(info[0])]() -> Result<Batch> {
        if (!walk) return Refusal(EBADF, "read", "closed");
        const std::lock_guard only(walk->at_work);
        return Fill(*walk);
      },
      [](Napi::Env env, Batch& batch) -> Napi::Value { return FromBatch(env, batch); });
}

// (walk, sides, depth): goes on summing up. {blocks, more, found}, where `found` is the number of
// changes so far
Napi::Value CallSummarizeChanges(const Napi::CallbackInfo& info) {
  struct Summed {
    Batch batch;
    uint64_t found;
  };
  return Run<Summed>(
      info.Env(), false,
      [walk = Handle<ChangesWalk>::Get(info[0]), sides = Handle<SideReader>::Get(info[1]),
       depth = ToUint64(info[2])]() -> Result<Summed> {
        if (!walk || !sides) return Refusal(EBADF, "read", "closed");
        const std::lock_guard only(walk->at_work);
        auto batch = Summarize(*walk, *sides, depth);
        if (!batch.ok()) return std::move(batch.failure());
        return Summed{std::move(batch.value()), walk->summary->found()};
      },
      [](Napi::Env env, Summed& summed) -> Napi::Value {
        auto object = FromBatch(env, summed.batch);
        object.Set("found", static_cast<double>(summed.found));
        return object;
      });
}

// Goes on counting. {more, added, modified, deleted}, which are of all that was counted so far.
Napi::Value CallCountChanges(const Napi::CallbackInfo& info) {
  struct Counted {
    ChangeCounts counts;
    bool more;
  };
  return Run<Counted>(
      info.Env(), false,
      [walk = Handle<ChangesWalk>::Get(info[0])]() -> Result<Counted> {
        if (!walk) return Refusal(EBADF, "read", "closed");
        const std::lock_guard only(walk->at_work);
        const WorkSlice slice(walk->cancelled, kSlice);
        walk->core->OnlyKinds();
        auto more = walk->core->Next(slice, walk->counts);
        if (!more.ok()) return std::move(more.failure());
        return Counted{walk->counts, more.value()};
      },
      [](Napi::Env env, Counted& counted) -> Napi::Value {
        auto object = Napi::Object::New(env);
        const auto set = [&](const char* name, ChangeKind kind) {
          object.Set(name, static_cast<double>(counted.counts.of(kind)));
        };
        set("added", ChangeKind::kAdded);
        set("modified", ChangeKind::kModified);
        set("deleted", ChangeKind::kDeleted);
        object.Set("more", counted.more);
        return object;
      });
}

// Stops a running job at its next look.
template <typename Each>
void Cancel(const Napi::CallbackInfo& info) {
  const auto walk = Handle<Each>::Get(info[0]);
  if (walk) walk->cancelled.store(true, std::memory_order_relaxed);
}

// The walk goes when a job that still uses it has ended.
template <typename Each>
Napi::Value Close(const Napi::CallbackInfo& info) {
  Cancel<Each>(info);
  return Handle<Each>::Release(info.Env(), info[0], false);
}

template <typename Each, typename Core>
Napi::Value FromWalk(Napi::Env env, std::unique_ptr<Core>& core) {
  return Handle<Each>::New(env, std::make_shared<Each>(std::move(core)));
}

// (layers, options)
Napi::Value CallOpenChanges(const Napi::CallbackInfo& info) {
  const auto given = info[1].As<Napi::Object>();
  ChangeOptions options;
  options.content = static_cast<ContentMode>(given.Get("content").As<Napi::Number>().Uint32Value());
  options.ignore = static_cast<Aspects>(given.Get("ignore").As<Napi::Number>().Uint32Value());
  options.expand = given.Get("expand").As<Napi::Boolean>().Value();
  options.threads = given.Get("threads").As<Napi::Number>().Uint32Value();
  options.filter = PathFilter(ToBytesList(given.Get("include")), ToBytesList(given.Get("exclude")));
  const bool unknown = given.Get("unknown").As<Napi::Boolean>().Value();
  using Core = std::unique_ptr<ChangeWalk>;
  return Run<Core>(
      info.Env(), false,
      [layers = Handle<Layers>::Get(info[0]), options, unknown]() -> Result<Core> {
        if (!layers) return Refusal(EBADF, "openat", "closed");
        auto readable = CheckReadable(layers->marks.space(), layers->now()->PathOf(""));
        if (readable.ok()) return ChangeWalk::Open(*layers, options);
        if (!unknown) return std::move(readable.failure());
        Layers unread = *layers;
        unread.marks = MarkReader::Unreadable();
        return ChangeWalk::Open(unread, options);
      },
      FromWalk<ChangesWalk, ChangeWalk>);
}

// (directory, user)
Napi::Value CallOpenScan(const Napi::CallbackInfo& info) {
  const auto space =
      info[1].As<Napi::Boolean>().Value() ? MarkerSpace::kUser : MarkerSpace::kTrusted;
  using Core = std::unique_ptr<LayerScan>;
  return Run<Core>(
      info.Env(), false,
      [path = ToBytes(info[0]), space]() -> Result<Core> {
        auto readable = CheckReadable(space, path);
        if (!readable.ok()) return std::move(readable.failure());
        auto root = OpenLayer(path, 0);
        if (!root.ok()) return std::move(root.failure());
        return std::make_unique<LayerScan>(std::move(root.value()));
      },
      FromWalk<Walk<LayerScan>, LayerScan>);
}

}  // namespace

void ExportWalks(Napi::Env env, Napi::Object exports) {
  exports.Set("openChanges", Napi::Function::New(env, CallOpenChanges));
  exports.Set("nextChanges", Napi::Function::New(env, Next<ChangesWalk>));
  exports.Set("countChanges", Napi::Function::New(env, CallCountChanges));
  exports.Set("summarizeChanges", Napi::Function::New(env, CallSummarizeChanges));
  exports.Set("cancelChanges", Napi::Function::New(env, Cancel<ChangesWalk>));
  exports.Set("closeChanges", Napi::Function::New(env, Close<ChangesWalk>));
  exports.Set("openScan", Napi::Function::New(env, CallOpenScan));
  exports.Set("nextScan", Napi::Function::New(env, Next<Walk<LayerScan>>));
  exports.Set("cancelScan", Napi::Function::New(env, Cancel<Walk<LayerScan>>));
  exports.Set("closeScan", Napi::Function::New(env, Close<Walk<LayerScan>>));
}

}  // namespace ovl
