// Lists the keys of the inbox.
import { Button } from "../../parts/Button";
import { ModalDialog } from "../../parts/dialogs";
import { KEYS } from "./useHoldKeys";

export function KeysHelp({ isOpen, onOpenChange }: { isOpen: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <ModalDialog title="Keys" isOpen={isOpen} onOpenChange={onOpenChange}>
      {(close) => (
        <>
          <dl className="keys">
            {KEYS.map(([key, what]) => (
              <div key={key}>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
          <div className="actions actions-end">
            <Button onPress={close}>Close</Button>
          </div>
        </>
      )}
    </ModalDialog>
  );
}
