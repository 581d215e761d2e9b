import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decisionRecordSchema, decisionsOfRequestSchema } from "../../src/decisions/decision-record.ts";
import { decisionsPageSchema } from "../../src/decisions/decisions-page.ts";
import { endpointsPageSchema } from "../../src/decisions/endpoints-page.ts";
import { z } from "../../src/lib/schema.ts";

const page = readFileSync(new URL("../../docs/decision-record.md", import.meta.url), "utf8");

/** Names of the fields of an object, of the items of an array, of all objects of a union, in order. */
function keysOf(schema: unknown): string[] {
  if (schema instanceof z.ZodNullable) return keysOf(schema.unwrap());
  if (schema instanceof z.ZodArray) return keysOf(schema.element);
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  if (schema instanceof z.ZodDiscriminatedUnion) return [...new Set(schema.options.flatMap(keysOf))];
  throw new TypeError("Cannot list fields: expected an object, an array or a union");
}

const record = decisionRecordSchema.shape;
const signals = record.candidates.element.shape.signals.shape;
const sections: Readonly<Record<string, unknown>> = {
  Decision: decisionRecordSchema,
  "`request`": record.request,
  "`outcome`": record.outcome,
  "`pool`": record.pool,
  "`removals[]`": record.removals,
  "`scorers[]`": record.scorers,
  "`picker`": record.picker,
  "`findings[]`": record.findings,
  "`candidates[]`": record.candidates,
  Signals: record.candidates.element.shape.signals,
  "A signal": signals.waitingRequests,
  "`adapters`": signals.adapters,
  "`cache`": signals.cache,
  "`/debug/decisions/REQUEST_ID`": decisionsOfRequestSchema,
  "`kept`": decisionsOfRequestSchema.shape.kept,
  "`/debug/decisions`": decisionsPageSchema,
  "A decision in short": decisionsPageSchema.shape.decisions,
  "`/debug/endpoints`": endpointsPageSchema,
  "`endpoints[]`": endpointsPageSchema.shape.endpoints,
};

test("docs/decision-record.md lists every field of the schema, in its order", () => {
  const found = page
    .split(/^##+ /m)
    .slice(1)
    .map((section) => {
      const title = section.slice(0, section.indexOf("\n"));
      return [title, [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name ?? "")] as const;
    });
  assert.deepEqual(
    found,
    Object.entries(sections).map(([title, schema]) => [title, keysOf(schema)]),
  );
});
