// One statement, coloured: on one line, or as a block.
import { type ReactNode, memo } from "react";
import { sqlTokens } from "./sqlTokens";

/** Colouring has a price, and nobody reads further than this in one view. */
const COLOURED = 20_000;

export const Sql = memo(function Sql({ text, inline = false }: { text: string; inline?: boolean }) {
  const shown = inline ? text.slice(0, 300).replace(/\s+/g, " ") : text;
  const tokens = sqlTokens(shown.slice(0, COLOURED));
  const code = (
    <code className={inline ? "sql sql-inline" : "sql"}>
      {tokens.map((token, index) =>
        token.kind === "plain" ? (
          seen(token.text)
        ) : (
          <span key={index} className={`sql-${token.kind}`}>
            {seen(token.text)}
          </span>
        ),
      )}
      {seen(shown.slice(COLOURED))}
    </code>
  );
  return inline ? (
    code
  ) : (
    <pre className="sql-block" tabIndex={0} aria-label="Statement" role="group">
      {code}
    </pre>
  );
});

/** Characters that turn, join or hide others could make a statement read as another one. They are named instead. */
const UNSEEN = /([\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff])/;

function seen(text: string): ReactNode {
  if (!UNSEEN.test(text)) return text;
  return text.split(new RegExp(UNSEEN, "g")).map((part, index) =>
    UNSEEN.test(part) ? (
      <span key={index} className="sql-unseen">
        U+{(part.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}
      </span>
    ) : (
      part
    ),
  );
}
