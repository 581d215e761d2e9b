import type { ModelRewriteStore } from "../datastore/model-rewrites.ts";
import type { ObjectiveStore } from "../datastore/objectives.ts";
import type { Clock } from "../lib/clock.ts";
import type { Problem } from "../lib/document.ts";
import type { PoolRef } from "./inference-objects.ts";
import { objectsOf, type PoolObjects, readObjects } from "./objects-file.ts";
import { PolledFile, UnusableFileError } from "../lib/polled-file.ts";

/** How many objects are in force, and what was noticed about the file. */
export interface LoadedObjects {
  readonly objectives: number;
  readonly rewrites: number;
  /** Objects left out because they name another pool. */
  readonly ofOtherPools: number;
  readonly warnings: readonly Problem[];
}

/** What discovery of objects needs. */
export interface ObjectsDiscoveryOptions {
  readonly path: string;
  /** Objects of other pools are left out. */
  readonly pool: PoolRef;
  readonly objectives: ObjectiveStore;
  readonly rewrites: ModelRewriteStore;
  readonly clock: Clock;
  /** Told when a content is in force, the first one too. */
  readonly onLoaded: (loaded: LoadedObjects, isReload: boolean) => void;
  /** Told once of each changed content that cannot be used, and of a file that cannot be read: the last good one stays. */
  readonly onRejected: (message: string) => void;
}

/**
 * Fills the stores from an objects file and keeps them so; both change in one step. Resolves when the objects are in
 * force. Rejects when the file cannot be read or used: an `UnusableFileError` for its content.
 */
export async function startObjectsDiscovery(options: ObjectsDiscoveryOptions): Promise<{ readonly close: () => void }> {
  const { path, pool, clock, objectives, rewrites, onLoaded, onRejected } = options;
  const what = "objects file";
  let loaded: LoadedObjects | undefined;
  const tell = (isReload: boolean): void => {
    if (loaded !== undefined) onLoaded(loaded, isReload);
  };
  const take = (text: string): void => {
    const file = readObjects(text, path);
    if (file.kind === "invalid") throw new UnusableFileError(what, path, file.problems);
    const own = objectsOf(pool, file.objects);
    objectives.reset(own.objectives);
    rewrites.reset(own.rewrites);
    loaded = { ...counted(own), warnings: file.warnings };
  };
  const polled = new PolledFile({ what, path, clock, take, onTaken: () => tell(true), onRejected });
  await polled.read();
  tell(false);
  polled.watch();
  return { close: () => polled.close() };
}

function counted({ objectives, rewrites, ofOtherPools }: PoolObjects): Omit<LoadedObjects, "warnings"> {
  return { objectives: objectives.length, rewrites: rewrites.length, ofOtherPools };
}
