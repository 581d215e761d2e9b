import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { admissionPlugins } from "../../src/admission/plugins.ts";
import { poolSaturation } from "../../src/admission/saturation.ts";
import type { Endpoint } from "../../src/datastore/endpoint.ts";
import type { Signal } from "../../src/datastore/signal.ts";
import type { Filter } from "../../src/scheduling/plugin.ts";
import type { Detector } from "../../src/scheduling/roles.ts";
import { type EndpointTraits, anEndpoint } from "../support/an-endpoint.ts";
import { aPlan } from "../support/a-plan.ts";

/** An endpoint whose signals count less, having been blended. */
interface Traits extends EndpointTraits {
  readonly confidence?: number;
}

function endpointsOf(traits: readonly Traits[]): Endpoint[] {
  return traits.map(({ confidence, ...rest }, index) => {
    const endpoint = anEndpoint(`e${index}`, rest);
    if (confidence === undefined) return endpoint;
    const blended = (signal: Signal): Signal => ({ ...signal, source: "blended", confidence });
    const { waitingRequests, kvCacheRatio } = endpoint.signals;
    const signals = { waitingRequests: blended(waitingRequests), kvCacheRatio: blended(kvCacheRatio) };
    return { ...endpoint, signals: { ...endpoint.signals, ...signals } };
  });
}

function rolesOf(type: string, parameters: object = {}): { detector: Detector; filter: Filter } {
  const { detector, profiles } = aPlan(`plugins: ${JSON.stringify([{ type, parameters }])}`);
  const filter = profiles[0]?.filters[0]?.filter;
  assert.ok(detector?.type === type && filter !== undefined);
  return { detector: detector.detector, filter };
}

type Row = readonly [
  what: string,
  parameters: object,
  endpoints: Traits[],
  /** Saturation, requests it stands for, names that the filter keeps. */
  saturation: number,
  load: number,
  kept: string,
];

const utilization: Row[] = [
  ["one idle endpoint", {}, [{ waiting: 0, kv: 0 }], 0, 0, "e0"],
  ["one endpoint, fuller by its queue", {}, [{ waiting: 4, kv: 0.4 }], 0.8, 4, "e0"],
  ["one endpoint, fuller by its cache", {}, [{ waiting: 1, kv: 0.4, running: 6 }], 0.5, 6, "e0"],
  ["a queue at its threshold", {}, [{ waiting: 5 }, { waiting: 0 }], 0.5, 5, "e1"],
  [
    "a cache at its threshold",
    {},
    [
      { kv: 0.8, running: 9 },
      { kv: 0.4, running: 3 },
    ],
    0.75,
    12,
    "e1",
  ],
  [
    "all equal",
    {},
    [
      { waiting: 2, kv: 0 },
      { waiting: 2, kv: 0 },
    ],
    0.4,
    4,
    "e0 e1",
  ],
  ["all full: the filter keeps all", {}, [{ waiting: 10 }, { waiting: 20 }], 3, 30, "e0 e1"],
  ["more than full", {}, [{ waiting: 50, kv: 1 }], 10, 50, "e0"],
  ["one known beside one unknown", {}, [{ waiting: 10 }, {}], 2, 10, "e1"],
  ["nothing known of any: not saturated", {}, [{}, {}], 0, 0, "e0 e1"],
  ["a queue alone", {}, [{ waiting: 5 }], 1, 5, "e0"],
  ["a cache alone, by this picker's requests", {}, [{ kv: 0.8, inFlight: 3 }], 1, 3, "e0"],
  ["a cache that nobody is known to hold", {}, [{ kv: 0.8 }], 1, Number.NaN, "e0"],
  ["an empty cache alone", {}, [{ kv: 0 }], 0, 0, "e0"],
  ["NaN as unknown", {}, [{ waiting: Number.NaN, kv: Number.NaN }, { waiting: 5 }], 1, 5, "e0"],
  ["a negative value as unknown", {}, [{ waiting: -1, kv: -0.5 }, { waiting: 5 }], 1, 5, "e0"],
  ["an infinite queue as unknown", {}, [{ waiting: Number.POSITIVE_INFINITY }, { waiting: 5 }], 1, 5, "e0"],
  ["a share above 1 as unknown", {}, [{ waiting: 0, kv: 1.5 }, { waiting: 5 }], 0.5, 5, "e0"],
  ["a sample that is old and still believed", {}, [{ waiting: 1, sampledAtMs: -1e9 }], 0.2, 1, "e0"],
  ["what was never seen, only guessed, as unknown", {}, [{ waiting: 50, kv: 1, confidence: 0 }], 0, 0, "e0"],
  ["a guess beside what is known", {}, [{ waiting: 50, confidence: 0 }, { waiting: 5 }], 1, 5, "e0"],
  ["half believed beside wholly believed", {}, [{ waiting: 10, confidence: 0.5 }, { waiting: 5 }], 4 / 3, 15, "e0 e1"],
  ["a pool that fell silent while it was full", {}, [{ waiting: 10, kv: 1, confidence: 0.25 }], 0.5, 10, "e0"],
  [
    "own thresholds",
    { queueDepthThreshold: 10, kvCacheUtilThreshold: 0.5 },
    [{ waiting: 5, kv: 0.5, running: 2 }],
    1,
    2,
    "e0",
  ],
  [
    "headroom, which widens the filter alone",
    { headroom: 0.5 },
    [{ waiting: 7 }, { waiting: 8 }, { kv: 1, running: 1 }],
    (1.4 + 1.6 + 1.25) / 3,
    16,
    "e0 e2",
  ],
];

const concurrency: Row[] = [
  ["one idle endpoint", {}, [{ inFlight: 0 }], 0, 0, "e0"],
  ["one endpoint below its limit", {}, [{ inFlight: 99 }], 0.99, 99, "e0"],
  ["all equal", { maxConcurrency: 4 }, [{ inFlight: 2 }, { inFlight: 2 }], 0.5, 4, "e0 e1"],
  ["one at its limit", { maxConcurrency: 4 }, [{ inFlight: 4 }, { inFlight: 0 }], 0.5, 4, "e1"],
  ["all full: the filter keeps none", { maxConcurrency: 1 }, [{ inFlight: 1 }, { inFlight: 3 }], 2, 4, ""],
  [
    "requests, whatever tokens and metrics say",
    { maxTokenConcurrency: 1 },
    [{ prefillTokens: 9, waiting: 99, kv: 1 }],
    0,
    0,
    "e0",
  ],
  ["headroom, rounded down", { maxConcurrency: 3, headroom: 0.5 }, [{ inFlight: 3 }, { inFlight: 4 }], 7 / 6, 7, "e0"],
  [
    "tokens",
    { concurrencyMode: "tokens", maxTokenConcurrency: 1000 },
    [
      { prefillTokens: 500, inFlight: 200 },
      { prefillTokens: 1000, inFlight: 1 },
    ],
    0.75,
    201,
    "e0",
  ],
  ["tokens of answers that have begun", { concurrencyMode: "tokens" }, [{ inFlight: 500 }], 0, 500, "e0"],
  [
    "tokens with headroom",
    { concurrencyMode: "tokens", maxTokenConcurrency: 1000, headroom: 0.2 },
    [{ prefillTokens: 1199 }, { prefillTokens: 1200 }],
    1.1995,
    0,
    "e0",
  ],
  [
    "hybrid: the fuller of both at each",
    { concurrencyMode: "hybrid", maxConcurrency: 10, maxTokenConcurrency: 1000 },
    [
      { inFlight: 10, prefillTokens: 0 },
      { inFlight: 1, prefillTokens: 2000 },
      { inFlight: 1, prefillTokens: 200 },
    ],
    (1 + 2 + 0.2) / 3,
    12,
    "e2",
  ],
];

for (const [type, rows] of [
  ["utilization-detector", utilization],
  ["concurrency-detector", concurrency],
] as const) {
  for (const [what, parameters, traits, saturation, load, kept] of rows) {
    test(`${type} rates ${what}`, () => {
      const { detector, filter } = rolesOf(type, parameters);
      const endpoints = endpointsOf(traits);
      const got = detector.saturation(endpoints);
      assert.ok(Math.abs(got - saturation) < 1e-12, `saturation ${got}, expected ${saturation}`);
      assert.equal(Math.round(detector.load(endpoints) * 1e9) / 1e9, load);
      const left = filter.filter(undefined as never, endpoints);
      assert.equal(left.map(({ name }) => name).join(" "), kept);
    });
  }
}

test("a pool without endpoints is full on the gauge", () => {
  assert.equal(poolSaturation([], rolesOf("utilization-detector").detector), 1);
  assert.equal(poolSaturation(endpointsOf([{}]), rolesOf("utilization-detector").detector), 0);
});

const anyNumber = fc.oneof(
  fc.constantFrom(undefined, Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1, Number.MAX_VALUE, Number.MIN_VALUE),
  fc.double(),
  fc.nat(1000),
);
const anyTraits = fc.record({
  waiting: anyNumber,
  running: anyNumber,
  kv: anyNumber,
  prefillTokens: fc.nat(1_000_000_000),
  inFlight: fc.nat(1_000_000),
  confidence: fc.oneof(fc.constantFrom(0, 1, Number.MIN_VALUE), fc.double({ min: 0, max: 1, noNaN: true })),
});
const anyDetector = fc.oneof(
  fc.record({
    type: fc.constant("utilization-detector"),
    parameters: fc.record({
      queueDepthThreshold: fc.integer({ min: 1, max: 1_000_000 }),
      kvCacheUtilThreshold: fc.double({ min: Number.MIN_VALUE, max: 1, noNaN: true }),
      headroom: fc.double({ min: 0, max: 10, noNaN: true }),
    }),
  }),
  fc.record({
    type: fc.constant("concurrency-detector"),
    parameters: fc.record({
      maxConcurrency: fc.integer({ min: 1, max: 1_000_000 }),
      maxTokenConcurrency: fc.integer({ min: 1, max: 1_000_000 }),
      concurrencyMode: fc.constantFrom("requests", "tokens", "hybrid"),
      headroom: fc.double({ min: 0, max: 10, noNaN: true }),
    }),
  }),
);

test("saturation is finite and at least 0, load at least 0 or unknown, filters keep some of what they got", () => {
  assert.equal(admissionPlugins.length, 2, "every detector has its place in this property");
  fc.assert(
    fc.property(anyDetector, fc.array(anyTraits, { minLength: 1, maxLength: 6 }), ({ type, parameters }, traits) => {
      const { detector, filter } = rolesOf(type, parameters);
      const endpoints = endpointsOf(traits as Traits[]);
      const saturation = detector.saturation(endpoints);
      assert.ok(Number.isFinite(saturation) && saturation >= 0, `saturation ${saturation}`);
      const load = detector.load(endpoints);
      assert.ok(!(load < 0), `load ${load}`);
      const left = filter.filter(undefined as never, endpoints);
      assert.deepEqual(
        left,
        endpoints.filter((endpoint) => left.includes(endpoint)),
      );
      assert.ok(left.length > 0 || type === "concurrency-detector");
    }),
    { numRuns: 300 },
  );
});
