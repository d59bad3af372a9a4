/** The few line drawings the pages use. They say nothing a text beside them, or a label, does not say. */

const paths = {
  menu: ["M4 7h16", "M4 12h16", "M4 17h16"],
  people: [
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7",
    "M2.5 20c.5-4 3-6 6.5-6s6 2 6.5 6",
    "M16 4.5a3.5 3.5 0 0 1 0 6.5",
    "M18 14.5c2 .7 3.2 2.5 3.5 5.5",
  ],
  close: ["M6 6l12 12", "M18 6L6 18"],
  plus: ["M12 5v14", "M5 12h14"],
  send: ["M4 12L20 4l-5 16-3.5-6.5z", "M11.5 13.5L20 4"],
  down: ["M12 5v14", "M6 13l6 6 6-6"],
  edit: ["M4 20l1-4L16 5l3 3L8 19z", "M14 7l3 3"],
  waiting: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18", "M12 7v5l3 2"],
  failed: ["M12 3l10 18H2z", "M12 10v5", "M12 18v.1"],
  lock: [
    "M6 11h12a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1",
    "M8 11V8a4 4 0 0 1 8 0v3",
  ],
  shield: ["M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6z", "M9 12l2 2 4-4"],
  exit: ["M14 4H6a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h8", "M10 12h11", "M17 8l4 4-4 4"],
  trash: ["M5 7h14", "M9 7V4h6v3", "M7 7l1 13h8l1-13"],
  scissors: [
    "M6 9a3 3 0 1 0 0-6 3 3 0 0 0 0 6",
    "M6 21a3 3 0 1 0 0-6 3 3 0 0 0 0 6",
    "M8.2 8.1L20 18",
    "M8.2 15.9L20 6",
  ],
  lens: ["M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13", "M15.5 15.5L21 21"],
  mute: ["M4 10v4h4l5 4V6L8 10z", "M17 9l4 6", "M21 9l-4 6"],
  ban: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18", "M6 6l12 12"],
  bell: ["M6 17h12c-1.5-1.5-1.5-3-1.5-6a4.5 4.5 0 0 0-9 0c0 3 0 4.5-1.5 6", "M10 20h4", "M12 4.5v2"],
  check: ["M5 13l4.5 4.5L19 7"],
  dice: [
    "M5 4h14a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1",
    "M8.5 8.5v.1",
    "M15.5 8.5v.1",
    "M12 12v.1",
    "M8.5 15.5v.1",
    "M15.5 15.5v.1",
  ],
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      {paths[name].map((path) => (
        <path key={path} d={path} />
      ))}
    </svg>
  );
}
