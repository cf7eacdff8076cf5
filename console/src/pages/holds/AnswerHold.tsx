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
import type { Answering } from "./HoldDetail";

interface AnswerProps {
  hold: Hold;
  answering: Answering | null;
  onAnswering: (answering: Answering | null) => void;
}

export function AnswerHold({ hold, answering, onAnswering }: AnswerProps) {
  const { data: me } = useQuery(meQuery);
  const whyNot = me ? whyNotAnswer(me, hold) : null;
  if (whyNot !== null) return <p className="cannot">You can't answer this. {whyNot}</p>;
  return (
    <>
      <div className="actions answer">
        <Button weight="main" onPress={() => onAnswering("Approve once")}>
          Approve once
        </Button>
        <Button onPress={() => onAnswering("Approve for this session")}>Approve for this session</Button>
        <Button weight="warm" onPress={() => onAnswering("Deny")}>
          Deny
        </Button>
      </div>
      {answering && (
        <ModalDialog title={answering} isOpen onOpenChange={(isOpen) => !isOpen && onAnswering(null)} alert>
          {() => <AnswerForm hold={hold} answering={answering} onDone={() => onAnswering(null)} />}
        </ModalDialog>
      )}
    </>
  );
}

function AnswerForm({ hold, answering, onDone }: { hold: Hold; answering: Answering; onDone: () => void }) {
  const act = useAction<Hold>(["holds"]);
  const say = useSay();
  const answer = async (reason: string) => {
    const path = `/v1/holds/${hold.id}/${answering === "Deny" ? "deny" : "approve"}`;
    const scope = answering === "Approve for this session" ? "session" : "once";
    const after = await act.mutateAsync({ path, body: answering === "Deny" ? { reason } : { reason, scope } });
    say(after.state === "waiting" ? "Your approval counts. It waits for others, too." : `Hold ${after.id} is ${after.state}.`);
  };
  return (
    <ReasonForm action={answering} weight={answering === "Deny" ? "warm" : "main"} onConfirm={answer} onDone={onDone}>
      <p>{EFFECTS[answering]}</p>
      {hold.asked.statement && <Sql inline text={hold.asked.statement} />}
    </ReasonForm>
  );
}

const EFFECTS: Record<Answering, string> = {
  "Approve once": "Exactly these bytes run, once.",
  "Approve for this session": "The same text, with any parameters, runs for the rest of this session, as long as the approval is good.",
  Deny: "The job gets an error that names your reason.",
};
