/**
 * A number as Python's Prometheus client prints it: "3.0", "0.25", "1.7287123e+09" from 10^6 on, "+Inf".
 */
export function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  const text = Number.isInteger(value) ? `${value}.0` : String(value);
  const dot = text.indexOf(".");
  if (value <= 0 || dot <= 6 || text.includes("e")) return text;
  const digits = `${text.slice(1, dot)}${text.slice(dot + 1)}`.replace(/0+$/, "");
  const mantissa = digits === "" ? text.slice(0, 1) : `${text.slice(0, 1)}.${digits}`;
  return `${mantissa}e+${String(dot - 1).padStart(2, "0")}`;
}
