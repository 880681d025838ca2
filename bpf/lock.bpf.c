// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Waits for the spin locks of the measured disks. The kernel tells of waits for all locks of the guest, so what has to
 * be quick is to see that a lock is none of these. Who waits is not preempted, so a wait begins and ends on one CPU.
 */
#include "lock_path.h"

/* The kernel does not run a program inside of itself on one CPU; see locate.h. */
const volatile __u8 never_nested = 0;
/* How many there is room for. */
const volatile __u32 lock_count = 1;

/* enum of the tracepoint, which has no name: someone spins, and for no lock of another kind (mutex, rwlock, ...). */
enum { LCB_F_SPIN = 1 };

ARRAY_OF(struct vqs_control) control SEC(".maps");
ARRAY_OF(struct vqs_lock_set) lock_sets SEC(".maps");
ARRAY_OF(struct vqs_lock_waits) lock_waits SEC(".maps");
ARRAY_OF(__u64) lock_used SEC(".maps");
ARRAY_OF(struct vqs_waiting) waiting SEC(".maps");

static __noinline void lose_wait(void)
{
  __u32 zero = 0;
  struct vqs_control *ctl = bpf_map_lookup_elem(&control, &zero);

  if (ctl)
    add(&ctl->lost[VQS_LOST_LOCK_WAIT], 1);
}

/* Once is enough. */
static __always_inline void tell_spin(void)
{
  __u32 zero = 0;
  struct vqs_control *ctl = bpf_map_lookup_elem(&control, &zero);

  if (ctl && !ctl->spins_told)
    ctl->spins_told = 1;
}

/* Index + 1 of the lock at an address, 0: no disk's. */
static __always_inline __u32 find_lock(__u64 address)
{
  __u32 index = vqs_lock_hash(address), i;
  const struct vqs_lock_set *set = bpf_map_lookup_elem(&lock_sets, &index);

  if (!set)
    return 0;
#pragma unroll
  for (i = 0; i < VQS_LOCK_WAYS; i++)
    if (set->addresses[i] == address)
      return set->locks[i] + 1;
  return 0;
}

static __always_inline struct vqs_waiting *this_cpu(void)
{
  __u32 cpu = bpf_get_smp_processor_id();

  return bpf_map_lookup_elem(&waiting, &cpu);
}

/* Whether the path that led to the lock still does: what the elevator or the driver had there may be gone, and its
 * memory another's. */
static __noinline bool still_leads(__u32 index, __u64 address)
{
  const struct vqs_lock *lock = bpf_map_lookup_elem(&locks, &index);
  const struct vqs_lock_path *path;

  if (!lock)
    return false;
  index = lock->path;
  path = bpf_map_lookup_elem(&lock_paths, &index);
  return path && lock_at(path, lock->queue, lock->context, lock->hctx) == address;
}

static __noinline void begin_wait(__u32 lock, __u64 address)
{
  struct vqs_waiting *here = this_cpu();
  __u32 i, place = VQS_NESTED_WAITS, remembered = lock % VQS_FOLLOWED_LOCKS;
  __u64 now = bpf_ktime_get_ns();

  if (!here)
    return;
  if (here->followed[remembered] != address || NSEC_SINCE(now, here->followed_ns[remembered]) >= VQS_FOLLOW_AFTER_NS) {
    /* Its end is told as lost: whose it was is not known. */
    if (!still_leads(lock, address))
      return;
    here->followed[remembered] = address;
    here->followed_ns[remembered] = now;
    now = bpf_ktime_get_ns(); /* that is no part of the wait */
  }
#pragma unroll
  for (i = 0; i < VQS_NESTED_WAITS; i++) {
    if (here->locks[i] == address || (!here->locks[i] && place == VQS_NESTED_WAITS))
      place = i;
    if (here->locks[i] == address)
      break;
  }
  /* A place whose wait has not ended was left by one whose end no program was run for. */
  if (place == VQS_NESTED_WAITS)
    place = 0;
  OPAQUE(place);
  if (place >= VQS_NESTED_WAITS)
    return;
  if (here->locks[place])
    lose_wait();
  here->locks[place] = address;
  here->since_ns[place] = now;
}

/* The agent looks at no other locks of this CPU. */
static __always_inline void mark_used(__u32 lock)
{
  __u32 index = bpf_get_smp_processor_id() * vqs_lock_words(lock_count) + lock / 64;
  __u64 *word = bpf_map_lookup_elem(&lock_used, &index), bit = 1ULL << lock % 64;

  if (word && !(*word & bit))
    __sync_fetch_and_or(word, bit);
}

static __noinline void end_wait(__u64 address, __u64 since, __u64 now)
{
  __u32 lock = find_lock(address), index;
  struct vqs_lock_waits *waits;
  __u64 ns = NSEC_SINCE(now, since);

  index = bpf_get_smp_processor_id() * lock_count + lock - 1;
  waits = bpf_map_lookup_elem(&lock_waits, &index);
  if (!lock || !waits)
    return; /* the disk has just gone */
  count(never_nested, &waits->count, 1);
  count(never_nested, &waits->wait_ns, ns);
  if (ns > waits->longest_ns)
    waits->longest_ns = ns;
  mark_used(lock - 1);
}

SEC("tp_btf/contention_begin")
int lock_begin(__u64 *ctx)
{
  __u32 lock;

  if ((__u32)ctx[1] != LCB_F_SPIN)
    return 0;
  tell_spin();
  lock = find_lock(ctx[0]);
  if (lock)
    begin_wait(lock - 1, ctx[0]);
  return 0;
}

SEC("tp_btf/contention_end")
int lock_end(__u64 *ctx)
{
  struct vqs_waiting *here = this_cpu();
  __u64 address = ctx[0], since;
  __u32 i;

  if (!here)
    return 0;
#pragma unroll
  for (i = 0; i < VQS_NESTED_WAITS; i++) {
    if (here->locks[i] != address)
      continue;
    since = here->since_ns[i];
    here->locks[i] = 0;
    end_wait(address, since, bpf_ktime_get_ns());
    return 0;
  }
  if (find_lock(address))
    lose_wait(); /* its begin was not seen */
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
