// Text with numbered lines.

export function Lines({ label, text }: { label: string; text: string }) {
  const lines = text.replace(/\n$/, "").split("\n");
  return (
    <div className="lines" role="group" aria-label={label} tabIndex={0}>
      <pre>
        {lines.map((line, index) => (
          <span key={index} className="line">
            <span className="line-number" aria-hidden="true">
              {index + 1}
            </span>
            {line}
            {"\n"}
          </span>
        ))}
      </pre>
    </div>
  );
}
