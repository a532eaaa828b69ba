#include "CSentencePiece.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

struct csp_processor {
  sentencepiece::SentencePieceProcessor processor;
};

namespace {

int give(const void *bytes, size_t count, csp_buffer *buffer) {
  // One byte more, so that an empty result is not NULL.
  buffer->bytes = static_cast<uint8_t *>(std::malloc(count + 1));
  buffer->count = buffer->bytes ? count : 0;
  if (!buffer->bytes) return 1;
  std::memcpy(buffer->bytes, bytes, count);
  return 0;
}

int fail(const std::string &reason, csp_buffer *error) {
  give(reason.data(), reason.size(), error);
  return 1;
}

/// Runs `body`, which answers with a status, and turns a status or an exception into a message.
template <typename Body>
int guarded(csp_buffer *error, Body body) {
  try {
    const sentencepiece::util::Status status = body();
    return status.ok() ? 0 : fail(status.ToString(), error);
  } catch (const std::exception &exception) {
    return fail(exception.what(), error);
  } catch (...) {
    return fail("unknown C++ exception", error);
  }
}

sentencepiece::util::Status out_of_memory() {
  return sentencepiece::util::Status(sentencepiece::util::StatusCode::kResourceExhausted, "out of memory");
}

class Sentences : public sentencepiece::SentenceIterator {
 public:
  Sentences(int (*next)(void *, const uint8_t **, size_t *), void *context)
      : next_(next), context_(context) {
    Next();
  }
  bool done() const override { return done_; }
  void Next() override {
    const uint8_t *text = nullptr;
    size_t count = 0;
    done_ = !next_(context_, &text, &count);
    if (!done_) value_.assign(reinterpret_cast<const char *>(text), count);
  }
  const std::string &value() const override { return value_; }
  sentencepiece::util::Status status() const override { return sentencepiece::util::Status(); }

 private:
  int (*next_)(void *, const uint8_t **, size_t *);
  void *context_;
  std::string value_;
  bool done_ = false;
};

}  // namespace

extern "C" {

csp_processor *csp_open(const uint8_t *model, size_t count, csp_buffer *error) {
  std::unique_ptr<csp_processor> opened;
  const int failed = guarded(error, [&] {
    opened = std::make_unique<csp_processor>();
    return opened->processor.LoadFromSerializedProto(
        absl::string_view(reinterpret_cast<const char *>(model), count));
  });
  return failed ? nullptr : opened.release();
}

void csp_close(csp_processor *processor) { delete processor; }

int csp_encode(const csp_processor *processor, const uint8_t *text, size_t count, csp_ids *ids,
               csp_buffer *error) {
  return guarded(error, [&] {
    std::vector<int> found;
    auto status = processor->processor.Encode(
        absl::string_view(reinterpret_cast<const char *>(text), count), &found);
    if (!status.ok()) return status;
    ids->ids = static_cast<int32_t *>(std::malloc(found.size() * sizeof(int32_t) + 1));
    if (!ids->ids) return out_of_memory();
    ids->count = found.size();
    static_assert(sizeof(int) == sizeof(int32_t), "ids are copied as they are");
    if (!found.empty()) std::memcpy(ids->ids, found.data(), found.size() * sizeof(int32_t));
    return status;
  });
}

int csp_decode(const csp_processor *processor, const int32_t *ids, size_t count, csp_buffer *text,
               csp_buffer *error) {
  return guarded(error, [&] {
    std::string decoded;
    auto status = processor->processor.Decode(std::vector<int>(ids, ids + count), &decoded);
    if (status.ok() && give(decoded.data(), decoded.size(), text)) return out_of_memory();
    return status;
  });
}

int csp_train(const char *const *names, const char *const *values, size_t options,
              int (*next)(void *context, const uint8_t **text, size_t *count), void *context,
              csp_buffer *model, csp_buffer *error) {
  return guarded(error, [&] {
    std::unordered_map<std::string, std::string> arguments;
    for (size_t index = 0; index < options; ++index) arguments[names[index]] = values[index];
    Sentences sentences(next, context);
    std::string serialized;
    auto status = sentencepiece::SentencePieceTrainer::Train(arguments, &sentences, &serialized);
    if (status.ok() && give(serialized.data(), serialized.size(), model)) return out_of_memory();
    return status;
  });
}

void csp_free(csp_buffer *buffer) {
  std::free(buffer->bytes);
  buffer->bytes = nullptr;
  buffer->count = 0;
}

void csp_free_ids(csp_ids *ids) {
  std::free(ids->ids);
  ids->ids = nullptr;
  ids->count = 0;
}

}  // extern "C"
