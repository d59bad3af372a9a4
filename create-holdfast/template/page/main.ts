/** The page: one channel, shown from its history on. */
import { connect } from "@holdfast/client";
import type { MyApp } from "../src/app.js";

const element = (id: string) => document.getElementById(id) as HTMLElement;
const name = new URLSearchParams(location.search).get("name") ?? "guest";

/** Asked again before a token expires, and after a failure. */
async function fetchToken(): Promise<string> {
  const response = await fetch(`/token?${new URLSearchParams({ name })}`);
  if (!response.ok) throw new Error(await response.text());
  return response.text();
}

const client = connect<MyApp>(undefined, { token: fetchToken });
const lobby = client.channel("chat:lobby");

client.onStatus(({ state }) => {
  element("status").textContent = `${name}, ${state}`;
});
lobby.subscribe(
  ({ data }) => {
    const line = document.createElement("li");
    line.textContent = `${data.from}: ${data.text}`;
    element("messages").prepend(line);
  },
  { since: "beginning" },
);
element("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = element("text") as HTMLInputElement;
  try {
    await lobby.publish({ text: field.value });
    field.value = "";
    element("problem").textContent = "";
  } catch (error) {
    element("problem").textContent = String(error);
  }
});
