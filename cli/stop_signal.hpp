// Ctrl-C and its relatives: the first asks training to stop and save, the second ends the program at once, unless it is
// a warning that comes every second.
#pragma once

namespace handgrad::cli {

/// While it lives, SIGINT, SIGTERM and SIGHUP are caught, and SIGXCPU, SIGUSR1 and SIGUSR2, by which batch systems
/// announce the end; but for those that are ignored, as under nohup. SIGQUIT, which asks for a core dump, is left
/// alone. One at a time.
class StopSignal {
public:
    StopSignal();
    ~StopSignal();
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;

    /// The number of the signal that came, or 0.
    [[nodiscard]] static int received();
};

}  // namespace handgrad::cli
