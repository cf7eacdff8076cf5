// Makes a token, and shows it once.
import { useState } from "react";
import { Form } from "react-aria-components/Form";
import { useAction } from "../../api/actions";
import type { Role } from "../../api/types";
import { Button } from "../../parts/Button";
import { Choice, SPANS, TextInput, words } from "../../parts/fields";
import { Problem } from "../../parts/states";
import { useSay } from "../../parts/toasts";

const ROLES: readonly (readonly [Role, string])[] = [
  ["viewer", "viewer"],
  ["auditor", "auditor"],
  ["approver", "approver"],
  ["operator", "operator"],
  ["admin", "admin"],
];

export function TokenForm({ onDone }: { onDone: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [span, setSpan] = useState("2592000");
  const [bounds, setBounds] = useState({ targets: "", workloads: "" });
  const act = useAction<{ token: string }>(["tokens"]);
  if (act.data) return <Made token={act.data.token} onDone={onDone} />;
  const isReady = name.trim() !== "";
  const make = () =>
    act.mutate({
      path: "/v1/tokens",
      body: {
        name: name.trim(),
        seconds: Number(span),
        roles: [{ role, targets: words(bounds.targets), workloads: words(bounds.workloads) }],
      },
    });
  return (
    <Form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) make();
      }}
    >
      <TextInput label="Name" isRequired autoFocus value={name} onChange={setName} hint="What it is for, such as dashboards." />
      <div className="field-row">
        <Choice label="Role" value={role} onChange={setRole} choices={ROLES} />
        <Choice label="Good for" value={span} onChange={setSpan} choices={SPANS} />
      </div>
      <TextInput
        label="Targets"
        value={bounds.targets}
        onChange={(targets) => setBounds({ ...bounds, targets })}
        hint="Separated by spaces; none means all that you may."
      />
      <TextInput
        label="Workloads"
        value={bounds.workloads}
        onChange={(workloads) => setBounds({ ...bounds, workloads })}
        hint="Separated by spaces; none means all that you may."
      />
      {act.isError && <Problem error={act.error} />}
      <div className="actions actions-end">
        <Button onPress={onDone}>Cancel</Button>
        <Button type="submit" weight="main" isDisabled={!isReady || act.isPending}>
          Make token
        </Button>
      </div>
    </Form>
  );
}

function Made({ token, onDone }: { token: string; onDone: () => void }) {
  const say = useSay();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(token);
      say("The token is in the clipboard.");
    } catch {
      say("The browser did not let us copy it. Mark it and copy it yourself.", "warm");
    }
  };
  return (
    <div className="stack">
      <p>
        This is the token. <b>It is shown once</b>: the gateway keeps its hash alone.
      </p>
      <code className="token">{token}</code>
      <div className="actions actions-end">
        <Button onPress={() => void copy()}>Copy token</Button>
        <Button weight="main" onPress={onDone}>
          I have it
        </Button>
      </div>
    </div>
  );
}
