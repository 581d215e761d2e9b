/** The times of a leader election. */
export interface ElectionTiming {
  /** Time without a sign of life after which others may take the lease; whole seconds. */
  readonly leaseMs: number;
  /** Time after the last renewal at which a leader steps down by itself; below `leaseMs`. */
  readonly renewDeadlineMs: number;
  /** Time between two renewals; followers look twice as often. */
  readonly retryMs: number;
}

/** As client-go has them. */
export const defaultElectionTiming: ElectionTiming = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

/** Renewals that a leader can miss before its deadline, at least. */
const leastRetries = 2;

/** What is wrong with the times, in the words of the flags; undefined when nothing is. */
export function timingProblem({ leaseMs, renewDeadlineMs, retryMs }: ElectionTiming): string | undefined {
  const [lease, deadline, retry] = [
    "--leader-election-lease-duration",
    "--leader-election-renew-deadline",
    "--leader-election-retry-period",
  ];
  if (leaseMs < 1000 || leaseMs % 1000 !== 0 || leaseMs > 3_600_000) {
    return `cannot use ${lease} ${leaseMs}ms: expected whole seconds from 1s to 1h`;
  }
  if (renewDeadlineMs >= leaseMs) {
    return `cannot use ${deadline} ${renewDeadlineMs}ms: expected less than ${lease}, which is ${leaseMs}ms`;
  }
  if (retryMs < 10 || retryMs * leastRetries > renewDeadlineMs) {
    const most = `half of ${deadline}, which is ${renewDeadlineMs}ms`;
    return `cannot use ${retry} ${retryMs}ms: expected from 10ms to ${most}`;
  }
  return undefined;
}
