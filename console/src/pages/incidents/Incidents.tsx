// What was looked into, and what keeps its records: legal holds, in force and lifted.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { legalHoldsQuery } from "../../api/queries";
import { useMay } from "../../api/roles";
import type { LegalHold } from "../../api/types";
import { Button } from "../../parts/Button";
import { ModalDialog } from "../../parts/dialogs";
import { RunLink, SessionLink, WorkloadLink } from "../../parts/links";
import { Page, Section } from "../../parts/Page";
import { Pill } from "../../parts/Pill";
import { Empty, Loaded } from "../../parts/states";
import { Table, type TableColumn } from "../../parts/Table";
import { Clock, TimeAgo } from "../../parts/time";
import { answerText } from "../../parts/Votes";
import { IncidentForm } from "./IncidentForm";
import { LiftHold } from "./LiftHold";

export function Incidents() {
  const holds = useQuery(legalHoldsQuery);
  const mayAudit = useMay("auditor");
  const [isOpen, setOpen] = useState(false);
  return (
    <Page
      title="Incidents"
      lead="Who was at a target, what they saw, changed and sent elsewhere. Opening one holds the target's records until that is lifted."
      actions={
        mayAudit && (
          <Button weight="main" onPress={() => setOpen(true)}>
            Open an incident
          </Button>
        )
      }
    >
      {!mayAudit && <p className="quiet">Looking into an incident needs the role auditor for everything, which you don't have.</p>}
      <Loaded from={holds} what="legal holds">
        {(data) => <Lists holds={data} mayAudit={mayAudit} />}
      </Loaded>
      <ModalDialog title="Open an incident" isOpen={isOpen} onOpenChange={setOpen} wide>
        {(close) => <IncidentForm onDone={close} />}
      </ModalDialog>
    </Page>
  );
}

const WHAT: readonly TableColumn<LegalHold>[] = [
  { title: "Records of", wide: true, cell: (hold) => <Subject hold={hold} /> },
  { title: "Time", wide: true, cell: (hold) => <Span hold={hold} /> },
  { title: "Why", wide: true, cell: (hold) => hold.reason },
  { title: "By", cell: (hold) => hold.by },
  { title: "Set", cell: (hold) => <TimeAgo time={hold.set_at} /> },
];

function Lists({ holds, mayAudit }: { holds: readonly LegalHold[]; mayAudit: boolean }) {
  const now = holds.filter((hold) => hold.lifted_at === null);
  const past = holds.filter((hold) => hold.lifted_at !== null);
  const report = { title: "Report", cell: (hold: LegalHold) => <ReportLink hold={hold} /> };
  const lift = { title: "Do", cell: (hold: LegalHold) => <LiftHold hold={hold} small /> };
  return (
    <>
      <Section title="Held">
        {now.length === 0 ? (
          <Empty>No record is held.</Empty>
        ) : (
          <Table label="Legal holds in force" rows={now} rowKey={(hold) => hold.id} columns={[...WHAT, ...(mayAudit ? [report, lift] : [])]} />
        )}
      </Section>
      <Section title="Before">
        {past.length === 0 ? (
          <Empty>None yet.</Empty>
        ) : (
          <Table
            label="Lifted legal holds"
            rows={past}
            rowKey={(hold) => hold.id}
            columns={[...WHAT, { title: "Lifted", wide: true, cell: (hold) => answerText(hold.lifted) }, ...(mayAudit ? [report] : [])]}
          />
        )}
      </Section>
    </>
  );
}

/** A hold on a target from some time on is what opening an incident has set. */
function ReportLink({ hold: { subject, since, until } }: { hold: LegalHold }) {
  if (subject.kind !== "target" || !since) return null;
  return (
    <Link to="/incidents/report" search={{ target: subject.name, since, ...(until ? { until } : {}) }} preload={false}>
      Report
    </Link>
  );
}

function Span({ hold: { since, until } }: { hold: LegalHold }) {
  if (!since && !until) return "all";
  return (
    <>
      {since ? <Clock time={since} withDate /> : "the first"} to {until ? <Clock time={until} withDate /> : "whatever comes"}
    </>
  );
}

function Subject({ hold: { subject } }: { hold: LegalHold }) {
  return (
    <>
      <Pill tone="plain">{subject.kind}</Pill> <Named subject={subject} />
    </>
  );
}

function Named({ subject: { kind, name } }: Pick<LegalHold, "subject">) {
  if (kind === "session") return <SessionLink session={name} />;
  if (kind === "run") return <RunLink run={name} />;
  return kind === "workload" ? <WorkloadLink workload={name} /> : <b>{name}</b>;
}
