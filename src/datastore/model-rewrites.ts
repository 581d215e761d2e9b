import type { Random } from "../lib/random.ts";

/** A model that a rule may choose. */
export interface RewriteTarget {
  /** Model to ask the server for. */
  readonly modelRewrite: string;
  /** Share of the requests, relative to the rule's other targets; undefined or 0: see `RewriteRule.targets`. */
  readonly weight: number | undefined;
}

/** One rule of a rewrite (protocol 4.4). */
export interface RewriteRule {
  /** Models that the rule is for, by their exact names; none: a generic rule, for every model and for requests without one. */
  readonly models: readonly string[];
  /**
   * One is chosen for each request, by weight; uniformly when none has a weight. Targets without a weight beside some with
   * one are never chosen.
   */
  readonly targets: readonly [RewriteTarget, ...RewriteTarget[]];
}

/** An InferenceModelRewrite of the pool (protocol 4.4). */
export interface ModelRewrite {
  /** Unique in the pool. */
  readonly name: string;
  /** Unix time in milliseconds; Infinity when unknown. The oldest rewrite decides. */
  readonly createdAtMs: number;
  /** In their order: of two for one model the first decides. */
  readonly rules: readonly RewriteRule[];
}

/** What a rule chose. */
export interface RewriteDecision {
  /** Name of the rewrite whose rule it was. */
  readonly rewrite: string;
  readonly targetModel: string;
}

/** The rule that decides for a model. */
interface Route {
  readonly rewrite: string;
  readonly rule: RewriteRule;
  /** Sum of the rule's weights. */
  readonly totalWeight: number;
}

/**
 * The rewrites of the pool. Discovery writes them; a request finds its rule with one look-up. Exact rules come before
 * generic ones, then those of older rewrites, then those that were there first (protocol 4.4).
 */
export class ModelRewriteStore {
  #rewrites: ReadonlyMap<string, ModelRewrite> = new Map();
  #exact: ReadonlyMap<string, Route> = new Map();
  #generic: Route | undefined;
  #targets: ReadonlySet<string> = new Set();

  /** Makes `rewrites` all there are, in this order; of two with one name the last counts. */
  reset(rewrites: readonly ModelRewrite[]): void {
    this.#replace(new Map(rewrites.map((rewrite) => [rewrite.name, rewrite])));
  }

  /** Adds a rewrite behind the others, or puts it in the place of the one with its name. */
  upsert(rewrite: ModelRewrite): void {
    this.#replace(new Map(this.#rewrites).set(rewrite.name, rewrite));
  }

  /** Takes a rewrite out; unknown names are ignored. */
  remove(name: string): void {
    const rest = new Map(this.#rewrites);
    rest.delete(name);
    this.#replace(rest);
  }

  /** Chooses the target of a request for `model` ("" when it names none); undefined when no rule is for it. */
  decide(model: string, random: Random): RewriteDecision | undefined {
    const route = this.#exact.get(model) ?? this.#generic;
    return route && { rewrite: route.rewrite, targetModel: choose(route, random) };
  }

  /** Whether some rule names `model` as a target. */
  isTarget(model: string): boolean {
    return this.#targets.has(model);
  }

  #replace(rewrites: ReadonlyMap<string, ModelRewrite>): void {
    // The sort is stable: rewrites of one age keep their order.
    const byPrecedence = [...rewrites.values()]
      .toSorted(byAge)
      .flatMap(({ name, rules }) => rules.map((rule) => ({ rewrite: name, rule, totalWeight: totalWeight(rule) })));
    const exact = new Map<string, Route>();
    for (const route of byPrecedence) {
      for (const model of route.rule.models) if (!exact.has(model)) exact.set(model, route);
    }
    this.#rewrites = rewrites;
    this.#exact = exact;
    this.#generic = byPrecedence.find(({ rule }) => rule.models.length === 0);
    this.#targets = new Set(byPrecedence.flatMap(({ rule }) => rule.targets.map(({ modelRewrite }) => modelRewrite)));
  }
}

function byAge(a: ModelRewrite, b: ModelRewrite): number {
  return a.createdAtMs === b.createdAtMs ? 0 : a.createdAtMs - b.createdAtMs;
}

function totalWeight({ targets }: RewriteRule): number {
  return targets.reduce((sum, { weight = 0 }) => sum + weight, 0);
}

function choose({ rule: { targets }, totalWeight }: Route, random: Random): string {
  const [first] = targets;
  if (targets.length === 1) return first.modelRewrite;
  if (totalWeight === 0) return (targets[Math.floor(random() * targets.length)] ?? first).modelRewrite;
  let left = random() * totalWeight;
  for (const { modelRewrite, weight = 0 } of targets) {
    left -= weight;
    if (left < 0) return modelRewrite;
  }
  return first.modelRewrite;
}
