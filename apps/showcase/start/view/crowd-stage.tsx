/** Scene 5: the lines of this server as it knows them, this page's among them, and the way for another device to join. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { StageProps } from "../main.js";
import type { CrowdMember } from "../trace-types.js";
import { NeedsLine } from "./frames-stage.js";
import { Figure, Figures, Note } from "./parts.js";

const size = 320;
/** Sunflower: neighbours turn by the golden angle, so that any number is spread evenly. */
const goldenAngle = Math.PI * (3 - Math.sqrt(5));

export function CrowdStage({ story }: StageProps) {
  const { crowd, line } = story;
  const you = line?.state === "open" ? line.client : undefined;
  const members = story.isOpen ? (crowd?.members ?? []) : [];
  return (
    <>
      <div class="stage-actions">
        <Invitation />
      </div>
      <NeedsLine story={story} />
      {story.isRefused && <Note>Who is there comes over a WebSocket only on this page.</Note>}
      {story.isOpen && (
        <Note testId="crowd-note">
          {(crowd?.connections ?? 1) <= 1
            ? "You are alone here. Bring another device, or open a second window."
            : `${(crowd?.connections ?? 1) - 1} more beside yours. Who closes a window is gone from here at once.`}
        </Note>
      )}
      <div class="crowd">
        <svg viewBox={`0 0 ${size} ${size}`} role="img" aria-label={describe(members, you)}>
          {members.map((member, index) => {
            const { x, y } = placeOf(index, members.length);
            return <line key={member.id} class="crowd-line" x1={size / 2} y1={size / 2} x2={x} y2={y} />;
          })}
          <circle class="crowd-handler" cx={size / 2} cy={size / 2} r={26} />
          <text class="crowd-label" x={size / 2} y={size / 2 + 4}>
            handler
          </text>
          {members.map((member, index) => {
            const { x, y } = placeOf(index, members.length);
            const isYou = member.id === you;
            return (
              <g key={member.id} class={`crowd-member ${member.kind}${isYou ? " you" : ""}`}>
                <circle cx={x} cy={y} r={isYou ? 15 : 11} />
                <text x={x} y={y + 4}>
                  {isYou ? "you" : (member.name?.slice(0, 2) ?? "")}
                </text>
              </g>
            );
          })}
        </svg>
        <Figures>
          <Figure
            id="crowd-connections"
            label="open lines"
            value={story.isOpen && crowd ? String(crowd.connections) : "–"}
            tone="line"
          />
          <Figure
            id="crowd-users"
            label="people with a name"
            value={story.isOpen && crowd ? String(crowd.users) : "–"}
          />
        </Figures>
      </div>
    </>
  );
}

function placeOf(index: number, count: number): { x: number; y: number } {
  const least = 70;
  const most = size / 2 - 20;
  const radius = count <= 1 ? 95 : least + (most - least) * Math.sqrt((index + 0.5) / count);
  const angle = index * goldenAngle - Math.PI / 2;
  return { x: size / 2 + radius * Math.cos(angle), y: size / 2 + radius * Math.sin(angle) };
}

function describe(members: readonly CrowdMember[], you: string | undefined): string {
  const names = members.flatMap(({ name }) => name ?? []);
  const mine = you !== undefined && members.some(({ id }) => id === you) ? ", yours among them" : "";
  return `${members.length} open lines${mine}${names.length > 0 ? `: ${names.slice(0, 12).join(", ")}` : ""}`;
}

const localHost = /^(?:localhost|127\.|\[::1\])/;

/** The address of this page, to follow and to scan. Drawn here, without any other host. */
function Invitation() {
  const [isOpen, setOpen] = useState(false);
  const canvas = useRef<HTMLCanvasElement>(null);
  const address = new URL("./#crowd", location.href.split(/[?#]/)[0]).href;
  const isLocal = localHost.test(location.hostname);
  useEffect(() => {
    if (!isOpen) return;
    let isCurrent = true;
    void import("lean-qr").then(({ generate }) => {
      if (isCurrent && canvas.current)
        generate(address).toCanvas(canvas.current, { on: [15, 52, 56, 255], off: [255, 253, 249, 255] });
    });
    return () => {
      isCurrent = false;
    };
  }, [isOpen, address]);
  return (
    <div class="invitation">
      <button
        type="button"
        class="button primary"
        aria-expanded={isOpen}
        aria-controls="invitation"
        onClick={() => setOpen(!isOpen)}
      >
        Bring another device
      </button>
      <div id="invitation" class="invitation-card" hidden={!isOpen}>
        <canvas
          ref={canvas}
          class="qr"
          role="img"
          aria-label={`QR code of ${address}`}
          width={1}
          height={1}
        />
        <div>
          <p>
            <a href={address} target="_blank" rel="noopener">
              {address}
            </a>
          </p>
          <p class="soft small">
            {isLocal
              ? "This address works on this machine only: follow it into another window, or start with “npm start -- --host 0.0.0.0” to let other devices of your network in."
              : "Scan it, or follow it into another window, and press “Open a WebSocket” there."}
          </p>
        </div>
      </div>
    </div>
  );
}
