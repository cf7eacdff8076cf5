// Which lines went and which came between two texts, by their longest common subsequence.

export interface DiffLine {
  kind: "same" | "gone" | "new";
  text: string;
  before: number | null;
  after: number | null;
}

/** Beyond this many cells the middle is shown as replaced, rather than have the page wait. */
const MOST_CELLS = 4_000_000;

export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [split(before), split(after)];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;

  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  const same = () => lines.push({ kind: "same", text: a[i] ?? "", before: ++i, after: ++j });
  const gone = () => lines.push({ kind: "gone", text: a[i] ?? "", before: ++i, after: null });
  const come = () => lines.push({ kind: "new", text: b[j] ?? "", before: null, after: ++j });

  const changed = middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  for (const step of [...kept(head), ...changed, ...kept(tail)]) {
    if (step === "same") same();
    else if (step === "gone") gone();
    else come();
  }
  return lines;
}

/** Changed lines with some around them; `null` stands for what was left out. */
export function withContext(lines: readonly DiffLine[], around = 3): (DiffLine | null)[] {
  const near = lines.map((_, index) =>
    lines.slice(Math.max(0, index - around), index + around + 1).some((line) => line.kind !== "same"),
  );
  const kept: (DiffLine | null)[] = [];
  lines.forEach((line, index) => {
    if (near[index]) kept.push(line);
    else if (kept.at(-1) !== null) kept.push(null);
  });
  return kept;
}

const kept = (count: number) => Array.from({ length: count }, () => "same" as const);

function split(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

function middle(a: readonly string[], b: readonly string[]): DiffLine["kind"][] {
  if (a.length * b.length > MOST_CELLS) return [...a.map(() => "gone" as const), ...b.map(() => "new" as const)];
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const steps: DiffLine["kind"][] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      steps.push("same");
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      steps.push("gone");
      i += 1;
    } else {
      steps.push("new");
      j += 1;
    }
  }
  return steps;
}
