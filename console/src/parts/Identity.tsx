// Who a job is, and by what evidence that is known.
import type { Principal, Process } from "../api/types";
import { Facts, type Fact } from "./Facts";
import { plain } from "./format";

export function Identity({ principal }: { principal: Principal }) {
  const process = principal.process;
  return (
    <div className="stack-small">
      <Facts
        wide
        facts={[
          ["workload", <code key="w">{principal.workload}</code>],
          ["name", principal.name],
          ["owner", principal.owner],
          ["grade", principal.grade],
          ["run", <code key="r">{principal.run}</code>],
          ...(process ? processFacts(process) : []),
        ]}
      />
      {process?.gaps && process.gaps.length > 0 && (
        <p className="note-warm">Not known for sure: {process.gaps.join("; ")}.</p>
      )}
      <Attested attested={principal.attested} />
      <Claims claims={principal.claims} />
    </div>
  );
}

/** What its environment says of a job: nothing proves it. */
export function Claims({ claims }: { claims: unknown }) {
  return <Named title="What the job says of itself (no proof)" values={claims} />;
}

/** What the issuer of its token has signed. */
export function Attested({ attested }: { attested: unknown }) {
  return <Named title="What the issuer of its token signed" values={attested} />;
}

function Named({ title, values }: { title: string; values: unknown }) {
  if (!values || typeof values !== "object") return null;
  const facts = Object.entries(values).map(([name, value]): Fact => [name, plain(value)]);
  if (facts.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <Facts wide facts={facts} />
    </>
  );
}

const code = (value: string | null | undefined) => (value ? <code>{value}</code> : null);

export function processFacts(process: Process): Fact[] {
  return [
    ["process", process.pid === undefined ? null : `pid ${process.pid}`],
    ["user", process.user ?? process.uid],
    ["executable", code(process.executable)],
    ["its SHA-256", code(process.executable_sha256)],
    ["script", code(process.script)],
    ["script's SHA-256", code(process.script_sha256)],
    ["arguments", code(process.arguments?.join(" "))],
    ["directory", code(process.directory)],
    ["unit", process.unit],
    ["container", code(process.container)],
    ["cgroup", code(process.cgroup)],
    ["started by", code(process.ancestry?.map((one) => `${one.executable} (${one.pid})`).join(" ← "))],
  ];
}
