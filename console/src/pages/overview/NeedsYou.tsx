// Waiting holds, and requests for grants and sealed layers, that the person at the screen can answer.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { grantsQuery, holdsQuery, meQuery, unsealsQuery } from "../../api/queries";
import { whyNotAnswer, whyNotUnseal } from "../../api/roles";
import type { Grant, Hold, Unseal } from "../../api/types";
import { plural } from "../../parts/format";
import { Section } from "../../parts/Page";
import { Sql } from "../../parts/Sql";
import { Empty } from "../../parts/states";
import { Countdown, TimeAgo } from "../../parts/time";

export function NeedsYou() {
  const { data: me } = useQuery(meQuery);
  const { data: holds } = useQuery(holdsQuery);
  const { data: grants } = useQuery(grantsQuery);
  const { data: unseals } = useQuery(unsealsQuery);
  const waitingHolds = holds?.filter((hold) => hold.state === "waiting") ?? [];
  const waitingGrants = grants?.filter((grant) => grant.state === "requested") ?? [];
  const waitingUnseals = unseals?.filter((unseal) => unseal.state === "asked") ?? [];
  const myHolds = me ? waitingHolds.filter((hold) => whyNotAnswer(me, hold) === null) : [];
  const myGrants = me ? waitingGrants.filter((grant) => whyNotAnswer(me, grant) === null) : [];
  const myUnseals = me ? waitingUnseals.filter((unseal) => whyNotUnseal(me, unseal) === null) : [];
  const mine = myHolds.length + myGrants.length + myUnseals.length;
  const others = waitingHolds.length + waitingGrants.length + waitingUnseals.length - mine;
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
          {myUnseals.map((unseal) => (
            <UnsealLine key={unseal.id} unseal={unseal} />
          ))}
        </ul>
      )}
      {others > 0 && (
        <p className="quiet">
          {mine > 0 ? plural(others, "more waits", "more wait") : plural(others, "waits", "wait")} for others: <Link to="/holds">holds</Link>, <Link to="/grants">grants</Link>, <Link to="/unseals">unseals</Link>.
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

function UnsealLine({ unseal }: { unseal: Unseal }) {
  return (
    <li className="need">
      <Link to="/unseals" className="need-link">
        <b>{unseal.by}</b> asks to open the sealed layer of {unseal.session}
        <span className="quiet"> {unseal.reason}</span>
      </Link>
      <span>
        asked <TimeAgo time={unseal.asked_at} />
      </span>
    </li>
  );
}
