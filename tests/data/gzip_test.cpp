// Inflating gzip data: members, padding, damage and the limit.
#include <gtest/gtest.h>

#include "handgrad/data/table.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

// Made by Python: gzip.compress(b'hello, ', mtime=0) and gzip.compress(b'world', mtime=0).
const std::string hello(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xd7\x51\x00\x00\x99\x56\xea\x11\x07\x00\x00\x00", 27);
const std::string world(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\xcf\x2f\xca\x49\x01\x00\x43\x11\x77\x3a\x05\x00\x00\x00", 25);

std::string error(const std::string& bytes, std::size_t limit = 1000) {
    return raised([&] { gunzip(bytes, "t.gz", limit); });
}

TEST(Gzip, EveryMemberIsInflatedAndZerosMayPadTheEnd) {
    EXPECT_EQ(gunzip(hello, "t.gz"), "hello, ");
    EXPECT_EQ(gunzip(hello + world, "t.gz"), "hello, world");
    EXPECT_EQ(gunzip(hello + std::string(512, '\0'), "t.gz"), "hello, ");
}

TEST(Gzip, TheLimitIsTheLastSizeAllowed) {
    EXPECT_EQ(gunzip(hello, "t.gz", 7), "hello, ");
    EXPECT_EQ(error(hello, 6),
              "data: t.gz: byte 27: the gzip data unpacks to more than 6 bytes, which is much for its size; unpack it "
              "yourself (gunzip), if you know where it is from");
}

TEST(Gzip, EveryCutIsAnError) {
    for (std::size_t size = 0; size < hello.size(); ++size) {
        EXPECT_EQ(error(hello.substr(0, size)),
                  "data: t.gz: byte " + std::to_string(size) + ": the gzip data is cut off; fetch the file again");
    }
}

TEST(Gzip, DamageIsAnErrorWithItsByte) {
    EXPECT_EQ(error("not gzip"),
              "data: t.gz: byte 2: damaged gzip data (incorrect header check); fetch the file again");
    std::string rotten = hello;
    rotten[20] = 'x';  // in the checksum
    EXPECT_EQ(error(rotten), "data: t.gz: byte 23: damaged gzip data (incorrect data check); fetch the file again");
    EXPECT_EQ(error(hello + "garbage"),
              "data: t.gz: byte 29: damaged gzip data (incorrect header check); fetch the file again");
}

}  // namespace
}  // namespace handgrad
