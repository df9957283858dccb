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
    int digits = 53;                 ///< binary digits of the numbers in the file: 8, 11, 24, 53; 64 for whole numbers
    std::string problem{};           ///< why its numbers cannot be read; it has none then
};

/// What becomes of an archive in which an array is not of plain numbers.
enum class Unreadable {
    refused,  ///< Error(data)
    kept,     ///< the array is there without numbers, its problem says why
};

/// Reads an archive from a stranger: nothing is allocated that the bytes do not bear out, nothing is written anywhere,
/// and an entry's name is only a name. `source` stands in messages. Raises Error(data) with the cause for anything that
/// is not a sound .npz: damaged, encrypted, packed by a method other than stored and deflated, in several parts, an
/// entry that unpacks to more than 1000 times its size or to another size than declared, a wrong checksum, a name
/// twice, an array that is not of plain numbers unless those are kept. A name may have slashes in it, as np.savez
/// writes them.
std::vector<NamedArray> read_npz(std::string_view bytes, const std::string& source,
                                 Unreadable unreadable = Unreadable::refused);

}  // namespace handgrad
