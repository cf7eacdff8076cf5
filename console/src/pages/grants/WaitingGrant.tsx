// A request for a grant that waits, and its answer.
import { useAction } from "../../api/actions";
import { whyNotAnswer } from "../../api/roles";
import type { Grant, Me } from "../../api/types";
import { ReasonAction } from "../../parts/dialogs";
import { duration } from "../../parts/format";
import { TimeAgo } from "../../parts/time";
import { useSay } from "../../parts/toasts";
import { Votes } from "../../parts/Votes";
import { wishWhat, wishWho } from "./Grants";

export function WaitingGrant({ grant, me }: { grant: Grant; me: Me | undefined }) {
  const act = useAction<Grant>(["grants"]);
  const say = useSay();
  const answer = (verb: "approve" | "deny") => async (reason: string) => {
    const after = await act.mutateAsync({ path: `/v1/grants/${grant.id}/${verb}`, body: { reason } });
    say(after.state === "requested" ? "Your approval counts. It waits for others, too." : `Grant ${after.id} is ${after.state}.`);
  };
  const whyNot = me ? whyNotAnswer(me, grant) : null;
  return (
    <article className="card card-warm" aria-label={`Request ${grant.id}`}>
      <p>
        <b>{grant.by}</b> asks, for {wishWho(grant)}: <b>{wishWhat(grant)}</b> for {duration(grant.seconds * 1000)}.
      </p>
      <p>
        Why: {grant.reason} <span className="quiet">(asked <TimeAgo time={grant.asked_at} />)</span>
      </p>
      <Votes terms={grant.terms} votes={grant.votes} involved={grant.involved} />
      {whyNot === null ? (
        <div className="actions">
          <ReasonAction action="Approve grant" onConfirm={answer("approve")} />
          <ReasonAction action="Deny grant" weight="warm" onConfirm={answer("deny")} />
        </div>
      ) : (
        <p className="cannot">You can't answer this. {whyNot}</p>
      )}
    </article>
  );
}
