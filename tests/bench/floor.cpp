// SPDX-License-Identifier: Apache-2.0
// Attaches the reference programs of one kind ("empty", "clock", "least" or "bare") until standard input ends.
#include <bpf/libbpf.h>

#include <cstdio>
#include <string_view>

#include "agent/model/buckets.h"
#include "floor.skel.h"

int main(int argc, char** argv) {
  const std::string_view kind = argc == 2 ? argv[1] : "";
  if (kind != "empty" && kind != "clock" && kind != "least" && kind != "bare") {
    std::fprintf(stderr, "usage: %s empty|clock|least|bare\n", argv[0]);
    return 2;
  }
  floor_bpf* skeleton = floor_bpf::open();
  if (skeleton == nullptr) {
    std::perror("cannot open the reference programs");
    return 1;
  }
  const_cast<vqs_bucket_table&>(skeleton->rodata->bucket_table) = vqscope::make_bucket_table();
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj)
      bpf_program__set_autoload(program, std::string_view(bpf_program__name(program)).starts_with(kind));
  int status = 1;
  if (floor_bpf::load(skeleton) != 0 || floor_bpf::attach(skeleton) != 0) {
    std::perror("cannot load and attach the reference programs");
  } else {
    std::puts("attached");
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    status = 0;
  }
  floor_bpf::destroy(skeleton);
  return status;
}
