// The inbox: what waits for a person, one of them in full, and what was answered before.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { holdsQuery, meQuery } from "../../api/queries";
import { whyNotAnswer } from "../../api/roles";
import type { Hold } from "../../api/types";
import { Button } from "../../parts/Button";
import { plural, shortWorkload } from "../../parts/format";
import { Page, Section } from "../../parts/Page";
import { Pill, StatePill } from "../../parts/Pill";
import { Sql } from "../../parts/Sql";
import { Empty, Loaded } from "../../parts/states";
import { Countdown, TimeAgo } from "../../parts/time";
import { useNarrow } from "../../parts/useNarrow";
import { saidText } from "../../parts/Votes";
import { type AnswerKind, type Answering, HoldDetail } from "./HoldDetail";
import { KeysHelp } from "./KeysHelp";
import { useHoldKeys } from "./useHoldKeys";

export function Holds() {
  const holds = useQuery(holdsQuery);
  return (
    <Loaded from={holds} what="holds">
      {(data) => <Inbox holds={data} />}
    </Loaded>
  );
}

function Inbox({ holds }: { holds: readonly Hold[] }) {
  const { id } = useParams({ strict: false });
  const navigate = useNavigate();
  const { data: me } = useQuery(meQuery);
  const [answering, setAnswering] = useState<Answering | null>(null);
  const [isHelp, setHelp] = useState(false);
  const waiting = holds.filter((hold) => hold.state === "waiting").toSorted((a, b) => (a.until < b.until ? -1 : 1));
  const past = holds.filter((hold) => hold.state !== "waiting");
  const narrow = useNarrow();
  const chosen = id ?? (narrow ? undefined : waiting[0]?.id);
  const answer = (kind: AnswerKind) => {
    const hold = waiting.find((one) => one.id === chosen);
    if (hold && me && whyNotAnswer(me, hold) === null) setAnswering({ hold: hold.id, kind });
  };

  useHoldKeys({
    move: (step) => {
      const at = waiting.findIndex((hold) => hold.id === chosen);
      const next = waiting[Math.min(waiting.length - 1, Math.max(0, at + step))];
      if (next) void navigate({ to: "/holds/$id", params: { id: next.id }, replace: true });
    },
    approve: () => answer("Approve once"),
    deny: () => answer("Deny"),
    help: () => setHelp(true),
  });

  return (
    <Page
      title="Holds"
      lead={waiting.length === 0 ? "No statement waits." : `${plural(waiting.length, "statement waits", "statements wait")} for a person.`}
      actions={<Button onPress={() => setHelp(true)}>Keys</Button>}
    >
      <p className="unseen" role="status">
        {plural(waiting.length, "hold waits", "holds wait")}
      </p>
      {narrow && id !== undefined && (
        <p>
          <Link to="/holds">All holds</Link>
        </p>
      )}
      <div className="inbox">
        <nav className="inbox-list" aria-label="Waiting holds" hidden={narrow && id !== undefined}>
          {waiting.length === 0 && <Empty>Nothing waits.</Empty>}
          <ul>
            {waiting.map((hold) => (
              <li key={hold.id}>
                <WaitingHold hold={hold} isChosen={hold.id === chosen} />
              </li>
            ))}
          </ul>
        </nav>
        <div className="inbox-detail">
          {chosen ? (
            <HoldDetail key={chosen} id={chosen} answering={answering} onAnswering={setAnswering} />
          ) : (
            waiting.length === 0 && <Empty>A statement that a policy holds appears here, and its job waits for the answer.</Empty>
          )}
        </div>
      </div>
      <PastHolds holds={past} />
      <KeysHelp isOpen={isHelp} onOpenChange={setHelp} />
    </Page>
  );
}

function WaitingHold({ hold, isChosen }: { hold: Hold; isChosen: boolean }) {
  const { asked } = hold;
  return (
    <Link to="/holds/$id" params={{ id: hold.id }} className="inbox-item" aria-current={isChosen ? "true" : undefined}>
      <span className="inbox-line">
        <b title={asked.workload}>{asked.name ?? shortWorkload(asked.workload)}</b>
        <Countdown until={hold.until} />
      </span>
      <span className="inbox-line">
        <span>{asked.target}</span>
        {asked.in_transaction && <Pill tone="warm">in transaction</Pill>}
      </span>
      {asked.statement && <Sql inline text={asked.statement} />}
    </Link>
  );
}

function PastHolds({ holds }: { holds: readonly Hold[] }) {
  return (
    <Section title="Before">
      {holds.length === 0 ? (
        <Empty>None yet.</Empty>
      ) : (
        <ul className="past">
          {holds.map((hold) => (
            <li key={hold.id}>
              <StatePill state={hold.state} />
              <Link to="/holds/$id" params={{ id: hold.id }}>
                {hold.asked.name ?? shortWorkload(hold.asked.workload)} on {hold.asked.target}
              </Link>
              {hold.asked.statement && <Sql inline text={hold.asked.statement} />}
              <span className="quiet">
                {saidText(hold)} <TimeAgo time={hold.ended_at ?? hold.asked_at} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
