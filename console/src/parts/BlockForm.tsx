// Adds a block, in two steps: first a dry run shows what it would cut, then it is done.
import { useState } from "react";
import { Form } from "react-aria-components/Form";
import { useAction } from "../api/actions";
import type { BlockAdded, BlockKind } from "../api/types";
import { Button } from "./Button";
import { Choice, SPANS, TextBox, TextInput } from "./fields";
import { count, plural } from "./format";
import { Sql } from "./Sql";
import { Problem } from "./states";
import { useSay } from "./toasts";

export interface Subject {
  kind: BlockKind;
  name: string;
}

interface BlockFormProps {
  subject?: Subject;
  isFixed?: boolean;
  onDone: () => void;
}

const KINDS: readonly (readonly [BlockKind, string])[] = [
  ["workload", "workload"],
  ["owner", "owner"],
  ["repository", "repository"],
  ["credential", "credential"],
  ["token", "token"],
  ["target", "target"],
  ["host", "host"],
];

export function BlockForm({ subject: given, isFixed = false, onDone }: BlockFormProps) {
  const [subject, setSubject] = useState<Subject>(given ?? { kind: "workload", name: "" });
  const [span, setSpan] = useState("");
  const [reason, setReason] = useState("");
  const say = useSay();
  const tried = useAction<BlockAdded>();
  const act = useAction<BlockAdded>(["blocks", "workloads"]);
  const body = { subject, seconds: span ? Number(span) : null, reason: reason.trim() };
  const isReady = subject.name.trim() !== "" && body.reason !== "";
  const change = (next: Partial<Subject>) => {
    tried.reset();
    setSubject({ ...subject, ...next });
  };
  const add = () =>
    act.mutate(
      { path: "/v1/blocks", body: { ...body, dry_run: false } },
      {
        onSuccess: ({ cut }) => {
          say(`${subject.name} is blocked; ${plural(cut.length, "session")} cut.`);
          onDone();
        },
      },
    );
  return (
    <Form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) tried.mutate({ path: "/v1/blocks", body: { ...body, dry_run: true } });
      }}
    >
      {isFixed ? (
        <p>
          What is live of {subject.kind} <b>{subject.name}</b> is cut, and what comes is refused, whatever policies say.
        </p>
      ) : (
        <div className="field-row">
          <Choice label="Block a" value={subject.kind} onChange={(kind) => change({ kind })} choices={KINDS} />
          <TextInput
            label="Name"
            isRequired
            value={subject.name}
            onChange={(name) => change({ name })}
            hint="It may end in *."
          />
        </div>
      )}
      <Choice label="For" value={span} onChange={setSpan} choices={[["", "until it is lifted"], ...SPANS]} />
      <TextBox label="Reason" isRequired value={reason} onChange={setReason} maxLength={1000} hint="It is on the record, with your name." />
      {tried.isError && <Problem error={tried.error} />}
      {tried.data && <WouldCut cut={tried.data.cut} />}
      {act.isError && <Problem error={act.error} />}
      <div className="actions actions-end">
        <Button onPress={onDone}>Cancel</Button>
        {tried.data ? (
          <Button weight="warm" isDisabled={!isReady || act.isPending} onPress={add}>
            {`Block ${subject.kind}`}
          </Button>
        ) : (
          <Button type="submit" weight="main" isDisabled={!isReady || tried.isPending}>
            Show what it would cut
          </Button>
        )}
      </div>
    </Form>
  );
}

const SHOWN = 8;

function WouldCut({ cut }: { cut: BlockAdded["cut"] }) {
  return (
    <div className="would-cut" role="status">
      <p>
        <b>{cut.length === 0 ? "Nothing live would be cut." : `${plural(cut.length, "live session")} would be cut:`}</b>
      </p>
      <ul className="plain-list">
        {cut.slice(0, SHOWN).map((session) => (
          <li key={session.session}>
            <code>{session.session}</code> {session.name ?? session.workload} on {session.target}
            {session.statement && (
              <>
                : <Sql inline text={session.statement} />
              </>
            )}
          </li>
        ))}
      </ul>
      {cut.length > SHOWN && <p className="quiet">and {count(cut.length - SHOWN)} more</p>}
    </div>
  );
}
