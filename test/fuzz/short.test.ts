import assert from "node:assert/strict";
import { test } from "node:test";
import { corpusOf } from "../../fuzz/corpus.ts";
import { failureOf, runCase } from "../../fuzz/target.ts";
import { targets } from "../../fuzz/targets.ts";

/** Cases of all targets together; `npm run fuzz` runs a million. */
const total = 10_000;

for (const { target, share } of targets) {
  test(`${target.name} keeps its promises in ${total * share} seeded cases${target.name === "stream" ? " (T50)" : ""}`, () => {
    for (let index = 0; index < total * share; index++) {
      const finding = runCase(target, 1, index);
      if (finding !== undefined) assert.fail(`${finding.error.message}\n${JSON.stringify(finding.testCase)}`);
    }
  });
  for (const { file, testCase } of corpusOf(target.name)) {
    test(`corpus/${file}`, () => assert.equal(failureOf(target, testCase), undefined));
  }
}
