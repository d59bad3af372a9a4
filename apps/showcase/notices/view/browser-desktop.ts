/** The notifications of the browser, as far as it has them. */
import type { DesktopApi } from "../model/desktop.js";

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
