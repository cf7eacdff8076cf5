// Whom the gateway tells, and whether that gets through.
import { useQuery } from "@tanstack/react-query";
import { useAction } from "../../api/actions";
import { notifiersQuery } from "../../api/queries";
import type { Notifier } from "../../api/types";
import { Button } from "../../parts/Button";
import { count } from "../../parts/format";
import { Section } from "../../parts/Page";
import { StatePill } from "../../parts/Pill";
import { Empty, Loaded, problemText } from "../../parts/states";
import { Table } from "../../parts/Table";
import { TimeAgo } from "../../parts/time";
import { useSay } from "../../parts/toasts";

export function Notifiers() {
  const notifiers = useQuery(notifiersQuery);
  return (
    <Section title="Notifiers">
      <Loaded from={notifiers} what="notifiers">
        {(data) =>
          data.length === 0 ? (
            <Empty>Nobody is told anything: there is no notifier in the configuration.</Empty>
          ) : (
            <Table
              label="Notifiers"
              rows={data}
              rowKey={(one) => one.name}
              warm={(one) => one.error !== null}
              columns={[
                { title: "Name", cell: (one) => <b>{one.name}</b> },
                { title: "Kind", cell: (one) => one.kind },
                { title: "To", wide: true, cell: (one) => one.to },
                { title: "State", cell: (one) => <StatePill state={one.state} /> },
                { title: "Delivered", end: true, cell: (one) => count(one.delivered) },
                { title: "Waiting", end: true, cell: (one) => count(one.waiting) },
                { title: "Failed", end: true, cell: (one) => count(one.failed) },
                { title: "Last", wide: true, cell: (one) => <Last notifier={one} /> },
                { title: "Do", cell: (one) => <Test name={one.name} /> },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  );
}

function Last({ notifier }: { notifier: Notifier }) {
  if (notifier.error) {
    return (
      <span>
        {notifier.error} <span className="quiet">(<TimeAgo time={notifier.error_at} />, {count(notifier.attempts)} tries)</span>
      </span>
    );
  }
  return <TimeAgo time={notifier.delivered_at} />;
}

function Test({ name }: { name: string }) {
  const act = useAction<unknown>(["notifiers"]);
  const say = useSay();
  return (
    <Button
      small
      aria-label={`Test ${name}`}
      isDisabled={act.isPending}
      onPress={() =>
        act.mutate(
          { path: `/v1/notifiers/${encodeURIComponent(name)}/test`, body: {} },
          { onSuccess: () => say(`${name} was told something.`), onError: (error) => say(`${name}: ${problemText(error)}`, "warm") },
        )
      }
    >
      Test
    </Button>
  );
}
