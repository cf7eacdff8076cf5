// One alert explained: what was seen, what is usual, from where on it is told, and what was done.
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { alertQuery, snoozesQuery } from "../../api/queries";
import { useMay } from "../../api/roles";
import type { Alert } from "../../api/types";
import { BlockWorkload } from "../../parts/BlockWorkload";
import { Facts } from "../../parts/Facts";
import { count } from "../../parts/format";
import { RunLink, SessionLink } from "../../parts/links";
import { Page } from "../../parts/Page";
import { Loaded } from "../../parts/states";
import { Clock, Countdown, TimeAgo } from "../../parts/time";
import { Written } from "../../parts/Written";
import { AlertPills, SeverityPill, Whose } from "./parts";
import { SnoozeButton } from "./SnoozeForm";
import { snoozeOf } from "./state";

export function OneAlert() {
  const { id } = useParams({ from: "/alerts/$id" });
  const alert = useQuery(alertQuery(id));
  return (
    <Page title={`Alert ${id}`} lead={<Link to="/alerts">All alerts</Link>}>
      <Loaded from={alert} what="the alert">
        {(data) => <Explained alert={data} />}
      </Loaded>
    </Page>
  );
}

function Explained({ alert }: { alert: Alert }) {
  const { data: snoozes } = useQuery(snoozesQuery);
  const snooze = snoozeOf(alert, snoozes ?? []);
  return (
    <article className={alert.severity === "high" ? "card card-warm" : "card"} aria-labelledby="alert-title">
      <header className="hold-head">
        <h2 id="alert-title">{alert.rule}</h2>
        <SeverityPill severity={alert.severity} />
        <AlertPills alert={alert} snoozes={snoozes ?? []} />
        <TimeAgo time={alert.at} />
      </header>
      <dl className="explained">
        <div>
          <dt>Seen</dt>
          <dd>
            <Written text={alert.seen} />
          </dd>
        </div>
        <div>
          <dt>Usual</dt>
          <dd>
            <Written text={alert.usual || "nothing had to be learned for this rule"} />
          </dd>
        </div>
        <div>
          <dt>Told from</dt>
          <dd>{alert.threshold || "the first time"}</dd>
        </div>
      </dl>
      <Facts
        facts={[
          ["workload", <Whose key="w" alert={alert} />],
          ["about", <Written key="b" text={alert.subject} />],
          ["target", alert.target],
          ["count", alert.count === 1 ? "once" : `${count(alert.count)} times`],
          ["first at", <Clock key="a" time={alert.at} withDate />],
          ["told at", <Clock key="t" time={alert.told_at} withDate />],
          ["session", alert.session && <SessionLink session={alert.session} />],
          ["operation", alert.operation],
          ["run", alert.run && <RunLink run={alert.run} />],
          ["the rule wants", WANTS[alert.then]],
        ]}
      />
      <Facts
        wide
        facts={[
          ["done", doneText(alert)],
          ["identity", alert.identity && <code>{alert.identity}</code>],
          ["event", <code key="e">{alert.event}</code>],
        ]}
      />
      {snooze && (
        <p>
          It is snoozed by {snooze.by} ({snooze.reason}), <Countdown until={snooze.until} />.
        </p>
      )}
      <Acts alert={alert} />
    </article>
  );
}

const WANTS = { tell: "that it is told", block: "that the workload is blocked", kill: "that the run is killed" } as const;

function doneText({ then, done }: Alert): string {
  if (then === "tell") return "told";
  if (!done) return `told; to ${then} is under way`;
  return `told; ${done.what}`;
}

function Acts({ alert: { rule, workload } }: { alert: Alert }) {
  if (!useMay("operator")) return <p className="quiet">Snoozing and blocking need the role operator, which you don't have.</p>;
  return (
    <div className="actions">
      <SnoozeButton text="Snooze" of={{ rule, workload: workload || "*" }} />
      {workload !== "" && <BlockWorkload name={workload} />}
    </div>
  );
}
