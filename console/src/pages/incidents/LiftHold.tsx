// Lets held records go again.
import { useAction } from "../../api/actions";
import type { LegalHold } from "../../api/types";
import { ReasonAction } from "../../parts/dialogs";
import { useSay } from "../../parts/toasts";

export function LiftHold({ hold, small = false }: { hold: LegalHold; small?: boolean }) {
  const act = useAction<LegalHold>(["legal-holds"]);
  const say = useSay();
  return (
    <ReasonAction
      action="Lift legal hold"
      text="Lift"
      weight="warm"
      small={small}
      onConfirm={async (reason) => {
        await act.mutateAsync({ path: `/v1/legal-holds/${hold.id}/lift`, body: { reason } });
        say(`Legal hold ${hold.id} is lifted.`);
      }}
    >
      <p>
        Records of {hold.subject.kind} <b>{hold.subject.name}</b> are then kept no longer than the time of keeping says.
      </p>
    </ReasonAction>
  );
}
