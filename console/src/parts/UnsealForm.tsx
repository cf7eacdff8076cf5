// Asks to open the sealed layer of a session.
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useAction } from "../api/actions";
import type { Unseal } from "../api/types";
import { ReasonForm } from "./dialogs";
import { TextInput } from "./fields";
import { useSay } from "./toasts";

/** Where the session is not given, it is asked for. */
export function UnsealForm({ session: given, onDone }: { session?: string; onDone: () => void }) {
  const [session, setSession] = useState(given ?? "");
  const act = useAction<Unseal>(["unseals"]);
  const say = useSay();
  const ask = async (reason: string) => {
    const { id, state } = await act.mutateAsync({ path: "/v1/unseals", body: { session: session.trim(), reason } });
    say(
      <>
        Request {id} {state === "approved" ? "is approved." : "waits for another person."} <Link to="/unseals">Look at requests</Link>
      </>,
    );
  };
  return (
    <ReasonForm action="Ask" onConfirm={ask} onDone={onDone}>
      <p>Somebody else has to agree, an auditor or an approver. Then you have 15 minutes to take it, once. The identity stays with you: weir never has it.</p>
      {given === undefined && <TextInput label="Session" isRequired value={session} onChange={setSession} hint="Its id, such as s-01jd5k2v8q3xm." />}
    </ReasonForm>
  );
}
