// Whether somebody keeps the records of an incident, and since when.
import { useQuery } from "@tanstack/react-query";
import { useAction } from "../../api/actions";
import { legalHoldsQuery } from "../../api/queries";
import { useMay } from "../../api/roles";
import type { Incident, LegalHold } from "../../api/types";
import { ReasonAction } from "../../parts/dialogs";
import { Section } from "../../parts/Page";
import { Loaded } from "../../parts/states";
import { TimeAgo } from "../../parts/time";
import { useSay } from "../../parts/toasts";
import { keeping } from "./keeping";
import { LiftHold } from "./LiftHold";

export function Held({ incident }: { incident: Incident }) {
  const holds = useQuery(legalHoldsQuery);
  const mayAudit = useMay("auditor");
  return (
    <Section title="Legal hold">
      <Loaded from={holds} what="legal holds">
        {(data) => {
          const kept = keeping(data, incident);
          return (
            <>
              {kept.map(({ hold, isWhole }) => (
                <p key={hold.id} className="card-line">
                  <span>
                    <code>{hold.id}</code> keeps {isWhole ? "all of these records" : "a part of these records"}: {hold.reason}{" "}
                    <span className="quiet">
                      (by {hold.by}, <TimeAgo time={hold.set_at} />)
                    </span>
                  </span>
                  {mayAudit && <LiftHold hold={hold} small />}
                </p>
              ))}
              {kept.length === 0 && <p className="note-warm">No legal hold is on these records: they are kept as long as the time of keeping says.</p>}
              {mayAudit && !kept.some((one) => one.isWhole) && <Hold incident={incident} />}
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}

function Hold({ incident: { target, since, until } }: { incident: Incident }) {
  const act = useAction<LegalHold>(["legal-holds"]);
  const say = useSay();
  return (
    <div className="actions">
      <ReasonAction
        action="Hold these records"
        onConfirm={async (reason) => {
          const body = { subject: { kind: "target", name: target }, since, until, reason };
          const hold = await act.mutateAsync({ path: "/v1/legal-holds", body });
          say(`The records are held by ${hold.id}.`);
        }}
      >
        <p>
          What sessions to <b>{target}</b> did in this time is kept until the hold is lifted.
        </p>
      </ReasonAction>
    </div>
  );
}
