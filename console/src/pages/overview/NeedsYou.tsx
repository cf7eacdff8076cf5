// Waiting holds and requests for grants that the person at the screen can answer.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { grantsQuery, holdsQuery, meQuery } from "../../api/queries";
import { whyNotAnswer } from "../../api/roles";
import type { Grant, Hold } from "../../api/types";
import { plural } from "../../parts/format";
import { Section } from "../../parts/Page";
import { Sql } from "../../parts/Sql";
import { Empty } from "../../parts/states";
import { Countdown, TimeAgo } from "../../parts/time";

export function NeedsYou() {
  const { data: me } = useQuery(meQuery);
  const { data: holds } = useQuery(holdsQuery);
  const { data: grants } = useQuery(grantsQuery);
  const waitingHolds = holds?.filter((hold) => hold.state === "waiting") ?? [];
  const waitingGrants = grants?.filter((grant) => grant.state === "requested") ?? [];
  const myHolds = me ? waitingHolds.filter((hold) => whyNotAnswer(me, hold) === null) : [];
  const myGrants = me ? waitingGrants.filter((grant) => whyNotAnswer(me, grant) === null) : [];
  const mine = myHolds.length + myGrants.length;
  const others = waitingHolds.length + waitingGrants.length - mine;
  return (
    <Section title="Needs you">
      {mine === 0 ? (
        <Empty>Nothing waits for you.</Empty>
      ) : (
        <ul className="needs">
          {myHolds.map((hold) => (
            <HoldLine key={hold.id} hold={hold} />
          ))}
          {myGrants.map((grant) => (
            <GrantLine key={grant.id} grant={grant} />
          ))}
        </ul>
      )}
      {others > 0 && (
        <p className="quiet">
          {mine > 0 ? plural(others, "more waits", "more wait") : plural(others, "waits", "wait")} for others: <Link to="/holds">holds</Link>, <Link to="/grants">grants</Link>.
        </p>
      )}
    </Section>
  );
}

function HoldLine({ hold }: { hold: Hold }) {
  const { asked } = hold;
  return (
    <li className="need">
      <Link to="/holds/$id" params={{ id: hold.id }} className="need-link">
        <b>{asked.name ?? asked.workload}</b> on {asked.target}
        {asked.statement && <Sql inline text={asked.statement} />}
      </Link>
      <Countdown until={hold.until} />
    </li>
  );
}

function GrantLine({ grant }: { grant: Grant }) {
  const { wish } = grant;
  return (
    <li className="need">
      <Link to="/grants" className="need-link">
        <b>{grant.by}</b> asks for {wish.actions.join(", ")} on {wish.target}
        <span className="quiet"> {grant.reason}</span>
      </Link>
      <span>
        asked <TimeAgo time={grant.asked_at} />
      </span>
    </li>
  );
}
