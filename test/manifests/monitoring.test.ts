import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse, stringify } from "yaml";
import { metricNames } from "../../src/telemetry/names.ts";

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}
interface Rules {
  readonly spec: {
    readonly groups: readonly {
      readonly rules: readonly {
        readonly alert: string;
        readonly expr: string;
        readonly labels: { readonly severity: string };
        readonly annotations: { readonly summary: string; readonly description: string };
      }[];
    }[];
  };
}

const dashboardText = readFileSync("manifests/monitoring/dashboard.json", "utf8");
const { panels } = JSON.parse(dashboardText) as Dashboard;
const targets = panels.flatMap(({ title, targets: own = [] }) => own.map((target) => ({ title, ...target })));
const rules = (parse(readFileSync("manifests/monitoring/alerts.yaml", "utf8")) as Rules).spec.groups.flatMap(
  (group) => group.rules,
);

/** Labels that Prometheus gives every series of a picker. */
const ofTheTarget = ["job", "pod"];

/** Series names of the registry, with the labels of each. */
const series = new Map(
  Object.values(metricNames).flatMap(({ name, type, labels }): [string, readonly string[]][] =>
    type === "histogram"
      ? [
          [`${name}_bucket`, [...labels, "le"]],
          [`${name}_sum`, labels],
          [`${name}_count`, labels],
        ]
      : [[name, labels]],
  ),
);

/** What an expression asks of Prometheus that no picker has. */
function strangers(expr: string): readonly string[] {
  const named = [...expr.matchAll(/\b(?:llm_d_)?epp_[a-z_0-9]+/g)].map(([name]) => name);
  const unknown = named.filter((name) => !series.has(name));
  const known = new Set([...ofTheTarget, ...named.flatMap((name) => series.get(name) ?? [])]);
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/,\s*/));
  const selected = [...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, list = ""]) =>
    list.split(/,\s*/).map((matcher) => matcher.split(/[=!]/)[0] ?? ""),
  );
  return [...unknown, ...[...grouped, ...selected].filter((label) => !known.has(label))];
}

test("every metric and label of the dashboard is in the registry", () => {
  assert.ok(targets.length > 40);
  for (const { title, expr } of targets) assert.deepEqual(strangers(expr), [], `${title}: ${expr}`);
});

test("every legend of the dashboard names labels that its expression keeps", () => {
  for (const { title, expr, legendFormat } of targets) {
    const kept = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/,\s*/));
    const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
    assert.deepEqual(
      shown.filter((label) => !kept.includes(label)),
      [],
      title,
    );
  }
});

test("the dashboard shows the picker's own metrics and the reference's", () => {
  const text = targets.map(({ expr }) => expr).join(" ");
  assert.match(text, /\bllm_d_epp_/);
  assert.match(text, /\bepp_/);
});

test("no two panels of the dashboard have an id or a place in common", () => {
  const ids = panels.map(({ id }) => id);
  assert.deepEqual(ids, [...new Set(ids)]);
  const places = panels.map(({ gridPos: { x, y } }) => `${x},${y}`);
  assert.deepEqual(places, [...new Set(places)]);
});

test("the dashboard is what its table gives", async () => {
  const script = new URL("../../scripts/dashboard.mjs", import.meta.url).href;
  const made = (await import(script)) as { readonly dashboardText: () => string };
  assert.equal(dashboardText, made.dashboardText(), "npm run manifests writes it anew");
});

test("every metric and label of the alerts is in the registry", () => {
  assert.ok(rules.length > 10);
  for (const { alert, expr } of rules) assert.deepEqual(strangers(expr), [], `${alert}: ${expr}`);
});

const promtool = process.env["PROMTOOL_BIN"] ?? "promtool";
const skip = isThere(promtool) ? false : "promtool not found: put Prometheus' promtool on PATH, or set PROMTOOL_BIN";

function isThere(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test("promtool takes every expression of the alerts and of the dashboard", { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "alerts-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const record = targets.map(({ expr }, at) => ({
    record: `panel_${at}`,
    expr: expr.replaceAll("$__rate_interval", "1m").replaceAll("$job", ".*"),
  }));
  const groups = [
    { name: "alerts", rules },
    { name: "dashboard", rules: record },
  ];
  writeFileSync(join(folder, "rules.yaml"), stringify({ groups }));
  execFileSync(promtool, ["check", "rules", join(folder, "rules.yaml")], { stdio: "pipe" });
});

test("every alert says how bad it is, what is wrong and what to do", () => {
  for (const { alert, labels, annotations } of rules) {
    assert.match(labels.severity, /^(critical|warning)$/, alert);
    assert.ok(annotations.summary !== "" && annotations.description !== "", alert);
    const named = [...JSON.stringify(annotations).matchAll(/\b(?:llm_d_)?epp_[a-z_0-9]+/g)].map(([name]) => name);
    assert.deepEqual(
      named.filter((name) => !series.has(name)),
      [],
      alert,
    );
  }
  const names = rules.map(({ alert }) => alert);
  assert.deepEqual(names, [...new Set(names)]);
});

test("docs/operations.md lists the alerts there are", () => {
  const page = readFileSync("docs/operations.md", "utf8");
  const listed = [...page.matchAll(/^\| `(EndpointPicker\w+)` \|/gm)].map(([, name]) => name);
  assert.deepEqual(
    listed,
    rules.map(({ alert }) => alert),
  );
});
