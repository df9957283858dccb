// While it lives, results too small to be normal numbers become 0 on this thread; training would crawl otherwise.
#pragma once

namespace handgrad {

/// Sets flush-to-zero and restores the former mode at the end of its life. Never denormals-are-zero: a subnormal
/// *input* keeps its value and its sign, on which ReLU′ at −1e-40 depends. Does nothing on machines without such a
/// mode.
class FlushToZero {
public:
    FlushToZero();
    ~FlushToZero();
    FlushToZero(const FlushToZero&) = delete;
    FlushToZero& operator=(const FlushToZero&) = delete;

private:
    unsigned former_;
};

}  // namespace handgrad
