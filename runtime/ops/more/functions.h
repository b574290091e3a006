// SPDX-License-Identifier: Apache-2.0
// The functions that the general operators compute, by the numbers their attribute `function` has
// in .mite files: new ones come at the end.
#ifndef MITE_OPS_MORE_FUNCTIONS_H
#define MITE_OPS_MORE_FUNCTIONS_H

// unary: y = f(x), with attributes alpha (a) and beta (b)
typedef enum mite_unary {
    MITE_UNARY_ABS = 0,
    MITE_UNARY_NEG = 1,
    MITE_UNARY_SIGN = 2,
    MITE_UNARY_NOT = 3,     // x == 0
    MITE_UNARY_BIT_NOT = 4, // integers
    MITE_UNARY_RELU = 5,
    MITE_UNARY_CEIL = 6,
    MITE_UNARY_FLOOR = 7,
    MITE_UNARY_ROUND = 8, // half to even
    MITE_UNARY_SQRT = 9,
    MITE_UNARY_RECIPROCAL = 10,
    MITE_UNARY_EXP = 11,
    MITE_UNARY_LOG = 12,
    MITE_UNARY_SIN = 13,
    MITE_UNARY_COS = 14,
    MITE_UNARY_TAN = 15,
    MITE_UNARY_ASIN = 16,
    MITE_UNARY_ACOS = 17,
    MITE_UNARY_ATAN = 18,
    MITE_UNARY_SINH = 19,
    MITE_UNARY_COSH = 20,
    MITE_UNARY_TANH = 21,
    MITE_UNARY_ASINH = 22,
    MITE_UNARY_ACOSH = 23,
    MITE_UNARY_ATANH = 24,
    MITE_UNARY_ERF = 25,
    MITE_UNARY_SIGMOID = 26,
    MITE_UNARY_SOFTPLUS = 27,         // log(1 + e^x)
    MITE_UNARY_SOFTSIGN = 28,         // x / (1 + |x|)
    MITE_UNARY_MISH = 29,             // x tanh(softplus(x))
    MITE_UNARY_SWISH = 30,            // x sigmoid(a x)
    MITE_UNARY_GELU = 31,             // x (1 + erf(x / sqrt 2)) / 2
    MITE_UNARY_GELU_TANH = 32,        // with tanh(sqrt(2/pi) (x + 0.044715 x^3)) for erf
    MITE_UNARY_LEAKY_RELU = 33,       // x < 0: a x
    MITE_UNARY_ELU = 34,              // x < 0: a (e^x - 1)
    MITE_UNARY_SELU = 35,             // b (x > 0 ? x : a (e^x - 1))
    MITE_UNARY_CELU = 36,             // max(0, x) + min(0, a (e^(x/a) - 1))
    MITE_UNARY_SHRINK = 37,           // x < -a: x + b; x > a: x - b; else 0
    MITE_UNARY_THRESHOLDED_RELU = 38, // x > a: x; else 0
    MITE_UNARY_HARD_SIGMOID = 39,     // max(0, min(1, a x + b))
    MITE_UNARY_HARD_SWISH = 40,       // x max(0, min(1, x/6 + 1/2))
    MITE_UNARY_IS_NAN = 41,           // bool
    MITE_UNARY_IS_INF = 42,           // bool; -inf counts where a != 0, +inf where b != 0
    MITE_UNARY_COUNT
} mite_unary;

// binary: y = f(a, b), broadcast as in numpy
typedef enum mite_binary {
    MITE_BINARY_ADD = 0, // integers wrap, here and below
    MITE_BINARY_SUB = 1,
    MITE_BINARY_MUL = 2,
    MITE_BINARY_DIV = 3,       // integers: toward zero; by zero: 0
    MITE_BINARY_FLOOR_DIV = 4, // toward minus infinity
    MITE_BINARY_MOD = 5,       // of the sign of b
    MITE_BINARY_FMOD = 6,      // of the sign of a
    MITE_BINARY_POW = 7,       // of the type of a, whatever that of b
    MITE_BINARY_MIN = 8,       // NaN in either comes out
    MITE_BINARY_MAX = 9,
    MITE_BINARY_PRELU = 10,       // a < 0: a b
    MITE_BINARY_AND = 11,         // bits of integers and bools
    MITE_BINARY_OR = 12,
    MITE_BINARY_XOR = 13,
    MITE_BINARY_SHIFT_LEFT = 14,
    MITE_BINARY_SHIFT_RIGHT = 15, // copies of the sign come in from the left
    MITE_BINARY_EQUAL = 16,       // bool, as all after it
    MITE_BINARY_LESS = 17,
    MITE_BINARY_LESS_OR_EQUAL = 18,
    MITE_BINARY_COUNT
} mite_binary;

// reduce: one number of many
typedef enum mite_reduce {
    MITE_REDUCE_SUM = 0,
    MITE_REDUCE_MEAN = 1,
    MITE_REDUCE_MAX = 2,
    MITE_REDUCE_MIN = 3,
    MITE_REDUCE_PROD = 4,
    MITE_REDUCE_L1 = 5,          // sum of |x|
    MITE_REDUCE_SUM_SQUARE = 6,
    MITE_REDUCE_L2 = 7,          // square root of it
    MITE_REDUCE_LOG_SUM = 8,
    MITE_REDUCE_LOG_SUM_EXP = 9,
    MITE_REDUCE_COUNT
} mite_reduce;

// distribution: along one axis
typedef enum mite_distribution {
    MITE_DISTRIBUTION_SOFTMAX = 0,
    MITE_DISTRIBUTION_LOG_SOFTMAX = 1,
    MITE_DISTRIBUTION_HARDMAX = 2, // 1 at the first of the largest, else 0
    MITE_DISTRIBUTION_COUNT
} mite_distribution;

// pad_by: what stands outside
typedef enum mite_beyond {
    MITE_BEYOND_CONSTANT = 0,
    MITE_BEYOND_EDGE = 1,
    MITE_BEYOND_REFLECT = 2,
    MITE_BEYOND_WRAP = 3,
    MITE_BEYOND_COUNT
} mite_beyond;

#endif
