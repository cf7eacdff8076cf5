// Has a rule be quiet for a workload and a while.
import { useState } from "react";
import { Form } from "react-aria-components/Form";
import { useAction } from "../../api/actions";
import type { Snooze } from "../../api/types";
import { Button } from "../../parts/Button";
import { ModalDialog } from "../../parts/dialogs";
import { Choice, SPANS, TextBox, TextInput } from "../../parts/fields";
import { Problem } from "../../parts/states";
import { useSay } from "../../parts/toasts";

interface Of {
  rule: string;
  workload: string;
}

export function SnoozeButton({ text, of }: { text: string; of?: Of }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button onPress={() => setOpen(true)}>{text}</Button>
      <ModalDialog title="Snooze a rule" isOpen={isOpen} onOpenChange={setOpen} wide>
        {(close) => <SnoozeForm of={of ?? { rule: "", workload: "" }} onDone={close} />}
      </ModalDialog>
    </>
  );
}

function SnoozeForm({ of, onDone }: { of: Of; onDone: () => void }) {
  const [wish, setWish] = useState({ ...of, seconds: "7200", reason: "" });
  const set = (part: keyof typeof wish) => (value: string) => setWish({ ...wish, [part]: value });
  const act = useAction<Snooze>(["snoozes"]);
  const say = useSay();
  const body = { rule: wish.rule.trim(), workload: wish.workload.trim(), seconds: Number(wish.seconds), reason: wish.reason.trim() };
  const isReady = body.rule !== "" && body.workload !== "" && body.reason !== "";
  const snooze = () =>
    act.mutate(
      { path: "/v1/snoozes", body },
      {
        onSuccess: () => {
          say(`${body.rule} of ${body.workload} is quiet.`);
          onDone();
        },
      },
    );
  return (
    <Form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady && !act.isPending) snooze();
      }}
    >
      <p>Meanwhile nothing of it is told, and nothing is done about it: no block, no kill.</p>
      <div className="field-row">
        <TextInput label="Rule" isRequired value={wish.rule} onChange={set("rule")} hint="* stands for anything." />
        <TextInput label="Workload" isRequired value={wish.workload} onChange={set("workload")} hint="Its name or SPIFFE id; * stands for anything." />
      </div>
      <Choice label="For how long" value={wish.seconds} onChange={set("seconds")} choices={SPANS} />
      <TextBox label="Reason" isRequired value={wish.reason} onChange={set("reason")} maxLength={1000} hint="It is on the record, with your name." />
      {act.isError && <Problem error={act.error} />}
      <div className="actions actions-end">
        <Button onPress={onDone}>Cancel</Button>
        <Button type="submit" weight="main" isDisabled={!isReady || act.isPending}>
          Snooze
        </Button>
      </div>
    </Form>
  );
}
