#pragma once
// SentencePiece behind plain C: no C++ exception and no C++ type crosses this line.
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct csp_processor csp_processor;

/// Bytes, or a message, that the caller frees with csp_free.
typedef struct {
  uint8_t *bytes;
  size_t count;
} csp_buffer;

/// Ids that the caller frees with csp_free_ids.
typedef struct {
  int32_t *ids;
  size_t count;
} csp_ids;

/// Opens a model held in memory. NULL on failure, with the reason in *error.
csp_processor *csp_open(const uint8_t *model, size_t count, csp_buffer *error);
void csp_close(csp_processor *processor);

/// The ids of UTF-8 text; safe to call from many threads. 0 on success.
int csp_encode(const csp_processor *processor, const uint8_t *text, size_t count, csp_ids *ids,
               csp_buffer *error);

/// The text of ids, as SentencePiece itself decodes them. 0 on success.
int csp_decode(const csp_processor *processor, const int32_t *ids, size_t count, csp_buffer *text,
               csp_buffer *error);

/// Trains a model. `names` and `values` are its `options`, as `spm_train` knows them;
/// `next` gives the next sentence (0 at the end). 0 on success, with the model in *model.
int csp_train(const char *const *names, const char *const *values, size_t options,
              int (*next)(void *context, const uint8_t **text, size_t *count), void *context,
              csp_buffer *model, csp_buffer *error);

void csp_free(csp_buffer *buffer);
void csp_free_ids(csp_ids *ids);

#ifdef __cplusplus
}
#endif
