// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/allocations.h"

#include <cstdlib>
#include <new>

namespace {

// Of this thread: the benchmarks have no other, and an atomic sum would be a part of what they measure.
thread_local std::size_t taken = 0, taken_bytes = 0;

}  // namespace

// https://en.cppreference.com/w/cpp/memory/new/operator_new#Global_replacements: the other forms come to these.
void* operator new(std::size_t size) {
  ++taken;
  taken_bytes += size;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace vqscope {

Allocations allocations() { return {taken, taken_bytes}; }

}  // namespace vqscope
