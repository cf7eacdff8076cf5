// Opens an incident: holds the target's records, and puts together what is known. Or only looks.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Form } from "react-aria-components/Form";
import { useAction } from "../../api/actions";
import { incidentQuery, targetsQuery } from "../../api/queries";
import type { Incident } from "../../api/types";
import { Button } from "../../parts/Button";
import { Choice, SPANS, TextBox, TimeInput } from "../../parts/fields";
import { Problem } from "../../parts/states";
import { useSay } from "../../parts/toasts";

const OWN = "own";
const SINCE = [...SPANS.map(([seconds, text]) => [seconds, `${text} ago`] as const), [OWN, "a time of your own"] as const];

export function IncidentForm({ onDone }: { onDone: () => void }) {
  const { data: targets } = useQuery(targetsQuery);
  const [wish, setWish] = useState({ target: "", span: "7200", since: "", until: "", reason: "" });
  const set = (part: keyof typeof wish) => (value: string) => setWish({ ...wish, [part]: value });
  const act = useAction<Incident>(["legal-holds"]);
  const cache = useQueryClient();
  const navigate = useNavigate();
  const say = useSay();
  const target = wish.target || targets?.[0]?.name || "";
  const reason = wish.reason.trim();
  const hasTime = wish.span !== OWN || wish.since !== "";
  const asked = () => ({
    target,
    since: wish.span === OWN ? wish.since : new Date(Date.now() - Number(wish.span) * 1000).toISOString(),
    ...(wish.until ? { until: wish.until } : {}),
  });
  const show = (search: { target: string; since: string; until?: string }) => {
    onDone();
    void navigate({ to: "/incidents/report", search });
  };
  const open = () =>
    act.mutate(
      { path: "/v1/incidents", body: { ...asked(), reason } },
      {
        onSuccess: (incident) => {
          const { target, since, until } = incident;
          cache.setQueryData(incidentQuery({ target, since, until }).queryKey, incident);
          say(`The records of ${target} are held${incident.hold ? ` by ${incident.hold.id}` : ""}.`);
          show({ target, since, until });
        },
      },
    );
  return (
    <Form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (reason && hasTime && target && !act.isPending) open();
      }}
    >
      <div className="field-row">
        <Choice label="Target" value={target} onChange={set("target")} choices={(targets ?? []).map(({ name }) => [name, name] as const)} />
        <Choice label="Sessions that went on since" value={wish.span} onChange={set("span")} choices={SINCE} />
      </div>
      <div className="field-row">
        {wish.span === OWN && <TimeInput label="Since" value={wish.since} onChange={set("since")} />}
        <TimeInput label="Begun until" value={wish.until} onChange={set("until")} hint="Until now, and the hold has no end, where it is empty." />
      </div>
      <TextBox label="Reason" isRequired value={wish.reason} onChange={set("reason")} maxLength={1000} hint="It is the reason of the legal hold, with your name." />
      {act.isError && <Problem error={act.error} />}
      <div className="actions actions-end">
        <Button onPress={onDone}>Cancel</Button>
        <Button isDisabled={!hasTime || !target} onPress={() => show(asked())}>
          Only look
        </Button>
        <Button type="submit" weight="main" isDisabled={!reason || !hasTime || !target || act.isPending}>
          Open, and hold the records
        </Button>
      </div>
    </Form>
  );
}
