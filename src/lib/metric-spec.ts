/** Which series of a page hold a number: all with this name and at least these labels (protocol 5.2). */
export interface MetricSpec {
  readonly name: string;
  /** Labels a series must have with equal values; further labels are fine. */
  readonly labels: ReadonlyMap<string, string>;
}

/**
 * Reads `name` or `name{label=value,label2="v"}`; blanks around names, values and signs are fine, a quoted value may
 * hold any character. Throws an error that names the spec and what is wrong with it: empty name, label or value,
 * braces that do not pair, text after `}`, a label given twice.
 */
export function parseMetricSpec(text: string): MetricSpec {
  const fail: Fail = (found, expected) => {
    throw new Error(`Cannot read metric spec "${text}": ${found}, expected ${expected}`);
  };
  const open = text.indexOf("{");
  const name = (open === -1 ? text : text.slice(0, open)).trim();
  if (name === "") fail("the name is empty", "a metric name");
  if (/[\s}"=,]/.test(name)) fail(`name "${name}"`, "a name without blanks, quotes and braces");
  return { name, labels: open === -1 ? new Map() : readLabels(text.slice(open + 1), fail) };
}

type Fail = (found: string, expected: string) => never;

const pairPattern = /^([^={},"\s]+)\s*=\s*(?:"([^"]*)"|([^={},"\s]+))\s*/;

/** Reads what follows the opening brace. */
function readLabels(text: string, fail: Fail): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  let rest = text.trimStart();
  while (!rest.startsWith("}")) {
    if (labels.size > 0) {
      if (!rest.startsWith(",")) fail(rest === "" ? "no closing brace" : `"${rest}" after a label`, "a comma or }");
      rest = rest.slice(1).trimStart();
    }
    const [matched, label = "", quoted, bare] = pairPattern.exec(rest) ?? fail(`"${rest}"`, "label=value");
    const value = quoted ?? bare ?? "";
    if (value === "") fail(`label "${label}" has an empty value`, "a value");
    if (labels.has(label)) fail(`label "${label}" twice`, "each label once");
    labels.set(label, value);
    rest = rest.slice(matched.length);
  }
  const after = rest.slice(1).trim();
  if (after !== "") fail(`"${after}" after the closing brace`, "nothing there");
  return labels;
}

/** True when a series with these labels is meant by the spec. */
export function matchesSpec(spec: MetricSpec, labels: Readonly<Record<string, string>>): boolean {
  for (const [label, value] of spec.labels) {
    if (!Object.hasOwn(labels, label) || labels[label] !== value) return false;
  }
  return true;
}
