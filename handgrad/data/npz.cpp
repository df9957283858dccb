// A ZIP archive whose files are NAME.npy.
#include "handgrad/data/npz.hpp"

#include <set>
#include <string>

#include "handgrad/base/error.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/npy_array.hpp"
#include "handgrad/data/zip.hpp"

namespace handgrad {

namespace {

NamedArray array_of(const std::string& npy, const std::string& place, Unreadable unreadable) {
    try {
        return read_npy_array(npy, place);
    } catch (const Error& error) {
        if (unreadable == Unreadable::refused) {
            throw;
        }
        return {.name = {}, .shape = {}, .values = {}, .problem = error.what()};
    }
}

}  // namespace

std::vector<NamedArray> read_npz(std::string_view bytes, const std::string& source, Unreadable unreadable) {
    std::vector<NamedArray> arrays;
    std::set<std::string> names;
    for (const ZipEntry& entry : zip_entries(bytes, source)) {
        const auto fail = [&](const std::string& cause) {
            throw Error(ErrorKind::data, source + ": " + in_quotes(entry.name) + " " + cause);
        };
        if (entry.name.ends_with('/') && entry.size == 0) {
            continue;  // a folder, where the arrays were packed by another program
        }
        if (entry.name.find('\0') != std::string::npos) {
            fail("is no name of an array; write the archive with np.savez");
        }
        if (!entry.name.ends_with(".npy")) {
            fail("is not an .npy array; write the archive with np.savez");
        }
        std::string name = entry.name.substr(0, entry.name.size() - 4);
        if (!names.insert(name).second) {
            fail("is there twice");
        }
        arrays.push_back(array_of(unzip(entry, source), source + ": " + name, unreadable));
        arrays.back().name = std::move(name);
    }
    return arrays;
}

}  // namespace handgrad
