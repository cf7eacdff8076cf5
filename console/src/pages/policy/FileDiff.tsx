// One file's changes. A sign in front says what the colour says.
import { useMemo } from "react";
import { plural } from "../../parts/format";
import { diffLines, withContext } from "./diff";

const SIGN = { same: " ", gone: "−", new: "+" } as const;

export function FileDiff({ name, before, after }: { name: string; before: string; after: string }) {
  const lines = useMemo(() => diffLines(before, after), [before, after]);
  const gone = lines.filter((line) => line.kind === "gone").length;
  const come = lines.filter((line) => line.kind === "new").length;
  return (
    <section className="diff" aria-label={`Changes of ${name}`}>
      <h3>
        <code>{name}</code> <span className="quiet">{plural(gone, "line")} gone, {plural(come, "line")} new</span>
      </h3>
      <div className="lines" role="group" aria-label={`Lines of ${name}`} tabIndex={0}>
        <pre>
          {withContext(lines).map((line, index) =>
            line === null ? (
              <span key={index} className="line line-cut">
                {"…\n"}
              </span>
            ) : (
              <span key={index} className={`line line-${line.kind}`}>
                <span className="line-number" aria-hidden="true">
                  {line.before ?? ""}
                </span>
                <span className="line-number" aria-hidden="true">
                  {line.after ?? ""}
                </span>
                {`${SIGN[line.kind]} ${line.text}\n`}
              </span>
            ),
          )}
        </pre>
      </div>
    </section>
  );
}
