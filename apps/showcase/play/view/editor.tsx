/** A text area over its own coloured copy, with numbered lines: the browser's editing, undo and accessibility, in two kilobytes. */
import { useEffect, useRef } from "preact/hooks";
import { highlight } from "../model/highlight.js";

export interface EditorProps {
  code: string;
  /** Lines with an error, from 1. */
  marked: ReadonlySet<number>;
  onEdit: (code: string) => void;
  onRun: () => void;
}

export function Editor({ code, marked, onEdit, onRun }: EditorProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  const lines = code.split("\n").length;
  useEffect(() => {
    // A sample that was chosen is shown from its start.
    if (field.current && document.activeElement !== field.current) field.current.scrollTop = 0;
  }, [code]);
  return (
    <div class="editor">
      <div class="editor-scroll">
        <div class="editor-lines" aria-hidden="true">
          {Array.from({ length: lines }, (_, index) => (
            <span key={index} class={marked.has(index + 1) ? "marked" : ""}>
              {index + 1}
            </span>
          ))}
        </div>
        <div class="editor-text">
          <pre aria-hidden="true">
            {highlight(code).map(({ kind, text }, index) => (
              <span key={index} class={kind}>
                {text}
              </span>
            ))}
            {"\n"}
          </pre>
          <textarea
            ref={field}
            value={code}
            aria-label="Code that both clients run"
            aria-describedby="editor-keys"
            spellcheck={false}
            autocomplete="off"
            autocapitalize="off"
            wrap="off"
            onInput={(event) => onEdit(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
              event.preventDefault();
              onRun();
            }}
          />
        </div>
      </div>
    </div>
  );
}
