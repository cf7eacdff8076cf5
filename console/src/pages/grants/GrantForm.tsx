// Asks for a grant. Whether any policy heeds it is said afterwards.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Form } from "react-aria-components/Form";
import { useAction } from "../../api/actions";
import { targetsQuery } from "../../api/queries";
import type { Grant } from "../../api/types";
import { Button } from "../../parts/Button";
import { Choice, SPANS, TextBox, TextInput, words } from "../../parts/fields";
import { Problem } from "../../parts/states";
import { useSay } from "../../parts/toasts";

const FOR = [
  ["workload", "a workload"],
  ["run", "a run"],
  ["session", "a session"],
] as const;

export function GrantForm({ onDone }: { onDone: () => void }) {
  const { data: targets } = useQuery(targetsQuery);
  const [who, setWho] = useState<"workload" | "run" | "session">("workload");
  const [wish, setWish] = useState({ name: "", target: "", actions: "read", tables: "", classes: "", seconds: "3600", reason: "" });
  const set = (part: keyof typeof wish) => (value: string) => setWish({ ...wish, [part]: value });
  const act = useAction<Grant & { heeded: boolean }>(["grants"]);
  const say = useSay();
  const target = wish.target || targets?.[0]?.name || "";
  const isReady = wish.name.trim() !== "" && wish.reason.trim() !== "" && target !== "";
  const ask = () => {
    const body = {
      [who]: wish.name.trim(),
      target,
      actions: words(wish.actions),
      tables: words(wish.tables),
      classes: words(wish.classes),
      seconds: Number(wish.seconds),
      reason: wish.reason.trim(),
    };
    act.mutate(
      { path: "/v1/grants", body },
      {
        onSuccess: (grant) => {
          say(grant.heeded ? `Grant ${grant.id} waits for an answer.` : `Grant ${grant.id} is asked for, but no policy heeds grants there.`, grant.heeded ? "flow" : "warm");
          onDone();
        },
      },
    );
  };
  return (
    <Form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) ask();
      }}
    >
      <div className="field-row">
        <Choice label="For" value={who} onChange={setWho} choices={FOR} />
        <TextInput label="Its name or id" isRequired value={wish.name} onChange={set("name")} />
      </div>
      <div className="field-row">
        <Choice label="Target" value={target} onChange={set("target")} choices={(targets ?? []).map(({ name }) => [name, name] as const)} />
        <Choice label="For how long" value={wish.seconds} onChange={set("seconds")} choices={SPANS} />
      </div>
      <TextInput label="Actions" value={wish.actions} onChange={set("actions")} hint="Such as read, write, define; separated by spaces." />
      <TextInput label="Tables" value={wish.tables} onChange={set("tables")} hint="Such as public.orders; none means any." />
      <TextInput label="Classes" value={wish.classes} onChange={set("classes")} hint="Classes of masked columns that are to be seen." />
      <TextBox label="Reason" isRequired value={wish.reason} onChange={set("reason")} maxLength={1000} />
      {act.isError && <Problem error={act.error} />}
      <div className="actions actions-end">
        <Button onPress={onDone}>Cancel</Button>
        <Button type="submit" weight="main" isDisabled={!isReady || act.isPending}>
          Request grant
        </Button>
      </div>
    </Form>
  );
}
