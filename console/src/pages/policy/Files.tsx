// The files of the set in force, as they were read.
import { useState } from "react";
import type { PolicyFile } from "../../api/types";
import { Choice } from "../../parts/fields";
import { Lines } from "../../parts/Lines";
import { Empty } from "../../parts/states";

export function Files({ files }: { files: readonly PolicyFile[] }) {
  const [name, setName] = useState(files[0]?.name ?? "");
  const file = files.find((one) => one.name === name) ?? files[0];
  if (!file) return <Empty>There are no files.</Empty>;
  return (
    <div className="stack">
      <Choice label="File" value={file.name} onChange={setName} choices={files.map((one) => [one.name, one.name] as const)} />
      <Lines label={file.name} text={file.text} />
    </div>
  );
}
