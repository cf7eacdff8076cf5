// What decides: the policies in force, their files, former versions, and a bench to try changes on.
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useAction } from "../../api/actions";
import { policyQuery } from "../../api/queries";
import { useMay } from "../../api/roles";
import { Button } from "../../parts/Button";
import { plural } from "../../parts/format";
import { Page } from "../../parts/Page";
import { Loaded, Problem } from "../../parts/states";
import { TimeAgo } from "../../parts/time";
import { useSay } from "../../parts/toasts";
import { Bench } from "./Bench";
import { Files } from "./Files";
import { PolicyList } from "./PolicyList";
import { Versions } from "./Versions";

const TABS = [
  ["policies", "Policies"],
  ["files", "Files"],
  ["versions", "Versions"],
  ["bench", "Test bench"],
] as const;

export function Policy() {
  const policy = useQuery(policyQuery);
  const { tab = "policies" } = useSearch({ from: "/policy" });
  return (
    <Page
      title="Policy"
      lead={
        policy.data && (
          <>
            {plural(policy.data.policies.length, "policy", "policies")} from <code>{policy.data.dir}</code>, {policy.data.mode} mode, in
            force since <TimeAgo time={policy.data.since} />, set <code title={policy.data.hash}>{policy.data.hash.slice(0, 12)}</code>
          </>
        )
      }
      actions={<Reload />}
    >
      <Loaded from={policy} what="policies">
        {(data) => (
          <>
            <nav className="tab-list" aria-label="Policy">
              {TABS.map(([key, name]) => (
                <Link key={key} to="/policy" search={{ tab: key }} replace className="tab" aria-current={tab === key ? "page" : "false"}>
                  {name}
                </Link>
              ))}
            </nav>
            {tab === "files" && <Files files={data.files} />}
            {tab === "versions" && <Versions current={data.hash} />}
            {tab === "policies" && <PolicyList policies={data.policies} />}
            {/* It keeps what was edited while one looks elsewhere. */}
            <div hidden={tab !== "bench"}>
              <Bench files={data.files} />
            </div>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Reload() {
  const act = useAction<{ policy: string }>(["policy", "policy-versions", "health"]);
  const say = useSay();
  if (!useMay("admin")) return null;
  return (
    <div className="stack-small">
      <Button
        isDisabled={act.isPending}
        onPress={() =>
          act.mutate(
            { path: "/v1/policy/reload", body: {} },
            { onSuccess: ({ policy }) => say(`The set ${policy.slice(0, 12)} is in force.`) },
          )
        }
      >
        Reload from files
      </Button>
      {act.isError && <Problem error={act.error} />}
    </div>
  );
}
