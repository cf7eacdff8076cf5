// All recorded sessions, newest first, without an end: more is fetched as one scrolls.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useState } from "react";
import { type RecordsAsked, recordsPage } from "../../api/queries";
import type { RecordSummary } from "../../api/types";
import { Choice, TextInput, TimeInput } from "../../parts/fields";
import { count, plural } from "../../parts/format";
import { Grid } from "../../parts/Grid";
import { Page } from "../../parts/Page";
import { Shut } from "../../parts/Shut";
import { Problem, Waiting } from "../../parts/states";
import { useNarrow } from "../../parts/useNarrow";
import { useSettled } from "../../parts/useSettled";
import { RecordCard, recordColumns } from "./columns";

const STATES = [
  ["", "all"],
  ["live", "live"],
  ["ended", "ended"],
  ["unclosed", "unclosed"],
  ["damaged", "damaged"],
] as const;

export function Records() {
  const search = useSearch({ from: "/records" });
  const navigate = useNavigate();
  const [words, setWords] = useState(search.search ?? "");
  const [workload, setWorkload] = useState(search.workload ?? "");
  const [target, setTarget] = useState(search.target ?? "");
  const [run, setRun] = useState(search.run ?? "");
  const [owner, setOwner] = useState(search.owner ?? "");
  const [since, setSince] = useState(search.since ?? "");
  const [until, setUntil] = useState(search.until ?? "");
  const narrow = useNarrow();
  // Where one comes with more than words, what one comes with is to be seen.
  const [isNarrowed] = useState([workload, target, run, owner, since, until].some(Boolean));
  const [state, setState] = useState(search.state ?? "");
  const settled = {
    search: useSettled(words),
    workload: useSettled(workload),
    target: useSettled(target),
    run: useSettled(run),
    owner: useSettled(owner),
    since: useSettled(since),
    until: useSettled(until),
  };
  const asked = useMemo(
    () => ({
      search: settled.search,
      workload: settled.workload,
      target: settled.target,
      run: settled.run,
      owner: settled.owner,
      since: settled.since,
      until: settled.until,
      state,
    }),
    [settled.search, settled.workload, settled.target, settled.run, settled.owner, settled.since, settled.until, state],
  );
  useEffect(() => {
    void navigate({ to: "/records", search: asked, replace: true });
  }, [navigate, asked]);
  const more = (
    <>
      <TextInput label="Workload" value={workload} onChange={setWorkload} />
      <TextInput label="Target" value={target} onChange={setTarget} />
      <TextInput label="Run" value={run} onChange={setRun} />
      <TextInput label="Owner" value={owner} onChange={setOwner} />
      <TimeInput label="Begun from" value={since} onChange={setSince} />
      <TimeInput label="Begun until" value={until} onChange={setUntil} />
    </>
  );
  return (
    <Page
      filled
      title="Records"
      lead={
        <>
          What each session did, kept frame by frame. <span className="wide-only">Arrow keys move, Enter opens.</span>
        </>
      }
    >
      <div className="filters">
        <TextInput label="Search" value={words} onChange={setWords} placeholder="table, class, statement, user, id …" />
        {!narrow && more}
        <Choice label="State" value={state} onChange={setState} choices={STATES} />
      </div>
      {narrow && (
        <Shut title="More filters" open={isNarrowed}>
          <div className="filters">{more}</div>
        </Shut>
      )}
      <RecordList asked={asked} />
    </Page>
  );
}

function RecordList({ asked }: { asked: RecordsAsked }) {
  const navigate = useNavigate();
  const pages = useInfiniteQuery({
    queryKey: ["records", "list", asked],
    queryFn: ({ pageParam, signal }) => recordsPage(asked, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => (page.next ? (page.items.at(-1)?.session ?? null) : null),
  });
  const { hasNextPage, isFetching, fetchNextPage } = pages;
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage]);
  const records = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data]);
  if (!pages.data) {
    return pages.isError ? <Problem error={pages.error} again={() => void pages.refetch()} /> : <Waiting what="records" />;
  }
  return (
    <>
      {pages.isError && <Problem error={pages.error} again={() => void fetchNextPage()} />}
      <Grid
        label="Records"
        columns={recordColumns}
        rows={records}
        rowKey={sessionOf}
        card={RecordCard}
        onOpen={(record) => void navigate({ to: "/sessions/$id", params: { id: record.session } })}
        onEnd={onEnd}
        warm={isDamaged}
        empty="No record is like that."
      />
      <p className="quiet" role="status">
        {hasNextPage ? `${count(records.length)} read so far; more come as you scroll.` : `${plural(records.length, "record")} in all.`}
      </p>
    </>
  );
}

const sessionOf = (record: RecordSummary) => record.session;
const isDamaged = (record: RecordSummary) => record.state === "damaged";
