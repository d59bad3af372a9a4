// The story: its scenes after they were tried, and a recording of the cut line and the recovery.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sizes } from "./stage.mjs";

const press = (page, scene, name) =>
  page.locator(`#${scene}`).getByRole("button", { name, exact: true }).click();

const show = (page, scene) =>
  page.evaluate(`document.getElementById("${scene}").scrollIntoView({ behavior: "instant" })`);

async function tryScenes(page) {
  await press(page, "poll", "Ask every second");
  await page
    .getByTestId("poll-requests")
    .getByText(/^[4-9]$/)
    .waitFor();
  await press(page, "poll", "Put a letter in the box");
  await page
    .getByTestId("poll-note")
    .getByText(/^Your letter lay/)
    .waitFor();
  await press(page, "handshake", "Open a WebSocket");
  await page.getByText("is what the server answered").waitFor();
  await press(page, "frames", "Send");
  await page
    .getByTestId("frames-note")
    .getByText(/^There and back/)
    .waitFor();
}

/** At each width: the headline, the handshake, and a frame. */
export async function shootStart(stage, shoot) {
  for (const [index, name] of ["Ann", "Bob", "Cy"].entries()) {
    const page = await stage.open("", name, sizes[index]);
    await shoot(page, "start", sizes[index]);
    await tryScenes(page);
    for (const scene of ["poll", "handshake", "frames"]) {
      await show(page, scene);
      await shoot(page, `start-${scene}`, sizes[index]);
    }
    await page.close();
  }
}

const everyMs = 200;
const maxRecordingBytes = 3_000_000;

/**
 * Records scene 6 as an animated WebP: a line that is cut, letters that go on, and the return. Needs ffmpeg.
 * @returns whether there is a recording
 */
export async function recordCut(stage, file) {
  if (spawnSync("ffmpeg", ["-version"]).error) {
    process.stderr.write("No recording: it needs ffmpeg (apt-get install ffmpeg).\n");
    return false;
  }
  const page = await stage.open("", "Ann", { width: 1160, height: 620, colorScheme: "light", scale: 1 });
  await press(page, "handshake", "Open a WebSocket");
  await page.getByText("is what the server answered").waitFor();
  await show(page, "cut");
  const folder = mkdtempSync(join(tmpdir(), "holdfast-recording-"));
  let count = 0;
  const film = async (ms) => {
    for (let taken = 0; taken < ms; taken += everyMs) {
      const startedAt = Date.now();
      await page.screenshot({ path: join(folder, `${String(count++).padStart(4, "0")}.png`) });
      await page.waitForTimeout(Math.max(0, everyMs - (Date.now() - startedAt)));
    }
  };
  await film(1600);
  for (let letter = 0; letter < 3; letter++) {
    await press(page, "frames", "Send");
    await show(page, "cut");
    await film(1000);
  }
  await press(page, "cut", "Cut the line");
  await film(6000);
  await press(page, "cut", "Come back");
  await film(5000);
  await press(page, "cut", "Cut the line");
  await film(5000);
  await press(page, "cut", "Come back");
  await film(6000);
  await page.close();
  const { status, stderr } = spawnSync("ffmpeg", [
    ...["-y", "-loglevel", "error", "-framerate", String(1000 / everyMs), "-i", join(folder, "%04d.png")],
    ...["-loop", "0", "-quality", "70", "-compression_level", "6", file],
  ]);
  rmSync(folder, { recursive: true, force: true });
  if (status !== 0) throw new Error(`ffmpeg failed: ${stderr}`);
  const { size } = statSync(file);
  if (size > maxRecordingBytes) throw new Error(`${file} has ${size} bytes, more than ${maxRecordingBytes}`);
  return true;
}
