"use client";
import { connect } from "@holdfast/client";
import { useChannel, useClientStatus } from "@holdfast/client/react";
import type { SubmitEvent } from "react";
import type { ChatApp } from "../holdfast-app";

// Loaded on the server, too, where it opens nothing: it connects when a component is shown, to the server of the page.
const client = connect<ChatApp>();

export function Lobby() {
  const { state } = useClientStatus(client);
  const { publications, error, publish } = useChannel(client, "chat:lobby", undefined, { history: 20 });

  async function send(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const text = String(new FormData(form).get("text"));
    // Why it was refused is in `error` then.
    await publish({ text }).then(
      () => form.reset(),
      () => undefined,
    );
  }

  return (
    <>
      <p id="status">{state}</p>
      {error && <p role="alert">{error.message}</p>}
      <form onSubmit={send}>
        <input name="text" aria-label="Message" autoComplete="off" />
        <button type="submit">Send</button>
      </form>
      <ul>
        {publications.map(({ offset, data }) => (
          <li key={offset}>{data.text}</li>
        ))}
      </ul>
    </>
  );
}
