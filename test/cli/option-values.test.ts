import assert from "node:assert/strict";
import { test } from "node:test";
import { portsValue } from "../../src/cli/option-values.ts";

test("G8 portsValue keeps the order and drops repeated ports", () => {
  assert.deepEqual(portsValue("8002, 8000,8001,8000"), [8002, 8000, 8001]);
});

for (const text of ["", "0", "65536", "8000,", "http", "8000.5", "-1"]) {
  test(`G8 portsValue refuses "${text}"`, () => {
    assert.throws(() => portsValue(text), /expected a whole number from 1 to 65535/);
  });
}
