// Checks every record and every event against the chains that they were written with.
import { useQuery } from "@tanstack/react-query";
import { useAction } from "../../api/actions";
import { healthQuery } from "../../api/queries";
import { useMay } from "../../api/roles";
import type { AllVerified } from "../../api/types";
import { Button } from "../../parts/Button";
import { Facts } from "../../parts/Facts";
import { bytes, count, duration, plural } from "../../parts/format";
import { Page, Section } from "../../parts/Page";
import { Loaded, Problem } from "../../parts/states";
import { Table } from "../../parts/Table";
import { TransparencyLog } from "./TransparencyLog";

export function Evidence() {
  const health = useQuery(healthQuery);
  return (
    <Page
      title="Evidence"
      lead="Each frame of a record has a hash over the one before, each event a signature. A later change is found here."
    >
      <Section title="What is kept">
        <Loaded from={health} what="the evidence store">
          {({ evidence, events }) => (
            <Facts
              facts={[
                ["records", count(evidence.records)],
                ["size", bytes(evidence.bytes)],
                ["free", evidence.free_bytes === null ? null : bytes(evidence.free_bytes)],
                ["when it can't be written", evidence.on_failure],
                ["events in the ledger", count(events)],
              ]}
            />
          )}
        </Loaded>
      </Section>
      <TransparencyLog />
      <VerifyAll />
    </Page>
  );
}

function VerifyAll() {
  const act = useAction<AllVerified>();
  const mayAudit = useMay("auditor");
  return (
    <Section title="Verify">
      {mayAudit ? (
        <div className="actions">
          <Button weight="main" isDisabled={act.isPending} onPress={() => act.mutate({ path: "/v1/records/verify", body: {} })}>
            Verify everything
          </Button>
        </div>
      ) : (
        <p className="quiet">Verifying everything needs the role auditor, which you don't have. A single record can be verified on its page.</p>
      )}
      <div role="status">
        {act.isPending && <p>Every frame is read. With many records that takes a while.</p>}
        {act.data && <Result verified={act.data} />}
      </div>
      {act.isError && <Problem error={act.error} />}
      <p className="quiet">
        Who can write to the store can recompute all of it; that is found only by a copy that is kept elsewhere. A record that is
        not closed yet can be cut at a frame's end unseen.
      </p>
    </Section>
  );
}

function Result({ verified }: { verified: AllVerified }) {
  const isWhole = verified.problem_count === 0;
  return (
    <div className={isWhole ? "verdict verdict-well" : "verdict verdict-ill"}>
      <p>
        <b>{isWhole ? "✓ All is whole." : `✗ ${plural(verified.problem_count, "problem")} found.`}</b> It took{" "}
        {duration(verified.took_ms)}.
      </p>
      <Facts
        facts={[
          ["records", count(verified.records)],
          ["frames", count(verified.frames)],
          ["closed", count(verified.closed)],
          ["live", count(verified.live)],
          ["unclosed", count(verified.unclosed)],
          ["events", count(verified.events)],
        ]}
      />
      {!isWhole && (
        <Table
          label="Problems"
          rows={verified.problems}
          rowKey={(problem) => `${problem.where} ${problem.what}`}
          warm={() => true}
          columns={[
            { title: "Where", cell: (problem) => <code>{problem.where}</code> },
            { title: "What", wide: true, cell: (problem) => problem.what },
          ]}
        />
      )}
    </div>
  );
}
