// Named arrays of numbers: NumPy's .npz archives, as np.savez and np.savez_compressed write them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace handgrad {

/// One array of a file that holds several.
struct NamedArray {
    std::string name;
    std::vector<std::size_t> shape;  ///< empty for a single number
    std::vector<double> values;      ///< the last index runs fastest
    int digits = 53;                 ///< binary digits of the numbers in the file: 11, 24, 53; 64 for whole numbers
};

/// Reads an archive from a stranger: nothing is allocated that the bytes do not bear out, nothing is written anywhere,
/// and an entry's name is only a name. `source` stands in messages. Raises Error(data) with the cause for anything that
/// is not a sound .npz: damaged, encrypted, packed by a method other than stored and deflated, in several parts, an
/// entry that unpacks to more than 1000 times its size or to another size than declared, a wrong checksum, a name twice
/// or with a path in it, an array that is not of plain numbers.
std::vector<NamedArray> read_npz(std::string_view bytes, const std::string& source);

}  // namespace handgrad
