// What one can do about a session: kill it, stop its run, block its workload, check, hold or open its record.
import { useState } from "react";
import { useAction } from "../../api/actions";
import { useMay } from "../../api/roles";
import type { Killed, LegalHold, LiveSession, RunChanged, Verified } from "../../api/types";
import { BlockWorkload } from "../../parts/BlockWorkload";
import { Button } from "../../parts/Button";
import { ModalDialog, ReasonAction } from "../../parts/dialogs";
import { Facts } from "../../parts/Facts";
import { bytes, count, duration, plural } from "../../parts/format";
import { StatePill } from "../../parts/Pill";
import { Problem } from "../../parts/states";
import { useSay } from "../../parts/toasts";
import { UnsealForm } from "../../parts/UnsealForm";

type Who = Pick<LiveSession, "session" | "run" | "workload" | "name">;

export function Acts({ who: { session, run, workload, name }, isLive }: { who: Who; isLive: boolean }) {
  const mayOperate = useMay("operator");
  const mayAudit = useMay("auditor");
  return (
    <>
      <h2>What you can do</h2>
      {mayOperate ? (
        <div className="actions">
          {isLive && <Kill session={session} />}
          {isLive && <Run run={run} />}
          <BlockWorkload name={name ?? workload} />
        </div>
      ) : (
        <p className="quiet">Killing, freezing and blocking need the role operator, which you don't have.</p>
      )}
      {mayAudit && (
        <div className="actions">
          <Unseal session={session} />
          <HoldRecord session={session} />
        </div>
      )}
      <Verify session={session} />
    </>
  );
}

function Unseal({ session }: { session: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button onPress={() => setOpen(true)}>Open sealed layer</Button>
      <ModalDialog title="Open sealed layer" isOpen={isOpen} onOpenChange={setOpen} alert>
        {(close) => <UnsealForm session={session} onDone={close} />}
      </ModalDialog>
    </>
  );
}

function HoldRecord({ session }: { session: string }) {
  const act = useAction<LegalHold>(["legal-holds"]);
  const say = useSay();
  return (
    <ReasonAction
      action="Hold record"
      onConfirm={async (reason) => {
        const hold = await act.mutateAsync({ path: "/v1/legal-holds", body: { subject: { kind: "session", name: session }, reason } });
        say(`The record is held by ${hold.id}.`);
      }}
    >
      <p>The record is kept until the legal hold is lifted, whatever its time of keeping says.</p>
    </ReasonAction>
  );
}

function Kill({ session }: { session: string }) {
  const act = useAction<Killed>(["records"]);
  const say = useSay();
  return (
    <ReasonAction
      action="Kill session"
      weight="warm"
      onConfirm={async (reason) => {
        say(killedText(await act.mutateAsync({ path: `/v1/sessions/${session}/kill`, body: { reason } })));
      }}
    >
      <p>The job's connection is reset, and what it runs at the server is cancelled. The job sees a broken connection.</p>
    </ReasonAction>
  );
}

function killedText(killed: Killed): string {
  const client = killed.client_reset_ms === null ? "its client was gone" : `client reset after ${duration(killed.client_reset_ms)}`;
  const server = killed.confirmed
    ? `ended at the server${killed.how ? ` (${killed.how})` : ""}${killed.server_ms === null ? "" : ` after ${duration(killed.server_ms)}`}`
    : "not confirmed by the server";
  return `Killed: ${client}, ${server}.`;
}

const RUN_ACTS = [
  ["freeze", "Freeze run", "All processes of the run stop where they are. What its sessions have begun at their servers goes on there."],
  ["thaw", "Thaw run", "The processes of the run go on where they were stopped."],
  ["kill", "Kill run", "The run's clients are reset, its queries cancelled, its processes killed."],
] as const;

function Run({ run }: { run: string }) {
  const act = useAction<RunChanged>(["records", "workloads"]);
  const say = useSay();
  return RUN_ACTS.map(([verb, action, what]) => (
    <ReasonAction
      key={verb}
      action={action}
      weight={verb === "kill" ? "warm" : "plain"}
      onConfirm={async (reason) => {
        const done = await act.mutateAsync({ path: `/v1/runs/${run}/${verb}`, body: { reason } });
        say(`Run ${done.run} is ${done.state}: ${plural(done.processes, "process", "processes")}, ${plural(done.sessions, "session")}.`);
      }}
    >
      <p>{what}</p>
    </ReasonAction>
  ));
}

function Verify({ session }: { session: string }) {
  const act = useAction<Verified>();
  return (
    <div className="stack-small">
      <div className="actions">
        <Button
          isDisabled={act.isPending}
          onPress={() => act.mutate({ path: `/v1/records/${session}/verify`, body: {} })}
        >
          Verify record
        </Button>
      </div>
      <div role="status">
        {act.isPending && "Reading every frame …"}
        {act.data && <VerifiedText verified={act.data} />}
      </div>
      {act.isError && <Problem error={act.error} />}
    </div>
  );
}

function VerifiedText({ verified }: { verified: Verified }) {
  const isWhole = verified.problems.length === 0;
  return (
    <div className={isWhole ? "verdict verdict-well" : "verdict verdict-ill"}>
      <p>
        <b>{isWhole ? "✓ The record is whole." : `✗ ${plural(verified.problems.length, "problem")} found.`}</b>{" "}
        <StatePill state={verified.state} />
      </p>
      {!isWhole && (
        <ul>
          {verified.problems.map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      )}
      <Facts
        wide
        facts={[
          ["frames", count(verified.frames)],
          ["files", verified.files.map((file) => `${file.name} (${bytes(file.bytes)})`).join(", ")],
          ["chain", <code key="c" className="hash">{verified.chain}</code>],
        ]}
      />
    </div>
  );
}
