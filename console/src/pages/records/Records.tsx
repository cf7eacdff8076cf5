// All recorded sessions, newest first, without an end: more is fetched as one scrolls.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { type RecordsAsked, recordsPage } from "../../api/queries";
import { Button } from "../../parts/Button";
import { Choice, TextInput } from "../../parts/fields";
import { Page } from "../../parts/Page";
import { RecordTable } from "../../parts/RecordTable";
import { useSettled } from "../../parts/useSettled";
import { Empty, Problem, Waiting } from "../../parts/states";

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
  const [workload, setWorkload] = useState(search.workload ?? "");
  const [target, setTarget] = useState(search.target ?? "");
  const [state, setState] = useState(search.state ?? "");
  const asked = { workload: useSettled(workload), target: useSettled(target), state };
  useEffect(() => {
    void navigate({ to: "/records", search: { workload: asked.workload, target: asked.target, state: asked.state }, replace: true });
  }, [navigate, asked.workload, asked.target, asked.state]);
  return (
    <Page title="Records" lead="What each session did, kept frame by frame.">
      <div className="filters">
        <TextInput label="Workload" value={workload} onChange={setWorkload} />
        <TextInput label="Target" value={target} onChange={setTarget} />
        <Choice label="State" value={state} onChange={setState} choices={STATES} />
      </div>
      <RecordList asked={asked} />
    </Page>
  );
}

function RecordList({ asked }: { asked: RecordsAsked }) {
  const pages = useInfiniteQuery({
    queryKey: ["records", "list", asked],
    queryFn: ({ pageParam, signal }) => recordsPage(asked, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => (page.next ? (page.items.at(-1)?.session ?? null) : null),
  });
  const end = useReached(() => {
    if (pages.hasNextPage && !pages.isFetching) void pages.fetchNextPage();
  });
  if (!pages.data) {
    return pages.isError ? <Problem error={pages.error} again={() => void pages.refetch()} /> : <Waiting what="records" />;
  }
  const records = pages.data.pages.flatMap((page) => page.items);
  return (
    <>
      {records.length === 0 ? <Empty>No record is like that.</Empty> : <RecordTable label="Records" records={records} />}
      {pages.isError && <Problem error={pages.error} again={() => void pages.fetchNextPage()} />}
      <div ref={end} className="list-end">
        {pages.hasNextPage ? (
          <Button onPress={() => void pages.fetchNextPage()} isDisabled={pages.isFetching}>
            {pages.isFetching ? "Reading more …" : "Read more"}
          </Button>
        ) : (
          records.length > 0 && <span className="quiet">That is all.</span>
        )}
      </div>
    </>
  );
}

/** Calls when the element comes near the view. */
function useReached(reached: () => void) {
  const element = useRef<HTMLDivElement>(null);
  const latest = useRef(reached);
  useEffect(() => {
    latest.current = reached;
  });
  useEffect(() => {
    const at = element.current;
    if (!at) return undefined;
    const watch = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) latest.current();
      },
      { rootMargin: "600px" },
    );
    watch.observe(at);
    return () => watch.disconnect();
  });
  return element;
}
