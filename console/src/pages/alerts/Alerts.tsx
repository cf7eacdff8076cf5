// What detection has told, the newest first, and what nobody wants to hear of for a while.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { alertsPage, snoozesQuery } from "../../api/queries";
import { useMay } from "../../api/roles";
import type { Alert, Snooze } from "../../api/types";
import { Button } from "../../parts/Button";
import { Choice, TextInput } from "../../parts/fields";
import { count } from "../../parts/format";
import { Page, Section } from "../../parts/Page";
import { Empty, Problem, Waiting } from "../../parts/states";
import { Table } from "../../parts/Table";
import { TimeAgo } from "../../parts/time";
import { useSettled } from "../../parts/useSettled";
import { Written } from "../../parts/Written";
import { AlertPills, SeverityPill, Whose } from "./parts";
import { SnoozeButton } from "./SnoozeForm";
import { Snoozes } from "./Snoozes";

const SEVERITIES = [
  ["", "all"],
  ["high", "high"],
  ["medium", "medium"],
  ["low", "low"],
  ["informational", "informational"],
] as const;

export function Alerts() {
  const mayOperate = useMay("operator");
  return (
    <Page
      title="Alerts"
      lead="What rules have found in what jobs do. The same rule, workload and subject within an hour are one alert, with a count."
      actions={mayOperate && <SnoozeButton text="Snooze a rule" />}
    >
      <Found />
      <Snoozes />
    </Page>
  );
}

function Found() {
  const search = useSearch({ from: "/alerts" });
  const navigate = useNavigate();
  const [find, setFind] = useState(search.find ?? "");
  const [severity, setSeverity] = useState(search.severity ?? "");
  const settled = useSettled(find);
  useEffect(() => {
    void navigate({ to: "/alerts", search: { find: settled, severity }, replace: true });
  }, [navigate, settled, severity]);
  const { data: snoozes } = useQuery(snoozesQuery);
  const pages = useInfiniteQuery({
    queryKey: ["alerts", "list"],
    queryFn: ({ pageParam, signal }) => alertsPage(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  if (!pages.data) return pages.isError ? <Problem error={pages.error} again={() => void pages.refetch()} /> : <Waiting what="alerts" />;
  const all = pages.data.pages.flatMap((page) => page.items);
  const wanted = all.filter((alert) => (severity === "" || alert.severity === severity) && has(alert, find));
  return (
    <Section title="Found">
      {pages.isError && <Problem error={pages.error} again={() => void pages.refetch()} />}
      {all.length > 0 && (
        <div className="filters">
          <TextInput label="Find" value={find} onChange={setFind} />
          <Choice label="Severity" value={severity} onChange={setSeverity} choices={SEVERITIES} />
        </div>
      )}
      {all.length === 0 && <Empty>Nothing was found. Rules look where the configuration has a section [detection].</Empty>}
      {all.length > 0 && wanted.length === 0 && <Empty>No alert is like that.</Empty>}
      {wanted.length > 0 && <List alerts={wanted} snoozes={snoozes ?? []} />}
      {pages.hasNextPage && (
        <div className="actions">
          <Button isDisabled={pages.isFetchingNextPage} onPress={() => void pages.fetchNextPage()}>
            Show older
          </Button>
        </div>
      )}
    </Section>
  );
}

function List({ alerts, snoozes }: { alerts: readonly Alert[]; snoozes: readonly Snooze[] }) {
  return (
    <Table
      label="Alerts"
      rows={alerts}
      rowKey={(alert) => alert.id}
      warm={(alert) => alert.severity === "high"}
      columns={[
        { title: "Seen", cell: (alert) => <TimeAgo time={alert.at} /> },
        { title: "Severity", cell: (alert) => <SeverityPill severity={alert.severity} /> },
        {
          title: "What",
          wide: true,
          cell: (alert) => (
            <>
              <Link to="/alerts/$id" params={{ id: alert.id }}>
                {alert.rule}
              </Link>
              <br />
              <Written text={alert.seen} />
            </>
          ),
        },
        { title: "Workload", wide: true, cell: (alert) => <Whose alert={alert} /> },
        { title: "About", wide: true, cell: (alert) => <Written text={alert.subject} /> },
        { title: "Target", cell: (alert) => alert.target },
        { title: "Count", end: true, cell: (alert) => count(alert.count) },
        { title: "State", cell: (alert) => <AlertPills alert={alert} snoozes={snoozes} /> },
      ]}
    />
  );
}

function has({ id, rule, workload, identity, subject, target, seen }: Alert, find: string): boolean {
  const text = [id, rule, workload, identity, subject, target, seen].join(" ").toLowerCase();
  return find.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
