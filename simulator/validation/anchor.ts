import type { Information } from "../engine/options.ts";
import type { RequestTable } from "../engine/request-table.ts";
import type { SimulationRun } from "../engine/simulation-run.ts";
import type { Policy } from "../policies/policy.ts";
import type { ReplicaConfig } from "../replica/config.ts";
import type { RunSummary } from "../statistics/run-summary.ts";

/** One way to run an anchor: a policy in its circumstances. */
export interface Arm {
  /** Unique in its anchor. */
  readonly name: string;
  readonly policy: Policy;
  readonly information?: Partial<Information>;
}

/** A load and from when on its requests count. */
export interface AnchorLoad {
  readonly requests: RequestTable;
  /** Requests that arrive before warm the caches and count in no figure, ms; but for the time between tokens, which is of the whole run. */
  readonly cutMs: number;
}

/** What one load gives under one arm. */
export interface ArmRun {
  readonly run: SimulationRun;
  readonly cutMs: number;
  readonly summary: RunSummary;
}

/** A figure of an anchor beside what was published of it. */
export interface AnchorFigure {
  readonly label: string;
  readonly digits: number;
  /** `runs[i]` is of load i. */
  readonly read: (runs: readonly ArmRun[]) => number;
  /** Name of an arm: the figure is by how many per cent a run exceeds that arm's with the same seed. Default: the figure as it is. */
  readonly over?: string;
  /** By name of the arm; an arm without a published value has none. */
  readonly published: Readonly<Record<string, number>>;
}

/** Something that should be so in the means over the seeds. */
export interface AnchorClaim {
  readonly text: string;
  readonly holds: (of: FigureReader) => boolean;
}

/** The mean over the seeds of a figure of an arm. */
export type FigureReader = (label: string, arm: string) => number;

/** A published comparison as a scripted scenario (simulator 4.1). */
export interface Anchor {
  /** Ids of the published results. */
  readonly ids: readonly string[];
  readonly title: string;
  /** Who published what is compared. */
  readonly source: string;
  /** What is simulated, and where that differs from what was measured. */
  readonly setup: string;
  readonly replicas: readonly ReplicaConfig[];
  /** Loads that every arm meets, each in a run of its own. `scale`, above 0, shortens them. */
  readonly loads: (seed: number, scale: number) => readonly AnchorLoad[];
  /** How long clients wait for the last token, ms; default: for ever. */
  readonly timeoutMs?: number;
  readonly arms: readonly Arm[];
  readonly figures: readonly AnchorFigure[];
  /** Which figure orders the arms, and the published order as numbers; undefined: they should be alike, so there is no order. */
  readonly order: { readonly label: string; readonly published: Readonly<Record<string, number>> } | undefined;
  readonly claims: readonly AnchorClaim[];
}
