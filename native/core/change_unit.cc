#include "core/change_unit.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ovl {

namespace {

// What the directories, descriptors and names of a unit come to besides its output.
constexpr size_t kUnitWeight = 1024;

void Append(const Record& record, std::string_view name, std::string_view renamed,
            ChangeUnit& unit) {
  unit.output.append(reinterpret_cast<const char*>(&record), sizeof record);
  unit.output.append(name);
  unit.output.append(renamed);
}

}  // namespace

ChangeUnit::~ChangeUnit() {
  std::vector<Ptr> gone = std::move(children);
  if (rest) gone.push_back(std::move(rest));
  while (!gone.empty()) {
    const Ptr last = std::move(gone.back());
    gone.pop_back();
    if (!last) continue;
    for (Ptr& child : last->children) gone.push_back(std::move(child));
    last->children.clear();
    if (last->rest) gone.push_back(std::move(last->rest));
  }
}

size_t ChangeUnit::Weight() const {
  return output.size() + (children.size() - taken_children) * kUnitWeight +
         unfinished.size() * sizeof(UnfinishedEntry);
}

void ChangeUnit::GoBackTo(size_t name, bool keep_output) {
  if (!keep_output) {
    output.resize(given);
    children.clear();
    unfinished.clear();
    comparing.reset();
    failure.reset();
  }
  // Those that are others' by now have left a gap.
  while (taken_children < children.size() && !children[taken_children]) ++taken_children;
  taken_children = std::min(taken_children, children.size());
  shown_children = taken_children;
  rest.reset();
  rest_shown = false;
  next = name;
  if (frame) end = frame->sorted() ? frame->size() : SIZE_MAX;
  counted = 0;
  before = after = nullptr;
  listed = false;
  const bool over = next >= end && !comparing;
  progress = failure || over ? Progress::kDone : Progress::kMore;
  state = progress == Progress::kDone ? State::kDone : State::kWaiting;
}

void AppendChange(const ChangeDraft& draft, const std::string& name, ChangeUnit& unit) {
  const Change& change = draft.change;
  Record record;
  record.kind = change.kind;
  record.content_unknown = change.content_unknown;
  record.unknown = change.unknown;
  record.aspects = change.aspects;
  record.type = static_cast<uint16_t>(change.type);
  record.previous_type = static_cast<uint16_t>(change.previous_type);
  record.name_size = static_cast<uint16_t>(name.size());
  record.renamed_size = static_cast<uint32_t>(draft.renamed_from.size());
  Append(record, name, draft.renamed_from, unit);
}

void AppendChild(std::shared_ptr<MergedFrame> frame, size_t index, ChangeUnit& unit) {
  Record record;
  record.what = Record::What::kChild;
  record.number = static_cast<uint32_t>(unit.children.size());
  record.index = index;
  const std::string& name = frame->place()->name();
  record.name_size = static_cast<uint16_t>(name.size());
  Append(record, name, {}, unit);
  unit.children.push_back(std::make_unique<ChangeUnit>(std::move(frame), 0));
}

void AppendUnfinished(std::unique_ptr<UnfinishedEntry> entry, size_t index, ChangeUnit& unit) {
  entry->entry.Own();
  Record record;
  record.what = Record::What::kUnfinished;
  record.number = static_cast<uint32_t>(unit.unfinished.size());
  record.index = index;
  unit.unfinished.push_back(std::move(entry));
  Append(record, {}, {}, unit);
}

bool IsChildNext(const ChangeUnit& unit) {
  if (unit.given == unit.output.size()) return false;
  Record record;
  std::memcpy(&record, unit.output.data() + unit.given, sizeof record);
  return record.what == Record::What::kChild;
}

bool TakeRecord(ChangeUnit& unit, NextRecord& next) {
  if (unit.given == unit.output.size()) {
    // What was handed out is not kept: the unit at the front may be a long one.
    unit.output.clear();
    unit.given = 0;
    return false;
  }
  const char* at = unit.output.data() + unit.given;
  std::memcpy(&next.record, at, sizeof next.record);
  at += sizeof next.record;
  next.name = {at, next.record.name_size};
  next.renamed_from = {at + next.record.name_size, next.record.renamed_size};
  unit.given += sizeof next.record + next.record.name_size + next.record.renamed_size;
  return true;
}

}  // namespace ovl
