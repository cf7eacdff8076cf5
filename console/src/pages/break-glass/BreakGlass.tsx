// Emergencies in which policies refused nothing: what is open, and what still owes a review.
import { useQuery } from "@tanstack/react-query";
import { useAction } from "../../api/actions";
import { glassQuery } from "../../api/queries";
import { useMay } from "../../api/roles";
import type { BrokenGlass } from "../../api/types";
import { Button } from "../../parts/Button";
import { ReasonAction } from "../../parts/dialogs";
import { Facts } from "../../parts/Facts";
import { plain } from "../../parts/format";
import { Page, Section } from "../../parts/Page";
import { Pill } from "../../parts/Pill";
import { Empty, Loaded, Problem } from "../../parts/states";
import { Clock, Countdown } from "../../parts/time";
import { useSay } from "../../parts/toasts";

export function BreakGlass() {
  const glass = useQuery(glassQuery);
  return (
    <Page
      title="Break-glass"
      lead="For a while policies refuse nothing at a target. It is begun on the gateway's own host alone; here it is ended and reviewed."
    >
      <Loaded from={glass} what="broken glass">
        {(data) => <Lists all={data} />}
      </Loaded>
    </Page>
  );
}

function Lists({ all }: { all: readonly BrokenGlass[] }) {
  const open = all.filter((one) => one.ended_at === null);
  const owed = all.filter((one) => one.ended_at !== null && one.review === null);
  const reviewed = all.filter((one) => one.ended_at !== null && one.review !== null);
  return (
    <>
      <Section title="Open">
        {open.length === 0 && <Empty>No glass is broken.</Empty>}
        {open.map((one) => (
          <Broken key={one.id} broken={one} />
        ))}
      </Section>
      <Section title="Review owed">
        {owed.length === 0 && <Empty>No review is owed.</Empty>}
        {owed.map((one) => (
          <Broken key={one.id} broken={one} />
        ))}
      </Section>
      <Section title="Reviewed">
        {reviewed.length === 0 && <Empty>None yet.</Empty>}
        {reviewed.map((one) => (
          <Broken key={one.id} broken={one} />
        ))}
      </Section>
    </>
  );
}

function Broken({ broken }: { broken: BrokenGlass }) {
  const isOpen = broken.ended_at === null;
  return (
    <article className={isOpen || !broken.review ? "card card-warm" : "card"} aria-label={`Broken glass ${broken.id}`}>
      <p>
        <Pill tone={isOpen ? "warm" : "plain"}>{isOpen ? "open" : broken.review ? "reviewed" : "review owed"}</Pill>{" "}
        <b>{broken.target}</b>: {broken.reason} {isOpen && <Countdown until={broken.until} />}
      </p>
      <Facts
        facts={[
          ["by", broken.by],
          ["with", broken.with && plain(broken.with)],
          ["for", broken.lift ? plain(broken.lift) : null],
          ["since", <Clock key="s" time={broken.since} withDate />],
          ["ended", broken.ended_at && <Clock time={broken.ended_at} withDate />],
          ["review", broken.review && reviewText(broken.review)],
        ]}
      />
      <div className="actions">
        {isOpen && <End id={broken.id} />}
        {!isOpen && !broken.review && <Review id={broken.id} />}
      </div>
    </article>
  );
}

function End({ id }: { id: string }) {
  const act = useAction<BrokenGlass>(["break-glass"]);
  const say = useSay();
  return (
    <>
      <Button
        isDisabled={act.isPending}
        onPress={() =>
          act.mutate({ path: `/v1/break-glass/${id}/end`, body: {} }, { onSuccess: () => say("It is ended. Policies count again.") })
        }
      >
        End now
      </Button>
      {act.isError && <Problem error={act.error} />}
    </>
  );
}

function Review({ id }: { id: string }) {
  const act = useAction<BrokenGlass>(["break-glass"]);
  const say = useSay();
  const mayReview = useMay("auditor");
  if (!mayReview) return <p className="quiet">A review needs the role auditor, which you don't have.</p>;
  return (
    <ReasonAction
      action="Write review"
      label="Finding"
      onConfirm={async (finding) => {
        await act.mutateAsync({ path: `/v1/break-glass/${id}/review`, body: { finding } });
        say("The review is on the record.");
      }}
    >
      <p>What was done while policies refused nothing, and was it right? Records of that time have the mode break-glass.</p>
    </ReasonAction>
  );
}

function reviewText(review: NonNullable<BrokenGlass["review"]>): string {
  if (typeof review === "string") return review;
  return `${review.finding ?? ""}${review.by ? ` (${review.by})` : ""}`;
}
