/** A linear problem: `columns[j][i]` times the coefficients over j should be `target[i]`, each row with its weight. */
export interface LinearProblem {
  readonly columns: readonly Float64Array[];
  readonly target: Float64Array;
  /** At least 0. */
  readonly weights: Float64Array;
}

/** What solves it. */
export interface BoundedSolution {
  readonly coefficients: readonly number[];
  /** Coefficients that are at their lower bound. */
  readonly atBound: readonly boolean[];
}

/** Coefficients are few: every subset of them is tried. */
const mostCoefficients = 8;

/**
 * The coefficients of least weighted squares that are not below `lower`. The problem is convex, so its solution is the best of those
 * in which some coefficients are at their bounds and the others solve without bounds; with a handful of coefficients
 * all are tried. A coefficient whose column is all zero stays at its bound. Throws RangeError for more than 8 coefficients.
 */
export function solveBounded({ columns, target, weights }: LinearProblem, lower: readonly number[]): BoundedSolution {
  const size = columns.length;
  if (size > mostCoefficients)
    throw new RangeError(`Cannot fit ${size} coefficients: expected at most ${mostCoefficients}`);
  const scales = columns.map((column) => Math.sqrt(weightedDot(column, column, weights)));
  const unit = columns.map((column, j) => column.map((value) => value / (scales[j] as number)));
  // Above the bounds what is left to explain is target less the bounds' part.
  const rest = target.map(
    (value, i) => value - columns.reduce((sum, column, j) => sum + (column[i] as number) * (lower[j] as number), 0),
  );
  const gram = unit.map((a) => unit.map((b) => weightedDot(a, b, weights)));
  const right = unit.map((column) => weightedDot(column, rest, weights));
  let best = { gain: 0, excess: new Array<number>(size).fill(0) };
  for (let subset = 1; subset < 1 << size; subset++) {
    const free = columns.flatMap((_, j) => (subset & (1 << j) && (scales[j] as number) > 0 ? [j] : []));
    const solved = solvePositiveDefinite(gram, right, free);
    if (solved === undefined || solved.some((value) => value < 0)) continue;
    const gain = free.reduce((sum, j, k) => sum + (right[j] as number) * (solved[k] as number), 0);
    if (gain <= best.gain) continue;
    const excess = new Array<number>(size).fill(0);
    for (const [k, j] of free.entries()) excess[j] = (solved[k] as number) / (scales[j] as number);
    best = { gain, excess };
  }
  return {
    coefficients: best.excess.map((value, j) => value + (lower[j] as number)),
    atBound: best.excess.map((value) => value === 0),
  };
}

/** Largest over smallest singular value of the columns, each scaled to length 1; Infinity for columns that depend on each other. */
export function conditionNumber({ columns, weights }: LinearProblem): number {
  const scales = columns.map((column) => Math.sqrt(weightedDot(column, column, weights)));
  if (scales.includes(0)) return Number.POSITIVE_INFINITY;
  const unit = columns.map((column, j) => column.map((value) => value / (scales[j] as number)));
  const eigenvalues = symmetricEigenvalues(unit.map((a) => unit.map((b) => weightedDot(a, b, weights))));
  const [least, most] = [Math.min(...eigenvalues), Math.max(...eigenvalues)];
  return least > 1e-14 * most ? Math.sqrt(most / least) : Number.POSITIVE_INFINITY;
}

function weightedDot(a: Float64Array, b: Float64Array, weights: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number) * (weights[i] as number);
  return sum;
}

/** Solves the rows and columns `free` of `gram` for `right` (Cholesky); undefined when they depend on each other. */
function solvePositiveDefinite(
  gram: readonly (readonly number[])[],
  right: readonly number[],
  free: readonly number[],
): number[] | undefined {
  const size = free.length;
  const factor = free.map(() => new Array<number>(size).fill(0));
  const at = (i: number, j: number): number => factor[i]?.[j] as number;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = gram[free[i] as number]?.[free[j] as number] as number;
      for (let k = 0; k < j; k++) sum -= at(i, k) * at(j, k);
      if (i === j && !(sum > 1e-12)) return undefined;
      (factor[i] as number[])[j] = i === j ? Math.sqrt(sum) : sum / at(j, j);
    }
  }
  const solved = free.map((j) => right[j] as number);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) solved[i] = (solved[i] as number) - at(i, k) * (solved[k] as number);
    solved[i] = (solved[i] as number) / at(i, i);
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) solved[i] = (solved[i] as number) - at(k, i) * (solved[k] as number);
    solved[i] = (solved[i] as number) / at(i, i);
  }
  return solved;
}

/** Eigenvalues of a symmetric matrix (Jacobi rotations). */
function symmetricEigenvalues(matrix: readonly (readonly number[])[]): number[] {
  const a = matrix.map((row) => [...row]);
  const size = a.length;
  const pairs = a.flatMap((_, p) => Array.from({ length: size - p - 1 }, (__, k) => [p, p + 1 + k] as const));
  for (let sweep = 0; sweep < 60; sweep++) for (const [p, q] of pairs) rotate(a, p, q);
  return a.map((row, i) => row[i] as number);
}

/** One Jacobi rotation, which makes the elements (p, q) and (q, p) zero. */
function rotate(a: number[][], p: number, q: number): void {
  const [rowP, rowQ] = [a[p] as number[], a[q] as number[]];
  const off = rowP[q] as number;
  if (off === 0) return;
  const theta = ((rowQ[q] as number) - (rowP[p] as number)) / (2 * off);
  const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta ** 2 + 1));
  const cosine = 1 / Math.sqrt(tangent ** 2 + 1);
  const sine = tangent * cosine;
  for (const row of a) {
    const [x, y] = [row[p] as number, row[q] as number];
    row[p] = cosine * x - sine * y;
    row[q] = sine * x + cosine * y;
  }
  for (let k = 0; k < a.length; k++) {
    const [x, y] = [rowP[k] as number, rowQ[k] as number];
    rowP[k] = cosine * x - sine * y;
    rowQ[k] = sine * x + cosine * y;
  }
}
