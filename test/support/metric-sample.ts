/** Value of one sample of the page of a picker's metrics port, by its name and labels as printed; undefined when it is not there. */
export async function metricSample(metricsPort: number, series: string): Promise<number | undefined> {
  const page = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const line = page.split("\n").find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}
