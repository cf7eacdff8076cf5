// The answer to a hold: approve once, approve for the session, deny; each with a reason.
import { useQuery } from "@tanstack/react-query";
import { useAction } from "../../api/actions";
import { meQuery } from "../../api/queries";
import { whyNotAnswer } from "../../api/roles";
import type { Hold } from "../../api/types";
import { Button } from "../../parts/Button";
import { ModalDialog, ReasonForm } from "../../parts/dialogs";
import { Sql } from "../../parts/Sql";
import { useSay } from "../../parts/toasts";
import type { AnswerKind, Answering } from "./HoldDetail";

interface AnswerProps {
  hold: Hold;
  answering: Answering | null;
  onAnswering: (answering: Answering | null) => void;
}

export function AnswerHold({ hold, answering, onAnswering }: AnswerProps) {
  const { data: me } = useQuery(meQuery);
  const whyNot = me ? whyNotAnswer(me, hold) : null;
  if (whyNot !== null) return <p className="cannot">You can't answer this. {whyNot}</p>;
  const start = (kind: AnswerKind) => onAnswering({ hold: hold.id, kind });
  const kind = answering?.hold === hold.id ? answering.kind : null;
  return (
    <>
      <div className="actions answer">
        <Button weight="main" onPress={() => start("Approve once")}>
          Approve once
        </Button>
        <Button onPress={() => start("Approve for this session")}>Approve for this session</Button>
        <Button weight="warm" onPress={() => start("Deny")}>
          Deny
        </Button>
      </div>
      {kind && (
        <ModalDialog title={kind} isOpen onOpenChange={(isOpen) => !isOpen && onAnswering(null)} alert>
          {() => <AnswerForm hold={hold} kind={kind} onDone={() => onAnswering(null)} />}
        </ModalDialog>
      )}
    </>
  );
}

function AnswerForm({ hold, kind, onDone }: { hold: Hold; kind: AnswerKind; onDone: () => void }) {
  const act = useAction<Hold>(["holds"]);
  const say = useSay();
  const answer = async (reason: string) => {
    const path = `/v1/holds/${hold.id}/${kind === "Deny" ? "deny" : "approve"}`;
    const scope = kind === "Approve for this session" ? "session" : "once";
    const after = await act.mutateAsync({ path, body: kind === "Deny" ? { reason } : { reason, scope } });
    say(after.state === "waiting" ? "Your approval counts. It waits for others, too." : `Hold ${after.id} is ${after.state}.`);
  };
  return (
    <ReasonForm action={kind} weight={kind === "Deny" ? "warm" : "main"} onConfirm={answer} onDone={onDone}>
      <p>{EFFECTS[kind]}</p>
      {hold.asked.statement && <Sql inline text={hold.asked.statement} />}
    </ReasonForm>
  );
}

const EFFECTS: Record<AnswerKind, string> = {
  "Approve once": "Exactly these bytes run, once.",
  "Approve for this session": "The same text, with any parameters, runs for the rest of this session, as long as the approval is good.",
  Deny: "The job gets an error that names your reason.",
};
