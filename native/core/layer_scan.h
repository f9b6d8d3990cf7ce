// The raw facts of one layer, without interpretation: every entry with its attributes and marks.
#ifndef OVL_CORE_LAYER_SCAN_H_
#define OVL_CORE_LAYER_SCAN_H_

#include <sys/stat.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/layer_dir.h"
#include "core/result.h"
#include "core/sys_dir.h"
#include "core/work_slice.h"

namespace ovl {

struct ScanEntry {
  std::string_view path;  // from the layer's root; "." for the root itself
  struct stat st {};
  std::string target;  // of a symbolic link
  // Attributes whose name begins "trusted.overlay." or "user.overlay.", with their values.
  std::vector<std::pair<std::string, std::string>> marks;
};

class ScanSink {
 public:
  virtual ~ScanSink() = default;
  virtual void Add(const ScanEntry& entry) = 0;
  virtual bool Full() const = 0;
};

class LayerScan {
 public:
  explicit LayerScan(DirPtr root);
  ~LayerScan();
  LayerScan(const LayerScan&) = delete;
  LayerScan& operator=(const LayerScan&) = delete;

  // Goes on until the sink is full or the slice over; false when everything has been seen.
  Result<bool> Next(const WorkSlice& slice, ScanSink& sink);

 private:
  struct Frame;
  Status Step(ScanSink& sink);
  Status Visit(Frame& frame, ScanSink& sink);
  void Push(DirPtr dir);
  void Leave();

  DirPtr root_;
  std::vector<std::unique_ptr<Frame>> frames_;
  std::string path_;
  bool started_ = false;
};

}  // namespace ovl

#endif  // OVL_CORE_LAYER_SCAN_H_
