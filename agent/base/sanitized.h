// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vqscope {

// Whether a sanitizer is built in. Its runtime has threads of its own, attaches to this process to look for leaks, and
// makes system calls that the agent does not.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace vqscope
