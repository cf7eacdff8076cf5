// One hold in full: who, what, why, how long yet, and the answer.
import { useQuery } from "@tanstack/react-query";
import { holdQuery, holdsQuery } from "../../api/queries";
import type { Asked, Hold } from "../../api/types";
import { Facts } from "../../parts/Facts";
import { count, duration, plain, plural, shortWorkload } from "../../parts/format";
import { Pill, StatePill } from "../../parts/Pill";
import { Sql } from "../../parts/Sql";
import { Loaded } from "../../parts/states";
import { Clock, Countdown, TimeAgo } from "../../parts/time";
import { Votes, answerText } from "../../parts/Votes";
import { RunLink, SessionLink, WorkloadLink } from "../../parts/links";
import { AnswerHold } from "./AnswerHold";

export type AnswerKind = "Approve once" | "Approve for this session" | "Deny";

/** Which hold is being answered, and how. It never passes on to another hold. */
export interface Answering {
  hold: string;
  kind: AnswerKind;
}

interface HoldDetailProps {
  id: string;
  answering: Answering | null;
  onAnswering: (answering: Answering | null) => void;
}

export function HoldDetail({ id, answering, onAnswering }: HoldDetailProps) {
  const inList = useQuery(holdsQuery).data?.find((hold) => hold.id === id);
  const alone = useQuery({ ...holdQuery(id), enabled: inList === undefined });
  if (inList) return <Detail hold={inList} answering={answering} onAnswering={onAnswering} />;
  return (
    <Loaded from={alone} what="the hold">
      {(hold) => <Detail hold={hold} answering={answering} onAnswering={onAnswering} />}
    </Loaded>
  );
}

function Detail({ hold, answering, onAnswering }: Omit<HoldDetailProps, "id"> & { hold: Hold }) {
  const { asked } = hold;
  return (
    <article className="hold" aria-labelledby="hold-title">
      <header className="hold-head">
        <h2 id="hold-title">
          {asked.name ?? shortWorkload(asked.workload)} on {asked.target}
        </h2>
        <StatePill state={hold.state} />
        {hold.state === "waiting" ? <Countdown until={hold.until} /> : <TimeAgo time={hold.ended_at} />}
      </header>
      {asked.message && <p className="hold-message">{asked.message}</p>}
      {asked.statement !== null && <Sql text={asked.statement} />}
      {asked.cut && <p className="note-warm">The statement is longer than what is shown here.</p>}
      <What asked={asked} />
      <InTransaction asked={asked} />
      {hold.answer && (
        <p>
          <b>{hold.state}</b> {answerText(hold.answer)}
        </p>
      )}
      {hold.state === "waiting" && <AnswerHold hold={hold} answering={answering} onAnswering={onAnswering} />}
      <h3>Why it waits</h3>
      <p>
        Policies: {asked.policies.join(", ")}. Asked <TimeAgo time={hold.asked_at} />, until <Clock time={hold.until} withDate />.
      </p>
      <Votes terms={hold.terms} votes={hold.votes} involved={hold.involved} hasScopes />
      <h3>Who asks</h3>
      <Who asked={asked} />
      <p className="quiet hash">
        Hold {hold.id}. SHA-256 of what would run: {asked.digest}
      </p>
    </article>
  );
}

function What({ asked }: { asked: Asked }) {
  return (
    <Facts
      facts={[
        ["touches", asked.accesses.join(", ")],
        [
          "parameters",
          asked.parameters.length > 0 ? (
            <code key="p">{asked.parameters.map((value, index) => `$${index + 1} = ${plain(value)}`).join(", ")}</code>
          ) : null,
        ],
        ["rows expected", asked.estimate !== null ? count(asked.estimate) : `no estimate: ${asked.no_estimate ?? "it was not tried"}`],
        ["session so far", `${plural(asked.statements_so_far, "statement")}, ${plural(asked.rows_so_far, "row")}`],
      ]}
    />
  );
}

function InTransaction({ asked }: { asked: Asked }) {
  if (!asked.in_transaction) return null;
  return (
    <p className="note-warm">
      <Pill tone="warm">in transaction</Pill> It is open
      {asked.transaction_seconds !== null && ` for ${duration(asked.transaction_seconds * 1000)}`}
      {asked.locks !== null && ` and holds ${plural(asked.locks, "lock")}`}. Others may wait for it.
    </p>
  );
}

function Who({ asked }: { asked: Asked }) {
  return (
    <Facts
      facts={[
        ["workload", <WorkloadLink key="w" workload={asked.workload} name={asked.name} />],
        ["grade", asked.grade],
        ["owner", asked.owner ?? "nobody"],
        ["link", asked.link && <SafeLink to={asked.link} />],
        ["runs as", asked.user],
        ["logs in as", asked.login && `${asked.login}@${asked.database ?? "?"}`],
        ["target", asked.environment ? `${asked.target} (${asked.environment})` : asked.target],
        ["run", <RunLink key="r" run={asked.run} />],
        ["session", <SessionLink key="s" session={asked.session} />],
      ]}
    />
  );
}

/** A job's link is the job's word. Only web addresses become links. */
function SafeLink({ to }: { to: string }) {
  if (!/^https?:\/\//.test(to)) return <code>{to}</code>;
  return (
    <a href={to} target="_blank" rel="noreferrer noopener">
      {to}
    </a>
  );
}
