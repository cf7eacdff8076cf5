// What came of taking it: shown when it is taken, and not again.
import type { Unseal } from "../../api/types";
import { Facts } from "../../parts/Facts";
import { SessionLink } from "../../parts/links";
import { StatePill } from "../../parts/Pill";
import { Clock } from "../../parts/time";

export function Released({ unseal }: { unseal: Unseal }) {
  return (
    <div className="verdict">
      <p>
        <b>✓ You have taken it.</b> <StatePill state={unseal.state} /> Open the sealed layer with your age identity, on a host that has the record.
      </p>
      <Facts
        facts={[
          ["request", <code key="r">{unseal.id}</code>],
          ["session", <SessionLink key="s" session={unseal.session} />],
          ["agreed", unseal.votes.map((vote) => vote.by.name).join(", ")],
          ["taken", unseal.ended_at && <Clock time={unseal.ended_at} withDate />],
        ]}
      />
      <p className="quiet">This is not shown again. The log has that you took it.</p>
    </div>
  );
}
