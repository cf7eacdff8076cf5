// Text that a job may have written: nothing in it can turn or hide what stands beside it.
import type { ReactNode } from "react";

export function Written({ text }: { text: string }) {
  return <span className="written">{seen(text)}</span>;
}

/** Characters that turn, join or hide others could make a text read as another one. They are named instead. */
const UNSEEN = /((?![\t\n\r])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}])/u;

export function seen(text: string): ReactNode {
  if (!UNSEEN.test(text)) return text;
  return text.split(UNSEEN).map((part, index) =>
    UNSEEN.test(part) ? (
      <span key={index} className="sql-unseen">
        U+{(part.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}
      </span>
    ) : (
      part
    ),
  );
}
