// A plain text area with line numbers beside it.
import { useRef } from "react";

export function Editor({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const numbers = useRef<HTMLPreElement>(null);
  const lines = value.split("\n").length;
  return (
    <div className="editor">
      <pre ref={numbers} className="editor-numbers" aria-hidden="true">
        {Array.from({ length: lines }, (_, index) => index + 1).join("\n")}
      </pre>
      <textarea
        className="editor-text"
        aria-label={label}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onScroll={({ currentTarget }) => {
          if (numbers.current) numbers.current.scrollTop = currentTarget.scrollTop;
        }}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        wrap="off"
        rows={22}
      />
    </div>
  );
}
