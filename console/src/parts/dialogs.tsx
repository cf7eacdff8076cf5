// Dialogs: a plain one, and one that asks for a reason before something is done.
import { type ReactNode, useState } from "react";
import { Dialog, DialogTrigger } from "react-aria-components/Dialog";
import { Form } from "react-aria-components/Form";
import { Heading } from "react-aria-components/Heading";
import { Modal, ModalOverlay } from "react-aria-components/Modal";
import { Button, type Weight } from "./Button";
import { TextBox } from "./fields";
import { Problem } from "./states";

interface ModalDialogProps {
  title: string;
  isOpen: boolean;
  onOpenChange: (open: boolean) => void;
  children: (close: () => void) => ReactNode;
  alert?: boolean;
  wide?: boolean;
  /** Hangs below the top line, at its end, as a menu does. */
  corner?: boolean;
}

export function ModalDialog({ title, isOpen, onOpenChange, children, alert = false, wide = false, corner = false }: ModalDialogProps) {
  return (
    <ModalOverlay className={corner ? "overlay overlay-corner" : "overlay"} isOpen={isOpen} onOpenChange={onOpenChange} isDismissable={!alert}>
      <Modal className={wide ? "modal modal-wide" : "modal"}>
        <Dialog className="dialog" role={alert ? "alertdialog" : "dialog"}>
          {({ close }) => (
            <>
              <Heading slot="title" level={2}>
                {title}
              </Heading>
              {children(close)}
            </>
          )}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

interface ReasonFormProps {
  /** The name of the confirming button: the action itself. */
  action: string;
  weight?: Weight;
  /** Fulfils when it is done; its rejection is shown in the form, which stays open. */
  onConfirm: (reason: string) => Promise<unknown>;
  onDone: () => void;
  /** What the field is called, where it is no reason. */
  label?: string;
  children?: ReactNode;
}

/** A reason and a button. Nothing is done without a reason. */
export function ReasonForm({ action, weight = "main", onConfirm, onDone, label = "Reason", children }: ReasonFormProps) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const confirm = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await onConfirm(reason.trim());
      onDone();
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  return (
    <Form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (reason.trim() && !busy) void confirm();
      }}
    >
      {children}
      <TextBox
        label={label}
        isRequired
        autoFocus
        value={reason}
        onChange={setReason}
        maxLength={1000}
        hint="It is on the record, with your name."
      />
      {problem !== null && <Problem error={problem} />}
      <div className="actions actions-end">
        <Button onPress={onDone}>Cancel</Button>
        <Button type="submit" weight={weight} isDisabled={busy || reason.trim() === ""}>
          {action}
        </Button>
      </div>
    </Form>
  );
}

interface ReasonActionProps extends Omit<ReasonFormProps, "onDone"> {
  small?: boolean;
  isDisabled?: boolean;
  /** What the opening button shows, where that is shorter than the action. */
  text?: string;
}

/** A button that opens a dialog, which asks why and then does it. */
export function ReasonAction({ small = false, isDisabled = false, text, ...form }: ReasonActionProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <DialogTrigger isOpen={isOpen} onOpenChange={setOpen}>
      <Button weight={form.weight === "warm" ? "warm" : "plain"} small={small} isDisabled={isDisabled} aria-label={form.action}>
        {text ?? form.action}
      </Button>
      <ModalDialog title={form.action} isOpen={isOpen} onOpenChange={setOpen} alert>
        {(close) => <ReasonForm {...form} onDone={close} />}
      </ModalDialog>
    </DialogTrigger>
  );
}

interface ConfirmActionProps {
  /** What the opening button shows. */
  text: string;
  title: string;
  /** The name of the confirming button. */
  confirm: string;
  /** Fulfils when it is done; its rejection is shown, and the dialog stays open. */
  onConfirm: () => Promise<unknown>;
  children: ReactNode;
}

/** A button that opens a dialog, which says what would be done, and does it. */
export function ConfirmAction({ text, title, confirm, onConfirm, children }: ConfirmActionProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button onPress={() => setOpen(true)}>{text}</Button>
      <ModalDialog title={title} isOpen={isOpen} onOpenChange={setOpen} alert>
        {(close) => (
          <Confirm confirm={confirm} onConfirm={onConfirm} onDone={close}>
            {children}
          </Confirm>
        )}
      </ModalDialog>
    </>
  );
}

function Confirm({ confirm, onConfirm, onDone, children }: Pick<ConfirmActionProps, "confirm" | "onConfirm" | "children"> & { onDone: () => void }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const act = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await onConfirm();
      onDone();
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  return (
    <div className="stack">
      {children}
      {problem !== null && <Problem error={problem} />}
      <div className="actions actions-end">
        <Button onPress={onDone}>Cancel</Button>
        <Button weight="main" isDisabled={busy} onPress={() => void act()}>
          {confirm}
        </Button>
      </div>
    </div>
  );
}
