// The register: slots with a generation each, in chunks that stay where they are, so that looking one up takes no lock.
#include "c/handles.hpp"

#include <array>
#include <atomic>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace handgrad::c {
namespace {

static_assert(sizeof(void*) == sizeof(std::uint64_t), "a ticket is as large as a pointer of 64 bits");

// A ticket: mark (8 bits, so that no address looks like one), type (8), generation (28), slot (20).
constexpr std::uint64_t ticket_mark = 0xA7;
constexpr unsigned slot_bits = 20, generation_bits = 28, type_bits = 8;
constexpr std::uint64_t slot_mask = (1U << slot_bits) - 1, generation_mask = (1U << generation_bits) - 1;

// A slot's state: generation (28 bits), whether it is alive, whether it is to go, pins (32).
constexpr unsigned pin_bits = 32;
constexpr std::uint64_t pin_mask = (std::uint64_t(1) << pin_bits) - 1;
constexpr std::uint64_t leaving = std::uint64_t(1) << pin_bits;
constexpr std::uint64_t alive = leaving << 1U;
constexpr unsigned generation_shift = pin_bits + 2;

struct Slot {
    std::atomic<std::uint64_t> state{0};
    Object* object = nullptr;  // written before `alive` is, and after the last pin has gone
};

constexpr std::size_t chunk_slots = 1024, most_chunks = (slot_mask + 1) / chunk_slots;
using Chunk = std::array<Slot, chunk_slots>;

struct Register {
    std::array<std::atomic<Chunk*>, most_chunks> chunks{};
    std::mutex mutex;  // of what follows
    std::vector<std::uint64_t> unused;
    std::uint64_t slots = 0;  // in use or used before
};

/// Lives as long as the process: handles may be used while other objects of static life are destroyed.
Register& the_register() {
    static Register& only = *new Register;
    return only;
}

Slot& slot_at(std::uint64_t index) {
    return (*the_register().chunks[index / chunk_slots].load(std::memory_order_acquire))[index % chunk_slots];
}

std::uint64_t generation_of(std::uint64_t state) { return state >> generation_shift; }

struct Ticket {
    std::uint64_t slot, generation;
    std::uint8_t type;
};

std::uint64_t number_of(const Ticket& ticket) {
    std::uint64_t number = ticket_mark;
    number = (number << type_bits) | ticket.type;
    number = (number << generation_bits) | ticket.generation;
    return (number << slot_bits) | ticket.slot;
}

/// What a ticket says; its slot exists. False for what is no ticket.
bool read_ticket(const void* handle, Ticket& ticket) {
    const auto number = reinterpret_cast<std::uint64_t>(handle);
    ticket.slot = number & slot_mask;
    ticket.generation = (number >> slot_bits) & generation_mask;
    ticket.type = static_cast<std::uint8_t>(number >> (slot_bits + generation_bits));
    const bool marked = number >> (slot_bits + generation_bits + type_bits) == ticket_mark;
    return marked && the_register().chunks[ticket.slot / chunk_slots].load(std::memory_order_acquire) != nullptr;
}

HandleProblem problem_of(HandleType type, const void* handle, Ticket& ticket) {
    if (handle == nullptr) {
        return HandleProblem::null;
    }
    if (!read_ticket(handle, ticket)) {
        return HandleProblem::no_handle;
    }
    return ticket.type == static_cast<std::uint8_t>(type) ? HandleProblem::none : HandleProblem::other_type;
}

/// A slot that is no longer in use, or a new one. Room for giving it back is made here, so that freeing never fails.
std::uint64_t take_slot() {
    Register& all = the_register();
    const std::scoped_lock lock(all.mutex);
    if (!all.unused.empty()) {
        const std::uint64_t index = all.unused.back();
        all.unused.pop_back();
        return index;
    }
    if (all.slots > slot_mask) {
        throw std::bad_alloc();
    }
    all.unused.reserve(all.slots + 1);
    std::atomic<Chunk*>& chunk = all.chunks[all.slots / chunk_slots];
    if (chunk.load(std::memory_order_relaxed) == nullptr) {
        chunk.store(new Chunk, std::memory_order_release);
    }
    return all.slots++;
}

/// Called once, by whoever sees that no pin is left of a slot that is to go.
void destroy(std::uint64_t index) {
    Slot& slot = slot_at(index);
    delete std::exchange(slot.object, nullptr);
    const std::uint64_t generation = generation_of(slot.state.load(std::memory_order_relaxed)) + 1;
    if (generation > generation_mask) {  // its tickets are used up: the slot stays as it is, to go and without pins
        return;
    }
    slot.state.store(generation << generation_shift, std::memory_order_release);
    Register& all = the_register();
    const std::scoped_lock lock(all.mutex);
    all.unused.push_back(index);
}

bool usable(std::uint64_t state, std::uint64_t generation) {
    return generation_of(state) == generation && (state & alive) != 0 && (state & leaving) == 0;
}

}  // namespace

void* register_object(HandleType type, std::unique_ptr<Object> object) {
    const std::uint64_t index = take_slot();
    Slot& slot = slot_at(index);
    slot.object = object.release();
    const std::uint64_t generation = generation_of(slot.state.load(std::memory_order_relaxed));
    slot.state.store((generation << generation_shift) | alive, std::memory_order_release);
    return reinterpret_cast<void*>(  // NOLINT(performance-no-int-to-ptr): a ticket, which nobody follows
        number_of({index, generation, static_cast<std::uint8_t>(type)}));
}

HandleProblem release_handle(HandleType type, const void* handle) {
    Ticket ticket{};
    const HandleProblem problem = problem_of(type, handle, ticket);
    if (problem != HandleProblem::none) {
        return problem;
    }
    std::atomic<std::uint64_t>& state = slot_at(ticket.slot).state;
    std::uint64_t now = state.load(std::memory_order_acquire);
    do {
        if (!usable(now, ticket.generation)) {
            return HandleProblem::freed;
        }
    } while (!state.compare_exchange_weak(now, now | leaving, std::memory_order_acq_rel));
    if ((now & pin_mask) == 0) {
        destroy(ticket.slot);
    }
    return HandleProblem::none;
}

std::uint8_t type_of_handle(const void* handle) {
    Ticket ticket{};
    return read_ticket(handle, ticket) ? ticket.type : 0;
}

Pin::Pin(HandleType type, const void* handle) {
    Ticket ticket{};
    problem_ = problem_of(type, handle, ticket);
    if (problem_ != HandleProblem::none) {
        return;
    }
    Slot& slot = slot_at(ticket.slot);
    std::uint64_t now = slot.state.load(std::memory_order_acquire);
    do {
        if (!usable(now, ticket.generation)) {
            problem_ = HandleProblem::freed;
            return;
        }
    } while (!slot.state.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel));
    object_ = slot.object;
    slot_ = ticket.slot;
}

Pin::~Pin() {
    if (object_ == nullptr) {
        return;
    }
    const std::uint64_t before = slot_at(slot_).state.fetch_sub(1, std::memory_order_acq_rel);
    if ((before & leaving) != 0 && (before & pin_mask) == 1) {
        destroy(slot_);
    }
}

}  // namespace handgrad::c
