// A recorded statement as text.

/** It is text, or bytes that are no text. */
export function statementText(text: unknown): string {
  if (typeof text === "string") return text;
  if (text && typeof text === "object" && "base64" in text) return `(bytes that are no text) ${String(text.base64)}`;
  return "";
}
