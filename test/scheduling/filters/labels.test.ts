import assert from "node:assert/strict";
import { test } from "node:test";
import { aPlan } from "../../support/a-plan.ts";
import { anEndpoint } from "../../support/an-endpoint.ts";
import { keptBy } from "../../support/a-cycle.ts";

const pool = [
  anEndpoint("h100", { labels: { "example.com/gpu": "h100", tier: "gold" } }),
  anEndpoint("a100", { labels: { "example.com/gpu": "a100" } }),
  anEndpoint("l4", { labels: { "example.com/gpu": "l4", tier: "" } }),
  anEndpoint("bare"),
];

function kept(type: string, parameters: object, candidates = pool): string[] {
  return keptBy(aPlan(`plugins: [{type: ${type}, parameters: ${JSON.stringify(parameters)}}]`), candidates);
}

const gpu = (operator: string, values?: string[]): object => ({
  matchExpressions: [{ key: "example.com/gpu", operator, ...(values && { values }) }],
});

const selectors: [what: string, selector: object, names: string[]][] = [
  ["everything when it has no part", {}, ["h100", "a100", "l4", "bare"]],
  ["by one label", { matchLabels: { "example.com/gpu": "a100" } }, ["a100"]],
  ["by several labels, which must all match", { matchLabels: { "example.com/gpu": "h100", tier: "gold" } }, ["h100"]],
  ["nobody when one of several does not match", { matchLabels: { "example.com/gpu": "a100", tier: "gold" } }, []],
  ["a label with an empty value", { matchLabels: { tier: "" } }, ["l4"]],
  ["In", gpu("In", ["h100", "l4"]), ["h100", "l4"]],
  ["NotIn, and those without the label", gpu("NotIn", ["h100", "l4"]), ["a100", "bare"]],
  ["Exists", gpu("Exists"), ["h100", "a100", "l4"]],
  ["DoesNotExist", gpu("DoesNotExist"), ["bare"]],
  ["labels and expressions together", { matchLabels: { tier: "gold" }, ...gpu("NotIn", ["a100"]) }, ["h100"]],
  ["no label that an object inherits", { matchExpressions: [{ key: "toString", operator: "Exists" }] }, []],
];

for (const type of ["label-selector-filter", "by-label-selector"]) {
  for (const [what, selector, names] of selectors) {
    test(`${type} selects ${what}`, () => assert.deepEqual(kept(type, selector), names));
  }

  test(`${type} keeps the only endpoint or none`, () => {
    assert.deepEqual(kept(type, gpu("Exists"), [anEndpoint("one", { labels: { "example.com/gpu": "x" } })]), ["one"]);
    assert.deepEqual(kept(type, gpu("Exists"), [anEndpoint("one")]), []);
  });
}

const byLabel: [what: string, parameters: object, names: string[]][] = [
  ["values", { label: "example.com/gpu", validValues: ["l4", "h100"] }, ["h100", "l4"]],
  [
    "values and endpoints without the label",
    { label: "tier", validValues: ["gold"], allowsNoLabel: true },
    ["h100", "a100", "bare"],
  ],
  ["only endpoints without the label", { label: "tier", allowsNoLabel: true }, ["a100", "bare"]],
];

for (const [what, parameters, names] of byLabel) {
  test(`by-label keeps ${what}`, () => assert.deepEqual(kept("by-label", parameters), names));
}

/** Which of the role filters keep an endpoint of a role: d, p, e. */
const roles: readonly [role: string | undefined, stages: string][] = [
  ["decode", "d"],
  ["prefill", "p"],
  ["encode", "e"],
  ["prefill-decode", "dp"],
  ["both", "dp"],
  ["encode-prefill", "pe"],
  ["encode-prefill-decode", "dpe"],
  ["unheard-of", ""],
  ["", ""],
  [undefined, "d"],
];

for (const type of ["decode-filter", "prefill-filter", "encode-filter"]) {
  test(`${type} keeps the roles that serve its stage, in order`, () => {
    const endpoints = roles.map(([role]) =>
      anEndpoint(String(role), { labels: role === undefined ? {} : { "llm-d.ai/role": role } }),
    );
    const wanted = roles.filter(([, stages]) => stages.includes(type[0] as string)).map(([role]) => String(role));
    assert.deepEqual(kept(type, {}, endpoints), wanted);
  });
}
