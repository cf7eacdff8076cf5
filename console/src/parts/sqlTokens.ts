// A small tokenizer for PostgreSQL's SQL, good enough to colour a statement. It loses no character.

export type TokenKind = "keyword" | "text" | "number" | "comment" | "name" | "parameter" | "plain";

export interface SqlToken {
  kind: TokenKind;
  text: string;
}

export function sqlTokens(sql: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  let at = 0;
  while (at < sql.length) {
    const token = next(sql, at);
    at += token.text.length;
    const last = tokens.at(-1);
    if (last && last.kind === "plain" && token.kind === "plain") last.text += token.text;
    else tokens.push(token);
  }
  return tokens;
}

const KEYWORDS = new Set(
  `ADD ALL ALTER ANALYZE AND ANY AS ASC BEGIN BETWEEN BY CALL CASCADE CASE CAST COMMIT CONFLICT CONSTRAINT COPY
  CREATE CROSS CURSOR DEALLOCATE DECLARE DEFAULT DELETE DESC DISTINCT DO DROP ELSE END EXCEPT EXECUTE EXISTS
  EXPLAIN FALSE FETCH FOR FOREIGN FROM FULL FUNCTION GRANT GROUP HAVING IF ILIKE IN INDEX INNER INSERT INTERSECT
  INTO IS JOIN KEY LATERAL LEFT LIKE LIMIT LISTEN LOCK MERGE NOT NOTHING NOTIFY NULL OFFSET ON ONLY OR ORDER OUTER
  OVER PARTITION PREPARE PRIMARY PROCEDURE RECURSIVE REFERENCES RELEASE RESET RETURNING REVOKE RIGHT ROLLBACK ROLE
  SAVEPOINT SCHEMA SELECT SET SHOW SOME STDIN STDOUT TABLE THEN TO TRANSACTION TRIGGER TRUE TRUNCATE UNION UNIQUE
  UPDATE USING VACUUM VALUES VIEW WHEN WHERE WINDOW WITH`.split(/\s+/),
);

const RULES: [TokenKind, RegExp][] = [
  ["comment", /--[^\n]*/y],
  ["text", /[eE]'(?:[^'\\]|\\[^]|'')*(?:'|$)/y],
  ["text", /(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*(?:'|$)/y],
  ["text", /(\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)[^]*?(?:\1|$)/y],
  ["name", /"(?:[^"]|"")*(?:"|$)/y],
  ["parameter", /\$\d+/y],
  ["number", /(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][+-]?\d+)?/y],
  ["plain", /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ["plain", /\s+/y],
];

function next(sql: string, at: number): SqlToken {
  if (sql.startsWith("/*", at)) return { kind: "comment", text: sql.slice(at, blockEnd(sql, at)) };
  for (const [kind, rule] of RULES) {
    rule.lastIndex = at;
    const text = rule.exec(sql)?.[0];
    if (text) return { kind: kind === "plain" && KEYWORDS.has(text.toUpperCase()) ? "keyword" : kind, text };
  }
  return { kind: "plain", text: sql.charAt(at) };
}

/** PostgreSQL's block comments nest. */
function blockEnd(sql: string, start: number): number {
  let depth = 0;
  for (let at = start; at < sql.length - 1; at++) {
    const two = sql.slice(at, at + 2);
    if (two === "/*") depth += 1;
    else if (two === "*/") depth -= 1;
    else continue;
    at += 1;
    if (depth === 0) return at + 1;
  }
  return sql.length;
}
