// A folder of its own for each test, gone at its end.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

namespace handgrad {

class InItsFolder : public testing::Test {
protected:
    InItsFolder() { std::filesystem::create_directories(folder_); }
    ~InItsFolder() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::filesystem::path path(const std::string& name) const { return folder_ / name; }
    /// The file of that name, now with these bytes.
    [[nodiscard]] std::filesystem::path write(const std::string& name, std::string_view bytes) const {
        std::ofstream(path(name), std::ios::binary) << bytes;
        return path(name);
    }
    /// The names of all files in the folder.
    [[nodiscard]] std::set<std::string> files() const {
        std::set<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
            names.insert(entry.path().filename());
        }
        return names;
    }

private:
    std::filesystem::path folder_ =
        std::filesystem::path(testing::TempDir()) /
        ("handgrad_" + std::to_string(::getpid()) + testing::UnitTest::GetInstance()->current_test_info()->name());
};

}  // namespace handgrad
