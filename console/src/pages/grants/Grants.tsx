// What was asked for beyond policy, what was given, and what of it still holds.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { grantsQuery, meQuery } from "../../api/queries";
import type { Grant } from "../../api/types";
import { Button } from "../../parts/Button";
import { ModalDialog } from "../../parts/dialogs";
import { duration } from "../../parts/format";
import { Page, Section } from "../../parts/Page";
import { StatePill } from "../../parts/Pill";
import { Empty, Loaded } from "../../parts/states";
import { Table } from "../../parts/Table";
import { Countdown, TimeAgo } from "../../parts/time";
import { answerText } from "../../parts/Votes";
import { GrantForm } from "./GrantForm";
import { WaitingGrant } from "./WaitingGrant";
import { RevokeGrant } from "./RevokeGrant";

export function Grants() {
  const grants = useQuery(grantsQuery);
  const [isOpen, setOpen] = useState(false);
  return (
    <Page
      title="Grants"
      lead="More than policy gives, for a while, given by somebody else. Only policies that heed grants make something of them."
      actions={
        <Button weight="main" onPress={() => setOpen(true)}>
          Request a grant
        </Button>
      }
    >
      <Loaded from={grants} what="grants">
        {(data) => <Lists grants={data} />}
      </Loaded>
      <ModalDialog title="Request a grant" isOpen={isOpen} onOpenChange={setOpen} wide>
        {(close) => <GrantForm onDone={close} />}
      </ModalDialog>
    </Page>
  );
}

function Lists({ grants }: { grants: readonly Grant[] }) {
  const { data: me } = useQuery(meQuery);
  const waiting = grants.filter((grant) => grant.state === "requested");
  const given = grants.filter((grant) => grant.state === "given");
  const past = grants.filter((grant) => grant.state !== "requested" && grant.state !== "given");
  return (
    <>
      <Section title="Waiting">
        {waiting.length === 0 && <Empty>Nobody asks for anything.</Empty>}
        {waiting.map((grant) => (
          <WaitingGrant key={grant.id} grant={grant} me={me} />
        ))}
      </Section>
      <Section title="Given">
        {given.length === 0 ? (
          <Empty>No grant holds now.</Empty>
        ) : (
          <Table
            label="Given grants"
            rows={given}
            rowKey={(grant) => grant.id}
            columns={[
              { title: "For", wide: true, cell: (grant) => wishWho(grant) },
              { title: "What", wide: true, cell: (grant) => wishWhat(grant) },
              { title: "Asked by", cell: (grant) => grant.by },
              { title: "Given", cell: (grant) => answerText(grant.answer) },
              { title: "Left", cell: (grant) => (grant.until ? <Countdown until={grant.until} /> : duration(grant.seconds * 1000)) },
              { title: "Do", cell: (grant) => <RevokeGrant id={grant.id} /> },
            ]}
          />
        )}
      </Section>
      <Section title="Before">
        {past.length === 0 ? (
          <Empty>None yet.</Empty>
        ) : (
          <Table
            label="Past grants"
            rows={past}
            rowKey={(grant) => grant.id}
            columns={[
              { title: "State", cell: (grant) => <StatePill state={grant.state} /> },
              { title: "For", wide: true, cell: (grant) => wishWho(grant) },
              { title: "What", wide: true, cell: (grant) => wishWhat(grant) },
              { title: "Why", wide: true, cell: (grant) => grant.reason },
              { title: "Answer", wide: true, cell: (grant) => answerText(grant.answer) },
              { title: "Ended", cell: (grant) => <TimeAgo time={grant.ended_at} /> },
            ]}
          />
        )}
      </Section>
    </>
  );
}

export function wishWho({ wish }: Grant): string {
  if (wish.session) return `session ${wish.session}`;
  if (wish.run) return `run ${wish.run}`;
  return `workload ${wish.workload ?? "?"}`;
}

export function wishWhat({ wish }: Grant): string {
  const tables = wish.tables.length > 0 ? ` of ${wish.tables.join(", ")}` : "";
  const classes = wish.classes.length > 0 ? `, classes ${wish.classes.join(", ")}` : "";
  return `${wish.actions.join(", ") || "any action"}${tables} on ${wish.target}${classes}`;
}
