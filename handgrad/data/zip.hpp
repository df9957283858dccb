// ZIP archives in memory, read as strictly and written as plainly as is enough for NumPy's.
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
std::vector<ZipEntry> zip_entries(std::string_view archive, const std::string& source);

/// The bytes of an entry, as many as it declares, with the checksum that it declares. Raises Error(data).
std::string unzip(const ZipEntry& entry, const std::string& source);

/// A file to be put into an archive.
struct ZipFile {
    std::string name;  ///< UTF-8
    std::string content;
};

/// An archive of these files, stored as they are, without a date. Sizes and places from `wide_from` on are written in
/// the form for more than 4 GiB (a smaller number than it is for is for tests).
std::string zip_bytes(const std::vector<ZipFile>& files, std::size_t wide_from = 0xFFFFFFFF);

/// CRC-32 as archives have it.
std::size_t crc32_of(std::string_view bytes);

}  // namespace handgrad
