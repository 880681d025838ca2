// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vqscope {

// Has the allocator keep what a scrape frees, some hundred kB on most guests and up to 4 MiB, for the next scrape:
// to give it back to the kernel, and have it cleared page by page again, takes more than half of the time of a scrape
// of many queues. And has all threads share it, for only one makes a scrape at a time. To be called before there are
// threads.
void keep_freed_memory();

}  // namespace vqscope
