// The functions of one instruction set, and the table that names them.
#include "vector.h"
#include "transpose.h"
#include "pack.h"
#include "gemm.h"
#include "few_rows.h"
#include "weights.h"
#include "packed.h"
#include "packing.h"
#include "random.h"
#include "attention.h"
#include "attention_backward.h"
#include "paged.h"
#include "rotary.h"
#include "norm.h"
#include "elementwise.h"
#include "loss.h"
#include "loss_shard.h"
#include "largest.h"
#include "sampling.h"
#include "optimizer.h"
#include "reduce.h"
#include "peak.h"

const nk_table TABLE = {
    .fma_peak = fma_peak,
    .read_streams = read_streams,
    .gemm = gemm,
    .packed_bytes = packed_bytes,
    .panel_width = NR,
    .pack = pack,
    .packed_product = packed_product,
    .unpack_rows = unpack_rows,
    .attention_forward = attention_forward,
    .attention_backward = attention_backward,
    .page_tokens = BLOCK,
    .page_floats = page_floats,
    .paged_attention = paged_attention,
    .rotary = rotary,
    .norm_forward = norm_forward,
    .norm_backward = norm_backward,
    .add_column_sums = add_column_sums,
    .scale = scale,
    .add_scaled = add_scaled,
    .activate = activate,
    .activate_backward = activate_backward,
    .swiglu_forward = swiglu_forward,
    .swiglu_backward = swiglu_backward,
    .dropout = dropout,
    .exp = exp_all,
    .tanh = tanh_all,
    .erf = erf_all,
    .tanh_backward = tanh_backward,
    .cross_entropy = cross_entropy,
    .cross_entropy_statistics = cross_entropy_statistics,
    .cross_entropy_combine = cross_entropy_combine,
    .cross_entropy_gradient = cross_entropy_gradient,
    .largest = largest,
    .exponentials = exponentials_sum,
    .sum_above = sum_above,
    .select_between = select_between,
    .draw_above = draw_above,
    .sum_of_squares = sum_of_squares,
    .adamw = adamw,
    .sgd = sgd,
    .reduce = reduce,
    .f16_from_f32 = f16_from_f32,
    .f32_from_f16 = f32_from_f16,
};
