// What is snoozed, by whom and for how long yet, and what was.
import { useQuery } from "@tanstack/react-query";
import { useAction } from "../../api/actions";
import { snoozesQuery } from "../../api/queries";
import { useMay } from "../../api/roles";
import type { Snooze } from "../../api/types";
import { ReasonAction } from "../../parts/dialogs";
import { Section } from "../../parts/Page";
import { Empty, Loaded } from "../../parts/states";
import { Table, type TableColumn } from "../../parts/Table";
import { Countdown, TimeAgo } from "../../parts/time";
import { useSay } from "../../parts/toasts";
import { answerText } from "../../parts/Votes";

export function Snoozes() {
  const snoozes = useQuery(snoozesQuery);
  return (
    <Loaded from={snoozes} what="snoozes">
      {(data) => <Lists snoozes={data} />}
    </Loaded>
  );
}

const WHAT: readonly TableColumn<Snooze>[] = [
  { title: "Rule", cell: (snooze) => <code>{snooze.rule}</code> },
  { title: "Workload", wide: true, cell: (snooze) => <code>{snooze.workload}</code> },
  { title: "Why", wide: true, cell: (snooze) => snooze.reason },
  { title: "By", cell: (snooze) => snooze.by },
  { title: "Since", cell: (snooze) => <TimeAgo time={snooze.since} /> },
];

function Lists({ snoozes }: { snoozes: readonly Snooze[] }) {
  const mayOperate = useMay("operator");
  const now = snoozes.filter((snooze) => snooze.ended_at === null);
  const past = snoozes.filter((snooze) => snooze.ended_at !== null);
  return (
    <>
      <Section title="Snoozed">
        {now.length === 0 ? (
          <Empty>Nothing is snoozed.</Empty>
        ) : (
          <Table
            label="Snoozes in force"
            rows={now}
            rowKey={(snooze) => snooze.id}
            columns={[
              ...WHAT,
              { title: "Left", cell: (snooze) => <Countdown until={snooze.until} /> },
              ...(mayOperate ? [{ title: "Do", cell: (snooze: Snooze) => <Lift snooze={snooze} /> }] : []),
            ]}
          />
        )}
      </Section>
      {past.length > 0 && (
        <Section title="Snoozed before">
          <Table
            label="Past snoozes"
            rows={past}
            rowKey={(snooze) => snooze.id}
            columns={[
              ...WHAT,
              { title: "Ended", cell: (snooze) => <TimeAgo time={snooze.ended_at} /> },
              { title: "Lifted", wide: true, cell: (snooze) => answerText(snooze.lifted) || "its time was over" },
            ]}
          />
        </Section>
      )}
    </>
  );
}

function Lift({ snooze }: { snooze: Snooze }) {
  const act = useAction<Snooze>(["snoozes"]);
  const say = useSay();
  return (
    <ReasonAction
      action="End snooze"
      text="End"
      small
      onConfirm={async (reason) => {
        await act.mutateAsync({ path: `/v1/snoozes/${snooze.id}/lift`, body: { reason } });
        say(`${snooze.rule} of ${snooze.workload} is heard of again.`);
      }}
    >
      <p>
        <code>{snooze.rule}</code> of <code>{snooze.workload}</code> is told again, and done about what the rule wants.
      </p>
    </ReasonAction>
  );
}
