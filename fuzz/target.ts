import { createRandom, type Random } from "../src/lib/random.ts";
import { smaller } from "./smaller.ts";

/** Something to be fuzzed. A case is plain JSON, so that a finding can be printed, kept and replayed. */
export interface FuzzTarget<Case = unknown> {
  readonly name: string;
  /** Makes a case; the same numbers make the same case. */
  readonly generate: (random: Random) => Case;
  /** Throws when the code under test breaks one of its promises. */
  readonly check: (testCase: Case) => void;
  /** What the cases so far did, by name, for the report of a run. */
  readonly counts: ReadonlyMap<string, number>;
}

/** A case that breaks a promise. */
export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly index: number;
  /** The smallest case found that fails in the same way. */
  readonly testCase: unknown;
  readonly error: Error;
}

/** Case `index` of a target under a seed: each has numbers of its own, so that one can be run without those before it. */
export function caseAt(target: FuzzTarget, seed: number, index: number): unknown {
  let mixed = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b);
  for (const character of target.name) mixed = Math.imul(mixed ^ character.charCodeAt(0), 0x01000193);
  return target.generate(createRandom(mixed));
}

/** Runs one case; a failing one is made as small as possible. */
export function runCase(target: FuzzTarget, seed: number, index: number): Finding | undefined {
  const testCase = caseAt(target, seed, index);
  const error = failureOf(target, testCase);
  if (error === undefined) return undefined;
  const smallest = shrink(target, testCase, kindOf(error));
  return { target: target.name, seed, index, testCase: smallest, error: failureOf(target, smallest) ?? error };
}

/** What a case breaks; undefined when it keeps all promises. */
export function failureOf(target: FuzzTarget, testCase: unknown): Error | undefined {
  try {
    target.check(testCase);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const shrinkTries = 5000;

function shrink(target: FuzzTarget, testCase: unknown, kind: string): unknown {
  let [smallest, tries, isSmaller] = [testCase, 0, true];
  while (isSmaller && tries < shrinkTries) {
    isSmaller = false;
    for (const candidate of smaller(smallest)) {
      if (++tries > shrinkTries) break;
      const error = failureOf(target, candidate);
      if (error === undefined || kindOf(error) !== kind) continue;
      smallest = candidate;
      isSmaller = true;
      break;
    }
  }
  return smallest;
}

/** Failures of one kind have the same name and begin with the same words. */
function kindOf({ name, message }: Error): string {
  return `${name} ${message.replaceAll(/[\d"].*/gs, "").slice(0, 40)}`;
}
