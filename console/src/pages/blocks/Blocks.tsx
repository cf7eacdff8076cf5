// Who or what is refused by name, whatever policies say.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useAction } from "../../api/actions";
import { blocksQuery } from "../../api/queries";
import { useMay } from "../../api/roles";
import type { Block } from "../../api/types";
import { BlockForm } from "../../parts/BlockForm";
import { Button } from "../../parts/Button";
import { ModalDialog, ReasonAction } from "../../parts/dialogs";
import { Page, Section } from "../../parts/Page";
import { Pill } from "../../parts/Pill";
import { Empty, Loaded } from "../../parts/states";
import { Table, type TableColumn } from "../../parts/Table";
import { Countdown, TimeAgo } from "../../parts/time";
import { useSay } from "../../parts/toasts";
import { answerText } from "../../parts/Votes";

export function Blocks() {
  const blocks = useQuery(blocksQuery);
  const mayOperate = useMay("operator");
  const [isOpen, setOpen] = useState(false);
  return (
    <Page
      title="Blocks"
      lead="What is live of a blocked name is cut, and what comes is refused, until it is lifted or its time is over."
      actions={
        mayOperate && (
          <Button weight="warm" onPress={() => setOpen(true)}>
            Add a block
          </Button>
        )
      }
    >
      {!mayOperate && <p className="quiet">Blocking needs the role operator, which you don't have.</p>}
      <Loaded from={blocks} what="blocks">
        {(data) => <Lists blocks={data} mayOperate={mayOperate} />}
      </Loaded>
      <ModalDialog title="Add a block" isOpen={isOpen} onOpenChange={setOpen} wide>
        {(close) => <BlockForm onDone={close} />}
      </ModalDialog>
    </Page>
  );
}

const WHO: readonly TableColumn<Block>[] = [
  {
    title: "Blocked",
    wide: true,
    cell: (block) => (
      <>
        <Pill tone={block.ended_at ? "quiet" : "warm"}>{block.subject.kind}</Pill> <b>{block.subject.name}</b>
      </>
    ),
  },
  { title: "Why", wide: true, cell: (block) => block.reason },
  { title: "By", cell: (block) => block.by },
  { title: "Since", cell: (block) => <TimeAgo time={block.since} /> },
];

function Lists({ blocks, mayOperate }: { blocks: readonly Block[]; mayOperate: boolean }) {
  const now = blocks.filter((block) => block.ended_at === null);
  const past = blocks.filter((block) => block.ended_at !== null);
  return (
    <>
      <Section title="In force">
        {now.length === 0 ? (
          <Empty>Nobody is blocked.</Empty>
        ) : (
          <Table
            label="Blocks in force"
            rows={now}
            rowKey={(block) => block.id}
            columns={[
              ...WHO,
              { title: "Left", cell: (block) => (block.until ? <Countdown until={block.until} /> : "until lifted") },
              ...(mayOperate ? [{ title: "Do", cell: (block: Block) => <Lift block={block} /> }] : []),
            ]}
          />
        )}
      </Section>
      <Section title="Before">
        {past.length === 0 ? (
          <Empty>None yet.</Empty>
        ) : (
          <Table
            label="Past blocks"
            rows={past}
            rowKey={(block) => block.id}
            columns={[
              ...WHO,
              { title: "Ended", cell: (block) => <TimeAgo time={block.ended_at} /> },
              { title: "Lifted", wide: true, cell: (block) => answerText(block.lifted) || "its time was over" },
            ]}
          />
        )}
      </Section>
    </>
  );
}

function Lift({ block }: { block: Block }) {
  const act = useAction<Block>(["blocks", "workloads"]);
  const say = useSay();
  return (
    <ReasonAction
      action="Lift block"
      text="Lift"
      small
      onConfirm={async (reason) => {
        await act.mutateAsync({ path: `/v1/blocks/${block.id}/lift`, body: { reason } });
        say(`${block.subject.name} is no longer blocked.`);
      }}
    >
      <p>
        {block.subject.kind} <b>{block.subject.name}</b> may come again, as far as policies permit.
      </p>
    </ReasonAction>
  );
}
