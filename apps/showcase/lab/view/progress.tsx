/** How far a run is. */
import { transportWords } from "@holdfast/lab/report";
import type { LabState } from "../model/lab.js";

export function Progress({ state }: { state: LabState }) {
  if (state.state === "idle") return null;
  const { share, text } = read(state);
  return (
    <div class="panel lab-progress">
      <p role="status">{text}</p>
      <progress value={share} max={1} aria-label="Progress" />
    </div>
  );
}

function read(state: Exclude<LabState, { state: "idle" }>): { share: number | undefined; text: string } {
  switch (state.state) {
    case "opening":
      return {
        share: undefined,
        text: state.kind === "browser" ? "Starting a server for each transport …" : "Starting …",
      };
    case "reading":
      return {
        share: state.share,
        text: state.share < 1 ? `Reading: ${state.published} published` : "Waiting for what is under way …",
      };
    case "measuring": {
      const { index, count, sample } = state;
      const share = (index + (sample?.progress ?? 0)) / count;
      if (!sample) return { share, text: "Starting …" };
      const { title } = transportWords[sample.transport];
      return { share, text: `${title}, ${index + 1} of ${count}: ${sample.phase}, ${sample.opened} users` };
    }
  }
}
