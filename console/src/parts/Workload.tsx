// A workload's name, short where it is long, with a way to its page.
import { Link } from "@tanstack/react-router";
import { shortWorkload } from "./format";

export function WorkloadLink({ workload, name }: { workload: string; name?: string | null | undefined }) {
  return (
    <Link to="/workloads/$name" params={{ name: workload }} title={workload}>
      {name ?? shortWorkload(workload)}
    </Link>
  );
}

export function SessionLink({ session, label }: { session: string; label?: string }) {
  return (
    <Link to="/sessions/$id" params={{ id: session }} className="mono">
      {label ?? session}
    </Link>
  );
}
