// Tokens for machines: who has which, and since when it was used.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useAction } from "../../api/actions";
import { tokensQuery } from "../../api/queries";
import type { Token } from "../../api/types";
import { roleText } from "../../frame/MeMenu";
import { Button } from "../../parts/Button";
import { ModalDialog, ReasonAction } from "../../parts/dialogs";
import { Page, Section } from "../../parts/Page";
import { Empty, Loaded } from "../../parts/states";
import { Table, type TableColumn } from "../../parts/Table";
import { Clock, TimeAgo } from "../../parts/time";
import { useSay } from "../../parts/toasts";
import { answerText } from "../../parts/Votes";
import { TokenForm } from "./TokenForm";

export function Tokens() {
  const tokens = useQuery(tokensQuery);
  const [isOpen, setOpen] = useState(false);
  return (
    <Page
      title="Tokens"
      lead="Machines come in with tokens. A token may never more than who made it."
      actions={
        <Button weight="main" onPress={() => setOpen(true)}>
          Make a token
        </Button>
      }
    >
      <Loaded from={tokens} what="tokens">
        {(data) => <Lists tokens={data} />}
      </Loaded>
      <ModalDialog title="Make a token" isOpen={isOpen} onOpenChange={setOpen} alert wide>
        {(close) => <TokenForm onDone={close} />}
      </ModalDialog>
    </Page>
  );
}

const WHO: readonly TableColumn<Token>[] = [
  { title: "Name", cell: (token) => <b>{token.name}</b> },
  { title: "Id", cell: (token) => <code>{token.id}</code> },
  { title: "Person", cell: (token) => token.person ?? "none" },
  { title: "Roles", wide: true, cell: (token) => token.roles.map(roleText).join("; ") || "as its person" },
  { title: "Used", cell: (token) => <TimeAgo time={token.seen_at} /> },
];

function Lists({ tokens }: { tokens: readonly Token[] }) {
  const good = tokens.filter((token) => token.ended_at === null);
  const past = tokens.filter((token) => token.ended_at !== null);
  return (
    <>
      <Section title="Good">
        {good.length === 0 ? (
          <Empty>There is no token.</Empty>
        ) : (
          <Table
            label="Good tokens"
            rows={good}
            rowKey={(token) => token.id}
            columns={[
              ...WHO,
              { title: "Until", cell: (token) => <Clock time={token.until} withDate /> },
              { title: "Do", cell: (token) => <Revoke token={token} /> },
            ]}
          />
        )}
      </Section>
      <Section title="Before">
        {past.length === 0 ? (
          <Empty>None yet.</Empty>
        ) : (
          <Table
            label="Past tokens"
            rows={past}
            rowKey={(token) => token.id}
            columns={[
              ...WHO,
              { title: "Ended", cell: (token) => <TimeAgo time={token.ended_at} /> },
              { title: "Revoked", wide: true, cell: (token) => answerText(token.revoked) || "its time was over" },
            ]}
          />
        )}
      </Section>
    </>
  );
}

function Revoke({ token }: { token: Token }) {
  const act = useAction<Token>(["tokens"]);
  const say = useSay();
  return (
    <ReasonAction
      action="Revoke token"
      text="Revoke"
      weight="warm"
      small
      onConfirm={async (reason) => {
        await act.mutateAsync({ path: `/v1/tokens/${token.id}/revoke`, body: { reason } });
        say(`Token ${token.name} is revoked.`);
      }}
    >
      <p>
        Whoever uses <b>{token.name}</b> is turned away from now on.
      </p>
    </ReasonAction>
  );
}
