// How the gateway is: what it can catch here, what it refuses, what it keeps, whom it tells.
import { useQuery } from "@tanstack/react-query";
import { healthQuery } from "../../api/queries";
import type { Health as HealthShape } from "../../api/types";
import { Facts } from "../../parts/Facts";
import { bytes, count, duration, plural } from "../../parts/format";
import { Page, Section } from "../../parts/Page";
import { Pill, StatePill } from "../../parts/Pill";
import { Empty, Loaded } from "../../parts/states";
import { Table } from "../../parts/Table";
import { Clock, useNow } from "../../parts/time";
import { Notifiers } from "./Notifiers";

export function Health() {
  const health = useQuery(healthQuery);
  return (
    <Page title="Health" lead={health.data && <Pill tone={health.data.well ? "flow" : "warm"}>{health.data.well ? "well" : "not well"}</Pill>}>
      <Loaded from={health} what="the gateway's health">
        {(data) => (
          <>
            <Gateway health={data} />
            <Capture health={data} />
            <Refusals refusals={data.refusals} />
            <Store health={data} />
          </>
        )}
      </Loaded>
      <Notifiers />
    </Page>
  );
}

function Gateway({ health }: { health: HealthShape }) {
  const now = useNow();
  const { canary } = health;
  return (
    <Section title="Gateway">
      <Facts
        facts={[
          ["version", health.version],
          ["host", `${health.host}, pid ${health.pid}`],
          ["started", <Clock key="s" time={health.started} withDate />],
          ["up", duration(now - Date.parse(health.started))],
          ["mode", health.mode],
          ["policy set", <code key="p" title={health.policy}>{health.policy.slice(0, 12)}</code>],
          ["sessions", count(health.sessions)],
          [
            "canary",
            <span key="c">
              <StatePill state={canary.state} /> {canary.microseconds != null && `${count(canary.microseconds)} µs`} {canary.why}
            </span>,
          ],
        ]}
      />
    </Section>
  );
}

function Capture({ health }: { health: HealthShape }) {
  return (
    <Section title="Capture">
      {(["core", "optional"] as const).map((tier) => {
        const probes = health.probes.filter((probe) => probe.tier === tier);
        const missing = probes.filter((probe) => !probe.available).length;
        return (
          <div key={tier} className="stack-small">
            <h3>
              {tier === "core" ? "Core" : "Optional"}{" "}
              <span className="quiet">{missing === 0 ? "all there" : `${plural(missing, "feature")} missing`}</span>
            </h3>
            {probes.length > 0 && (
              <Table
                label={`Capture, ${tier}`}
                rows={probes}
                rowKey={(probe) => probe.feature}
                warm={(probe) => !probe.available && tier === "core"}
                columns={[
                  { title: "Feature", cell: (probe) => <code>{probe.feature}</code> },
                  {
                    title: "There",
                    cell: (probe) => (
                      <Pill tone={probe.available ? "flow" : tier === "core" ? "warm" : "quiet"}>
                        {probe.available ? "available" : "missing"}
                      </Pill>
                    ),
                  },
                  { title: "Why", wide: true, cell: (probe) => probe.why ?? "" },
                ]}
              />
            )}
          </div>
        );
      })}
    </Section>
  );
}

function Refusals({ refusals }: { refusals: HealthShape["refusals"] }) {
  return (
    <Section title="Refusals">
      {refusals.length === 0 ? (
        <Empty>Nothing was refused since it started.</Empty>
      ) : (
        <Table
          label="Refusals since the start"
          rows={refusals}
          rowKey={([why]) => why}
          columns={[
            { title: "Why", wide: true, cell: ([why]) => why },
            { title: "How often", end: true, cell: ([, times]) => count(times) },
          ]}
        />
      )}
    </Section>
  );
}

function Store({ health: { evidence, events } }: { health: HealthShape }) {
  return (
    <Section title="Evidence store and ledger">
      <Facts
        facts={[
          ["records", count(evidence.records)],
          ["size", bytes(evidence.bytes)],
          ["free", evidence.free_bytes === null ? null : bytes(evidence.free_bytes)],
          ["when it can't be written", evidence.on_failure],
          ["events", count(events)],
        ]}
      />
    </Section>
  );
}
