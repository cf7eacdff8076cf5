// A button that asks for all that a block of this workload needs.
import { useState } from "react";
import { BlockForm } from "./BlockForm";
import { Button } from "./Button";
import { ModalDialog } from "./dialogs";

export function BlockWorkload({ name }: { name: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button weight="warm" onPress={() => setOpen(true)}>
        Block workload
      </Button>
      <ModalDialog title="Block workload" isOpen={isOpen} onOpenChange={setOpen} wide>
        {(close) => <BlockForm subject={{ kind: "workload", name }} isFixed onDone={close} />}
      </ModalDialog>
    </>
  );
}
