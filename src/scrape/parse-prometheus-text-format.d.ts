/** Types of parse-prometheus-text-format 1.1.1, which ships none: what it returns for lines of samples. */
declare module "parse-prometheus-text-format" {
  interface PrometheusSample {
    /** The text between labels and timestamp; absent for a sample that was merged into a histogram or summary. */
    value?: string;
    /** Absent when the sample has no labels. */
    labels?: Record<string, string>;
    timestamp_ms?: string;
  }
  interface PrometheusFamily {
    name: string;
    help: string;
    type: string;
    metrics: PrometheusSample[];
  }
  /** Throws at the first line it cannot read. Every line, also the last, must end with a line feed to be seen. */
  export default function parsePrometheusTextFormat(page: string): PrometheusFamily[];
}
