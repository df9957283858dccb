// Which parts of a large matrix stand on a page.
#include "handgrad/document/document.hpp"

namespace handgrad::document {

std::vector<std::size_t> shown_indices(std::size_t count, std::size_t most) {
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < count; ++i) {
        if (count <= most || i + 2 < most || i + 1 == count) {
            indices.push_back(i);
        } else if (i + 2 == most) {
            indices.push_back(gap);
        }
    }
    return indices;
}

}  // namespace handgrad::document
