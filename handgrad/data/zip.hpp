// ZIP archives in memory, as strictly as is enough for NumPy's.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace handgrad {

/// One file of an archive; nothing of it has been unpacked yet.
struct ZipEntry {
    std::string name;
    std::string_view packed;  ///< into the archive's bytes
    bool deflated = false;    ///< otherwise stored as it is
    std::size_t size = 0;     ///< unpacked
    std::size_t crc = 0;      ///< CRC-32 of what it unpacks to
};

/// The entries that the directory at the archive's end lists, also in the form for more than 4 GiB (zip64) and with
/// sizes behind the data (data descriptors). Raises Error(data) for anything but a sound archive in one part: damage,
/// encryption, unknown methods, entries that overlap, sizes that cannot be.
std::vector<ZipEntry> zip_entries(std::string_view bytes, const std::string& source);

/// The bytes of an entry, as many as it declares, with the checksum that it declares. Raises Error(data).
std::string unzip(const ZipEntry& entry, const std::string& source);

}  // namespace handgrad
