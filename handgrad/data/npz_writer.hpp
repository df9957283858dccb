// Writing arrays for NumPy: numbers and texts, named, in one .npz archive.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "handgrad/base/matrix.hpp"

namespace handgrad {

/// One array of an archive, as np.load(…, allow_pickle=False) gives it back.
struct NpyArray {
    std::string name;
    std::string descr;               ///< NumPy's name of the type: <f4, <f8, <U9
    std::vector<std::size_t> shape;  ///< the last index runs fastest
    std::string bytes;               ///< little-endian
};

/// A matrix as an array of two axes, numbers as one of one axis: `<f4` for float, `<f8` for double, bit by bit.
template <class T>
NpyArray npy_array(std::string name, const Matrix<T>& values);
template <class T>
NpyArray npy_array(std::string name, std::span<const T> values);
/// UTF-8 texts as an array of Unicode texts (`<U`, as wide as the longest); what is no UTF-8 becomes U+FFFD.
NpyArray npy_array(std::string name, const std::vector<std::string>& texts);

/// The archive as np.savez writes it: stored, not packed, each array with its checksum.
std::string npz_bytes(const std::vector<NpyArray>& arrays);

extern template NpyArray npy_array(std::string, const Matrix<float>&);
extern template NpyArray npy_array(std::string, const Matrix<double>&);
extern template NpyArray npy_array(std::string, std::span<const float>);
extern template NpyArray npy_array(std::string, std::span<const double>);

}  // namespace handgrad
