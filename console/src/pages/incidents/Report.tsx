// What is known of a target in a time, to read and to print.
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { incidentQuery } from "../../api/queries";
import type { Exposure, Incident } from "../../api/types";
import { Button } from "../../parts/Button";
import { Choice } from "../../parts/fields";
import { count, duration, plural } from "../../parts/format";
import { Page, Section } from "../../parts/Page";
import { Empty, Loaded } from "../../parts/states";
import { Clock } from "../../parts/time";
import { Exposed } from "./Exposed";
import { Held } from "./Held";
import { type Order, RunCards, RunTable } from "./Runs";
import { Siblings } from "./Siblings";
import { Unwatched } from "./Unwatched";

export function Report() {
  const { target = "", since = "", until } = useSearch({ from: "/incidents/report" });
  const isAsked = target !== "" && since !== "";
  const incident = useQuery({ ...incidentQuery({ target, since, until }), enabled: isAsked });
  return (
    <Page
      title={target ? `Incident: ${target}` : "Incident"}
      lead={<Link to="/incidents">All incidents</Link>}
      actions={
        incident.data && (
          <>
            <Button isDisabled={incident.isFetching} onPress={() => void incident.refetch()}>
              Look again
            </Button>
            <Button onPress={() => window.print()}>Print</Button>
          </>
        )
      }
    >
      {isAsked ? (
        <Loaded from={incident} what="what is known of it">
          {(data) => <Known incident={data} />}
        </Loaded>
      ) : (
        <Empty>An incident is of a target, from a time on. Open one from the list of them.</Empty>
      )}
    </Page>
  );
}

const ORDERS = [
  ["rows", "rows"],
  ["server_us", "time at the server"],
] as const;

function Known({ incident }: { incident: Incident }) {
  const [order, setOrder] = useState<Order>("rows");
  const { since, until, made_at, top, siblings, unwatched, exposure, runs } = incident;
  return (
    <div className="report stack">
      <p>
        Sessions that went on at <Clock time={since} withDate /> or later, and had begun by <Clock time={until} withDate />. Put together at{" "}
        <Clock time={made_at} withDate />; the log says so.
      </p>
      <InShort incident={incident} />
      <Section title="Exposure">
        <Exposures exposure={exposure} />
      </Section>
      <Held incident={incident} />
      <Section title="Runs" actions={top.length > 1 && <Choice label="Order by" value={order} onChange={setOrder} choices={ORDERS} />}>
        {top.length === 0 ? <Empty>Nobody was there.</Empty> : <RunTable runs={top} order={order} />}
        {runs > top.length && <p className="quiet">The {plural(top.length, "run")} with the most rows of {count(runs)}; the totals are of all.</p>}
      </Section>
      {top.length > 0 && (
        <Section title="Run by run">
          <RunCards runs={top} />
        </Section>
      )}
      <Section title="The same login">
        <Siblings siblings={siblings} />
      </Section>
      <Section title="Not watched, or not whole">
        <Unwatched unwatched={unwatched} />
      </Section>
    </div>
  );
}

function InShort({ incident: { runs, sessions, rows, server_us, wrote } }: { incident: Incident }) {
  return (
    <ul className="numbers">
      <Figure value={count(runs)} name={runs === 1 ? "run" : "runs"} />
      <Figure value={count(sessions)} name={sessions === 1 ? "session" : "sessions"} />
      <Figure value={count(rows)} name={rows === 1 ? "row" : "rows"} />
      <Figure value={duration(server_us / 1000)} name="at the server" />
      <Figure value={count(wrote)} name={wrote === 1 ? "run changed something" : "runs changed something"} warm={wrote > 0} />
    </ul>
  );
}

function Figure({ value, name, warm = false }: { value: string; name: string; warm?: boolean }) {
  return (
    <li className={warm ? "number number-warm" : "number"}>
      <b>{value}</b> <span>{name}</span>
    </li>
  );
}

function Exposures({ exposure }: { exposure: readonly Exposure[] }) {
  return exposure.length === 0 ? <Empty>No row with values of a class was sent, as far as is known.</Empty> : <Exposed label="Exposure of all runs" exposure={exposure} />;
}
