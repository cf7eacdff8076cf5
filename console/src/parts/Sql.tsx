// One statement, coloured: on one line, or as a block.
import { memo } from "react";
import { sqlTokens } from "./sqlTokens";
import { seen } from "./Written";

/** Colouring has a price, and nobody reads further than this in one view. */
const COLOURED = 20_000;
const INLINE = 300;

export const Sql = memo(function Sql({ text, inline = false }: { text: string; inline?: boolean }) {
  const shown = inline ? text.slice(0, INLINE) : text;
  const tokens = sqlTokens(shown.slice(0, COLOURED));
  const code = (
    <code className={inline ? "sql sql-inline" : "sql"}>
      {tokens.map((token, index) => {
        const written = seen(inline ? onOneLine(token.text, tokens[index - 1]?.text) : token.text);
        if (token.kind === "plain") return written;
        return (
          <span key={index} className={`sql-${token.kind}`}>
            {written}
          </span>
        );
      })}
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

/** The break behind a comment stays visible: what follows is no comment. */
function onOneLine(text: string, before: string | undefined): string {
  return (before?.startsWith("--") ? text.replace(/^\s*\n/, " ⏎ ") : text).replace(/\s+/g, " ");
}
