// What stands around the network in C: the columns of the table before it, the user's units behind it.
#pragma once

#include <string>

#include "handgrad/export/c_text.hpp"
#include "handgrad/export/recording.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::exports {

/// The C of a model's columns. `numbers` is of the network's numbers, `rows` of those of rows, which may be the same.
class CColumns {
public:
    CColumns(const Model& model, std::string prefix, FunctionSet& numbers, FunctionSet& rows);

    /// What the header says: names of columns, categories and classes, and the functions.
    [[nodiscard]] std::string declarations(bool twice) const;
    /// Tables and encode(), then predict() or classify().
    [[nodiscard]] std::string definitions();
    /// derivatives(), and `twice` second_derivatives().
    [[nodiscard]] std::string derivatives(bool twice);

private:
    [[nodiscard]] std::string fill(const std::string& text) const;
    [[nodiscard]] std::string facts() const;
    [[nodiscard]] std::string predict();
    [[nodiscard]] std::string classify();
    [[nodiscard]] std::string probabilities();
    std::string in_user_units(const std::string& y);
    void name_all();

    /// Texts that the code knows by number: `enum { PRICE_TOWN_OSLO = 0, … }` and `price_town_categories`.
    struct Names {
        std::string comment, array;
        std::vector<std::string> enumerators, texts;
    };

    const Preprocessing& columns_;
    Activation output_;
    std::string prefix_;
    FunctionSet& numbers_;
    FunctionSet& rows_;
    std::vector<Names> names_;
};

}  // namespace handgrad::exports
