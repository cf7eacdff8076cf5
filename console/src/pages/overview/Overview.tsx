// What needs you, what goes on, and how the gateway is.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useLink, useLive } from "../../api/live";
import { healthQuery } from "../../api/queries";
import type { Sample } from "../../api/types";
import { Chart, type Point } from "../../parts/Chart";
import { count, duration, plural, rate } from "../../parts/format";
import { Page, Section } from "../../parts/Page";
import { Pill } from "../../parts/Pill";
import { useNow } from "../../parts/time";
import { ControlFeed } from "./ControlFeed";
import { NeedsYou } from "./NeedsYou";

export function Overview() {
  return (
    <Page title="Overview">
      <HealthLine />
      <NeedsYou />
      <Numbers />
      <Charts />
      <ControlFeed />
    </Page>
  );
}

function HealthLine() {
  const { data: health, isError } = useQuery(healthQuery);
  const now = useNow();
  if (isError && !health) return <p className="health-line">Nothing is known of the gateway's health: it does not answer.</p>;
  if (!health) return <p className="health-line quiet">Asking the gateway how it is …</p>;
  const missing = health.probes.filter((probe) => !probe.available && probe.tier === "core").length;
  return (
    <p className="health-line">
      <Pill tone={health.well ? "flow" : "warm"}>{health.well ? "well" : "not well"}</Pill> weir {health.version} on{" "}
      {health.host}, up {duration(now - Date.parse(health.started))}, {health.mode} mode, canary {health.canary.state}
      {missing > 0 && `, ${plural(missing, "core feature")} missing`}. <Link to="/health">Health</Link>
    </p>
  );
}

function Numbers() {
  const { sessions, rates } = useLive();
  const isKnown = useLink().state === "live" || rates.size > 0;
  const totals = useMemo(() => {
    const states = { idle: 0, running: 0, held: 0 };
    for (const session of sessions.values()) states[session.state] += 1;
    let statements = 0;
    let rows = 0;
    for (const moved of rates.values()) {
      statements += moved.statements;
      rows += moved.rows;
    }
    return { ...states, statements, rows };
  }, [sessions, rates]);
  return (
    <Section title="Live">
      <ul className="numbers">
        <Number value={count(sessions.size)} name={sessions.size === 1 ? "session" : "sessions"} />
        <Number value={count(totals.running)} name="running" />
        <Number value={count(totals.held)} name="held" warm={totals.held > 0} />
        <Number value={isKnown ? rate(totals.statements) : "?"} name="statements/s" />
        <Number value={isKnown ? rate(totals.rows) : "?"} name="rows/s" />
      </ul>
    </Section>
  );
}

function Number({ value, name, warm = false }: { value: string; name: string; warm?: boolean }) {
  return (
    <li className={warm ? "number number-warm" : "number"}>
      <b>{value}</b> <span>{name}</span>
    </li>
  );
}

function Charts() {
  const { samples, stepSeconds: step } = useLive();
  const statements = useMemo(() => perSecond(samples, step, (sample) => sample.statements), [samples, step]);
  const rows = useMemo(() => perSecond(samples, step, (sample) => sample.rows), [samples, step]);
  const refused = useMemo(
    () => samples.map((sample) => ({ at: Date.parse(sample.at), value: sample.refused })),
    [samples],
  );
  return (
    <Section title="The last hour">
      <div className="charts">
        <Chart title="Statements" unit="/s" points={statements} />
        <Chart title="Rows" unit="/s" points={rows} />
        <Chart title="Refusals" unit={` in ${step} s`} points={refused} warm />
      </div>
    </Section>
  );
}

function perSecond(samples: readonly Sample[], step: number, read: (sample: Sample) => number): Point[] {
  return samples.map((sample) => ({ at: Date.parse(sample.at), value: read(sample) / step }));
}
