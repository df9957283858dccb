// A process locale with decimal commas, for tests of what must not depend on it.
#pragma once

#include <clocale>
#include <stdexcept>
#include <string>

namespace handgrad {

/// While it lives, the process runs under de_DE.UTF-8, which the build makes and ctest names in LOCPATH.
class GermanLocale {
public:
    GermanLocale() : before_(std::setlocale(LC_ALL, nullptr)) {
        if (std::setlocale(LC_ALL, "de_DE.UTF-8") == nullptr) {
            throw std::runtime_error("no locale de_DE.UTF-8: run the test by ctest, or set LOCPATH=BUILD/tests/locale");
        }
    }
    ~GermanLocale() { std::setlocale(LC_ALL, before_.c_str()); }
    GermanLocale(const GermanLocale&) = delete;
    GermanLocale& operator=(const GermanLocale&) = delete;

private:
    std::string before_;
};

}  // namespace handgrad
