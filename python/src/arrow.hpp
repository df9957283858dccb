// The Arrow C data and stream interfaces, as their specification has them: stable structs that programs hand each other
// without a library between them.
#pragma once

#include <cstdint>

namespace handgrad::python {

struct ArrowSchema {
    const char* format;
    const char* name;
    const char* metadata;
    std::int64_t flags;
    std::int64_t n_children;
    ArrowSchema** children;
    ArrowSchema* dictionary;
    void (*release)(ArrowSchema*);
    void* private_data;
};

struct ArrowArray {
    std::int64_t length;
    std::int64_t null_count;
    std::int64_t offset;
    std::int64_t n_buffers;
    std::int64_t n_children;
    const void** buffers;
    ArrowArray** children;
    ArrowArray* dictionary;
    void (*release)(ArrowArray*);
    void* private_data;
};

struct ArrowArrayStream {
    int (*get_schema)(ArrowArrayStream*, ArrowSchema*);
    int (*get_next)(ArrowArrayStream*, ArrowArray*);
    const char* (*get_last_error)(ArrowArrayStream*);
    void (*release)(ArrowArrayStream*);
    void* private_data;
};

/// Owns what a producer handed over, and gives it back to it in the end.
template <class Struct>
class Released {
public:
    Released() = default;
    /// Takes it out of the place where it was handed over, which is empty then.
    explicit Released(Struct& there) : held_(there) { there.release = nullptr; }
    Released(Released&& other) noexcept : held_(other.held_) { other.held_.release = nullptr; }
    Released& operator=(Released&&) = delete;
    ~Released() {
        if (held_.release != nullptr) {
            held_.release(&held_);
        }
    }

    [[nodiscard]] Struct& get() { return held_; }
    [[nodiscard]] const Struct& get() const { return held_; }
    [[nodiscard]] bool empty() const { return held_.release == nullptr; }

private:
    Struct held_{};
};

}  // namespace handgrad::python
