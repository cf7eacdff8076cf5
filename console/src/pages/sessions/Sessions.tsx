// All live sessions, good for ten thousand that move each second.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useDeferredValue, useEffect, useMemo, useState } from "react";
import { SearchField } from "react-aria-components/SearchField";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { useLive } from "../../api/live";
import type { LiveSession } from "../../api/types";
import { Button } from "../../parts/Button";
import { Choice } from "../../parts/fields";
import { count, plural } from "../../parts/format";
import { Grid, type Sorting } from "../../parts/Grid";
import { Page } from "../../parts/Page";
import { useSettled } from "../../parts/useSettled";
import { SessionCard, sessionColumns } from "./columns";
import { type Row, chooseRows } from "./rows";

export function Sessions() {
  const live = useLive();
  const navigate = useNavigate();
  const search = useSearch({ from: "/sessions" });
  const [sorting, setSorting] = useState<Sorting>({ key: "state", down: true });
  const [still, setStill] = useState<readonly Row[] | null>(null);
  const [text, setText] = useState(search.text ?? "");
  const [state, setState] = useState(search.state ?? "");
  const filter = useDeferredValue(text);
  const fresh = useMemo(() => chooseRows(live, filter, state, sorting), [live, filter, state, sorting]);
  const shown = still ?? fresh;
  const settled = useSettled(text);
  useEffect(() => {
    void navigate({ to: "/sessions", search: { text: settled, state }, replace: true });
  }, [navigate, settled, state]);
  const open = (row: Row) => void navigate({ to: "/sessions/$id", params: { id: row.session.session } });

  return (
    <Page
      filled
      title="Sessions"
      lead={
        <>
          {count(shown.length)} of {plural(live.sessions.size, "live session")}.{" "}
          <span className="wide-only">Arrow keys move, Enter opens.</span>
        </>
      }
      actions={
        <Button onPress={() => setStill(still ? null : fresh)}>
          {still ? "Let it move" : "Hold still"}
        </Button>
      }
    >
      <div className="filters">
        <SearchField className="field" value={text} onChange={setText}>
          <Label className="field-label">Find</Label>
          <Input className="input" placeholder="workload, target, user, statement" />
        </SearchField>
        <Choice
          label="State"
          value={state}
          onChange={setState}
          choices={[
            ["", "all"],
            ["held", "held"],
            ["running", "running"],
            ["idle", "idle"],
          ]}
        />
      </div>
      <Grid
        label="Live sessions"
        columns={sessionColumns}
        rows={shown}
        rowKey={rowKey}
        card={SessionCard}
        onOpen={open}
        sorting={sorting}
        onSort={setSorting}
        warm={isHeld}
        empty={live.sessions.size === 0 ? "No job is connected." : "No live session is like that."}
      />
    </Page>
  );
}

const rowKey = (row: Row) => row.session.session;
const isHeld = (row: { session: LiveSession }) => row.session.state === "held";
