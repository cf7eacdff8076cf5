// What a statement brought back, as a table. Columns that were masked say so.
import { useState } from "react";
import { Button } from "../../parts/Button";
import { count, plain, plural } from "../../parts/format";
import type { ResultSet } from "./timeline";

const FIRST = 10;
const STEP = 200;

export function Results({ result, masked }: { result: ResultSet; masked: readonly string[] }) {
  const [shown, setShown] = useState(FIRST);
  const columns = result.columns.length > 0 ? result.columns : (result.rows[0] ?? []).map((_, index) => String(index + 1));
  const left = result.rows.length - shown;
  return (
    <>
      {result.rows.length > 0 && (
        <div className="results" role="group" aria-label="Rows" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {columns.map((column, index) => (
                  <th key={index} scope="col">
                    {column}
                    {masked.includes(column) && <span className="masked">masked</span>}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {result.rows.slice(0, shown).map((row, index) => (
                <tr key={index}>
                  {row.map((value, at) => (
                    <td key={at} className={masked.includes(columns[at] ?? "") ? "masked-value" : undefined}>
                      {value === null ? <i className="quiet">NULL</i> : plain(value)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {left > 0 && (
        <p>
          <Button small onPress={() => setShown(shown + STEP)}>
            {left > STEP ? `Show ${count(STEP)} more of ${count(left)} rows` : `Show ${plural(left, "more row")}`}
          </Button>
        </p>
      )}
      {result.other.length > 0 && <pre className="text-block other">{result.other.slice(0, shown).join("\n")}</pre>}
    </>
  );
}
