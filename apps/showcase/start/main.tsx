/** Begins the story on the first page: the scenes are in the document, and what can be tried comes into their stages. */
import { type ComponentType, render } from "preact";
import { useChanges } from "../shared/hooks.js";
import { followEvents } from "./model/follow-events.js";
import { createTraceId, Place, readChannel } from "./model/place.js";
import { Story } from "./model/story.js";
import { Tap } from "./model/tap.js";
import type { TraceEvent } from "./trace-types.js";
import { CloseStage } from "./view/close-stage.js";
import { CostStage } from "./view/cost-stage.js";
import { CrowdStage } from "./view/crowd-stage.js";
import { CutStage } from "./view/cut-stage.js";
import { FramesStage } from "./view/frames-stage.js";
import { HandshakeStage } from "./view/handshake-stage.js";
import { Ledger } from "./view/ledger.js";
import { OnceStage } from "./view/once-stage.js";
import { LongPollStage, PollStage } from "./view/poll-stages.js";
import { followScenes } from "./view/rail.js";

export interface StageProps {
  story: Story;
}

const stages: Readonly<Record<string, ComponentType<StageProps>>> = {
  ledger: Ledger,
  poll: PollStage,
  long: LongPollStage,
  handshake: HandshakeStage,
  frames: FramesStage,
  crowd: CrowdStage,
  cut: CutStage,
  close: CloseStage,
  cost: CostStage,
  once: OnceStage,
};

const place = new Place(new URL(location.href), createTraceId(crypto.getRandomValues(new Uint8Array(16))));
const tap = new Tap();
const story = new Story({ place, tap, now: () => performance.now(), random: Math.random });
watch();
for (const host of document.querySelectorAll<HTMLElement>("[data-stage]")) {
  const Stage = stages[host.dataset.stage ?? ""];
  if (Stage) render(<Follow story={story} stage={Stage} />, host);
}
followScenes();
carryName();

function Follow({ story: model, stage: Stage }: StageProps & { stage: ComponentType<StageProps> }) {
  useChanges(model);
  return <Stage story={model} />;
}

/** The server's figures, over a connection beside the one they are about: all of them, from the first. */
function watch(): void {
  followEvents({
    begin: async () => ({ ...(await readChannel(place.tap)), offset: 0 }),
    address: (since) => place.tapEvents(since),
    onState: (isOpen) => {
      tap.isOpen = isOpen;
    },
    onData: (event) => tap.receive((event as { data: TraceEvent }).data),
  });
}

/** `?as=` is who this window is, on all pages. */
function carryName(): void {
  const as = new URLSearchParams(location.search).get("as");
  if (as === null) return;
  for (const link of document.querySelectorAll<HTMLAnchorElement>('a[href^="./"]'))
    link.search = `?${new URLSearchParams({ as })}`;
}
