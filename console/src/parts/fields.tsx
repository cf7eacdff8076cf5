// Fields of forms: a label, the field, a hint, and what is wrong with it.
import { type ReactNode, useId } from "react";
import { FieldError } from "react-aria-components/FieldError";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { Text } from "react-aria-components/Text";
import { TextArea } from "react-aria-components/TextArea";
import { TextField, type TextFieldProps } from "react-aria-components/TextField";

interface Described {
  label: string;
  hint?: ReactNode;
}

/** What stands below a field: what helps to fill it in, and what is wrong with what is in it. */
function Below({ hint }: Pick<Described, "hint">) {
  return (
    <>
      {hint && (
        <Text slot="description" className="hint">
          {hint}
        </Text>
      )}
      <FieldError className="field-error" />
    </>
  );
}

export function TextInput({ label, hint, placeholder, ...props }: TextFieldProps & Described & { placeholder?: string }) {
  return (
    <TextField {...props} className="field">
      <Label className="field-label">{label}</Label>
      <Input className="input" placeholder={placeholder ?? ""} />
      <Below hint={hint} />
    </TextField>
  );
}

export function TextBox({ label, hint, rows = 3, ...props }: TextFieldProps & Described & { rows?: number }) {
  return (
    <TextField {...props} className="field">
      <Label className="field-label">{label}</Label>
      <TextArea className="input" rows={rows} />
      <Below hint={hint} />
    </TextField>
  );
}

interface ChoiceProps<V extends string> extends Described {
  value: V;
  onChange: (value: V) => void;
  choices: readonly (readonly [value: V, text: string])[];
}

/** The browser's own select: it works everywhere, also with one thumb. */
export function Choice<V extends string>({ label, hint, value, onChange, choices }: ChoiceProps<V>) {
  const id = useId();
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      <select id={id} className="input select" value={value} onChange={(event) => onChange(event.target.value as V)}>
        {choices.map(([choice, text]) => (
          <option key={choice} value={choice}>
            {text}
          </option>
        ))}
      </select>
      {hint && <span className="hint">{hint}</span>}
    </div>
  );
}

/** A moment, in the time of whoever looks; RFC 3339 outside of the field, empty where there is none. */
export function TimeInput({ label, hint, value, onChange }: Described & { value: string; onChange: (value: string) => void }) {
  const change = (text: string) => onChange(text && !Number.isNaN(Date.parse(text)) ? new Date(text).toISOString() : "");
  return <TextInput label={label} hint={hint} type="datetime-local" defaultValue={localTime(value)} onChange={change} />;
}

/** What the browser's own field of a time has: no zone, and minutes. */
function localTime(value: string): string {
  const at = new Date(value);
  if (value === "" || Number.isNaN(at.valueOf())) return "";
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

const two = (part: number) => String(part).padStart(2, "0");

/** Many words in one field, separated by spaces or commas. */
export function words(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}

/** Times for which one gives or blocks something. */
export const SPANS = [
  ["900", "15 minutes"],
  ["3600", "1 hour"],
  ["7200", "2 hours"],
  ["28800", "8 hours"],
  ["86400", "1 day"],
  ["604800", "7 days"],
  ["2592000", "30 days"],
  ["7776000", "90 days"],
] as const;
