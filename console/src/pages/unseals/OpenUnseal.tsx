// A request that waits for another person, or for whoever asked to take it.
import { useAction } from "../../api/actions";
import { whyNotUnseal } from "../../api/roles";
import type { Me, Unseal } from "../../api/types";
import { ConfirmAction, ReasonAction } from "../../parts/dialogs";
import { SessionLink, WorkloadLink } from "../../parts/links";
import { Countdown, TimeAgo } from "../../parts/time";
import { useSay } from "../../parts/toasts";

interface OpenProps {
  unseal: Unseal;
  me: Me | undefined;
  onReleased: (unseal: Unseal) => void;
}

export function OpenUnseal({ unseal, me, onReleased }: OpenProps) {
  const { id, session, workload, name, target, by, reason, votes, state } = unseal;
  return (
    <article className="card card-warm" aria-label={`Request ${id}`}>
      <p className="card-line">
        <span>
          <b>{by}</b> asks to open <SessionLink session={session} />
          {workload && (
            <>
              {" "}
              of <WorkloadLink workload={workload} name={name} />
            </>
          )}
          {target && ` on ${target}`}.
        </span>
        <Countdown until={unseal.until} />
      </p>
      <p>
        Why: {reason} <span className="quiet">(asked <TimeAgo time={unseal.asked_at} />)</span>
      </p>
      {votes.map((vote) => (
        <p key={vote.at}>
          <b>{vote.by.name}</b> agreed <TimeAgo time={vote.at} />: {vote.reason}
        </p>
      ))}
      {state === "asked" ? <Answers unseal={unseal} me={me} /> : <Take unseal={unseal} me={me} onReleased={onReleased} />}
    </article>
  );
}

function Answers({ unseal, me }: Omit<OpenProps, "onReleased">) {
  const act = useAction<Unseal>(["unseals"]);
  const say = useSay();
  const whyNot = me ? whyNotUnseal(me, unseal) : null;
  if (whyNot !== null) return <p className="cannot">You can't answer this. {whyNot}</p>;
  const answer = (verb: "approve" | "deny") => async (reason: string) => {
    const after = await act.mutateAsync({ path: `/v1/unseals/${unseal.id}/${verb}`, body: { reason } });
    say(`Request ${after.id} is ${after.state}.`);
  };
  return (
    <div className="actions">
      <ReasonAction action="Approve request" onConfirm={answer("approve")}>
        <p>
          <b>{unseal.by}</b> may then read to the letter what session {unseal.session} said: once, within 15 minutes.
        </p>
      </ReasonAction>
      <ReasonAction action="Deny request" weight="warm" onConfirm={answer("deny")} />
    </div>
  );
}

function Take({ unseal, me, onReleased }: OpenProps) {
  const act = useAction<Unseal>(["unseals"]);
  if (me && me.name !== unseal.by) return <p className="quiet">It waits for {unseal.by} to take it.</p>;
  return (
    <>
      <p>With the identity at hand, on a host that has the records, and signed in there as yourself (weir login), this takes it and prints it:</p>
      <pre className="text-block">{`weir audit unseal ${unseal.session} --reason '${unseal.reason.replaceAll("'", "'\\''")}' --identity FILE`}</pre>
      <div className="actions">
        <ConfirmAction
          text="Take it here"
          title="Take what was approved"
          confirm="Take it"
          onConfirm={async () => onReleased(await act.mutateAsync({ path: `/v1/unseals/${unseal.id}/release`, body: {} }))}
        >
          <p>It is taken once, and the log has your name before the answer is made. The command above takes it by itself.</p>
          <p>weir does not have the identity, so no statement is shown here: open the record's file with it.</p>
        </ConfirmAction>
      </div>
    </>
  );
}
