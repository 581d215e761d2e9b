import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesSpec, parseMetricSpec } from "../../src/lib/metric-spec.ts";

const valid: readonly { text: string; name: string; labels?: Record<string, string> }[] = [
  { text: "vllm:num_requests_waiting", name: "vllm:num_requests_waiting" },
  { text: "  up ", name: "up" },
  { text: "up{}", name: "up" },
  { text: "up{a=b}", name: "up", labels: { a: "b" } },
  { text: 'up{a="b"}', name: "up", labels: { a: "b" } },
  { text: ' up { a = b , c = "d e" } ', name: "up", labels: { a: "b", c: "d e" } },
  { text: 'up{a="}",c=","}', name: "up", labels: { a: "}", c: "," } },
];
for (const { text, name, labels = {} } of valid) {
  test(`F1 parseMetricSpec reads ${text}`, () => {
    const spec = parseMetricSpec(text);
    assert.deepEqual({ name: spec.name, labels: Object.fromEntries(spec.labels) }, { name, labels });
  });
}

const invalid: readonly { text: string; says: RegExp }[] = [
  { text: "", says: /the name is empty/ },
  { text: "{a=b}", says: /the name is empty/ },
  { text: "up{a=b", says: /no closing brace/ },
  { text: "up{", says: /expected label=value/ },
  { text: "up}", says: /name "up}"/ },
  { text: "up a=b}", says: /name "up a=b}"/ },
  { text: "up{a=b}}", says: /after the closing brace/ },
  { text: "up{a=b} 1", says: /"1" after the closing brace/ },
  { text: "up{a=}", says: /expected label=value/ },
  { text: 'up{a=""}', says: /label "a" has an empty value/ },
  { text: "up{=b}", says: /expected label=value/ },
  { text: "up{a}", says: /expected label=value/ },
  { text: "up{a=b,}", says: /expected label=value/ },
  { text: "up{a=b c=d}", says: /after a label/ },
  { text: "up{a=b,a=c}", says: /label "a" twice/ },
  { text: "up{{a=b}}", says: /expected label=value/ },
];
for (const { text, says } of invalid) {
  test(`F1 parseMetricSpec refuses "${text}"`, () => {
    assert.throws(() => parseMetricSpec(text), says);
    assert.throws(() => parseMetricSpec(text), { message: /^Cannot read metric spec ".*": .*, expected / });
  });
}

const matches: readonly { name: string; labels: Record<string, string>; want: boolean }[] = [
  { name: "accepts equal labels", labels: { type: "waiting" }, want: true },
  { name: "accepts extra labels", labels: { type: "waiting", model: "m" }, want: true },
  { name: "refuses a missing label", labels: { model: "m" }, want: false },
  { name: "refuses a different value", labels: { type: "running" }, want: false },
];
for (const { name, labels, want } of matches) {
  test(`F2 matchesSpec ${name}`, () => {
    assert.equal(matchesSpec(parseMetricSpec("requests{type=waiting}"), labels), want);
  });
}
