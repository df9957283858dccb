// Settings by name, as the table of the library has them, given as a dict.
#pragma once

#include <cstddef>

#include "handgrad/store/setting_values.hpp"
#include "handgrad/train/trainer.hpp"
#include "python/src/python.hpp"

namespace handgrad::python {

/// Raises TypeError for a value of a type that no setting has.
SettingValues setting_values(const Dict& settings);

/// Those of a training without a table; without a number of epochs there is no end to it. Raises Error(usage).
TrainOptions train_options(const Dict& settings, std::size_t threads);

}  // namespace handgrad::python
