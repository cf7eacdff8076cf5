// Who asks to open the sealed layer of a session, who agrees, and what was opened.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { meQuery, unsealsQuery } from "../../api/queries";
import { useMay } from "../../api/roles";
import type { Unseal } from "../../api/types";
import { Button } from "../../parts/Button";
import { ModalDialog } from "../../parts/dialogs";
import { SessionLink } from "../../parts/links";
import { Page, Section } from "../../parts/Page";
import { StatePill } from "../../parts/Pill";
import { Empty, Loaded } from "../../parts/states";
import { Table } from "../../parts/Table";
import { TimeAgo } from "../../parts/time";
import { saidText } from "../../parts/Votes";
import { UnsealForm } from "../../parts/UnsealForm";
import { OpenUnseal } from "./OpenUnseal";
import { Released } from "./Released";

export function Unseals() {
  const unseals = useQuery(unsealsQuery);
  const mayAudit = useMay("auditor");
  const [isOpen, setOpen] = useState(false);
  return (
    <Page
      title="Unseals"
      lead="A sealed layer has what a session said to the letter. One person opens it, once, because another one agrees."
      actions={
        mayAudit && (
          <Button weight="main" onPress={() => setOpen(true)}>
            Ask to open one
          </Button>
        )
      }
    >
      {!mayAudit && <p className="quiet">Asking to open a sealed layer needs the role auditor, which you don't have.</p>}
      <Loaded from={unseals} what="requests">
        {(data) => <Lists unseals={data} />}
      </Loaded>
      <ModalDialog title="Open a sealed layer" isOpen={isOpen} onOpenChange={setOpen}>
        {(close) => <UnsealForm onDone={close} />}
      </ModalDialog>
    </Page>
  );
}

function Lists({ unseals }: { unseals: readonly Unseal[] }) {
  const { data: me } = useQuery(meQuery);
  const [released, setReleased] = useState<Unseal | null>(null);
  const open = (state: string) => unseals.filter((unseal) => unseal.state === state);
  const card = (unseal: Unseal) => <OpenUnseal key={unseal.id} unseal={unseal} me={me} onReleased={setReleased} />;
  const past = unseals.filter((unseal) => unseal.ended_at !== null);
  return (
    <>
      <div role="status" className="slot">
        {released && <Released unseal={released} />}
      </div>
      <Section title="Waiting">
        {open("asked").length === 0 && <Empty>Nobody asks to open anything.</Empty>}
        {open("asked").map(card)}
      </Section>
      <Section title="Approved">
        {open("approved").length === 0 && <Empty>Nothing is approved that was not taken yet.</Empty>}
        {open("approved").map(card)}
      </Section>
      <Section title="Before">{past.length === 0 ? <Empty>None yet.</Empty> : <Past unseals={past} />}</Section>
    </>
  );
}

function Past({ unseals }: { unseals: readonly Unseal[] }) {
  return (
    <Table
      label="Past requests"
      rows={unseals}
      rowKey={(unseal) => unseal.id}
      columns={[
        { title: "State", cell: (unseal) => <StatePill state={unseal.state} /> },
        { title: "Session", cell: (unseal) => <SessionLink session={unseal.session} /> },
        { title: "Target", cell: (unseal) => unseal.target },
        { title: "Asked by", cell: (unseal) => unseal.by },
        { title: "Why", wide: true, cell: (unseal) => unseal.reason },
        { title: "Answer", wide: true, cell: (unseal) => saidText(unseal) },
        { title: "Ended", cell: (unseal) => <TimeAgo time={unseal.ended_at} /> },
      ]}
    />
  );
}
