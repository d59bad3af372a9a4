/** On pages that are about something else: the notifications that come while somebody is there. */
import { useEffect, useReducer, useState } from "preact/hooks";
import type { Visit } from "../../shared/frame/visit.js";
import { Toasts } from "../model/toasts.js";
import { ToastStack } from "./toast-stack.js";

export function PageToasts({ visit }: { visit: Visit }) {
  const { user } = visit.account;
  const [isLive, setLive] = useState(false);
  const [, render] = useReducer<number, undefined>((count) => count + 1, 0);
  const [toasts] = useState(() => new Toasts({ later, onChange: () => render(undefined) }));
  useEffect(() => {
    if (user === "") return;
    const leave = visit.client.channel("notices:{user}", { user }).subscribe({
      onPublication: ({ data, offset = 0 }) => toasts.add({ offset, notice: data }),
      onStatus: ({ state }) => setLive(state === "subscribed"),
    });
    return () => {
      leave();
      toasts.close();
    };
  }, [visit, user]);
  return <ToastStack toasts={toasts} isLive={isLive} />;
}

function later(delayMs: number, task: () => void): () => void {
  const timer = setTimeout(task, delayMs);
  return () => clearTimeout(timer);
}
