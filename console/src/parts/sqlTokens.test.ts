// The tokenizer loses nothing, and knows what is text and what is not.
import { expect, test } from "vitest";
import { sqlTokens } from "./sqlTokens";

const kinds = (sql: string) =>
  sqlTokens(sql)
    .filter((token) => token.text.trim() !== "")
    .map((token) => `${token.kind}:${token.text.trim()}`);

test.each([
  ["SELECT 1", ["keyword:SELECT", "number:1"]],
  ["select 'it''s' -- x", ["keyword:select", "text:'it''s'", "comment:-- x"]],
  ["E'a\\'b'", ["text:E'a\\'b'"]],
  ["$f$ select 'x' $f$", ["text:$f$ select 'x' $f$"]],
  ['"Select"."t"', ['name:"Select"', "plain:.", 'name:"t"']],
  ["id = $2", ["plain:id =", "parameter:$2"]],
  ["/* a /* b */ c */ DROP", ["comment:/* a /* b */ c */", "keyword:DROP"]],
  ["'never closed", ["text:'never closed"]],
])("%s", (sql, expected) => {
  expect(kinds(sql)).toEqual(expected);
});

test("no character is lost", () => {
  const sql = "WITH a AS (SELECT 1.5e3, 'x', \"y\" /* z */ FROM t) -- end\nUPDATE ü SET a=$1::int8 WHERE $$q$$ <> E'\\n'; /* open";
  expect(sqlTokens(sql).map((token) => token.text).join("")).toBe(sql);
});
