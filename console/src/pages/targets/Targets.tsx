// The databases behind weir: where they are, how they are guarded, whether their catalog is read.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { targetsQuery } from "../../api/queries";
import type { Target } from "../../api/types";
import { Facts } from "../../parts/Facts";
import { count } from "../../parts/format";
import { Page } from "../../parts/Page";
import { Pill } from "../../parts/Pill";
import { Empty, Loaded } from "../../parts/states";

export function Targets() {
  const targets = useQuery(targetsQuery);
  return (
    <Page title="Targets" lead="What jobs connect to through weir.">
      <Loaded from={targets} what="targets">
        {(data) =>
          data.length === 0 ? (
            <Empty>No target is configured, or you have no role for any.</Empty>
          ) : (
            <div className="cards">
              {data.map((target) => (
                <TargetCard key={target.name} target={target} />
              ))}
            </div>
          )
        }
      </Loaded>
    </Page>
  );
}

function TargetCard({ target }: { target: Target }) {
  return (
    <section className="card" aria-label={target.name}>
      <div className="card-line">
        <h2>{target.name}</h2>
        {target.environment && <Pill tone="plain">{target.environment}</Pill>}
      </div>
      <Facts
        facts={[
          ["protocol", target.protocol],
          ["addresses", <code key="a">{target.addresses.join(", ")}</code>],
          ["mode", target.mode],
          ["TLS", target.tls],
          ["credential", target.credential ? `weir's own (${target.credential})` : "the job's own passes through"],
          ["masking", target.masked ? "on" : "off"],
          ["catalog", target.catalog ? "read by weir" : "not read"],
          ["sessions at most", target.max_connections === null ? null : count(target.max_connections)],
          ["statements at once", target.max_concurrent === null ? null : count(target.max_concurrent)],
          [
            "live",
            <Link key="l" to="/sessions" search={{ text: target.name }}>
              {count(target.live)} {target.live === 1 ? "session" : "sessions"}
            </Link>,
          ],
        ]}
      />
      <p>
        <Link to="/records" search={{ target: target.name }}>
          Records
        </Link>
      </p>
    </section>
  );
}
