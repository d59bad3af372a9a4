/** Asks for notifications of the system: nothing is asked before somebody wants them. */
import type { Desktop, DesktopApi } from "../model/desktop.js";

export function DesktopSwitch({ desktop }: { desktop: Desktop }) {
  const { state } = desktop;
  if (state === "absent") return null;
  if (state === "denied")
    return <p class="desktop soft small">This browser blocks notifications of this page.</p>;
  return (
    <label class="desktop small">
      <input
        type="checkbox"
        checked={state === "on"}
        onChange={({ currentTarget }) => {
          if (currentTarget.checked) void desktop.turnOn();
          else desktop.turnOff();
        }}
      />
      Show them on the desktop while this page is hidden
    </label>
  );
}

export const browserDesktop: DesktopApi = {
  permission: () => ("Notification" in globalThis ? Notification.permission : undefined),
  request: () => Notification.requestPermission(),
  show: (title, options) => {
    try {
      const shown = new Notification(title, options);
      shown.onclick = () => {
        focus();
        shown.close();
      };
    } catch {
      // Browsers of phones have the name, and take them only from workers.
    }
  },
  isHidden: () => document.hidden,
};
