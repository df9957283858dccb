// Flush-to-zero by the control register of SSE; other machines have no mode that leaves inputs alone.
#include "handgrad/base/flush_to_zero.hpp"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace handgrad {

#if defined(__SSE2__)
FlushToZero::FlushToZero() : former_(_mm_getcsr()) { _mm_setcsr(former_ | _MM_FLUSH_ZERO_ON); }
FlushToZero::~FlushToZero() { _mm_setcsr(former_); }
#else
FlushToZero::FlushToZero() : former_(0) {}
FlushToZero::~FlushToZero() { static_cast<void>(former_); }
#endif

}  // namespace handgrad
