/** What one draws with, and how one takes it back. */
import { useState } from "preact/hooks";
import { Dialog } from "../../shared/dialog.js";
import { useMedia } from "../../shared/hooks.js";
import { Icon } from "../../shared/icon.js";
import type { Canvas } from "../model/canvas.js";
import { lineWidths } from "../server/board.js";
import { colourNames, darkPalette, lightPalette, widthNames } from "./palette.js";

export function Tools({ canvas }: { canvas: Canvas }) {
  const [isAsking, setAsking] = useState(false);
  const { board, style, name } = canvas;
  const palette = useMedia("(prefers-color-scheme: dark)") ? darkPalette : lightPalette;
  return (
    <div class="tools">
      <fieldset class="choices">
        <legend class="unseen">Colour</legend>
        {colourNames.map((label, colour) => (
          <label key={label} class="choice" title={label}>
            <input
              type="radio"
              name="colour"
              class="unseen"
              checked={style.colour === colour}
              onChange={() => canvas.choose({ colour })}
            />
            <span class="swatch" style={{ background: palette.colours[colour] }} />
            <span class="unseen">{label}</span>
          </label>
        ))}
      </fieldset>
      <fieldset class="choices">
        <legend class="unseen">Width</legend>
        {widthNames.map((label, width) => (
          <label key={label} class="choice" title={label}>
            <input
              type="radio"
              name="width"
              class="unseen"
              checked={style.width === width}
              onChange={() => canvas.choose({ width })}
            />
            <span class="dot">
              <span style={{ width: `${4 + (lineWidths[width] ?? 0) / 5}px` }} />
            </span>
            <span class="unseen">{label}</span>
          </label>
        ))}
      </fieldset>
      <div class="tool-buttons">
        <button
          type="button"
          class="button small"
          disabled={!board.canUndo}
          title="Undo your last stroke (Ctrl+Z)"
          onClick={() => board.undo()}
        >
          Undo
        </button>
        <button
          type="button"
          class="button small"
          disabled={!board.isLive}
          title={
            board.isLive ? "Clear this board for everybody" : "Needs a connection: others may be drawing"
          }
          onClick={() => canvas.mayDraw() && setAsking(true)}
        >
          <Icon name="trash" />
          Clear
        </button>
      </div>
      {isAsking && (
        <Dialog title={`Clear ${name} for everybody?`} onClose={() => setAsking(false)}>
          <p class="dialog-text">
            Everything on this board is deleted and cannot be restored. Others will see that it was you.
          </p>
          <div class="dialog-buttons">
            <button type="button" class="button" onClick={() => setAsking(false)}>
              Keep it
            </button>
            <button
              type="button"
              class="button primary"
              onClick={() => {
                board.clear();
                setAsking(false);
              }}
            >
              Clear the board
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}
