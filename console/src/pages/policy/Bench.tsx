// A bench for policies: edit the files, cases too, and see what the gateway makes of them. Nothing is put in force.
import { useState } from "react";
import { useAction } from "../../api/actions";
import type { PolicyChecked, PolicyFile } from "../../api/types";
import { Button } from "../../parts/Button";
import { Choice, TextInput } from "../../parts/fields";
import { Problem } from "../../parts/states";
import { Checked } from "./Checked";
import { Editor } from "./Editor";

export function Bench({ files: inForce }: { files: readonly PolicyFile[] }) {
  const [files, setFiles] = useState<readonly PolicyFile[]>(inForce);
  const [name, setName] = useState(inForce[0]?.name ?? "");
  const [added, setAdded] = useState("");
  const check = useAction<PolicyChecked>();
  const file = files.find((one) => one.name === name);
  const isChanged = (one: PolicyFile) => inForce.find((was) => was.name === one.name)?.text !== one.text;

  const edit = (text: string) => setFiles(files.map((one) => (one.name === name ? { ...one, text } : one)));
  const add = () => {
    const wanted = added.trim();
    if (!wanted) return;
    if (!files.some((one) => one.name === wanted)) setFiles([...files, { name: wanted, text: "" }]);
    setName(wanted);
    setAdded("");
  };
  const remove = () => {
    const left = files.filter((one) => one.name !== name);
    setFiles(left);
    setName(left[0]?.name ?? "");
  };
  const back = () => {
    setFiles(inForce);
    setName(inForce[0]?.name ?? "");
    check.reset();
  };

  return (
    <div className="stack">
      <p className="quiet">
        Change a copy of the files and have it checked, cases too. It changes nothing: what is in force comes from the files on the
        gateway's host.
      </p>
      <div className="field-row field-row-end">
        <Choice
          label="File"
          value={name}
          onChange={setName}
          choices={files.map((one) => [one.name, isChanged(one) ? `${one.name} (changed)` : one.name] as const)}
        />
        <Button onPress={remove} isDisabled={!file}>
          Remove file
        </Button>
        <TextInput label="Another file" value={added} onChange={setAdded} placeholder="cases/mine-sql.toml" />
        <Button onPress={add} isDisabled={added.trim() === ""}>
          Add file
        </Button>
      </div>
      {file && <Editor label={`Text of ${file.name}`} value={file.text} onChange={edit} />}
      <div className="actions">
        <Button
          weight="main"
          isDisabled={check.isPending}
          onPress={() => check.mutate({ path: "/v1/policy/check", body: { files } })}
        >
          {check.isPending ? "Checking …" : "Check"}
        </Button>
        <Button onPress={back}>Back to what is in force</Button>
      </div>
      {check.isError && <Problem error={check.error} />}
      <div role="status">{check.data && <Checked checked={check.data} />}</div>
    </div>
  );
}
